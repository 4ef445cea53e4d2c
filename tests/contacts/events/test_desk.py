"""The pages of events and guest lists, as an official goes through them."""

import html
import re

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from contacts.models import Event, GuestList
from quarano.audit.models import Event as AuditEvent
from tests.bars.forms import forms
from tests.factories import NOW
from tests.sheets.files import GUESTS, HEAD, table
from tests.test_pages import problems
from tests.world import client_of


@pytest.fixture
def desk(anna, authority):
    with time_machine.travel(NOW, tick=False):
        yield client_of("neckartal.localhost", anna)


def shown(desk, path, status=200):
    answer = desk.get(path)
    assert answer.status_code == status, path
    page = answer.content.decode()
    assert problems(page) == [], path
    return html.unescape(re.sub(r"\s+", " ", page))


def send(desk, path, **fields):
    answer = desk.post(path, fields)
    assert answer.status_code == 302, re.findall("errorlist.*", answer.content.decode())
    return answer.headers["Location"]


def test_an_official_records_an_event_and_takes_its_list_in(desk, case, authority):
    ida = case.person
    shown(desk, "/events/")
    way = f"/events/record/?case={case.pk}"
    assert f'href="{way}"' in desk.get(f"/people/{ida.pk}/").content.decode()
    shown(desk, way)
    there = send(
        desk, f"/events/record/?case={case.pk}", name="Choir", kind="culture",
        place="Parish hall", starts_at="2026-11-22T18:00", ends_at="2026-11-22T20:00",
        distance="near", minutes="90", masks="none", host_name="", host_email="",
    )  # fmt: skip
    assert ida.name in shown(desk, there)
    shown(desk, f"{there}guests/")
    rows = [HEAD, *GUESTS, ["Meier", "Anna", "12", ""], ["=1+1", "Bo", "", "a@b.de"]]
    upload = SimpleUploadedFile("guests.csv", table(rows).encode())
    kept = send(desk, f"{there}guests/", way="file", file=upload)
    page = shown(desk, kept)
    assert "5 rows came in" in page
    assert "C5: Enter a number that exists" in page
    assert "A6: This is a formula" in page
    mend = next(one for one in forms(page) if one.action.endswith("/mend/"))
    mend.values["5-phone"] = "0621 4455667"
    mend.values["6-out"] = "on"
    mend.values["row"] = ["5", "6"]
    send(desk, mend.action, **mend.values)
    assert "Take 4 guests in" in shown(desk, kept)
    assert send(desk, f"{kept}take-in/") == there
    page = shown(desk, there)
    assert "4 guests are contacts now." in page
    assert "Meier" in page
    assert "not told" in page
    for query in ("?standing=untold", "?standing=cases", "?q=weiss", "?standing=told"):
        shown(desk, f"{there}{query}")
    shown(desk, f"{there}edit/")
    shown(desk, f"{there}discard/")
    assert "Sommer" in shown(desk, f"{there}cases/?q=sommer")
    assert "Choir" in shown(desk, "/events/?q=parish&kind=culture")
    assert "No event fits" in shown(desk, "/events/?tab=waiting")
    assert send(desk, f"{kept}undo/") == there
    assert "Meier" not in shown(desk, there)


def test_a_guest_is_typed_and_lines_are_pasted(desk, choir):
    path = f"/events/{choir.pk}/guests/"
    anna = {"way": "typed", "given_name": "Anna", "family_name": "Meier"}
    send(desk, path, **anna, phone="0621 4455667")
    again = desk.post(path, anna | {"phone": "0621 4455667"})
    assert again.status_code == 422
    assert "on a list of this event already" in again.content.decode()
    for data in (
        {"way": "typed", "given_name": "Bo"},
        {"way": "pasted", "pasted": " "},
        {"way": "file"},
        {"way": "file", "file": SimpleUploadedFile("a.xlsx", b"<html>")},
        {"way": "nonsense"},
    ):
        answer = desk.post(path, data)
        assert answer.status_code == 422, data
        assert problems(answer.content.decode()) == []
    kept = send(desk, path, way="pasted", pasted="Bo Au; 0171 3920044")
    assert "Bo Au" in shown(desk, kept)


def test_a_host_is_asked_once_and_the_code_shown_once(desk, choir, authority):
    path = f"/events/{choir.pk}/host/"
    shown(desk, path)
    page = desk.post(path).content.decode()
    assert problems(page) == []
    assert re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{5}", page)
    assert "asked of the host" in shown(desk, f"/events/{choir.pk}/")
    connection.set_tenant(authority)
    asked = GuestList.objects.get()
    send(desk, f"/events/host-links/{asked.pk}/end/")
    assert "asked of the host" not in shown(desk, f"/events/{choir.pk}/")


def test_a_second_official_sees_both_versions_of_an_event(desk, choir, oemer):
    other = client_of("neckartal.localhost", oemer)
    path = f"/events/{choir.pk}/edit/"
    page = next(one for one in forms(desk.get(path).content.decode())
                if "place" in one.names)  # fmt: skip
    send(desk, path, **page.values | {"place": "Barn"})
    answer = other.post(path, page.values | {"place": "Mill"})
    assert answer.status_code == 409
    assert "Barn" in answer.content.decode()
    assert "Mill" in answer.content.decode()


def test_a_long_list_shows_its_progress(desk, choir, received, monkeypatch):
    from contacts.guest_lists import receiving

    monkeypatch.setattr(receiving.take_in.__wrapped__, "__kwdefaults__", {"most": 2})
    kept = f"/events/guest-lists/{received(choir).pk}/"
    answer = desk.post(f"{kept}take-in/")
    assert "2 of 3 guests are contacts now." in answer.content.decode()
    assert problems(answer.content.decode()) == []
    assert send(desk, f"{kept}take-in/") == f"/events/{choir.pk}/"


def test_who_is_shown_on_the_page_of_an_event_is_in_the_access_log(
    desk, choir, case, authority
):
    shown(desk, f"/events/{choir.pk}/")
    connection.set_tenant(authority)
    told = AuditEvent.objects.get(verb="event.viewed")
    assert told.shown == [case.person_id]


def test_protected_cases_are_only_counted(desk, choir, case, authority):
    person = case.person
    person.protected = True
    person.save(update_fields=["protected"])
    page = shown(desk, f"/events/{choir.pk}/")
    assert person.family_name not in page
    assert "1 protected person" in page
    assert desk.post(f"/events/{choir.pk}/cases/", {"case": case.pk}).status_code == 404


def test_events_are_paged_without_gap_or_double(desk, anna, authority):
    from contacts import events, gatherings
    from tests.contacts.events.conftest import details

    for number in range(gatherings.PAGE + 3):
        events.record(details(name=f"Evening {number:03}"), by=anna, now=NOW)
    page = gatherings.listed(tab="open", kind="", query="", after="")
    rest = gatherings.listed(tab="open", kind="", query="", after=page.after)
    names = [row["event"].name for row in [*page.rows, *rest.rows]]
    assert len(page.rows) == gatherings.PAGE
    assert len(names) == len(set(names)) == Event.objects.count()
    assert rest.after == ""
