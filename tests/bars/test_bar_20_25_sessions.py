"""Bars 20 to 25: guessing, limits, sessions, cookies, and who is there at first."""

import datetime as dt
import re
import runpy
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
import time_machine
from allauth.account.adapter import get_adapter
from django.conf import settings as in_use
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test import RequestFactory, override_settings

from quarano.accounts import invitations, limits, sessions, staff
from quarano.accounts.models import Role, StaffInvitation, User
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from tests import world as worlds
from tests.accounts.conftest import (
    LOGIN,
    PASSWORD,
    browser,
    code_of,
    enter,
    make_roles,
    make_user,
    with_second_factor,
)
from tests.cases.test_enrolment import BIRTH

AUTHENTICATE = "/account/second-factor/authenticate/"
SESSIONS = "/account/sessions/"
NEW_DEVICE = "/account/login/new-device/"
SET_UP = "/account/second-factor/app/"
WRONG = "wrong" * 4
pytestmark = pytest.mark.undisturbed


@pytest.fixture
def clock(db):
    with time_machine.travel(worlds.NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def anna(authority):
    make_roles()
    return with_second_factor(make_user("Anna", "case_worker"))


# --- 20 ------------------------------------------------------------------------------


@pytest.mark.bar(20)
def test_bar_20_sixty_officials_of_one_office_sign_in_at_eight(authority):
    """From one address within five minutes, each after a slip of the pen."""
    make_roles()
    office = [
        with_second_factor(make_user(f"Official{number}", "case_worker"))
        for number in range(60)
    ]
    eight = dt.datetime(2026, 11, 24, 7, 0, tzinfo=dt.UTC)
    with time_machine.travel(eight, tick=False) as clock:
        for one in office:
            client = browser(REMOTE_ADDR="10.20.30.40")
            client.post(LOGIN, {"login": one.email, "password": WRONG})
            assert enter(client, one).url == "/", one.email
            clock.shift(5)


@pytest.mark.bar(20)
def test_bar_20_nobody_keeps_the_owner_out_by_guessing_on_and_on(anna, clock):
    """Where she has signed in before her tries are counted apart; elsewhere she waits
    no longer than the guessing and five minutes."""
    client = browser()
    enter(client, anna)
    client.post("/account/logout/")
    for minutes in range(0, 20, 5):
        clock.shift(5 * 60 + 1)
        for number in range(11):
            guesser = browser(REMOTE_ADDR=f"10.{minutes}.0.{number}")
            guesser.post(LOGIN, {"login": anna.email, "password": WRONG})
        stranger = browser()
        answer = stranger.post(LOGIN, {"login": anna.email, "password": PASSWORD})
        assert b"Too many tries" in answer.content, "else this test could not fail"
        assert enter(client, anna).url == "/", "the owner comes in"
        client.post("/account/logout/")
    clock.shift(15 * 60)
    assert enter(browser(), anna).url == "/"


@pytest.mark.bar(20)
def test_bar_20_a_known_browser_may_not_guess_on_either(anna, clock):
    client = browser()
    enter(client, anna)
    client.post("/account/logout/")
    for _try in range(10):
        client.post(LOGIN, {"login": anna.email, "password": WRONG})
    answer = client.post(LOGIN, {"login": anna.email, "password": PASSWORD})
    assert b"Too many tries" in answer.content


@pytest.mark.bar(20)
def test_bar_20_an_address_that_anybody_can_write_is_not_believed(anna, clock):
    def guess(number):
        said = f"10.1.{number // 250}.{number % 250}"
        return browser(REMOTE_ADDR="10.9.9.9").post(
            LOGIN,
            {"login": f"{number}@mail.example", "password": WRONG},
            headers={
                "X-Forwarded-For": said, "X-Real-IP": said, "Forwarded": f"for={said}",
            },
        )  # fmt: skip

    for number in range(100):
        assert b"do not match" in guess(number).content
    assert b"Too many tries" in guess(101).content


# --- 21 ------------------------------------------------------------------------------


@pytest.mark.bar(21)
def test_bar_21_two_hundred_tries_at_once_pass_the_limit_exactly(authority, at_once):
    limit = limits.Limit(17, 3600)
    ends = at_once(lambda _: limits.allow("bar", limit, key="x"), 200, threads=40)
    assert len(ends) == 200
    assert ends.count(True) == 17


@pytest.mark.bar(21)
def test_bar_21_two_hundred_passwords_at_once_are_ten_tries(authority, at_once):
    """The library's own counting, asked as the sign-in page asks it."""

    def guess(number):
        request = RequestFactory().post(
            LOGIN, headers={"host": "neckartal.localhost"},
            REMOTE_ADDR=f"10.5.{number}.1",
        )  # fmt: skip
        get_adapter(request).pre_authenticate(request, email="anna@neckartal.example")
        return True

    ends = at_once(guess, 200, threads=40)
    assert len(ends) == 200
    assert {type(end) for end in ends} <= {bool, ValidationError}
    assert 1 <= ends.count(True) <= 10


# --- 22 ------------------------------------------------------------------------------


@pytest.mark.bar(22)
def test_bar_22_no_setting_makes_sessions_longer_than_half_an_hour_and_twelve():
    """An authority may say less than the installation, and never more."""
    assert in_use.SESSION_COOKIE_AGE <= 30 * 60
    assert in_use.SESSION_ABSOLUTE_AGE.total_seconds() <= 12 * 3600
    assert in_use.SESSION_EXPIRE_AT_BROWSER_CLOSE
    assert not in_use.ACCOUNT_SESSION_REMEMBER


@pytest.mark.bar(22)
@pytest.mark.parametrize(("hours", "lasts"), [(4, 4), (12, 12)])
def test_bar_22_an_authority_may_shorten_its_sessions(
    authority, monkeypatch, hours, lasts
):
    monkeypatch.setattr(authority, "session_hours", hours)
    monkeypatch.setattr(connection, "tenant", authority)
    assert sessions.absolute_age() == lasts * 3600
    with override_settings(SESSION_ABSOLUTE_AGE=dt.timedelta(hours=2)):
        assert sessions.absolute_age() == 2 * 3600, "the installation's is the most"


@pytest.mark.bar(22)
@pytest.mark.parametrize(
    "change", ["logout", "closing", "roles", "password", "renewing", "factor", "end"]
)
def test_bar_22_every_session_is_over_at_its_next_request(
    anna, clock, change, monkeypatch
):
    """Two browsers; the change happens in the first, or by the administrator."""
    ruth = with_second_factor(make_user("Ruth", "administrator"))
    first, second = browser(), browser()
    enter(first, anna)
    cookies = SimpleCookie(first.cookies.output(header=""))
    clock.shift(30)
    enter(second, anna)
    now = worlds.NOW + dt.timedelta(minutes=1)
    if change == "logout":
        first.post("/account/logout/")
        second.cookies = cookies  # the cookie that was kept
    elif change == "closing":
        staff.deactivate(anna, by=ruth, now=now)
    elif change == "roles":
        staff.change_roles(anna, roles=["supervisor"], by=ruth, now=now)
    elif change == "renewing":
        invitations.renew(anna, by=ruth, now=now)
    elif change == "end":
        yesterday = (worlds.NOW - worlds.DAY).date()
        staff.end_on(anna, day=yesterday, by=ruth, now=now)
    elif change == "password":
        typed = {"oldpassword": PASSWORD, "password1": "a mill over stones"}
        first.post("/account/password/change/", typed)
    elif change == "factor":
        # The test's transaction never commits; allauth tells of a factor after it.
        monkeypatch.setattr(transaction, "on_commit", lambda tell, **_kwargs: tell())
        first.post("/account/second-factor/recovery-codes/new/", {})
    assert second.get(SESSIONS).status_code == 302, change
    if change in {"password", "factor"}:
        assert first.get(SESSIONS).status_code == 200, "here it goes on"


# --- 23 ------------------------------------------------------------------------------


@pytest.fixture
def production(monkeypatch, settings):
    """The cookies as production has them."""
    for name, value in {
        "DEBUG": "false", "DEMO": "false", "SECRET_KEY": "k" * 60,
        "FIELD_KEYS": "ZGV2ZWxvcG1lbnQtb25seS0zMi1ieXRlcy1sb25nISE=",
        "ALLOWED_HOSTS": ".quarano.example", "DATABASE_AS": "app",
        "DATABASE_URL": "postgresql://app:x@db.quarano.example/q?sslmode=verify-full",
        "REDIS_URL": "rediss://redis.quarano.example/0",
        "PUBLIC_HOST": "quarano.example",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    found = runpy.run_path(str(Path(in_use.BASE_DIR) / "quarano" / "settings.py"))
    monkeypatch.undo()
    for name, value in found.items():
        if "COOKIE" in name and name.isupper():
            setattr(settings, name, value)


PAGES = (
    "/", SESSIONS, "/account/password/change/", "/worklist/", "/admin/",
    "/account/second-factor/", "/people/?q=x",
)  # fmt: skip


def cookies_of(anna, ida, token):
    """All cookies of signing in, a language, a link, a form, and signing out."""
    for user in (anna, ida):
        client = browser()
        for _visit in range(2):
            yield client.get(LOGIN, secure=True)
            yield client.post(
                LOGIN, {"login": user.email, "password": WRONG}, secure=True
            )
            answer = client.post(
                LOGIN, {"login": user.email, "password": PASSWORD}, secure=True
            )
            yield answer
            if answer.url == AUTHENTICATE:
                yield client.post(answer.url, {"code": code_of(user)}, secure=True)
            elif answer.url == NEW_DEVICE:
                told = Message.objects.filter(purpose__startswith="sign-in-code:")
                code = re.search(r"\b\d{6}\b", render(told.latest("written_at")).body)
                yield client.post(NEW_DEVICE, {"code": code.group()}, secure=True)
            for path in PAGES:
                yield client.get(path, secure=True)
            yield client.post("/language/", {"language": "de"}, secure=True)
            yield client.post("/account/logout/", secure=True)
    client = browser()
    yield client.get(f"/enrolment/link/{token}/", secure=True)
    yield client.get("/enrolment/", secure=True)
    yield client.post("/enrolment/", BIRTH, secure=True)


@pytest.mark.bar(23)
def test_bar_23_every_cookie_is_of_this_host_alone_and_of_no_script(
    authority, clock, production
):
    world = worlds.build()
    anna = with_second_factor(make_user("Anna", "case_worker"))
    ida = make_user("Mona")
    seen = set()
    answers = []
    for answer in cookies_of(anna, ida, world.token):
        answers.append(answer)
        for name, morsel in answer.cookies.items():
            seen.add(name)
            assert name.startswith("__Host-"), name
            assert morsel["secure"], name
            assert morsel["httponly"], name
            assert morsel["samesite"] in {"Lax", "Strict"}, name
            assert morsel["path"] == "/", name
            assert not morsel["domain"], name
        clock.shift(31)
    assert seen == {
        "__Host-session", "__Host-csrf", "__Host-language", "__Host-device",
    }  # fmt: skip
    assert any(b"csrfmiddlewaretoken" in one.content for one in answers)


# --- 25 ------------------------------------------------------------------------------


@pytest.mark.bar(25)
def test_bar_25_nobody_has_an_account_before_the_first_link_is_used(authority, clock):
    assert not User.objects.exists()
    assert Role.objects.count() >= 5
    invited = StaffInvitation.objects.get()
    assert (invited.email, invited.roles) == (
        "ada@neckartal.example",
        ["administrator"],
    )
    connection.set_schema_to_public()
    assert not User.objects.exists()
    assert not StaffInvitation.objects.exists()
    connection.set_tenant(authority)
    message = Message.objects.get(recipient="ada@neckartal.example")
    path = re.search(r"/account/invitation/\S+/", render(message).body).group()
    with time_machine.travel(invited.invited_at + dt.timedelta(hours=1), tick=False):
        client = browser()
        client.get(path)
        done = client.post("/account/invitation/", {"password": "a mill over stones"})
        ada = User.objects.get()
        assert ada.check_password("a mill over stones")
        assert (done.status_code, ada.roles) == (302, ["administrator"])
        for page in ("/", "/admin/", "/worklist/", SESSIONS):
            assert client.get(page).url == done.url, "the second factor first"


@pytest.mark.bar(25)
def test_bar_25_no_password_is_shipped():
    root = Path(in_use.BASE_DIR)
    for path in [*(root / "quarano" / "management").rglob("*.py"), root / "Dockerfile",
                 root / "quarano" / "founding.py"]:  # fmt: skip
        text = path.read_text()
        assert not re.search(r"password\s*=\s*[\"'][^\"']+[\"']", text.lower()), path
    assert "quarano.demo" not in in_use.INSTALLED_APPS
