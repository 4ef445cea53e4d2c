import datetime as dt

import pytest

from cases import containment, escalation
from cases.models import Case, Escalation, Monitoring, Person, Policy, Routine
from diaries import submission
from diaries.endings import end_due, is_symptom_free
from diaries.slots import Slot
from tests.diaries.conftest import (
    DAY,
    ENDS,
    MONDAY,
    OPENED,
    at,
    contact,
    monitoring_of,
    ordered,
    raised,
    reasons,
    write,
)

pytestmark = pytest.mark.django_db
MIDNIGHT = at(ENDS + DAY, 0)


def last_slots(count=4):
    slot = Slot(ENDS, "evening")
    found = []
    for _ in range(count):
        found.insert(0, slot)
        slot = slot.previous
    return found


def fill(person, slots, temperature="36.6", symptoms=None, **fields):
    for slot in slots:
        write(person, slot.day, slot.half, temperature, symptoms, **fields)


def free_at(person, now):
    policy = Policy.objects.in_force(monitoring_of(person).disease, on=ENDS)
    routine = Routine.objects.in_force(on=ENDS)
    return is_symptom_free(person, policy=policy, routine=routine, now=now)


# --- Free of symptoms for 48 h -------------------------------------------------------


def test_three_good_entries_of_four_are_free_of_symptoms(kolja):
    fill(kolja, last_slots()[1:])
    assert free_at(kolja, at(ENDS, 20)) is True


def test_two_of_four_are_unknown_not_well(kolja):
    fill(kolja, last_slots()[2:])
    assert free_at(kolja, at(ENDS, 20)) is None


@pytest.mark.parametrize(
    ("one", "free"),
    [
        ({"symptoms": {"cough": 1}}, False),
        ({"temperature": "37.9"}, False),
        ({"fever_medicine": True}, False),
        ({"symptoms": {"loss_of_smell": 3, "weakness": 2}}, True),
    ],
)
def test_what_counts_against_release(kolja, one, free):
    slots = last_slots()
    fill(kolja, slots[:1], **one)
    fill(kolja, slots[1:])
    assert free_at(kolja, at(ENDS, 20)) is free


def test_a_slot_counts_once_it_has_begun(kolja):
    fill(kolja, last_slots()[:3])
    assert free_at(kolja, at(ENDS, 16, 59)) is True
    # At 17:00 the evening is one of the last four: still three of four.
    assert free_at(kolja, at(ENDS, 17)) is True
    fill(kolja, [last_slots(5)[0]], symptoms={"cough": 1}, now=at(ENDS - DAY, 8))
    assert free_at(kolja, at(ENDS, 16, 59)) is False
    assert free_at(kolja, at(ENDS, 17)) is True


# --- Ends with symptoms --------------------------------------------------------------


def test_symptoms_in_the_last_48_hours_are_told_on_the_last_day(kolja, anna):
    ordered(kolja, anna)
    fill(kolja, last_slots()[1:3], symptoms={"cough": 2})
    end_due(now=at(ENDS - DAY, 23))
    assert "ends_with_symptoms" not in reasons(kolja)
    end_due(now=at(ENDS, 8))
    ends = raised(kolja, "ends_with_symptoms")
    assert ends.facts["symptoms"] == ["cough"]
    assert ends.facts["until"] == ENDS.isoformat()
    assert not ends.facts["unknown"]
    assert ends.due_at == at(ENDS, 12)


def test_too_few_entries_are_told_as_unknown(kolja, anna):
    ordered(kolja, anna)
    end_due(now=at(ENDS, 8))
    assert raised(kolja, "ends_with_symptoms").facts["unknown"]


def test_a_good_diary_ends_without_a_word(kolja, anna):
    ordered(kolja, anna)
    fill(kolja, last_slots(6)[:5])
    end_due(now=at(ENDS, 12))
    assert reasons(kolja) == []


def test_unknown_that_becomes_known_and_well_is_cleared(kolja, anna):
    ordered(kolja, anna)
    fill(kolja, last_slots(5)[:3])
    end_due(now=at(ENDS, 0, 15))
    fill(kolja, [last_slots()[2]])
    end_due(now=at(ENDS, 12))
    assert reasons(kolja) == []


def test_telling_twice_is_telling_once_and_settled_stays_settled(kolja, anna):
    ordered(kolja, anna)
    end_due(now=at(ENDS, 8))
    end_due(now=at(ENDS, 8, 15))
    ends = raised(kolja, "ends_with_symptoms")
    assert ends.occasions.count() == 1
    escalation.settle(ends, outcome="called", by=anna, now=at(ENDS, 9))
    end_due(now=at(ENDS, 10))
    assert reasons(kolja) == []


def test_extending_clears_it_and_the_new_end_is_told_anew(kolja, anna):
    ordered(kolja, anna)
    end_due(now=at(ENDS, 8))
    containment.extend(
        monitoring_of(kolja),
        until=ENDS + 2 * DAY,
        reasons="Symptoms.",
        by=anna,
        now=at(ENDS, 9),
    )
    end_due(now=at(ENDS, 10))
    assert reasons(kolja) == []
    end_due(now=at(ENDS + 2 * DAY, 8))
    assert raised(kolja, "ends_with_symptoms")


def test_without_a_computed_end_nothing_nears_it(kolja):
    Monitoring.objects.filter(person=kolja).update(until=None)
    end_due(now=MIDNIGHT + 30 * DAY)
    assert reasons(kolja) == []
    assert monitoring_of(kolja)


# --- Lapsed --------------------------------------------------------------------------


def lapse(person, anna, **last):
    ordered(person, anna)
    slots = last_slots()
    fill(person, slots[:3])
    fill(person, slots[3:], **last)


def test_a_complete_good_diary_lapses_as_ordered_right_after_midnight(kolja, anna):
    lapse(kolja, anna)
    end_due(now=MIDNIGHT - dt.timedelta(minutes=1))
    assert monitoring_of(kolja)
    end_due(now=MIDNIGHT)
    monitoring = Monitoring.objects.get(person=kolja)
    assert (monitoring.status, monitoring.conclusion) == ("concluded", "lapsed")
    assert monitoring.concluded_by is None
    assert reasons(kolja) == []


def test_a_diary_with_gaps_is_undecided_not_lapsed(kolja, anna):
    ordered(kolja, anna)
    fill(kolja, last_slots()[:2])
    end_due(now=MIDNIGHT)
    undecided = raised(kolja, "lapsed_undecided")
    assert undecided.band == Escalation.Band.ACT_NOW
    assert undecided.for_supervisor
    assert undecided.facts["until"] == ENDS.isoformat()
    assert monitoring_of(kolja).until == ENDS


def test_symptoms_at_the_end_are_undecided(kolja, anna):
    ordered(kolja, anna)
    fill(kolja, last_slots(), symptoms={"earache": 1})
    end_due(now=MIDNIGHT)
    assert raised(kolja, "lapsed_undecided").facts["symptoms"] == ["earache"]


def test_an_open_medical_escalation_keeps_it_undecided(kolja, anna):
    lapse(kolja, anna)
    escalation.raise_(
        monitoring_of(kolja), "fever", occasion="x", facts={}, now=at(ENDS, 9)
    )
    end_due(now=MIDNIGHT)
    assert "lapsed_undecided" in reasons(kolja)


def test_a_pending_test_keeps_it_undecided(kolja, anna):
    lapse(kolja, anna)
    kolja.tests.create(kind="pcr", specimen_date=ENDS, recorded_at=at(ENDS, 9))
    end_due(now=MIDNIGHT)
    assert "lapsed_undecided" in reasons(kolja)


def test_what_was_never_ordered_cannot_lapse_as_ordered(kolja):
    fill(kolja, last_slots())
    end_due(now=MIDNIGHT)
    assert reasons(kolja) == ["lapsed_undecided"]


def test_undecided_takes_the_place_of_the_other_endings(kolja, anna):
    ordered(kolja, anna)
    end_due(now=at(ENDS, 8))
    end_due(now=MIDNIGHT)
    end_due(now=MIDNIGHT + DAY)
    assert reasons(kolja) == ["lapsed_undecided"]
    assert raised(kolja, "lapsed_undecided").occasions.count() == 1


def test_deciding_clears_undecided(kolja, anna):
    ordered(kolja, anna)
    end_due(now=MIDNIGHT)
    containment.conclude(
        monitoring_of(kolja), conclusion="released", by=anna, now=MIDNIGHT + DAY / 3
    )
    end_due(now=MIDNIGHT + DAY / 2)
    assert reasons(kolja) == []


def test_undecided_that_was_settled_does_not_come_back(kolja, anna):
    ordered(kolja, anna)
    end_due(now=MIDNIGHT)
    escalation.settle(
        raised(kolja, "lapsed_undecided"), outcome="kept", by=anna, now=MIDNIGHT
    )
    end_due(now=MIDNIGHT + DAY)
    assert reasons(kolja) == []


def test_a_late_job_judges_the_last_slots_not_those_after(kolja, anna):
    lapse(kolja, anna)
    end_due(now=MIDNIGHT + 3 * DAY)
    assert Monitoring.objects.get(person=kolja).conclusion == "lapsed"


def test_in_hospital_nothing_lapses_by_itself(ida, anna):
    lapse(ida, anna)
    Case.objects.filter(person=ida).update(in_hospital_since=ENDS)
    end_due(now=MIDNIGHT)
    assert monitoring_of(ida)


def test_the_dead_do_not_lapse(kolja, anna):
    lapse(kolja, anna)
    Person.objects.filter(pk=kolja.pk).update(died_on=ENDS)
    end_due(now=MIDNIGHT)
    assert reasons(kolja) == []


def test_ending_twice_is_ending_once(kolja, anna):
    lapse(kolja, anna)
    end_due(now=MIDNIGHT)
    before = Monitoring.objects.get(person=kolja).concluded_at
    end_due(now=MIDNIGHT + DAY)
    assert Monitoring.objects.get(person=kolja).concluded_at == before
    assert before >= OPENED


# --- One slot a day ------------------------------------------------------------------


@pytest.fixture
def lena(disease, anna):
    """A contact of an authority that runs one slot a day."""
    Routine.objects.create(valid_from=MONDAY, drafted_at=OPENED, slots_per_day=1)
    return contact(disease, anna, "Lena")


def days(*numbers):
    return [Slot(ENDS - number * DAY, "day") for number in numbers]


def test_one_slot_a_day_needs_both_of_the_last_two(lena):
    fill(lena, days(1))
    assert free_at(lena, at(ENDS, 12)) is None
    fill(lena, days(0))
    assert free_at(lena, at(ENDS, 12)) is True


def test_one_slot_a_day_lapses_with_both_and_not_with_one(lena, anna, disease):
    deniz = contact(disease, anna, "Deniz")
    for person in (lena, deniz):
        ordered(person, anna)
    fill(lena, days(1, 0))
    fill(deniz, days(2, 0))
    end_due(now=MIDNIGHT)
    assert Monitoring.objects.get(person=lena).conclusion == "lapsed"
    assert reasons(deniz) == ["lapsed_undecided"]


def test_the_day_of_the_end_is_entered_until_midnight(lena):
    with pytest.raises(submission.TooLate):
        fill(lena, days(0), now=MIDNIGHT)
    fill(lena, days(0), now=MIDNIGHT - dt.timedelta(minutes=1))


def test_undecided_that_is_extended_afterwards_is_cleared(kolja, anna):
    ordered(kolja, anna)
    end_due(now=MIDNIGHT)
    containment.extend(
        monitoring_of(kolja),
        until=ENDS + 4 * DAY,
        reasons="Symptoms.",
        by=anna,
        now=MIDNIGHT + DAY / 3,
    )
    end_due(now=MIDNIGHT + DAY / 2)
    assert reasons(kolja) == []
