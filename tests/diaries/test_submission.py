import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from cases import calls, containment, escalation, intake
from cases.history import ChangedMeanwhile
from cases.models import Case, Disease, Escalation, Monitoring, Policy
from diaries import pages, submission
from diaries.models import Entry
from diaries.slots import Slot
from quarano.audit.models import Event
from quarano.notifications.models import Message
from tests.diaries.conftest import (
    DAY,
    ENDS,
    HOUR,
    MONDAY,
    OPENED,
    TUESDAY,
    WEDNESDAY,
    answers,
    at,
    monitoring_of,
    raised,
    reasons,
    write,
)
from tests.faults import survives

pytestmark = pytest.mark.django_db
Band = Escalation.Band
MORNING = Slot(TUESDAY, "morning")
THURSDAY = WEDNESDAY + DAY


def amend(entry, temperature="36.6", symptoms=None, *, now, **fields):
    return submission.amend(
        Entry.objects.get(pk=entry.pk),
        answers=answers(temperature, symptoms, **fields),
        by=entry.person.user,
        now=now,
    )


# --- One entry per slot, in its time -------------------------------------------------


def test_an_entry_keeps_its_slot_and_who_reported(kolja):
    entry = write(kolja, TUESDAY, "morning", "36.8")
    assert (entry.opens, entry.ends) == (at(TUESDAY, 6), at(TUESDAY, 17))
    assert entry.deadline == at(WEDNESDAY, 17)
    assert (entry.reported_by, entry.via) == (kolja.user, "self")
    event = Event.objects.get(verb="entry.submitted")
    assert (event.person, event.actor) == (kolja.pk, kolja.user.pk)
    assert "36.8" not in str(event.codes)


def test_the_same_answers_twice_are_one_entry(kolja):
    first = write(kolja, TUESDAY, "morning", "38.4", {"cough": 1})
    again = write(kolja, TUESDAY, "morning", "38.4", {"cough": 1})
    assert first == again
    assert Entry.objects.count() == 1
    assert Event.objects.filter(verb="entry.submitted").count() == 1
    assert raised(kolja, "fever").occasions.count() == 1


def test_other_answers_do_not_overwrite_what_stands(kolja):
    write(kolja, TUESDAY, "morning", "38.4")
    with pytest.raises(submission.AlreadyEntered):
        write(kolja, TUESDAY, "morning", "36.6")
    assert str(Entry.objects.get().temperature) == "38.4"


@pytest.mark.parametrize(
    ("now", "refusal"),
    [
        (at(TUESDAY, 5, 59), submission.NotOpenYet),
        (at(TUESDAY, 6), None),
        (at(WEDNESDAY, 16, 59), None),
        (at(WEDNESDAY, 17), submission.TooLate),
    ],
)
def test_a_slot_is_open_from_its_start_until_24_hours_after_its_end(
    kolja, now, refusal
):
    if refusal is None:
        assert write(kolja, TUESDAY, "morning", now=now).reported_at == now
        return
    with pytest.raises(refusal):
        write(kolja, TUESDAY, "morning", now=now)


def test_the_database_holds_the_deadline_too(kolja):
    entry = write(kolja, TUESDAY, "morning")
    for moment in (entry.opens - HOUR, entry.deadline):
        with pytest.raises(IntegrityError), transaction.atomic():
            Entry.objects.filter(pk=entry.pk).update(reported_at=moment)
    Entry.objects.filter(pk=entry.pk).update(reported_at=entry.deadline, via="official")


def test_the_database_holds_one_entry_per_slot(kolja):
    entry = write(kolja, TUESDAY, "morning")
    entry.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        entry.save(force_insert=True)


def test_officials_may_enter_later_but_not_ahead(kolja, anna):
    def record(now):
        return submission.submit(
            kolja, MORNING, answers=answers(), by=anna, via="official", now=now
        )

    with pytest.raises(submission.NotOpenYet):
        record(at(MONDAY, 20))
    entry = record(at(WEDNESDAY, 20))
    assert (entry.via, entry.reported_by) == ("official", anna)


def test_the_first_slot_is_the_one_in_which_the_monitoring_opened(kolja):
    with pytest.raises(submission.NotOwed):
        write(kolja, MONDAY - DAY, "evening", now=OPENED + HOUR)
    assert write(kolja, MONDAY, "morning", now=OPENED + HOUR)


def test_the_last_slot_is_the_evening_of_the_last_day_until_midnight(kolja):
    with pytest.raises(submission.TooLate):
        write(kolja, ENDS, "evening", now=at(ENDS + DAY, 0))
    with pytest.raises(submission.NotOwed):
        write(kolja, ENDS + DAY, "morning", now=at(ENDS + DAY, 8))
    assert write(kolja, ENDS, "evening", now=at(ENDS, 23, 59)).ends == at(ENDS + DAY, 0)


def test_a_concluded_diary_is_closed(kolja, anna):
    containment.conclude(
        monitoring_of(kolja), conclusion="erroneous", by=anna, now=at(TUESDAY, 9)
    )
    with pytest.raises(submission.DiaryClosed):
        write(kolja, TUESDAY, "morning", now=at(TUESDAY, 10))


def test_an_entry_may_be_changed_until_its_deadline(kolja):
    entry = write(kolja, TUESDAY, "morning", "38.4")
    changed = amend(entry, "37.0", now=at(WEDNESDAY, 16, 59))
    assert str(changed.temperature) == "37.0"
    assert changed.amended_by == kolja.user
    with pytest.raises(submission.TooLate):
        amend(entry, "36.9", now=at(WEDNESDAY, 17))


def test_a_late_entry_may_be_changed_for_15_minutes(kolja):
    entry = write(kolja, TUESDAY, "morning", "38.4", now=at(WEDNESDAY, 16, 55))
    assert amend(entry, "37.0", now=at(WEDNESDAY, 17, 9))
    with pytest.raises(submission.TooLate):
        amend(entry, "36.9", now=at(WEDNESDAY, 17, 10))


def test_a_change_against_an_older_version_is_refused(kolja):
    entry = write(kolja, TUESDAY, "morning", "38.4")
    amend(entry, "37.0", now=at(TUESDAY, 9))
    with pytest.raises(ChangedMeanwhile):
        submission.amend(
            entry, answers=answers("39"), by=kolja.user, now=at(TUESDAY, 10), version=1
        )


# --- What follows --------------------------------------------------------------------


def test_fever_raises_on_the_monitoring_under_its_policy(kolja):
    write(kolja, TUESDAY, "morning", "38.4")
    fever = raised(kolja, "fever")
    assert fever.monitoring == monitoring_of(kolja)
    assert fever.facts == {"temperature": "38.4", "limit": "37.9"}
    assert fever.policy == Policy.objects.in_force(fever.monitoring.disease, on=TUESDAY)
    assert fever.occasions.get().occasion == MORNING.key


def test_an_emergency_sign_raises_act_now(ida):
    write(ida, TUESDAY, "morning", "37.0", {"chest_pain": 1})
    assert raised(ida, "emergency").band == Band.ACT_NOW


def test_a_better_entry_eases_but_settles_nothing(kolja):
    write(kolja, TUESDAY, "morning", "38.4", {"cough": 1})
    write(kolja, TUESDAY, "evening", "36.6")
    assert reasons(kolja) == ["fever", "first_symptom", "group", "suspicious_symptom"]
    assert raised(kolja, "fever").eased_at == at(TUESDAY, 18, 30)
    assert raised(kolja, "fever").band == Band.DUE_TODAY


def test_a_better_entry_with_medicine_eases_nothing(kolja):
    write(kolja, TUESDAY, "morning", "38.4")
    write(kolja, TUESDAY, "evening", "36.6", fever_medicine=True)
    assert raised(kolja, "fever").eased_at is None


def test_an_emergency_sign_never_eases(kolja):
    write(kolja, TUESDAY, "morning", symptoms={"confusion": 1})
    write(kolja, TUESDAY, "evening")
    assert raised(kolja, "emergency").band == Band.ACT_NOW
    assert raised(kolja, "emergency").eased_at is None


def test_a_late_good_entry_eases_nothing(kolja):
    write(kolja, TUESDAY, "morning", "38.4")
    write(kolja, MONDAY, "evening", "36.6", now=at(TUESDAY, 9))
    assert raised(kolja, "fever").eased_at is None


def test_fever_in_a_late_entry_counts_too(kolja):
    write(kolja, TUESDAY, "morning", "36.6")
    write(kolja, MONDAY, "evening", "38.4", now=at(TUESDAY, 9))
    assert reasons(kolja) == ["fever"]


def test_worse_fever_ends_the_snooze_and_tells_anew(kolja, anna):
    write(kolja, TUESDAY, "morning", "38.1")
    escalation.snooze(
        raised(kolja, "fever"), until=at(WEDNESDAY, 9), by=anna, now=at(TUESDAY, 8)
    )
    write(kolja, TUESDAY, "evening", "38.9")
    fever = raised(kolja, "fever")
    assert fever.snoozed_until is None
    assert fever.worsened_at == at(TUESDAY, 18, 30)
    assert fever.occasions.count() == 2


def test_what_was_settled_does_not_come_back(kolja, anna):
    entry = write(kolja, TUESDAY, "morning", "38.4", {"cough": 1})
    for one in Escalation.objects.open().filter(person=kolja):
        escalation.settle(one, outcome="test", by=anna, now=at(TUESDAY, 9))
    amend(entry, "38.4", {"cough": 1}, note="still coughing", now=at(TUESDAY, 10))
    write(kolja, TUESDAY, "evening", "37.0", {"cough": 1})
    assert reasons(kolja) == []
    write(kolja, WEDNESDAY, "morning", "38.4", {"cough": 1})
    assert reasons(kolja) == ["fever"]


def test_corrected_leaves_withdrawn_by_the_citizen(kolja):
    entry = write(kolja, TUESDAY, "morning", "39.0")
    amend(entry, "36.0", now=at(TUESDAY, 8))
    fever = raised(kolja, "fever")
    assert fever.withdrawn_at == at(TUESDAY, 8)
    assert fever.settled_at is None
    amend(entry, "38.9", now=at(TUESDAY, 9))
    assert raised(kolja, "fever").withdrawn_at is None


def test_the_first_symptom_corrected_away_makes_the_next_the_first(kolja, anna):
    entry = write(kolja, TUESDAY, "morning", symptoms={"cough": 1})
    first = raised(kolja, "first_symptom")
    escalation.settle(first, outcome="test", by=anna, now=at(TUESDAY, 9))
    write(kolja, TUESDAY, "evening", symptoms={"sore_throat": 1})
    assert "first_symptom" not in reasons(kolja)
    amend(entry, now=at(TUESDAY, 19))
    again = raised(kolja, "first_symptom")
    assert again.facts == {"symptoms": {"sore_throat": 1}}


def test_every_open_monitoring_reads_the_entry(kolja, disease):
    other = Disease.objects.create(code="other", names={"en": "Other"})
    Policy.objects.create(
        disease=other,
        valid_from=dt.date(2026, 1, 1),
        shipped=True,
        drafted_at=OPENED,
        approved_at=OPENED,
        fever_cases="38.0",
    )
    second = Monitoring.objects.create(
        person=kolja,
        disease=other,
        kind="isolation",
        start=MONDAY,
        until=ENDS,
        opened_at=OPENED,
        reported_at=OPENED,
        enrolment="enrolled",
    )
    write(kolja, TUESDAY, "morning", "38.4")
    fevers = Escalation.objects.open().filter(person=kolja, reason="fever")
    assert {(one.monitoring_id, one.facts["limit"]) for one in fevers} == {
        (monitoring_of_kind(kolja, "quarantine").pk, "37.9"),
        (second.pk, "38.0"),
    }


def monitoring_of_kind(person, kind):
    return person.monitorings.open().get(kind=kind)


def test_an_entry_clears_silence_and_stops_the_ladder(kolja):
    for reason in ("entry_missing", "silent"):
        escalation.raise_(
            monitoring_of(kolja), reason, occasion="x", facts={}, now=at(TUESDAY, 6)
        )
    message = Message.objects.create(
        purpose=f"diary:{kolja.pk}:{MORNING.key}:first:mail",
        template="diaries/messages/first",
        channel="mail",
        recipient="k@example.org",
        language="en",
        about=kolja.pk,
        written_at=at(TUESDAY, 6),
        not_before=at(TUESDAY, 11),
    )
    write(kolja, TUESDAY, "morning")
    assert reasons(kolja) == []
    message.refresh_from_db()
    assert message.state == "void"


def test_a_call_that_reached_clears_silence_but_nothing_medical(kolja, anna):
    write(kolja, TUESDAY, "morning", "38.4")
    escalation.raise_(
        monitoring_of(kolja), "silent", occasion="x", facts={}, now=at(WEDNESDAY, 8)
    )
    calls.record_call(kolja, outcome="reached", by=anna, now=at(WEDNESDAY, 9))
    assert reasons(kolja) == ["fever"]


def test_the_persons_columns_follow_the_entries(kolja):
    write(kolja, TUESDAY, "morning", "36.6", {"cough": 1})
    kolja.refresh_from_db()
    assert kolja.last_entry_at == at(TUESDAY, 7, 30)
    assert kolja.last_entry_abnormal
    assert kolja.last_counting_symptom_at == at(TUESDAY, 6)
    write(kolja, TUESDAY, "evening", symptoms={"weakness": 1})
    kolja.refresh_from_db()
    assert not kolja.last_entry_abnormal
    assert kolja.last_counting_symptom_at == at(TUESDAY, 6)


def test_a_contact_that_turns_case_keeps_one_diary(kolja, disease, anna):
    write(kolja, MONDAY, "morning", now=at(MONDAY, 8))
    intake.take_up(
        intake.Report(
            given_name="", family_name="", person=kolja, disease=disease,
            test_kind="pcr", specimen_date=TUESDAY,
        ),
        by=anna,
        now=at(TUESDAY, 9),
    )  # fmt: skip
    assert monitoring_of(kolja).kind == "isolation"
    diary = pages.read(kolja, now=at(TUESDAY, 10))
    assert diary.first == Slot(MONDAY, "morning")
    assert write(kolja, MONDAY, "evening", now=at(TUESDAY, 10))
    assert {row.state for row in diary.rows()} == {"later", "open", "sent"}


# --- Onset differs -------------------------------------------------------------------


def test_a_first_symptom_before_the_recorded_onset_is_asked_about(ida):
    case = ida.cases.get()
    Case.objects.filter(pk=case.pk).update(onset=WEDNESDAY)
    write(ida, TUESDAY, "morning", symptoms={"cough": 1})
    differs = raised(ida, "onset_differs")
    assert (differs.subject_kind, differs.subject_id) == ("case", case.pk)
    assert differs.facts["diary"] == TUESDAY.isoformat()
    assert differs.facts["case"] == WEDNESDAY.isoformat()


def test_a_case_without_an_onset_gets_the_diarys_proposed(ida):
    Case.objects.filter(person=ida).update(onset=None, onset_kind="none")
    write(ida, TUESDAY, "morning", symptoms={"weakness": 1})
    assert "onset_differs" not in reasons(ida)
    write(ida, TUESDAY, "evening", symptoms={"cough": 1})
    assert raised(ida, "onset_differs").facts["case"] is None


def test_an_onset_before_the_first_symptom_agrees(ida):
    write(ida, TUESDAY, "morning", symptoms={"cough": 1})
    assert "onset_differs" not in reasons(ida)


def test_an_onset_that_was_kept_is_not_asked_again(ida, anna):
    Case.objects.filter(person=ida).update(onset=None, onset_kind="none")
    write(ida, TUESDAY, "morning", symptoms={"cough": 1})
    escalation.settle(
        raised(ida, "onset_differs"), outcome="kept", by=anna, now=at(TUESDAY, 9)
    )
    write(ida, TUESDAY, "evening", symptoms={"cough": 1})
    assert "onset_differs" not in reasons(ida)


def test_a_symptom_corrected_away_no_longer_differs(ida):
    Case.objects.filter(person=ida).update(onset=None, onset_kind="none")
    entry = write(ida, TUESDAY, "morning", symptoms={"cough": 1})
    amend(entry, now=at(TUESDAY, 8))
    assert "onset_differs" not in reasons(ida)


def test_an_onset_that_the_corrected_diary_agrees_with_is_asked_no_more(ida):
    Case.objects.filter(person=ida).update(onset=WEDNESDAY)
    entry = write(ida, TUESDAY, "morning", symptoms={"cough": 1})
    write(ida, WEDNESDAY, "morning", symptoms={"cough": 1}, now=at(WEDNESDAY, 7))
    assert "onset_differs" in reasons(ida)
    amend(entry, now=at(WEDNESDAY, 8))
    assert "onset_differs" not in reasons(ida)


def test_an_earlier_symptom_entered_late_is_asked_about_though_one_was_kept(ida, anna):
    Case.objects.filter(person=ida).update(onset=None, onset_kind="none")
    write(ida, TUESDAY, "morning", symptoms={"cough": 1})
    escalation.settle(
        raised(ida, "onset_differs"), outcome="kept", by=anna, now=at(TUESDAY, 9)
    )
    write(ida, MONDAY, "evening", symptoms={"cough": 1}, now=at(TUESDAY, 10))
    assert raised(ida, "onset_differs").facts["diary"] == MONDAY.isoformat()


# --- An earlier episode --------------------------------------------------------------


def earlier_episode(person, symptoms):
    """An entry of half a year ago, whose monitoring is over."""
    opened = at(MONDAY - 180 * DAY, 8)
    Monitoring.objects.create(
        person=person,
        disease=monitoring_of(person).disease,
        kind="quarantine",
        start=opened.date(),
        until=opened.date() + 10 * DAY,
        status="concluded",
        conclusion="lapsed",
        opened_at=opened,
        reported_at=opened,
        concluded_at=opened + 11 * DAY,
    )
    return Entry.objects.create(
        person=person,
        day=opened.date(),
        half="morning",
        opens=opened - 2 * HOUR,
        ends=opened + 9 * HOUR,
        deadline=opened + 33 * HOUR,
        reported_at=opened,
        reported_by=person.user,
        via="self",
        temperature="36.6",
        symptoms=symptoms,
    )


def test_a_symptom_of_half_a_year_ago_does_not_hide_the_first_of_now(kolja):
    earlier_episode(kolja, {"cough": 3})
    write(kolja, TUESDAY, "morning", symptoms={"cough": 1})
    assert reasons(kolja) == ["first_symptom", "group", "suspicious_symptom"]


def test_a_symptom_of_half_a_year_ago_is_no_onset_of_this_case(ida):
    earlier_episode(ida, {"cough": 3})
    write(ida, TUESDAY, "morning", symptoms={"cough": 1})
    assert "onset_differs" not in reasons(ida)


# --- What a change of an entry is not ------------------------------------------------


def test_changing_an_older_entry_ends_no_silence_and_stops_no_ladder(kolja, anna):
    entry = write(kolja, TUESDAY, "morning")
    for reason in ("entry_missing", "silent"):
        escalation.raise_(
            monitoring_of(kolja), reason, occasion="x", facts={}, now=at(THURSDAY, 9)
        )
    message = Message.objects.create(
        purpose=f"diary:{kolja.pk}:{THURSDAY}-morning:first:mail",
        template="diaries/messages/first",
        channel="mail",
        recipient="k@example.org",
        language="en",
        about=kolja.pk,
        written_at=at(THURSDAY, 9),
        not_before=at(THURSDAY, 11),
    )
    submission.amend(entry, answers=answers("36.8"), by=anna, now=at(THURSDAY, 10))
    assert reasons(kolja) == ["entry_missing", "silent"]
    message.refresh_from_db()
    assert message.state == "waiting"
    kolja.refresh_from_db()
    assert kolja.last_entry_at == at(TUESDAY, 7, 30)


def test_an_official_may_change_an_entry_after_its_deadline(kolja, anna):
    entry = write(kolja, TUESDAY, "morning", "38.4")
    changed = submission.amend(
        entry, answers=answers("37.4"), by=anna, now=at(THURSDAY, 10)
    )
    assert str(changed.temperature) == "37.4"
    assert raised(kolja, "fever").withdrawn_at == at(THURSDAY, 10)


def test_a_closed_diary_cannot_be_changed_either(kolja, anna):
    entry = write(kolja, TUESDAY, "morning", "38.4")
    containment.conclude(
        monitoring_of(kolja), conclusion="erroneous", by=anna, now=at(TUESDAY, 9)
    )
    with pytest.raises(submission.DiaryClosed):
        amend(entry, "36.6", now=at(TUESDAY, 10))


def test_of_the_dead_nothing_is_entered(kolja, anna):
    containment.record_death(kolja, died_on=MONDAY, by=anna, now=at(TUESDAY, 6))
    with pytest.raises(submission.DiaryClosed):
        write(kolja, TUESDAY, "morning")


def test_a_half_of_the_day_that_is_not_run_is_not_owed(kolja):
    with pytest.raises(submission.NotOwed):
        write(kolja, TUESDAY, "day", now=at(TUESDAY, 9))


# --- The proposal of an isolation ----------------------------------------------------


def test_a_late_symptom_moves_the_proposed_end_and_its_correction_moves_it_back(ida):
    assert monitoring_of(ida).until == ENDS
    entry = write(ida, ENDS, "morning", symptoms={"cough": 1}, now=at(ENDS, 7))
    # Not before 48 h free of symptoms: the 26th and the 27th.
    assert monitoring_of(ida).until == ENDS + 2 * DAY
    proposal = containment.proposal(monitoring_of(ida))
    assert proposal.until == ENDS + 2 * DAY
    amend(entry, now=at(ENDS, 8))
    assert monitoring_of(ida).until == ENDS


def test_a_symptom_that_does_not_count_moves_no_end(ida):
    write(ida, ENDS, "morning", symptoms={"loss_of_smell": 2}, now=at(ENDS, 7))
    assert monitoring_of(ida).until == ENDS


def test_an_order_that_was_issued_is_left_alone_and_a_later_end_proposed(ida, anna):
    order = containment.issue(monitoring_of(ida), by=anna, now=OPENED)
    write(ida, ENDS, "morning", symptoms={"cough": 1}, now=at(ENDS, 7))
    order.refresh_from_db()
    assert order.until == ENDS
    assert containment.proposal(monitoring_of(ida)).until == ENDS + 2 * DAY
    assert monitoring_of(ida).until == ENDS


# --- Any statement may be refused ----------------------------------------------------


def test_an_entry_survives_whichever_statement_is_refused(kolja):
    def send():
        submission.submit(
            kolja,
            MORNING,
            answers=answers("38.4", {"cough": 2}),
            by=kolja.user,
            via="self",
            now=at(TUESDAY, 7),
        )

    survives(send)
