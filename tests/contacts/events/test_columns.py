import datetime as dt

import pytest

from contacts.guest_lists import columns, rows

TODAY = dt.date(2026, 11, 24)


@pytest.mark.parametrize(
    ("headings", "guessed"),
    [
        (
            ["Name", "Vorname", "Tel.", "E-Mail-Adresse", "PLZ", "Ort", "Geb.-Datum"],
            ["family_name", "given_name", "phone", "email", "postal_code", "city",
             "birth_date"],
        ),
        (["Vor- und Nachname", "Handynummer"], ["name", "mobile"]),
        (["Nr.", "Vorname", "Name", "Telefon (privat)", "Klasse"],
         ["", "given_name", "family_name", "phone", ""]),
        (["First name", "Surname", "Phone number", "Email", "Date of birth"],
         ["given_name", "family_name", "phone", "email", "birth_date"]),
        (["Teilnehmer", "Handy Mutter", "Straße/Hausnummer", "Telefon", "Telefon"],
         ["name", "mobile", "street", "phone", ""]),
    ],
)  # fmt: skip
def test_columns_are_known_by_their_headings(headings, guessed):
    assert columns.is_heading(headings)
    assert columns.guess(headings, []) == guessed


@pytest.mark.parametrize(
    ("row", "guessed"),
    [
        (["Anna Meier", "0621 1234567", "a@b.example"], ["name", "phone", "email"]),
        (["Anna", "Meier", "0621 1234567", "0171 3920000"],
         ["given_name", "family_name", "phone", "mobile"]),
        (["1.6.1990", "Meier, Anna", "70001"], ["birth_date", "name", "postal_code"]),
    ],
)  # fmt: skip
def test_columns_without_headings_are_known_by_what_stands_in_them(row, guessed):
    assert not columns.is_heading(row)
    assert columns.guess([], [row]) == guessed


@pytest.mark.parametrize(
    ("full", "parts"),
    [
        ("Anna Meier", ("Anna", "Meier")),
        ("Meier, Anna", ("Anna", "Meier")),
        ("Anna Maria von der Au", ("Anna Maria", "von der Au")),
        ("Au, Anna von der", ("Anna von der", "Au")),
        ("Meier", ("", "Meier")),
    ],
)
def test_a_full_name_is_split(full, parts):
    assert rows.split_name(full) == parts


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"family_name": "Meier"}, {"hint": "unreachable"}),
        ({"city": "Neckarfurt"}, {"family_name": "nobody"}),
        ({"family_name": "R2D2", "hint": "x"}, {"family_name": "letters"}),
        ({"phone": "12"}, {"phone": "phone"}),
        ({"phone": "0621 1234567", "birth_date": "31.2.1990"},
         {"birth_date": "birth_date"}),
        ({"phone": "0621 1234567", "birth_date": "2026-11-25"},
         {"birth_date": "birth_date"}),
        ({"family_name": "Meier", "hint": "=1"}, {"hint": "formula"}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_of_the_field(typed, problem):
    assert rows.check(typed, today=TODAY).problems == problem


def test_a_guest_is_found_by_where_they_live():
    guest = rows.check(
        {"family_name": "Meier", "street": "Weg 1", "postal_code": "1067"}, today=TODAY
    )
    assert guest.problems == {}
    assert guest.values["postal_code"] == "01067"
    assert guest.values["hint"] == "Weg 1 01067"


def test_numbers_stand_where_they_belong():
    guest = rows.check(
        {"family_name": "Au", "phone": "0171 3920044", "mobile": "0621 1234567"},
        today=TODAY,
    )
    assert guest.values["mobile"].as_e164 == "+491713920044"
    assert guest.values["phone"].as_e164 == "+496211234567"
