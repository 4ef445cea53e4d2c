"""Bars 16 to 18: nothing before the second factor, none twice, none lost by a reset."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.urls import reverse

from cases import enrolment
from quarano.accounts import invitations
from quarano.accounts.access import OPEN_DOOR
from quarano.accounts.middleware import BEFORE, SET_UP
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
    recovery_codes,
    with_second_factor,
)

AUTHENTICATE = "/account/second-factor/authenticate/"
SESSIONS = "/account/sessions/"
pytestmark = pytest.mark.undisturbed


@pytest.fixture
def clock(db):
    import time_machine

    with time_machine.travel(worlds.NOW, tick=False) as traveller:
        yield traveller


# --- 16 ------------------------------------------------------------------------------


def doors(conf):
    return [one for one in worlds.routes(conf) if one[1] != "admin:app_list"]


@pytest.mark.bar(16)
@pytest.mark.parametrize("conf", ["quarano.urls", "quarano.urls_public"])
def test_bar_16_without_a_second_factor_every_door_leads_to_its_set_up(
    authority, clock, conf
):
    """All addresses, from the URLconf, read and sent: of an official who has given a
    password and has no factor yet, and of one who has not given the factor yet."""
    world = worlds.build()
    if conf == "quarano.urls":
        omar = worlds.hire("Omar", "case_worker", "supervisor", "administrator")
        host = world.host
    else:
        connection.set_schema_to_public()
        make_roles()
        omar, host = make_user("Olga", "operator"), "localhost"
    client = browser(host)
    client.post(LOGIN, {"login": omar.email, "password": login_password(omar)})
    set_up = reverse(SET_UP, urlconf=conf)
    assert client.get(SESSIONS).url == set_up
    with_second_factor(omar)
    half = browser(host)
    answer = half.post(LOGIN, {"login": omar.email, "password": login_password(omar)})
    assert answer.url == AUTHENTICATE
    Authenticator.objects.filter(user=omar).delete()
    led = 0
    for route, name, view in doors(conf):
        if "logout" in name:
            continue
        path = address(route, name, conf, world)
        is_open = getattr(view, "guard", None) == OPEN_DOOR
        for method in ("get", "post"):
            told = getattr(client, method)(path)
            if not is_open and name not in BEFORE:
                led += 1
                assert (told.status_code, told.url) == (302, set_up), name
            for one in (told, getattr(half, method)(path)):
                text = one.content.decode(errors="replace")
                assert not re.search(r"Sommer|Winter|Brenner|Uferweg", text), name
            if not is_open:
                stranger = half.get(path)
                ways = ("/account/login/", "/admin/login/")
                assert stranger.status_code == 405 or stranger.url.startswith(ways)
    assert led > 60


def login_password(user):
    return worlds.PASSWORD if user.check_password(worlds.PASSWORD) else PASSWORD


def address(route, name, conf, world):
    given = {}
    if "<path:object_id>" in route:
        given["object_id"] = str(world.ida.pk)
        route = ""
    given |= worlds.arguments(route, world.ids, "x") if route else {}
    return reverse(name, urlconf=conf, kwargs=given)


# --- 17 ------------------------------------------------------------------------------


@pytest.fixture
def anna(authority):
    make_roles()
    return with_second_factor(make_user("Anna", "case_worker"))


REAUTHENTICATE = "/account/second-factor/reauthenticate/"


@pytest.mark.bar(17)
def test_bar_17_what_was_used_at_one_door_opens_no_other(anna, clock):
    """A code of the app and a recovery code, at sign-in and at 'is it still you'."""
    once = recovery_codes(anna)[0]
    for code in (code_of(anna), once):
        client = browser()
        client.post(LOGIN, {"login": anna.email, "password": PASSWORD})
        assert client.post(AUTHENTICATE, {"code": code}).url == "/"
        before = list(client.session["account_authentication_methods"])
        again = client.post(REAUTHENTICATE, {"code": code})
        assert again.status_code != 302, code
        assert list(client.session["account_authentication_methods"]) == before
        other = browser()
        other.post(LOGIN, {"login": anna.email, "password": PASSWORD})
        assert other.post(AUTHENTICATE, {"code": code}).status_code != 302
        assert other.get(SESSIONS).status_code == 302
    clock.shift(301)
    client = browser()
    client.post(LOGIN, {"login": anna.email, "password": PASSWORD})
    client.post(AUTHENTICATE, {"code": code_of(anna)})
    clock.shift(301)
    fresh = code_of(anna)
    assert client.post(REAUTHENTICATE, {"code": fresh}).status_code == 302
    other = browser()
    other.post(LOGIN, {"login": anna.email, "password": PASSWORD})
    assert other.post(AUTHENTICATE, {"code": fresh}).status_code != 302


@pytest.mark.bar(17)
def test_bar_17_a_clock_may_be_one_step_off_to_each_side(anna, clock):
    for steps, opens in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        clock.shift(600)  # what was used before lies behind
        client = browser()
        client.post(LOGIN, {"login": anna.email, "password": PASSWORD})
        answer = client.post(AUTHENTICATE, {"code": code_of(anna, steps)})
        assert (answer.status_code == 302) is opens, steps


# --- 18 ------------------------------------------------------------------------------


def link_of(email, part):
    """The path of the newest link that this address got."""
    messages = Message.objects.filter(recipient=email).order_by("written_at", "pk")
    words = " ".join(render(one).body for one in messages if one.token).split()
    word = [word for word in words if part in word][-1]
    return "/" + word.partition("localhost")[2].partition("/")[2]


def reset(client, email, password):
    """Set a new password by the link of a mail, to the end."""
    client.post("/account/password/reset/", {"email": email})
    step = client.get(link_of(email, "password/reset/key")).url
    done = client.post(step, {"password1": password})
    assert done.status_code == 302
    return done


@pytest.mark.bar(18)
def test_bar_18_a_reset_ends_at_the_second_factor_of_whoever_it_is(anna, clock):
    """Officials at their factor, citizens at the code for a device that is unknown."""
    ida = make_user("Ida")
    ways = {anna.email: AUTHENTICATE, ida.email: "/account/login/new-device/"}
    for email, way in ways.items():
        client = browser()
        reset(client, email, "a mill over stones")
        assert client.get(SESSIONS).url.startswith(LOGIN), "no session"
        answer = client.post(LOGIN, {"login": email, "password": "a mill over stones"})
        assert answer.url == way
        assert client.get(SESSIONS).status_code == 302
        told = Message.objects.filter(
            recipient=email, parameters__what="password_reset"
        )
        assert told.count() == 1, "the owner is told"


@pytest.mark.bar(18)
def test_bar_18_a_reset_leaves_the_factor_and_ends_all_sessions(anna, clock):
    elsewhere = browser()
    enter(elsewhere, anna)
    kept = set(Authenticator.objects.filter(user=anna).values_list("pk", flat=True))
    reset(browser(), anna.email, "a mill over stones")
    assert (
        set(Authenticator.objects.filter(user=anna).values_list("pk", flat=True))
        == kept
    )
    assert elsewhere.get(SESSIONS).status_code == 302


@pytest.mark.bar(18)
def test_bar_18_a_link_to_begin_anew_asks_for_a_new_factor_first(anna, clock):
    """An administrator may start it, sees no password, and the owner has the link."""
    ruth = with_second_factor(make_user("Ruth", "administrator"))
    elsewhere = browser()
    enter(elsewhere, anna)
    invitations.renew(anna, by=ruth, now=worlds.NOW)
    assert elsewhere.get(SESSIONS).status_code == 302
    client = browser()
    client.get(link_of(anna.email, "/account/invitation/"))
    client.post("/account/invitation/", {"password": "a mill over stones"})
    for path in ("/", "/worklist/", SESSIONS, "/account/password/change/"):
        assert client.get(path).url == reverse(SET_UP, urlconf="quarano.urls"), path


@pytest.mark.bar(18)
def test_bar_18_nobody_changes_the_address_of_a_login_by_itself(authority):
    """There is no door for it: a new address needs an invitation or a code anew."""
    for conf in ("quarano.urls", "quarano.urls_public"):
        names = {
            name
            for _route, name, _view in doors(conf)
            if name.startswith(("account", "mfa", "usersessions"))
        }
        assert len(names) > 10
        assert not {one for one in names if re.search(r"email|phone|mobile", one)}


@pytest.mark.bar(18)
def test_bar_18_a_code_that_opens_a_login_anew_tells_its_old_address(authority, clock):
    """Whoever has somebody's code and birth date would else take the login over."""
    world = worlds.build()
    old = world.ida.user.email
    code, _spelled, _token = enrolment.invite(
        world.ida, channel="none", by=world.staff["case_worker"], now=worlds.NOW
    )
    enrolment.register(
        code, email="new@mail.example", password=PASSWORD, language="en", now=worlds.NOW
    )
    told = Message.objects.filter(recipient=old, template__endswith="security_notice")
    assert told.count() == 1
    assert "The password of your account has been changed" in render(told.get()).body
    assert not Message.objects.filter(
        recipient="new@mail.example", template__endswith="security_notice"
    ).exists()
