import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.arithmetic import SlotFacts, check_examples
from cases.models import Policy, PolicyExample

NOVEMBER = dt.date(2026, 11, 1)
DAY = dt.timedelta(days=1)
WELL = SlotFacts(entered=True, temperature=Decimal("36.6"))
GAP = SlotFacts(entered=False)
COUGH = SlotFacts(entered=True, temperature=Decimal("36.6"), counting_symptom=True)


def policy(**numbers):
    return Policy(valid_from=dt.date(2026, 1, 1), **numbers)


def day(number):
    return NOVEMBER + (number - 1) * DAY


def codes(total):
    return [step.code for step in total.steps]


# --- Isolation ----------------------------------------------------------------------


def test_isolation_is_onset_plus_ten_days():
    total = policy().isolation(onset=day(1), specimen=day(3))

    assert total.until == day(11)
    assert total.as_json() == [
        {"code": "onset", "day": "2026-11-01"},
        {"code": "isolation_days", "days": 10, "policy": "2026-01-01"},
        {"code": "sum", "day": "2026-11-11"},
        {"code": "symptom_free", "hours": 48, "policy": "2026-01-01"},
    ]


def test_isolation_counts_from_the_specimen_where_there_is_no_onset():
    total = policy().isolation(onset=None, specimen=day(3))

    assert total.until == day(13)
    assert codes(total)[0] == "specimen"


def test_without_onset_and_specimen_no_end_is_computed():
    total = policy().isolation(onset=None, specimen=None)

    assert total.until is None
    assert codes(total) == ["anchor_missing"]


def test_a_physicians_case_has_no_computed_end():
    total = policy().isolation(onset=day(1), specimen=day(1), needs_physician=True)

    assert total.until is None
    assert codes(total) == ["physician_decides"]


def test_isolation_does_not_end_before_48_hours_free_of_symptoms():
    # Last symptom on day 12: free since 00:00 of day 13, for 48 h at the end of day 14.
    total = policy().isolation(onset=day(1), specimen=None, symptom_free_since=day(13))

    assert total.until == day(14)
    assert total.as_json()[-1] == {
        "code": "later_for_symptoms",
        "since": "2026-11-13",
        "day": "2026-11-14",
    }


def test_symptoms_that_ended_early_change_nothing():
    total = policy().isolation(onset=day(1), specimen=None, symptom_free_since=day(10))

    assert total.until == day(11)
    assert "later_for_symptoms" not in codes(total)


def test_who_said_the_onset_stands_in_the_sum():
    total = policy().isolation(
        onset=day(1), specimen=None, onset_source="questionnaire"
    )

    assert total.steps[0].numbers["source"] == "questionnaire"


# --- Quarantine ---------------------------------------------------------------------


def test_quarantine_is_last_exposure_plus_ten_days():
    total = policy().quarantine(last_exposure=day(1))

    assert total.until == day(11)
    assert codes(total) == ["last_exposure", "quarantine_days", "sum"]


def test_in_the_household_it_is_fourteen_days():
    total = policy().quarantine(last_exposure=day(1), household=True)

    assert total.until == day(15)
    assert codes(total) == ["household", "household_days", "sum"]


def test_a_further_case_at_home_counts_anew():
    total = policy().quarantine(last_exposure=day(1), household=True, further=day(4))

    assert total.until == day(18)
    assert "household_cap" not in codes(total)


def test_further_cases_at_home_never_go_beyond_twenty_days():
    total = policy().quarantine(last_exposure=day(1), household=True, further=day(12))

    assert total.until == day(21)
    assert codes(total) == [
        "household",
        "household_days",
        "further_case",
        "household_cap",
        "sum",
    ]


# --- Infectious period, fever -------------------------------------------------------


def test_the_infectious_period_is_two_days_before_to_ten_after_onset():
    period = policy().infectious_period(onset=day(5), specimen=day(9))

    assert period == (day(3), day(15))


def test_the_infectious_period_counts_from_the_specimen_without_symptoms():
    assert policy().infectious_period(onset=None, specimen=day(9))[0] == day(7)


def test_only_a_physicians_entry_makes_the_infectious_period_longer():
    numbers = {"onset": day(5), "specimen": None}

    longer = policy().infectious_period(**numbers, until_override=day(20))
    shorter = policy().infectious_period(**numbers, until_override=day(8))

    assert (longer[1], shorter[1]) == (day(20), day(15))


def test_nobody_knows_the_infectious_period_without_a_day():
    assert policy().infectious_period(onset=None, specimen=None) is None


def test_the_fever_limit_differs_for_cases_and_contacts():
    assert policy().fever_limit("isolation") == Decimal("39.4")
    assert policy().fever_limit("quarantine") == Decimal("37.9")


@pytest.mark.parametrize(("degrees", "fever"), [("37.8", False), ("37.9", True)])
def test_against_release_the_lower_limit_counts(degrees, fever):
    assert policy().is_fever(Decimal(degrees)) is fever


# --- Free of symptoms for 48 h ------------------------------------------------------


@pytest.mark.parametrize(
    ("slots", "free"),
    [
        ([WELL, WELL, WELL, WELL], True),
        ([WELL, GAP, WELL, WELL], True),
        ([GAP, WELL, WELL, WELL], True),
        ([GAP, WELL, WELL, GAP], None),  # a gap is unknown, not well
        ([GAP, GAP, GAP, GAP], None),
        ([COUGH, WELL, WELL, WELL], False),
        ([COUGH, GAP, GAP, GAP], False),
        ([COUGH, WELL, WELL, WELL, WELL], True),  # longer ago than 48 h
        ([WELL, WELL, WELL], True),
        ([], None),
    ],
)
def test_three_of_the_last_four_slots_say_who_is_free_of_symptoms(slots, free):
    assert policy().is_symptom_free(slots) is free


def test_fever_is_no_freedom_from_symptoms():
    fever = SlotFacts(entered=True, temperature=Decimal("38.0"))

    assert policy().is_symptom_free([WELL, WELL, WELL, fever]) is False


def test_medicine_against_fever_is_no_freedom_from_symptoms():
    dosed = SlotFacts(entered=True, temperature=Decimal("36.6"), fever_medicine=True)

    assert policy().is_symptom_free([WELL, dosed, WELL, WELL]) is False


def test_well_but_not_measured_is_not_fever_free():
    unmeasured = SlotFacts(entered=True)

    assert policy().is_symptom_free([WELL, unmeasured, unmeasured, WELL]) is None
    assert policy().is_symptom_free([WELL, unmeasured, WELL, WELL]) is True


@pytest.mark.parametrize(
    ("slots", "free"),
    [([WELL, WELL], True), ([GAP, WELL], None), ([COUGH, WELL], False),
     ([COUGH, WELL, WELL], True)],
)  # fmt: skip
def test_with_one_slot_a_day_both_of_the_last_two_count(slots, free):
    assert policy().is_symptom_free(slots, slots_per_day=1) is free


# --- Worked examples ----------------------------------------------------------------


def example(anchor_kind, until):
    return PolicyExample(
        title=anchor_kind, anchor_kind=anchor_kind, anchor_day=day(1), until=until
    )


def test_worked_examples_compute_as_written():
    examples = [
        example("onset", day(11)),
        example("specimen", day(11)),
        example("last_exposure", day(11)),
        example("household", day(15)),
    ]

    assert check_examples(policy(), examples) == []


def test_a_worked_example_that_differs_is_told():
    (problem,) = check_examples(
        policy(isolation_days=7),
        [example("onset", day(11)), example("household", day(15))],
    )

    assert (problem.title, problem.expected, problem.computed) == (
        "onset",
        day(11),
        day(8),
    )


# --- Whatever the numbers -----------------------------------------------------------

days = st.dates(dt.date(2020, 1, 1), dt.date(2030, 12, 31))
lengths = st.integers(1, 40)


@given(days, st.none() | days, st.none() | days, lengths)
def test_isolation_never_ends_before_onset_plus_its_days(
    onset, specimen, free_since, length
):
    total = policy(isolation_days=length).isolation(
        onset=onset, specimen=specimen, symptom_free_since=free_since
    )

    assert total.until >= onset + length * DAY
    if free_since is not None:
        assert total.until >= free_since + DAY
    assert total.until in {onset + length * DAY, free_since and free_since + DAY}


@given(days, days)
def test_a_later_onset_never_ends_isolation_earlier(one, other):
    early, late = sorted((one, other))

    ends = [policy().isolation(onset=at, specimen=None).until for at in (early, late)]

    assert ends == sorted(ends)


@given(days, st.none() | days, lengths, lengths)
def test_the_household_ends_between_its_days_and_its_cap(first, further, length, more):
    total = policy(household_days=length, household_cap_days=length + more).quarantine(
        last_exposure=first, household=True, further=further
    )

    assert first + length * DAY <= total.until <= first + (length + more) * DAY


@given(days, days)
def test_a_new_exposure_never_ends_quarantine_earlier(one, other):
    early, late = sorted((one, other))
    quarantine = policy().quarantine

    assert quarantine(last_exposure=late).until >= quarantine(last_exposure=early).until


@given(days, st.none() | days, st.none() | days)
def test_the_infectious_period_holds_its_anchor(onset, specimen, override):
    first, last = policy().infectious_period(
        onset=onset, specimen=specimen, until_override=override
    )

    assert first <= onset <= last
    assert (onset - first).days == 2
    assert last >= onset + 10 * DAY


slot_facts = st.builds(
    SlotFacts,
    entered=st.booleans(),
    temperature=st.none() | st.decimals("35.0", "41.0", places=1),
    counting_symptom=st.booleans(),
    fever_medicine=st.booleans(),
)


@given(st.lists(slot_facts, max_size=8))
def test_nobody_is_free_of_symptoms_who_told_of_one(slots):
    free = policy().is_symptom_free(slots)

    told = [slot for slot in slots[-4:] if slot.entered]
    if any(slot.counting_symptom or slot.fever_medicine for slot in told):
        assert free is False
    if free:
        assert sum(slot.temperature is not None for slot in told) >= 3
    if len(told) < 3:
        assert free is not True


@given(st.lists(slot_facts, max_size=8), slot_facts)
def test_what_lies_longer_ago_changes_nothing(slots, older):
    last = [*[GAP] * 4, *slots][-4:]

    assert policy().is_symptom_free([older, *last]) is policy().is_symptom_free(last)


@given(
    st.one_of(
        st.builds(lambda a, b, c: policy().isolation(
            onset=a, specimen=b, symptom_free_since=c
        ), st.none() | days, st.none() | days, st.none() | days),
        st.builds(lambda a, b, c: policy().quarantine(
            last_exposure=a, household=b, further=c
        ), days, st.booleans(), st.none() | days),
    )
)  # fmt: skip
def test_the_last_day_named_in_the_steps_is_the_end(total):
    named = [
        step.numbers["day"]
        for step in total.steps
        if step.code in {"sum", "later_for_symptoms"}
    ]

    assert (named[-1] if named else None) == (
        total.until.isoformat() if total.until else None
    )
