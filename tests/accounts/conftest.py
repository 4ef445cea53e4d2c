import datetime as dt
import time

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
)
from django.test import Client

from quarano.accounts.models import Role, User

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
PASSWORD = "neckar spree havel 21"
LOGIN, HOME = "/account/login/", "/"
PERMISSIONS = {
    "case_worker": ["cases.view", "cases.take_up", "cases.invite"],
    "supervisor": ["cases.view", "cases.supervise"],
    "administrator": ["site.administer", "accounts.invite"],
    "operator": ["site.operate"],
}


@pytest.fixture
def clock(db):
    """A clock that the test moves: `clock.shift(60)`, in seconds."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def roles(authority):
    make_roles()


def make_roles():
    for code, permissions in PERMISSIONS.items():
        Role.objects.update_or_create(
            code=code, defaults={"name": code, "permissions": permissions}
        )


def make_user(name, *roles, password=PASSWORD, **fields):
    return User.objects.create_user(
        email=f"{name.lower()}@neckartal.example",
        name=name,
        roles=list(roles),
        password=password,
        created_at=NOW,
        **fields,
    )


@pytest.fixture
def anna(roles):
    """A case worker with her second factor."""
    return with_second_factor(make_user("Anna", "case_worker"))


@pytest.fixture
def ruth(roles):
    """The administrator."""
    return with_second_factor(make_user("Ruth", "administrator"))


@pytest.fixture
def ida(authority):
    """A citizen with a login."""
    return make_user("Ida")


def with_second_factor(user):
    user.secret = generate_totp_secret()
    TOTP.activate(user, user.secret)
    RecoveryCodes.activate(user)
    return user


def code_of(user, steps=0):
    """What the app shows now, or some half minutes later."""
    return format_hotp_value(hotp_value(user.secret, int(time.time()) // 30 + steps))


def recovery_codes(user):
    found = Authenticator.objects.get(user=user, type="recovery_codes")
    return found.wrap().get_unused_codes()


def browser(host="neckartal.localhost", **kwargs):
    return Client(headers={"host": host, "accept-language": "en"}, **kwargs)


def enter(client, user, password=PASSWORD):
    """Sign in with all that is asked for."""
    answer = client.post(LOGIN, {"login": user.email, "password": password})
    if answer.url == "/account/second-factor/authenticate/":
        answer = client.post(answer.url, {"code": code_of(user)})
    return answer
