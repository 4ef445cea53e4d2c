import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from cases import escalation
from cases.models import (
    Disease,
    Escalation,
    EscalationOccasion,
    Monitoring,
    Person,
)
from quarano.accounts.models import User
from quarano.audit.models import Event

pytestmark = pytest.mark.django_db
Reason = Escalation.Reason
Band = Escalation.Band
NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=3)


@pytest.fixture
def kolja(authority):
    return Person.objects.create(
        given_name="Kolja", family_name="Busch", recorded_at=NOW
    )


@pytest.fixture
def quarantine(kolja):
    disease, _ = Disease.objects.get_or_create(code="covid-19")
    return Monitoring.objects.create(
        person=kolja,
        disease=disease,
        kind="quarantine",
        start=NOW.date(),
        opened_at=NOW,
        reported_at=NOW,
    )


@pytest.fixture
def anna(authority):
    return User.objects.create_user(
        email="anna@neckartal.example",
        name="Anna",
        roles=["case_worker"],
        created_at=NOW,
    )


def fever(subject, entry="1", celsius=38.4, **kwargs):
    kwargs.setdefault("now", NOW)
    return escalation.raise_(
        subject, Reason.FEVER, occasion=entry, facts={"temperature": celsius}, **kwargs
    )


def test_raising_notes_subject_band_and_due(quarantine, kolja):
    raised = fever(quarantine)
    assert (raised.person, raised.monitoring) == (kolja, quarantine)
    assert (raised.subject_kind, raised.subject_id) == ("monitoring", quarantine.pk)
    assert raised.band == Band.ACT_NOW
    assert raised.due_at == NOW + dt.timedelta(hours=1)
    event = Event.objects.get(verb="escalation.raised")
    assert (event.person, event.codes["reason"]) == (kolja.pk, "fever")


def test_what_can_wait_is_due_on_the_next_noon_of_the_authority(kolja):
    late = dt.datetime(2026, 11, 24, 23, 30, tzinfo=dt.UTC)  # the 25th in Berlin
    raised = escalation.raise_(
        kolja, Reason.DETAILS_MISSING, occasion="reach", facts={}, now=late
    )
    assert raised.due_at == dt.datetime(2026, 11, 26, 11, 0, tzinfo=dt.UTC)


def test_the_same_occasion_is_raised_once(quarantine):
    assert fever(quarantine) is not None
    assert fever(quarantine) is None
    assert Escalation.objects.count() == EscalationOccasion.objects.count() == 1


def test_what_was_settled_does_not_come_back(quarantine, anna):
    raised = fever(quarantine)
    escalation.settle(raised, outcome="called", by=anna, now=LATER)
    assert fever(quarantine, now=LATER) is None
    assert not Escalation.objects.open().exists()
    assert fever(quarantine, entry="2", now=LATER).pk != raised.pk


def test_a_new_occasion_joins_the_open_one_and_leaves_its_snooze(quarantine, anna):
    raised = fever(quarantine)
    until = NOW + dt.timedelta(hours=5)
    escalation.snooze(raised, until=until, by=anna, now=NOW)
    joined = fever(quarantine, entry="2", celsius=38.3, now=LATER)
    assert joined.pk == raised.pk
    assert joined.snoozed_until == until
    assert joined.facts == {"temperature": 38.3}
    assert joined.occasions.count() == 2
    assert joined.worsened_at is None


def test_a_worse_fact_raises_priority_ends_the_snooze_and_tells_anew(quarantine, anna):
    raised = escalation.raise_(
        quarantine, Reason.SUSPICIOUS_SYMPTOM, occasion="1", facts={}, now=NOW
    )
    escalation.snooze(raised, until=LATER + dt.timedelta(hours=9), by=anna, now=NOW)
    worse = escalation.raise_(
        quarantine,
        Reason.SUSPICIOUS_SYMPTOM,
        occasion="2",
        facts={"symptoms": {"cough": 3}},
        worse=True,
        now=LATER,
    )
    assert worse.band == Band.ACT_NOW < raised.band
    assert worse.rank == raised.rank + 1
    assert worse.snoozed_until is None
    assert worse.worsened_at == LATER
    assert worse.due_at <= raised.due_at


def test_the_same_occasion_with_other_facts_corrects_the_open_one(quarantine):
    raised = fever(quarantine, celsius=38.4)
    corrected = fever(quarantine, celsius=39.4, worse=True, now=LATER)
    assert corrected.pk == raised.pk
    assert corrected.facts == {"temperature": 39.4}
    assert corrected.worsened_at == LATER
    assert corrected.occasions.get().facts == {"temperature": 39.4}


def test_an_entry_corrected_after_settling_is_raised_anew(quarantine, anna):
    settled = escalation.settle(fever(quarantine), outcome="called", by=anna, now=NOW)
    again = fever(quarantine, celsius=40.1, now=LATER)
    assert again.pk != settled.pk
    assert again.facts == {"temperature": 40.1}
    assert again.occasions.get().occasion == "1"
    assert fever(quarantine, celsius=40.1, now=LATER) is None


def test_what_is_only_compared_does_not_raise_anew(quarantine, anna):
    def told(before):
        return escalation.raise_(
            quarantine,
            Reason.FEVER,
            occasion="1",
            facts={"temperature": 38.4, "before": before},
            now=NOW,
        )

    escalation.settle(told(36.9), outcome="called", by=anna, now=NOW)
    assert told(37.4) is None


def test_hours_that_grow_are_shown_without_an_event(quarantine, anna):
    def silent(hours):
        return escalation.raise_(
            quarantine, Reason.SILENT, occasion="1", facts={"hours": hours}, now=NOW
        )

    raised = silent(48)
    assert silent(52) is None
    raised.refresh_from_db()
    assert raised.facts == {"hours": 52}
    assert Event.objects.filter(verb__startswith="escalation").count() == 1
    escalation.settle(raised, outcome="called", by=anna, now=NOW)
    assert silent(60) is None
    assert not Escalation.objects.open().exists()


def test_a_better_entry_eases_one_band_down_and_once(quarantine):
    raised = fever(quarantine)
    assert escalation.ease(quarantine, [Reason.FEVER], now=LATER) == 1
    assert escalation.ease(quarantine, [Reason.FEVER], now=LATER) == 0
    raised.refresh_from_db()
    assert (raised.band, raised.eased_at) == (Band.DUE_TODAY, LATER)
    assert raised.settled_at is None
    assert raised.due_at > LATER


def test_a_person_as_subject_eases_what_its_monitorings_raised(quarantine, kolja):
    fever(quarantine)
    assert escalation.ease(kolja, [Reason.FEVER], now=LATER) == 1


def test_an_emergency_sign_does_not_ease(quarantine):
    escalation.raise_(quarantine, Reason.EMERGENCY, occasion="1", facts={}, now=NOW)
    assert escalation.ease(quarantine, [Reason.EMERGENCY], now=LATER) == 0


def test_fever_after_easing_is_urgent_again(quarantine):
    fever(quarantine)
    escalation.ease(quarantine, [Reason.FEVER], now=LATER)
    again = fever(quarantine, entry="2", now=LATER)
    assert (again.band, again.eased_at, again.worsened_at) == (1, None, LATER)


@pytest.mark.parametrize("reason", sorted(Escalation.MEDICAL))
def test_a_medical_reason_never_goes_away_by_itself(quarantine, reason):
    raised = escalation.raise_(quarantine, reason, occasion="1", facts={}, now=NOW)
    assert escalation.clear(quarantine, [reason], now=LATER) == 0
    with pytest.raises(IntegrityError), transaction.atomic():
        Escalation.objects.filter(pk=raised.pk).update(
            settled_at=LATER, outcome="cleared"
        )
    assert Escalation.objects.open().get() == raised


def test_what_is_not_medical_is_cleared_by_its_rule(quarantine, kolja):
    raised = escalation.raise_(
        quarantine, Reason.ENTRY_MISSING, occasion="1", facts={}, now=NOW
    )
    assert escalation.clear(kolja, [Reason.ENTRY_MISSING, "fever"], now=LATER) == 1
    raised.refresh_from_db()
    assert (raised.outcome, raised.settled_at) == ("cleared", LATER)
    assert raised.settled_by is None
    assert Event.objects.filter(verb="escalation.cleared").count() == 1


def test_a_corrected_entry_leaves_the_escalation_to_review(quarantine):
    raised = fever(quarantine)
    escalation.withdraw(quarantine, Reason.FEVER, occasion="1", now=LATER)
    raised.refresh_from_db()
    assert raised.withdrawn_at == LATER
    assert raised.settled_at is None
    assert fever(quarantine, now=LATER).withdrawn_at is None


def test_withdrawing_one_of_two_occasions_keeps_the_other(quarantine):
    fever(quarantine, entry="1", celsius=38.9)
    raised = fever(quarantine, entry="2", celsius=38.1, now=LATER)
    escalation.withdraw(quarantine, Reason.FEVER, occasion="2", now=LATER)
    raised.refresh_from_db()
    assert raised.withdrawn_at is None
    assert raised.facts == {"temperature": 38.9}


def test_settling_keeps_outcome_word_and_who(quarantine, anna):
    settled = escalation.settle(
        fever(quarantine), outcome="doctor", word="Dr. Öz sees her", by=anna, now=LATER
    )
    settled.refresh_from_db()
    assert (settled.outcome, settled.word) == ("doctor", "Dr. Öz sees her")
    assert (settled.settled_by, settled.settled_at) == (anna, LATER)
    event = Event.objects.get(verb="escalation.settled")
    assert event.codes == {"reason": "fever", "outcome": "doctor"}
    with pytest.raises(escalation.AlreadySettled):
        escalation.settle(settled, outcome="called", by=anna, now=LATER)


def test_no_official_says_resolved_by_itself(quarantine, anna):
    with pytest.raises(escalation.OnlyByRule):
        escalation.settle(fever(quarantine), outcome="cleared", by=anna, now=LATER)


def test_many_are_settled_with_one_comment(quarantine, kolja, anna):
    for reason in (Reason.ENTRY_MISSING, Reason.FIRST_CALL):
        escalation.raise_(quarantine, reason, occasion="1", facts={}, now=NOW)
    found = Escalation.objects.open()
    assert (
        escalation.settle_many(
            found, outcome="called", word="spoke", by=anna, now=LATER
        )
        == 2
    )
    assert {one.word for one in Escalation.objects.all()} == {"spoke"}
    assert Event.objects.filter(verb="escalation.settled").count() == 2


def test_a_medical_reason_is_never_settled_in_bulk(quarantine, anna):
    fever(quarantine)
    escalation.raise_(quarantine, Reason.SILENT, occasion="1", facts={}, now=NOW)
    with pytest.raises(escalation.MedicalInBulk):
        escalation.settle_many(
            Escalation.objects.open(), outcome="called", word="", by=anna, now=LATER
        )
    assert Escalation.objects.open().count() == 2


def test_snoozing_looks_forward_and_can_be_ended(quarantine, anna):
    raised = fever(quarantine)
    with pytest.raises(escalation.NotInFuture):
        escalation.snooze(raised, until=NOW, by=anna, now=NOW)
    assert escalation.snooze(raised, until=LATER, by=anna, now=NOW).snoozed_until
    assert escalation.snooze(raised, until=None, by=anna, now=NOW).snoozed_until is None


def test_assigning_counts_only_what_changed(quarantine, anna):
    fever(quarantine)
    found = Escalation.objects.open()
    assert escalation.assign(found, to=anna, by=anna, now=NOW) == 1
    assert escalation.assign(found, to=anna, by=anna, now=NOW) == 0
    assert escalation.assign(found, to=None, by=anna, now=NOW) == 1


def test_a_new_one_goes_to_whoever_looks_after_the_person(quarantine, kolja, anna):
    Monitoring.objects.filter(pk=quarantine.pk).update(assigned_to=anna)
    raised = escalation.raise_(
        kolja, Reason.MESSAGE_FAILED, occasion="mail", facts={}, now=NOW
    )
    assert raised.assigned_to == anna


def test_undo_opens_again(quarantine, anna):
    settled = escalation.settle(fever(quarantine), outcome="called", by=anna, now=LATER)
    again = escalation.undo(settled, by=anna, now=LATER)
    assert (again.settled_at, again.settled_by, again.outcome) == (None, None, "")
    with pytest.raises(escalation.NotSettled):
        escalation.undo(again, by=anna, now=LATER)


def test_undo_into_an_occupied_reason_merges(quarantine, anna):
    settled = escalation.settle(fever(quarantine), outcome="called", by=anna, now=LATER)
    open_one = fever(quarantine, entry="2", now=LATER)
    escalation.ease(quarantine, [Reason.FEVER], now=LATER)
    merged = escalation.undo(settled, by=anna, now=LATER)
    assert merged.pk == open_one.pk
    assert (merged.band, merged.due_at) == (Band.ACT_NOW, settled.due_at)
    assert set(merged.occasions.values_list("occasion", flat=True)) == {"1", "2"}
    assert Escalation.objects.count() == 1


def test_one_open_per_subject_and_reason_is_held_by_the_database(quarantine):
    raised = fever(quarantine)
    raised.pk = None
    raised._state.adding = True
    with (
        pytest.raises(IntegrityError, match="one_open_escalation"),
        transaction.atomic(),
    ):
        raised.save(force_insert=True)
