"""What the form takes and refuses, without a page around it."""

from decimal import Decimal

import pytest
from django.http import QueryDict
from django.utils import translation

from diaries import catalogue
from diaries.forms import EntryForm
from diaries.models import Entry

SYMPTOMS = catalogue.start_set()


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


def sent(symptoms=SYMPTOMS, entry=None, first=(), **fields):
    data = QueryDict(mutable=True)
    for name, value in ({"temperature": "36.6"} | fields).items():
        name = name.replace("__", "-")
        data.setlist(name, value if isinstance(value, list) else [value])
    return EntryForm(data, symptoms=symptoms, entry=entry, first=first)


def shown(rows):
    return [row.symptom.code for row in rows]


def test_what_was_typed_becomes_the_answers():
    form = sent(
        temperature="38,4",
        fever_medicine="on",
        oxygen="96",
        pulse="88",
        note="  since last night ",
        symptom=["cough", "headache"],
        severity__cough="2",
        severity__headache="1",
        severity__fever="3",  # its box is off
    )
    assert form.is_valid()
    assert form.answers.as_fields() == {
        "temperature": Decimal("38.4"),
        "symptoms": {"cough": 2, "headache": 1},
        "fever_medicine": True,
        "oxygen": 96,
        "pulse": 88,
        "note": "since last night",
    }


def test_a_new_form_has_nothing_chosen():
    form = EntryForm(symptoms=SYMPTOMS, first=["earache"])
    rows = [*form.near(), *form.others()]
    assert sorted(shown(rows)) == sorted(one.code for one in SYMPTOMS)
    assert not any(row.is_on or row.severity for row in rows)
    assert shown(form.near())[0] == "earache"


@pytest.mark.parametrize(
    ("written", "degrees"),
    [
        ("37.84", "37.8"),
        ("37.85", "37.9"),  # half up: the limit of contacts is not missed by rounding
        ("37,9 °C", "37.9"),
        ("35.0", "35.0"),
        ("43.0", "43.0"),
        ("37", "37.0"),
    ],
)
def test_degrees_are_taken_to_a_tenth(written, degrees):
    form = sent(temperature=written)
    assert form.is_valid(), form.errors
    assert str(form.answers.temperature) == degrees


@pytest.mark.parametrize("written", ["34.9", "43.1", "30.0", "45.0"])
def test_the_unusual_is_asked_about_and_then_taken(written):
    asked = sent(temperature=written)
    assert not asked.is_valid()
    assert asked.is_unusual
    assert sent(temperature=written, confirmed="on").is_valid()


@pytest.mark.parametrize("written", ["29.9", "45.1", "1e9", "1e999999", "98.6"])
def test_the_impossible_is_refused_even_when_confirmed(written):
    form = sent(temperature=written, confirmed="on")
    assert not form.is_valid()
    assert "temperature" in form.errors


def test_not_measured_must_be_said():
    assert not sent(temperature="").is_valid()
    form = sent(temperature="", no_thermometer="on")
    assert form.is_valid()
    assert form.answers.temperature is None
    assert not sent(temperature="36.6", no_thermometer="on").is_valid()


@pytest.mark.parametrize("grade", [None, "", "0", "4", "-1", "bad"])
def test_a_symptom_needs_one_of_three_grades(grade):
    fields = {} if grade is None else {"severity__cough": grade}
    form = sent(symptom=["cough"], **fields)
    assert not form.is_valid()
    row = next(row for row in form.near() if row.symptom.code == "cough")
    assert row.is_on
    assert row.error


@pytest.mark.parametrize(
    ("name", "value", "is_taken"),
    [
        ("oxygen", "49", False),
        ("oxygen", "50", True),
        ("oxygen", "100", True),
        ("oxygen", "101", False),
        ("pulse", "19", False),
        ("pulse", "20", True),
        ("pulse", "250", True),
        ("pulse", "251", False),
        ("pulse", "fast", False),
    ],
)
def test_oxygen_and_pulse_have_their_range(name, value, is_taken):
    form = sent(**{name: value})
    assert form.is_valid() is is_taken
    assert (name in form.errors) is not is_taken


def test_what_is_no_symptom_is_no_answer():
    form = sent(symptom=["<script>"], **{"severity-<script>": "1"})
    assert form.is_valid()
    assert form.answers.symptoms == {}


def test_a_symptom_offered_no_more_is_kept_where_it_was_sent():
    symptoms = catalogue.start_set()
    cough = next(one for one in symptoms if one.code == "cough")
    cough.active = False
    blank = EntryForm(symptoms=symptoms)
    assert "cough" not in shown([*blank.near(), *blank.others()])
    form = sent(symptoms, symptom=["cough"], severity__cough="2", temperature="")
    assert not form.is_valid()
    assert "cough" in shown(form.near())
    # Typed while it was still offered, sent when the network came back.
    form = sent(symptoms, symptom=["cough"], severity__cough="2")
    assert form.is_valid()
    assert form.answers.symptoms == {"cough": 2}


def test_an_entry_that_is_changed_shows_what_stands_there():
    entry = Entry(temperature=None, symptoms={"headache": 3}, note="x", version=4)
    form = EntryForm(symptoms=SYMPTOMS, entry=entry)
    assert form["no_thermometer"].value() is True
    assert form["version"].value() == 4
    row = next(row for row in form.near() if row.symptom.code == "headache")
    assert (row.is_on, row.severity) == (True, 3)


def test_an_emergency_sign_shows_its_box_even_without_a_grade():
    assert sent(symptom=["chest_pain"], temperature="").has_emergency()
    assert not sent(symptom=["cough"]).has_emergency()


def test_what_stands_meanwhile_is_shown_and_replaced_knowingly():
    form = sent(temperature="38.0")
    assert form.is_valid()
    form.compare(Entry(version=3), "37.0 °C")
    assert "37.0 °C" in str(form.non_field_errors())
    assert form["version"].value() == "3"
    assert form["temperature"].value() == "38.0"
