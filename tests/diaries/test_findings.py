"""What an entry means: pure, on unsaved rows."""

import datetime as dt
from decimal import Decimal

import pytest

from cases.models import Person, Policy
from diaries import catalogue
from diaries.escalation import eases, findings, is_abnormal
from diaries.models import Entry

POLICY = Policy(groups=[{"group": "A", "count": 1}, {"group": "B", "count": 2}])
SYMPTOMS = {one.code: one for one in catalogue.start_set()}
ADULT = Person(birth_date=dt.date(1990, 1, 1))
DAY = dt.date(2026, 11, 17)


def entry(temperature="36.6", symptoms=None, **fields):
    return Entry(
        day=DAY,
        half="morning",
        temperature=None if temperature is None else Decimal(temperature),
        symptoms=symptoms or {},
        **fields,
    )


def found(now, *history, kind="quarantine", person=ADULT, policy=POLICY):
    result = findings(now, list(history), policy, SYMPTOMS, kind=kind, person=person)
    return {one.reason: one for one in result}


def test_a_good_entry_gives_no_reason():
    assert found(entry()) == {}
    assert found(entry(), kind="isolation") == {}


@pytest.mark.parametrize(
    ("kind", "below", "limit"),
    [("quarantine", "37.8", "37.9"), ("isolation", "39.3", "39.4")],
)
def test_fever_begins_at_the_limit_of_the_kind(kind, below, limit):
    assert "fever" not in found(entry(below), kind=kind)
    fever = found(entry(limit), kind=kind)["fever"]
    assert fever.facts == {"temperature": limit, "limit": limit}


def test_higher_fever_is_worse():
    again = found(entry("38.6"), entry("38.1"))["fever"]
    assert again.worse
    assert again.facts["before"] == "38.1"
    assert not found(entry("38.1"), entry("38.6"))["fever"].worse


@pytest.mark.parametrize(
    "sign", ["breathless_at_rest", "chest_pain", "confusion", "fainting", "blue_lips"]
)
@pytest.mark.parametrize("kind", ["quarantine", "isolation"])
def test_an_emergency_sign_is_one_for_everybody(sign, kind):
    emergency = found(entry(symptoms={sign: 1}), kind=kind)["emergency"]
    assert emergency.facts == {"signs": [sign]}


def test_low_oxygen_is_an_emergency_up_to_92():
    assert found(entry(oxygen=92))["emergency"].facts == {"oxygen": 92}
    assert "emergency" not in found(entry(oxygen=93))


@pytest.mark.parametrize(
    ("born", "temperature", "is_one"),
    [
        (dt.date(2026, 8, 18), "38.0", True),
        (dt.date(2026, 8, 18), "37.9", False),
        (dt.date(2026, 8, 17), "38.0", False),  # three months old today
        (None, "38.0", False),
    ],
)
def test_fever_under_three_months_is_an_emergency(born, temperature, is_one):
    infant = Person(birth_date=born)
    result = found(entry(temperature), kind="isolation", person=infant)
    assert ("emergency" in result) is is_one


def test_only_the_first_characteristic_symptom_of_a_contact_is_news():
    first = found(entry(symptoms={"sore_throat": 1}), entry())["first_symptom"]
    assert first.facts == {"symptoms": {"sore_throat": 1}}
    second = found(entry(symptoms={"cough": 1}), entry(symptoms={"sore_throat": 1}))
    assert "first_symptom" not in second
    assert "first_symptom" not in found(entry(symptoms={"earache": 1}))
    assert "first_symptom" not in found(entry(symptoms={"cough": 1}), kind="isolation")


def test_suspicious_depends_on_the_kind():
    assert "suspicious_symptom" in found(entry(symptoms={"chills": 1}))
    assert "suspicious_symptom" not in found(
        entry(symptoms={"chills": 1}), kind="isolation"
    )
    assert "suspicious_symptom" in found(
        entry(symptoms={"dizziness": 1}), kind="isolation"
    )


def test_a_suspicious_symptom_that_lasts_is_news_only_when_it_grows():
    before = entry(symptoms={"chills": 2})
    assert "suspicious_symptom" not in found(entry(symptoms={"chills": 2}), before)
    grown = found(entry(symptoms={"chills": 3}), before)["suspicious_symptom"]
    assert grown.worse


def test_a_temperature_that_rises_over_three_entries_is_worsening():
    rising = found(entry("38.6"), entry("37.6"), entry("38.1"))["worsening"]
    assert rising.facts == {"temperatures": ["37.6", "38.1", "38.6"]}
    assert "worsening" not in found(entry("38.1"), entry("37.6"), entry("38.1"))
    assert "worsening" not in found(entry("38.6"), entry("38.1"))


def test_rising_within_the_normal_range_is_no_worsening():
    assert "worsening" not in found(entry("36.8"), entry("36.4"), entry("36.6"))


def test_a_symptom_that_grows_over_three_entries_is_worsening():
    history = [entry(symptoms={"cough": 1}), entry(symptoms={"cough": 2})]
    grown = found(entry(symptoms={"cough": 3}), *history)["worsening"]
    assert grown.facts == {"symptom": "cough", "severities": [1, 2, 3]}


def test_oxygen_under_94_is_worsening():
    low = found(entry(oxygen=93), entry(oxygen=97))["worsening"]
    assert low.facts == {"oxygen": 93, "oxygen_before": 97}
    assert "worsening" not in found(entry(oxygen=94))


def test_n_of_a_group_counts_as_the_policy_says():
    one_of_a = found(entry(symptoms={"cough": 1}))["group"]
    assert (one_of_a.facts["group"], one_of_a.facts["count"]) == ("A", 1)
    assert "group" not in found(entry(symptoms={"headache": 1}))
    two_of_b = found(entry(symptoms={"headache": 1, "nausea": 1}))["group"]
    assert two_of_b.facts["group"] == "B"
    without = Policy(groups=[])
    assert "group" not in found(entry(symptoms={"cough": 1}), policy=without)


def test_a_group_met_before_is_no_news():
    before = entry(symptoms={"cough": 1})
    assert "group" not in found(entry(symptoms={"cough": 1}), before)


def better(now, *history, kind="quarantine"):
    return eases(now, list(history), POLICY, SYMPTOMS, kind=kind, person=ADULT)


def test_a_good_entry_eases_what_the_last_one_raised():
    ill = entry("38.4", {"cough": 2})
    assert better(entry(), ill) == {
        "fever", "first_symptom", "suspicious_symptom", "worsening", "group",
    }  # fmt: skip


def test_medicine_against_fever_eases_nothing():
    assert better(entry(fever_medicine=True), entry("38.4")) == set()


def test_what_was_not_measured_eases_no_fever():
    assert "fever" not in better(entry(None), entry("38.4"))


def test_what_lasts_is_not_eased():
    still = better(entry(symptoms={"cough": 2}), entry("38.4", {"cough": 2}))
    assert still == {"fever", "worsening"}


@pytest.mark.parametrize(
    ("one", "is_one"),
    [
        (entry(), False),
        (entry("37.9"), True),
        (entry(symptoms={"cough": 1}), True),
        (entry(symptoms={"loss_of_smell": 1}), False),
        (entry(fever_medicine=True), True),
        (entry(oxygen=93), True),
    ],
)
def test_abnormal_is_what_makes_silence_worse(one, is_one):
    assert is_abnormal(one, POLICY, SYMPTOMS) is is_one


def test_the_start_set_names_all_in_both_languages_and_flags_the_named_ones():
    characteristic = {one.code for one in SYMPTOMS.values() if one.characteristic}
    assert characteristic == {
        "fever", "cough", "sore_throat", "diarrhoea", "shortness_of_breath",
        "pain_breathing", "runny_nose", "loss_of_smell", "weakness",
    }  # fmt: skip
    emergency = {one.code for one in SYMPTOMS.values() if one.emergency}
    assert emergency == {
        "breathless_at_rest", "chest_pain", "confusion", "fainting", "blue_lips",
    }  # fmt: skip
    further = set(SYMPTOMS) - characteristic - emergency
    assert len(further) >= 28
    assert all(one.names["de"] and one.names["en"] for one in SYMPTOMS.values())
    assert not SYMPTOMS["loss_of_smell"].counts
    assert not SYMPTOMS["weakness"].counts
    assert SYMPTOMS["cough"].counts


# --- What is worse, and what is better ----------------------------------------------


def test_one_more_suspicious_symptom_beside_the_old_one_is_worse():
    before = entry(symptoms={"chills": 1})
    more = found(entry(symptoms={"chills": 1, "cough": 1}), before)
    assert more["suspicious_symptom"].worse
    other = found(entry(symptoms={"cough": 1}), before)["suspicious_symptom"]
    assert not other.worse


def test_low_oxygen_that_lasts_is_no_worse_than_it_was():
    assert found(entry(oxygen=93))["worsening"].worse
    assert not found(entry(oxygen=93), entry(oxygen=93))["worsening"].worse
    # Between them nobody measured: the last that was measured counts.
    assert not found(entry(oxygen=93), entry(oxygen=93), entry())["worsening"].worse
    assert found(entry(oxygen=92), entry(oxygen=93))["worsening"].worse


def test_an_emergency_sign_that_lasts_is_told_of_each_time():
    before = entry(symptoms={"chest_pain": 1})
    assert found(entry(symptoms={"chest_pain": 1}), before)["emergency"].worse


def test_low_oxygen_is_not_eased_by_measuring_none():
    low = entry(oxygen=93)
    assert "worsening" not in better(entry(), low)
    assert "worsening" not in better(entry(), low, entry())
    assert "worsening" not in better(entry(oxygen=93), low)
    assert "worsening" in better(entry(oxygen=96), low, entry())


def test_a_worse_temperature_is_not_hidden_by_one_not_measured():
    assert "worsening" not in better(entry("39.0"), entry("38.6"), entry(None))
    assert "worsening" in better(entry("38.0"), entry("38.6"), entry(None))


def test_a_temperature_under_medicine_is_none_to_compare_with():
    ill, dosed = entry("38.6"), entry("37.0", fever_medicine=True)
    assert "worsening" in better(entry("37.8"), ill, dosed)
    assert "worsening" not in better(entry("38.9"), ill, dosed)


def test_what_stays_as_bad_as_it_was_is_no_better():
    bad = entry("38.6", {"cough": 3})
    assert "worsening" not in better(entry("38.6", {"cough": 3}), bad)
    assert "worsening" in better(entry("38.6", {"cough": 2}), bad)


def test_well_stays_better_though_the_temperature_moves_within_the_usual():
    assert "worsening" in better(entry("36.8"), entry("36.5"))


@pytest.mark.parametrize(
    ("kind", "temperature", "is_eased"),
    [
        ("quarantine", "37.9", False),
        ("quarantine", "37.8", True),
        ("isolation", "39.4", False),
        ("isolation", "39.3", True),
    ],
)
def test_fever_eases_below_the_limit_of_the_kind(kind, temperature, is_eased):
    assert ("fever" in better(entry(temperature), entry("40.0"), kind=kind)) is is_eased


def test_a_symptom_that_nobody_knows_counts_and_raises_nothing():
    strange = entry(symptoms={"never_heard_of": 2})
    assert found(strange) == {}
    assert is_abnormal(strange, POLICY, SYMPTOMS)


def test_every_reason_of_a_case_comes_without_those_of_contacts():
    ill = entry("40.0", {"confusion": 3, "cough": 3}, oxygen=90)
    assert set(found(ill, kind="isolation")) <= {
        "emergency", "fever", "suspicious_symptom", "worsening",
    }  # fmt: skip
