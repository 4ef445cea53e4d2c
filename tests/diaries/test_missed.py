import datetime as dt

import pytest

from cases import calls, escalation
from cases.models import Case, Escalation, Monitoring, Person, Routine
from diaries import submission
from diaries.escalation import escalate_missed
from tests.diaries.conftest import (
    DAY,
    HOUR,
    MONDAY,
    OPENED,
    TUESDAY,
    WEDNESDAY,
    answers,
    at,
    contact,
    monitoring_of,
    raised,
    reasons,
    write,
)

pytestmark = pytest.mark.django_db
THURSDAY = WEDNESDAY + DAY
Band = Escalation.Band


@pytest.fixture
def quiet(kolja):
    """Kolja wrote on Monday, morning and (at 18:30) evening, and nothing since."""
    write(kolja, MONDAY, "morning", now=at(MONDAY, 8))
    write(kolja, MONDAY, "evening")
    return kolja


def look(now):
    escalate_missed(now=now)


def test_one_overdue_slot_is_no_reason(quiet):
    look(at(TUESDAY, 17))
    assert reasons(quiet) == []


def test_two_overdue_slots_in_a_row_are_a_missing_entry(quiet):
    look(at(WEDNESDAY, 5, 59))
    assert reasons(quiet) == []
    look(at(WEDNESDAY, 6))
    missing = raised(quiet, "entry_missing")
    assert missing.facts["slots"] == 2
    assert missing.monitoring == monitoring_of(quiet)


def test_two_overdue_within_24_hours_can_wait(kolja):
    # The late entry of 5:00 on Tuesday is the last sign of life.
    write(kolja, MONDAY, "morning", now=at(TUESDAY, 5))
    look(at(TUESDAY, 17))
    missing = raised(kolja, "entry_missing")
    assert missing.band == Band.CAN_WAIT


def test_missed_and_entered_in_turn_is_not_in_a_row(kolja):
    write(kolja, MONDAY, "evening")
    write(kolja, TUESDAY, "evening")
    look(at(WEDNESDAY, 16))
    assert reasons(kolja) == []


def test_after_an_abnormal_entry_one_slot_is_enough(quiet):
    Person.objects.filter(pk=quiet.pk).update(last_entry_abnormal=True)
    look(at(TUESDAY, 16, 59))
    assert reasons(quiet) == []
    look(at(TUESDAY, 17))
    assert raised(quiet, "entry_missing").facts["abnormal"]


@pytest.mark.parametrize(
    ("fields", "is_raised"),
    [
        ({"lives_alone": True}, True),
        ({"birth_date": dt.date(1955, 1, 1)}, True),  # 71
        ({"birth_date": dt.date(1956, 1, 1)}, False),  # 70
    ],
)
def test_for_the_old_and_those_alone_one_slot_is_enough(quiet, fields, is_raised):
    Person.objects.filter(pk=quiet.pk).update(**fields)
    look(at(TUESDAY, 17))
    assert (reasons(quiet) == ["entry_missing"]) is is_raised


def test_24_hours_of_silence_make_it_a_call_due_now(quiet):
    look(at(WEDNESDAY, 6))
    missing = raised(quiet, "entry_missing")
    assert (missing.band, missing.due_at) == (Band.DUE_TODAY, at(WEDNESDAY, 6))


def test_48_hours_of_silence_are_told_to_supervisors(quiet):
    look(at(WEDNESDAY, 18, 29))
    assert reasons(quiet) == ["entry_missing"]
    look(at(WEDNESDAY, 18, 30))
    silent = raised(quiet, "silent")
    assert silent.for_supervisor
    assert dt.datetime.fromisoformat(silent.facts["since"]) == at(MONDAY, 18, 30)


def test_looking_twice_raises_once(quiet):
    look(at(WEDNESDAY, 18, 30))
    before = list(Escalation.objects.order_by("pk").values())
    look(at(WEDNESDAY, 18, 45))
    look(at(WEDNESDAY, 23))
    assert list(Escalation.objects.order_by("pk").values()) == before


def test_looking_again_asks_once_for_all(
    quiet, disease, anna, django_assert_max_num_queries
):
    for number in range(5):
        contact(disease, anna, f"P{number}", mobile="")
    look(at(WEDNESDAY, 18, 30))
    assert Escalation.objects.filter(reason="silent").count() == 6
    with django_assert_max_num_queries(8):
        look(at(WEDNESDAY, 18, 45))


def test_what_was_settled_does_not_come_back_for_the_same_silence(quiet, anna):
    look(at(WEDNESDAY, 18, 30))
    for one in Escalation.objects.open().filter(person=quiet):
        escalation.settle(one, outcome="nothing", by=anna, now=at(WEDNESDAY, 19))
    look(at(THURSDAY, 12))
    assert reasons(quiet) == []


def test_the_next_entry_clears_and_silence_counts_anew(quiet):
    look(at(WEDNESDAY, 18, 30))
    write(quiet, WEDNESDAY, "evening", now=at(WEDNESDAY, 19))
    assert reasons(quiet) == []
    look(at(THURSDAY, 17))
    assert reasons(quiet) == []
    look(at(THURSDAY + DAY, 19))
    assert reasons(quiet) == ["entry_missing", "silent"]


def test_a_call_that_reached_clears_and_counts_as_a_sign_of_life(quiet, anna):
    look(at(WEDNESDAY, 18, 30))
    calls.record_call(quiet, outcome="reached", by=anna, now=at(WEDNESDAY, 19))
    assert reasons(quiet) == []
    look(at(THURSDAY, 7))
    assert reasons(quiet) == []
    look(at(THURSDAY + DAY, 19))
    assert "silent" in reasons(quiet)


def test_a_call_that_did_not_reach_changes_nothing(quiet, anna):
    look(at(WEDNESDAY, 18, 30))
    calls.record_call(quiet, outcome="no_answer", by=anna, now=at(WEDNESDAY, 19))
    assert reasons(quiet) == ["entry_missing", "silent"]


def test_after_three_calls_at_different_hours_a_letter_or_visit(quiet, anna):
    for hour in (19, 20):
        calls.record_call(quiet, outcome="no_answer", by=anna, now=at(WEDNESDAY, hour))
    assert not calls.needs_letter(quiet, now=at(WEDNESDAY, 21))
    calls.record_call(quiet, outcome="busy", by=anna, now=at(THURSDAY, 10))
    assert calls.needs_letter(quiet, now=at(THURSDAY, 11))


def test_hospital_rests_it_and_clears_what_was_raised(ida):
    write(ida, MONDAY, "evening")
    look(at(WEDNESDAY, 18, 30))
    assert reasons(ida) == ["entry_missing", "silent"]
    Case.objects.filter(person=ida).update(in_hospital_since=WEDNESDAY)
    look(at(WEDNESDAY, 19))
    look(at(THURSDAY, 19))
    assert reasons(ida) == []
    Case.objects.filter(person=ida).update(in_hospital_until=WEDNESDAY)
    look(at(THURSDAY + DAY, 23))
    assert "silent" not in reasons(ida)
    look(at(THURSDAY + 2 * DAY, 0))
    assert "silent" in reasons(ida)


@pytest.mark.parametrize("enrolment", ["not_invited", "invited"])
def test_before_somebody_is_registered_nothing_is_missing(kolja, enrolment):
    Monitoring.objects.filter(person=kolja).update(
        enrolment=enrolment, registered_at=None
    )
    look(at(THURSDAY, 19))
    assert reasons(kolja) == []


def test_who_is_kept_by_phone_is_missed_as_well(kolja):
    Monitoring.objects.filter(person=kolja).update(
        enrolment="by_phone", registered_at=None
    )
    look(at(WEDNESDAY, 12))
    assert reasons(kolja) == ["entry_missing", "silent"]


def test_slots_before_registration_are_not_counted(kolja):
    Monitoring.objects.filter(person=kolja).update(registered_at=at(WEDNESDAY, 9))
    look(at(WEDNESDAY, 17))
    assert reasons(kolja) == []


def test_after_the_last_day_no_further_slot_is_counted(kolja):
    Monitoring.objects.filter(person=kolja).update(until=MONDAY)
    write(kolja, MONDAY, "evening")
    look(at(THURSDAY, 19))
    assert reasons(kolja) == []


def test_the_dead_are_left_alone(quiet):
    Person.objects.filter(pk=quiet.pk).update(died_on=TUESDAY)
    look(at(THURSDAY, 19))
    assert reasons(quiet) == []


def test_the_numbers_are_the_routines(quiet):
    Routine.objects.create(
        valid_from=MONDAY, drafted_at=OPENED, missing_after=1, silent_after_hours=20
    )
    look(at(TUESDAY, 17))
    assert reasons(quiet) == ["entry_missing", "silent"]


def test_with_one_slot_a_day_two_days_are_missing(disease, anna):
    Routine.objects.create(valid_from=MONDAY, drafted_at=OPENED, slots_per_day=1)
    lena = contact(disease, anna, "Lena")
    look(at(TUESDAY, 7))
    assert reasons(lena) == []
    look(at(WEDNESDAY, 6) + HOUR)
    assert "entry_missing" in reasons(lena)


def test_an_official_who_corrects_an_old_entry_is_no_sign_of_life(quiet, anna):
    look(at(WEDNESDAY, 18, 30))
    submission.amend(
        quiet.entries.earliest("opens"),
        answers=answers("36.9"),
        by=anna,
        now=at(WEDNESDAY, 19),
    )
    look(at(WEDNESDAY, 20))
    assert reasons(quiet) == ["entry_missing", "silent"]
