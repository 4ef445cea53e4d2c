import datetime as dt
import json

import pytest

from cases import history
from contacts import events, naming, tracing
from contacts.guest_lists import preview, receiving
from contacts.models import Contact, GuestList
from quarano.sheets import SheetRefused, read
from tests import factories
from tests.factories import DAY, NOW
from tests.sheets.files import GUESTS, HEAD, workbook

BAD = [
    ["Meier", "Anna", "12", ""],
    ["=cmd|' /C calc'!A0", "Bo", "0621 1234567", ""],
    ["Wolf", "Cem", "", "no address"],
    ["Frei", "Dora", "", ""],
]


def counted(guest_list):
    guest_list.refresh_from_db()
    assert guest_list.rows == guest_list.accepted + guest_list.rejected
    return guest_list.rows, guest_list.accepted, guest_list.rejected


def states(guest_list):
    return dict(guest_list.guest_rows.values_list("number", "state"))


def test_a_file_waits_until_an_official_takes_it_in(choir, received, anna):
    guest_list = received(choir)
    assert counted(guest_list) == (3, 3, 0)
    assert not choir.participants.exists()
    assert receiving.take_in(guest_list, by=anna, now=NOW) == 0
    assert counted(guest_list) == (3, 3, 0)
    assert not guest_list.guest_rows.exists()
    names = choir.participants.values_list("given_name", "family_name")
    assert set(names) == {
        ("Jürgen", "Müller"),
        ("Sören", "Weiß"),
        ("Łukasz", "O’Neill"),
    }
    one = Contact.objects.get(family_name="Weiß")
    assert (one.mobile.as_e164, one.phone) == ("+491713920011", "")
    assert (one.origin, one.event, one.guest_list) == ("event", choir, guest_list)


def test_a_workbook_comes_in_like_a_text(choir, anna):
    sheet = read(workbook(), "guests.xlsx")
    guest_list = receiving.receive(
        choir, sheet.rows, way="file", file_name="guests.xlsx", by=anna, now=NOW
    )
    assert counted(guest_list) == (3, 3, 0)


def test_taking_in_twice_is_taking_in_once(taken, choir, anna):
    receiving.take_in(taken, by=anna, now=NOW)
    assert choir.participants.count() == 3


def test_a_long_list_is_taken_in_step_by_step(choir, received, anna):
    guest_list = received(choir)
    assert receiving.take_in(guest_list, by=anna, now=NOW, most=2) == 1
    guest_list.refresh_from_db()
    assert guest_list.taken_at is None
    assert choir.participants.count() == 2
    assert receiving.take_in(guest_list, by=anna, now=NOW, most=2) == 0
    assert counted(guest_list) == (3, 3, 0)
    assert guest_list.taken_at == NOW


def test_what_is_wrong_is_said_at_the_cell(choir, received):
    guest_list = received(choir, [HEAD, *GUESTS, *BAD])
    assert counted(guest_list) == (7, 3, 4)
    page = preview.of(guest_list, "", now=NOW)
    said = {
        (one.row.number, cell.name): (cell.place, cell.fault)
        for one in page.wrong
        for cell in one.cells
        if cell.fault
    }
    assert {key: place for key, (place, _fault) in said.items()} == {
        (5, "phone"): "C5",
        (6, "family_name"): "A6",
        (7, "email"): "D7",
        (8, "hint"): "",
    }
    assert "formula" in said[6, "family_name"][1]
    # Places and codes, never what stands there.
    assert "Meier" not in json.dumps(guest_list.problems)


def test_a_mended_row_comes_along(choir, received, anna):
    guest_list = received(choir, [HEAD, *GUESTS, *BAD])
    receiving.take_in(guest_list, by=anna, now=NOW)
    mended = {
        5: {"family_name": "Meier", "given_name": "Anna", "phone": "0621 4455667"},
        7: {"family_name": "Wolf", "given_name": "Cem", "email": "still none"},
    }
    receiving.mend(guest_list, mended, left_out=[8], by=anna, now=NOW)
    assert states(guest_list) == {
        5: "ready", 6: "wrong", 7: "wrong", 8: "left_out"
    }  # fmt: skip
    assert counted(guest_list) == (7, 4, 3)
    receiving.take_in(guest_list, by=anna, now=NOW)
    assert choir.participants.filter(family_name="Meier").exists()
    assert counted(guest_list) == (7, 4, 3)


def test_the_same_guest_comes_once(choir, received, anna):
    twice = ["MUELLER", "Juergen", "+49 621 1234567", ""]
    sister = ["Müller", "Jana", "0621 1234567", ""]
    guest_list = received(choir, [HEAD, GUESTS[0], twice, sister])
    assert states(guest_list) == {2: "ready", 3: "double", 4: "ready"}
    row = guest_list.guest_rows.get(number=3)
    assert preview.said(row.problems[0]).endswith("row 2.")
    receiving.take_in(guest_list, by=anna, now=NOW)
    again = received(choir, [HEAD, GUESTS[0]])
    assert states(again) == {2: "double"}
    receiving.mend(again, {}, taken_all_the_same=[2], by=anna, now=NOW)
    assert counted(again) == (1, 1, 0)


def test_a_case_on_the_list_is_no_contact(choir, case, received):
    ida = case.person
    row = [ida.family_name, ida.given_name, ida.mobile.as_e164, ""]
    guest_list = received(choir, [HEAD, row])
    assert states(guest_list) == {2: "double"}
    assert guest_list.problems[0]["code"] == "is_case"


def test_what_columns_are_can_be_said_and_is_remembered(choir, received, anna):
    rows = [["Wer", "Wie", "Wo"], ["Anna Meier", "0621 1234567", "Tisch 3"]]
    guest_list = received(choir, rows)
    # No heading says anything, so it is taken for somebody.
    assert counted(guest_list)[0] == 2
    rows[0] = ["Name", "Wie", "Wo"]
    guest_list = received(choir, rows)
    assert guest_list.columns == ["name", "", ""]
    assert counted(guest_list) == (1, 0, 1)
    columns = ["name", "phone", "hint"]
    receiving.name_columns(guest_list, columns, by=anna, now=NOW)
    assert counted(guest_list) == (1, 1, 0)
    assert received(choir, rows, now=NOW + DAY).columns == columns
    receiving.take_in(guest_list, by=anna, now=NOW)
    with pytest.raises(receiving.AlreadyTaken):
        receiving.name_columns(guest_list, columns, by=anna, now=NOW)


@pytest.mark.parametrize(
    "text",
    [
        "Anna Meier; 0621 1234567; anna@example.org\nBo Au; 0171 3920044",
        "anna@example.org\tMeier, Anna\t0621 1234567\nAu, Bo, 0171 3920044",
        (
            "Name;Telefon;Mail\nAnna Meier;0621 1234567;anna@example.org\n"
            "Bo Au;0171 3920044;"
        ),
    ],
)
def test_lines_are_pasted_in_any_order(choir, anna, text):
    guest_list = receiving.receive(
        choir, receiving.lines(text), way="pasted", by=anna, now=NOW
    )
    assert counted(guest_list) == (2, 2, 0)
    receiving.take_in(guest_list, by=anna, now=NOW)
    names = choir.participants.values_list("given_name", "family_name")
    assert set(names) == {("Anna", "Meier"), ("Bo", "Au")}
    assert choir.participants.get(given_name="Anna").email == "anna@example.org"


def test_more_lines_than_ten_thousand_are_refused():
    with pytest.raises(SheetRefused):
        receiving.lines("Anna Meier; 0621 1234567\n" * 10_001)


def test_a_guest_is_typed_and_a_contact_at_once(choir, case, anna):
    values = {"given_name": "Anna", "family_name": "Meier", "hint": "sang alto"}
    contact = receiving.add_guest(choir, values, by=anna, now=NOW)
    assert contact.exposures.get().case == case
    assert contact.state == "accepted"
    with pytest.raises(receiving.AlreadyThere):
        receiving.add_guest(choir, values, by=anna, now=NOW)
    receiving.add_guest(choir, values | {"given_name": "Bo"}, by=anna, now=NOW)
    assert counted(choir.guest_lists.get()) == (2, 2, 0)
    ida = case.person
    same = {"given_name": ida.given_name, "family_name": ida.family_name,
            "mobile": ida.mobile}  # fmt: skip
    with pytest.raises(receiving.IsCase):
        receiving.add_guest(choir, same, by=anna, now=NOW)


def test_a_list_is_undone_within_seven_days(taken, choir, anna):
    assert receiving.undo(taken, by=anna, now=NOW + 7 * DAY) == 0
    assert not Contact.objects.exists()
    assert counted(taken) == (3, 3, 0)
    with pytest.raises(receiving.Undone):
        receiving.undo(taken, by=anna, now=NOW)
    with pytest.raises(receiving.Undone):
        receiving.take_in(taken, by=anna, now=NOW)


def test_not_one_moment_later(taken, anna):
    late = NOW + 7 * DAY + dt.timedelta(seconds=1)
    with pytest.raises(receiving.TooLate):
        receiving.undo(taken, by=anna, now=late)
    assert Contact.objects.count() == 3


def test_with_whom_somebody_has_worked_stays(taken, choir, anna):
    followed, told, _untouched = choir.participants.order_by("pk")
    tracing.take_over(followed, tracing.details_of(followed), by=anna, now=NOW)
    tracing.tell(told, by=anna, now=NOW)
    assert receiving.undo(taken, by=anna, now=NOW) == 2
    assert set(Contact.objects.all()) == {followed, told}


def test_nothing_comes_in_at_a_discarded_event(choir, received, anna):
    guest_list = received(choir)
    events.discard(choir, why="another day", by=anna, now=NOW)
    for step in (receiving.take_in, receiving.undo):
        with pytest.raises(events.Discarded):
            step(guest_list, by=anna, now=NOW)
    with pytest.raises(events.Discarded):
        received(choir)
    assert GuestList.objects.count() == 1


def test_people_who_are_known_are_shown_unless_protected(choir, received, anna):
    known = factories.PersonFactory(
        given_name="J.", family_name="Mueller", phone="+496211234567"
    )
    factories.PersonFactory(phone="+496211234567", protected=True)
    guest_list = received(choir)
    page = preview.of(guest_list, "", now=NOW)
    assert preview.known_people(page.sample, anna) == {2: [known]}


def test_two_who_change_a_guest_at_once_lose_nothing(taken, anna):
    """Whether or not somebody's file could keep the values, the version counts."""
    guest = taken.participants.order_by("pk").first()
    version = guest.version
    naming.revise_contact(guest, {"hint": "alto"}, by=anna, now=NOW, version=version)

    with pytest.raises(history.ChangedMeanwhile):
        naming.revise_contact(
            guest, {"hint": "tenor"}, by=anna, now=NOW, version=version
        )

    guest.refresh_from_db()
    assert guest.hint == "alto"
