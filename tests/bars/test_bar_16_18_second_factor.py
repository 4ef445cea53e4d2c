"""Bars 16 to 18: nothing before the second factor, none twice, none lost by a reset."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.urls import reverse

from quarano.accounts.access import OPEN_DOOR
from quarano.accounts.middleware import BEFORE, SET_UP
from tests import world as worlds
from tests.accounts.conftest import (
    LOGIN,
    PASSWORD,
    browser,
    make_roles,
    make_user,
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
