import datetime as dt

import pytest

from cases import intake
from cases.history import ChangedMeanwhile
from contacts import events, tracing
from contacts.models import Contact, Exposure
from quarano.audit.models import Event as AuditEvent
from tests import factories
from tests.contacts.conftest import report
from tests.contacts.events.conftest import EVENING, details
from tests.factories import DAY, NOW, TODAY


def test_an_event_takes_the_setting_of_its_kind(anna):
    said = {"culture": "event", "school": "school", "care": "care", "food": "event"}
    for kind, setting in said.items():
        event = events.record(details(kind=kind), by=anna, now=NOW)
        assert event.setting == setting


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"starts_at": NOW + DAY, "ends_at": NOW + 2 * DAY}, events.NotYet),
        ({"ends_at": EVENING}, events.EndsFirst),
        ({"starts_at": NOW - 40 * DAY}, events.TooLong),
    ],
)
def test_what_cannot_have_been_is_refused_at_its_field(anna, said, refusal):
    with pytest.raises(refusal) as refused:
        events.record(details(**said), by=anna, now=NOW)
    assert refused.value.field in {*said, "ends_at"}


def test_guests_have_one_exposure_to_each_case_accepted_and_weighed(taken, choir, anna):
    other = report(factories.PersonFactory(), by=anna, mobile="")
    events.note_case(choir, other, by=anna, now=NOW)
    events.note_case(choir, other, by=anna, now=NOW)
    assert choir.participants.count() == 3
    for contact in choir.participants.all():
        exposures = list(contact.exposures.order_by("pk"))
        assert {one.case_id for one in exposures} == set(
            choir.cases.values_list("pk", flat=True)
        )
        assert len(exposures) == 2
        assert all(one.accepted_by == anna for one in exposures)
        assert all(one.day == EVENING.date() for one in exposures)
        assert all(one.is_infectious_day for one in exposures)
        assert contact.state == "accepted"
        assert contact.last_day == EVENING.date()


def test_a_case_that_was_not_there_exposes_nobody(taken, choir, case, anna):
    events.remove_case(choir, case, by=anna, now=NOW)
    assert not Exposure.objects.standing().filter(case=case).exists()
    assert set(choir.participants.values_list("last_day", flat=True)) == {None}
    events.note_case(choir, case, by=anna, now=NOW)
    assert Exposure.objects.accepted().filter(case=case).count() == 3


def test_a_case_is_no_contact_of_its_own(taken, choir, anna):
    guest = choir.participants.first()
    person = tracing.take_over(
        guest, tracing.details_of(guest), by=anna, now=NOW
    ).person
    own = report(person, by=anna)
    events.note_case(choir, own, by=anna, now=NOW)
    assert not Exposure.objects.filter(contact=guest, case=own).exists()
    assert Exposure.objects.filter(case=own).count() == 2


def test_a_guest_who_is_followed_is_counted_anew_when_the_event_moves(
    taken, choir, anna
):
    guest = choir.participants.first()
    followed = tracing.take_over(guest, tracing.details_of(guest), by=anna, now=NOW)
    before = followed.monitoring.until
    assert before == EVENING.date() + 10 * DAY
    later = {"starts_at": EVENING + DAY, "ends_at": EVENING + DAY * 1.1}
    assert set(events.revise(choir, later, by=anna, now=NOW)) == set(later)
    followed.monitoring.refresh_from_db()
    assert followed.monitoring.until == before + DAY


def test_exposures_that_were_changed_keep_what_was_said_of_them(taken, choir, anna):
    own = Exposure.objects.filter(event=choir).first()
    Exposure.objects.filter(pk=own.pk).update(distance="outdoors")
    events.revise(choir, {"distance": "room"}, by=anna, now=NOW)
    said = Exposure.objects.filter(event=choir).values_list("distance", flat=True)
    assert sorted(said) == ["outdoors", "room", "room"]


def test_a_second_official_sees_what_the_first_has_saved(choir, anna, oemer):
    version = choir.version
    events.revise(choir, {"place": "Town hall"}, by=anna, now=NOW, version=version)
    with pytest.raises(ChangedMeanwhile) as clash:
        events.revise(choir, {"place": "Barn"}, by=oemer, now=NOW, version=version)
    assert clash.value.theirs == {"place": "Town hall"}


def test_a_discarded_event_exposes_nobody_any_more(taken, choir, anna):
    guest = choir.participants.first()
    followed = tracing.take_over(guest, tracing.details_of(guest), by=anna, now=NOW)
    with pytest.raises(events.WhyNeeded):
        events.discard(choir, why=" ", by=anna, now=NOW)
    events.discard(choir, why="another day", by=anna, now=NOW)
    assert not Exposure.objects.standing().filter(event=choir).exists()
    followed.monitoring.refresh_from_db()
    assert followed.monitoring.not_ordered == "unexposed"
    with pytest.raises(events.Discarded):
        events.revise(choir, {"place": "Barn"}, by=anna, now=NOW)
    assert events.discard(choir, why="again", by=anna, now=NOW).version == 2


@pytest.mark.parametrize(
    ("first", "last", "onset", "day"),
    [
        # Onset three days ago: infectious from five days ago on.
        (10, 2, 3, 2),
        (20, 6, 3, 6),
        (2, 2, 3, 2),
        # Onset 14 days ago: infectious until four days ago.
        (10, 1, 14, 4),
        (3, 1, 14, 1),
    ],
)
def test_of_many_days_the_last_one_in_the_infectious_period_counts(
    anna, first, last, onset, day
):
    case = report(
        factories.IdaFactory(), by=anna, onset=TODAY - onset * DAY, specimen_date=None
    )
    event = events.record(
        details(
            starts_at=NOW.replace(hour=8) - first * DAY,
            ends_at=NOW.replace(hour=16) - last * DAY,
        ),
        by=anna,
        now=NOW,
    )
    assert events.day_of(event, case) == TODAY - day * DAY


def test_what_ends_at_midnight_belongs_to_the_day_before(case, anna):
    # 24:00 in Germany.
    midnight = dt.datetime(2026, 11, 22, 23, tzinfo=dt.UTC)
    event = events.record(
        details(starts_at=midnight - DAY / 8, ends_at=midnight), by=anna, now=NOW
    )
    assert events.day_of(event, case) == dt.date(2026, 11, 22)


def test_a_revised_onset_moves_the_day_of_what_lasted_long(case, received, anna):
    event = events.record(
        details(starts_at=NOW - 9 * DAY, ends_at=NOW - DAY / 2), cases=[case], by=anna,
        now=NOW,
    )  # fmt: skip
    from contacts.guest_lists import receiving

    receiving.take_in(received(event), by=anna, now=NOW)
    assert set(event.exposures.values_list("day", flat=True)) == {TODAY - DAY}
    onset = TODAY - 14 * DAY
    intake.revise_case(case, {"onset": onset}, by=anna, now=NOW)
    assert set(event.exposures.values_list("day", flat=True)) == {onset + 10 * DAY}
    assert set(event.participants.values_list("last_day", flat=True)) == {
        onset + 10 * DAY
    }
    assert all(event.exposures.values_list("is_infectious_day", flat=True))


def test_the_audit_trail_names_fields_and_people_but_no_values(taken, choir, anna):
    events.revise(choir, {"place": "Town hall"}, by=anna, now=NOW)
    told = {one.verb: one for one in AuditEvent.objects.all()}
    assert told["event.revised"].fields == ["place"]
    assert told["event.case_noted"].person == choir.cases.get().person_id
    assert told["guest_list.taken"].codes == {"rows": 3, "left": 0}
    assert "Town" not in str([one.codes for one in told.values()])
    assert Contact.objects.count() == 3
