import datetime as dt
import re

import pytest
import time_machine
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from contacts import events
from contacts.guest_lists import hosts, receiving
from contacts.models import Contact, GuestList
from quarano.audit.models import Event as AuditEvent
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from tests.factories import DAY, NOW
from tests.sheets.files import HEAD, workbook
from tests.world import client_of

ILL = re.compile(
    r"corona|covid|infe[ck]t|krank|quarant|isolat|kontaktperson|expos|disease|\bcase",
    re.IGNORECASE,
)


@pytest.fixture
def browser_of_host(authority):
    caches["shared"].clear()
    with time_machine.travel(NOW, tick=False):
        yield client_of("neckartal.localhost")
    caches["shared"].clear()


@pytest.fixture
def asked(choir, anna):
    return hosts.ask(choir, by=anna, now=NOW)


def inside(client, asked):
    """A browser with link and code."""
    _list, code, token = asked
    assert client.get(f"/guest-list/{token}/").status_code == 302
    answer = client.post("/guest-list/", {"code": code.lower()})
    assert answer.headers["Location"] == "/guest-list/names/"


def test_link_and_code_are_strong_and_stored_hashed(asked):
    guest_list, code, token = asked
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}-.{5}", code)
    assert len(token) == 43
    stored = str(GuestList.objects.filter(pk=guest_list.pk).values().get())
    assert token not in stored
    assert code.replace("-", "")[4:] not in stored


def test_the_mail_has_the_link_and_not_the_code(choir, anna):
    events.revise(choir, {"host_email": "host@choir.example"}, by=anna, now=NOW)
    _list, code, token = hosts.ask(choir, by=anna, now=NOW)
    message = Message.objects.get(template=hosts.MESSAGE)
    for language in ("de", "en"):
        message.language = language
        told = render(message)
        assert f"/guest-list/{token}/" in told.body
        assert code not in told.body
        assert "Choir" not in told.body + told.subject
        assert not ILL.search(told.body + told.subject)


def test_a_host_hands_in_a_list_on_a_phone_without_a_word_of_illness(
    browser_of_host, asked, case, authority
):
    inside(browser_of_host, asked)
    page = browser_of_host.get("/guest-list/names/").content.decode()
    assert "Choir" in page
    upload = SimpleUploadedFile("guests.xlsx", workbook())
    answer = browser_of_host.post("/guest-list/names/", {"file": upload})
    text = answer.content.decode()
    assert "3 rows received." in text
    for one in (page, text):
        assert not ILL.search(re.sub(r"<[^>]+>", "", one))
        assert case.person.family_name not in one
        assert "M&#252;ller" not in one
        assert "Müller" not in one
    connection.set_tenant(authority)
    kept = GuestList.objects.get(way="host")
    assert (kept.rows, kept.accepted, kept.received_by) == (3, 3, None)
    assert not Contact.objects.exists(), "an official looks first"


def test_the_link_is_good_once(browser_of_host, asked):
    inside(browser_of_host, asked)
    lines = {"pasted": "Anna Meier; 0621 1234567\nBo Au; 12"}
    assert (
        b"2 rows received." in browser_of_host.post("/guest-list/names/", lines).content
    )
    again = browser_of_host.post("/guest-list/names/", lines)
    assert again.headers["Location"] == "/guest-list/"
    _list, code, token = asked
    browser_of_host.get(f"/guest-list/{token}/")
    assert browser_of_host.post("/guest-list/", {"code": code}).status_code == 422


def test_a_mail_scanner_uses_nothing_up(browser_of_host, asked):
    for _turn in range(20):
        browser_of_host.get(f"/guest-list/{asked[2]}/")
        browser_of_host.head(f"/guest-list/{asked[2]}/")
    inside(browser_of_host, asked)


def test_five_wrong_codes_end_the_link(asked):
    _list, code, token = asked
    for _turn in range(hosts.TRIES):
        assert hosts.confirm(token, "0" * 17, now=NOW) is None
    assert hosts.confirm(token, code, now=NOW) is None
    assert AuditEvent.objects.filter(verb="guest_list.link_locked").exists()


def test_a_link_runs_out_to_the_second(asked):
    guest_list, code, token = asked
    last = guest_list.expires_at - dt.timedelta(seconds=1)
    assert hosts.confirm(token, code, now=last) == guest_list
    assert hosts.confirm(token, code, now=guest_list.expires_at) is None


def test_a_new_link_ends_the_one_before_and_can_be_ended(choir, asked, anna):
    _list, code, token = asked
    newer, new_code, new_token = hosts.ask(choir, by=anna, now=NOW + DAY / 24)
    assert hosts.confirm(token, code, now=NOW) is None
    assert hosts.confirm(new_token, code, now=NOW + DAY / 24) is None
    assert hosts.confirm(new_token, new_code, now=NOW + DAY / 24) == newer
    hosts.withdraw(newer, by=anna, now=NOW + DAY / 24)
    assert hosts.confirm(new_token, new_code, now=NOW + DAY / 24) is None


def test_a_discarded_event_takes_no_list(choir, asked, anna):
    events.discard(choir, why="another day", by=anna, now=NOW)
    with pytest.raises(hosts.LinkOver):
        hosts.hand_in(asked[0], receiving.lines("Anna; 0621 1234567"), now=NOW)


def test_whoever_guesses_waits(browser_of_host, asked):
    browser_of_host.get(f"/guest-list/{'x' * 43}/")
    answers = [
        browser_of_host.post("/guest-list/", {"code": "0" * 17}).status_code
        for _turn in range(22)
    ]
    assert answers == [422] * 20 + [429] * 2


def test_without_the_code_there_is_no_page(browser_of_host, asked):
    browser_of_host.get(f"/guest-list/{asked[2]}/")
    answer = browser_of_host.get("/guest-list/names/")
    assert answer.headers["Location"] == "/guest-list/"
    assert browser_of_host.get("/guest-list/short/").status_code == 404


def test_what_is_no_list_is_said_and_the_link_stays(browser_of_host, asked):
    inside(browser_of_host, asked)
    for name, raw in (("a.xlsx", b"<html>Anna</html>"), ("a.csv", b"")):
        upload = SimpleUploadedFile(name, raw)
        answer = browser_of_host.post("/guest-list/names/", {"file": upload})
        assert answer.status_code == 422
    assert browser_of_host.post("/guest-list/names/", {}).status_code == 422
    said = {"pasted": ";".join(HEAD) + "\nMeier;Anna;0621 1234567;"}
    assert (
        b"1 row received." in browser_of_host.post("/guest-list/names/", said).content
    )
