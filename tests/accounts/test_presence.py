"""Where one is signed in: seen by its owner, ended at once, singly or all others."""

import datetime as dt

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session

from quarano.accounts import presence
from quarano.accounts.browsers import described
from quarano.audit.models import Event
from tests.accounts.conftest import LOGIN, PASSWORD, browser, enter
from tests.accounts.test_signing_in import NEW_DEVICE, SESSIONS, clock_now, sent_code

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize(
    ("agent", "words"),
    [(PHONE, "Safari, iPhone"), (EDGE, "Edge, Windows"), (FIREFOX, "Firefox, Linux"),
     ("curl/8", "unknown browser"), ("", "unknown browser")],
)  # fmt: skip
def test_a_browser_is_described_in_two_words(agent, words):
    assert described(agent) == words


def on(agent):
    return browser(HTTP_USER_AGENT=agent)


def come(client, ida, clock):
    clock.shift(1)
    enter(client, ida)
    assert client.post(NEW_DEVICE, {"code": sent_code()}).url == "/"
    return client


@pytest.fixture
def desk(ida, clock):
    return come(on(FIREFOX), ida, clock)


@pytest.fixture
def phone(ida, clock, desk):
    return come(on(PHONE), ida, clock)


def found(client, ida):
    name = client.cookies["sessionid"].value
    ida.refresh_from_db()
    return presence.of(ida, here=name, now=clock_now())


@pytest.mark.bar(30)
def test_a_citizen_sees_each_device_and_when_it_was_seen(ida, desk, phone, clock):
    clock.shift(600)
    desk.get(SESSIONS)
    page = desk.get(SESSIONS).content.decode()
    assert "<strong>This device</strong>, Firefox, Linux" in page
    assert "Safari, iPhone" in page
    assert "127.0.0.1" not in page, "no place, not even a coarse one"
    here, there = found(desk, ida)
    assert (here.is_here, there.is_here) == (True, False)
    assert (here.seen - there.seen).total_seconds() >= 600
    assert desk.cookies["sessionid"].value not in page


@pytest.mark.bar(22, 30)
def test_one_device_is_signed_out_at_once(ida, desk, phone):
    there = found(desk, ida)[1]
    desk.post(SESSIONS, {"session": there.mark})
    assert phone.get(SESSIONS).url.startswith(LOGIN)
    assert desk.get(SESSIONS).status_code == 200
    assert len(found(desk, ida)) == 1
    ended = Event.objects.get(verb="login.sessions_ended")
    assert (ended.actor, ended.codes) == (ida.pk, {"count": 1})


@pytest.mark.bar(22, 30)
def test_all_others_are_signed_out_at_once(ida, desk, phone, clock):
    third = come(on(EDGE), ida, clock)
    page = desk.post(SESSIONS, {"others": "1"}, follow=True)
    assert b"2 other devices are signed out" in page.content
    for other in (phone, third):
        assert other.get(SESSIONS).url.startswith(LOGIN)
    assert desk.get(SESSIONS).status_code == 200
    assert len(found(desk, ida)) == 1
    # A thief's browser was known; it is asked for a code again, the owner's is not.
    other = phone.post(LOGIN, {"login": ida.email, "password": PASSWORD})
    assert other.url == NEW_DEVICE
    desk.post("/account/logout/")
    assert desk.post(LOGIN, {"login": ida.email, "password": PASSWORD}).url == "/"


def test_a_page_under_way_does_not_bring_an_ended_session_back(ida, desk, phone):
    key = phone.cookies["sessionid"].value
    session = phone.session
    assert session["_seen"], "read before it ends"
    desk.post(SESSIONS, {"session": found(desk, ida)[1].mark})
    session["late"] = True
    with pytest.raises(UpdateError):
        session.save()
    assert not Session.objects.filter(pk=key).exists()


@pytest.mark.bar(22)
def test_nobody_ends_anothers_session(ida, desk, anna, clock):
    [here] = found(desk, ida)
    client = browser()
    enter(client, anna)
    client.post(SESSIONS, {"session": here.mark})
    assert desk.get(SESSIONS).status_code == 200
    for junk in ("", "x" * 5000, "\x00"):
        assert client.post(SESSIONS, {"session": junk}).status_code == 302


def test_what_is_over_is_not_listed(ida, desk, phone, clock):
    clock.shift(29 * 60)
    assert desk.get(SESSIONS).status_code == 200
    clock.shift(2 * 60)
    assert len(found(desk, ida)) == 1, "half an hour without a page"


def test_looking_removes_nothing(ida, desk, phone, clock):
    clock.shift(29 * 60)
    desk.get(SESSIONS)
    clock.shift(2 * 60)
    before = Session.objects.count()
    desk.get(SESSIONS)
    assert Session.objects.count() == before


def test_sessions_that_are_over_are_erased(desk, ida):
    """Their rows hold sealed tokens; nobody else deletes them."""
    key = desk.cookies["sessionid"].value
    over = Session.objects.get(session_key=key).expire_date
    assert presence.erase_expired(now=over) == 0
    assert presence.erase_expired(now=over + dt.timedelta(seconds=1)) >= 1
    assert not Session.objects.filter(session_key=key).exists()
    assert not UserSession.objects.filter(session_key=key).exists()
