import datetime as dt

import pytest
import time_machine

from cases import escalation
from cases.models import Disease, Escalation, Monitoring, Person, Policy
from quarano.accounts.models import Role, User
from tests.world import client_of

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)  # Tuesday, 10:00 in Neckartal
WORKER = [
    "cases.view",
    "cases.view_protected",
    "cases.take_up",
    "cases.settle",
    "cases.assign",
    "cases.call",
]


@pytest.fixture
def now(authority):
    with time_machine.travel(NOW, tick=False):
        yield NOW


@pytest.fixture
def roles(authority):
    every = {
        "case_worker": WORKER,
        "supervisor": [*WORKER, "cases.supervise"],
        "epidemiologist": ["figures.view"],
    }
    for code, permissions in every.items():
        Role.objects.update_or_create(
            code=code, defaults={"name": code, "permissions": permissions}
        )


def official(name, *roles):
    return User.objects.create_user(
        email=f"{name.lower()}@neckartal.example",
        name=name,
        roles=list(roles),
        created_at=NOW,
        language="en",
    )


@pytest.fixture
def anna(roles):
    return official("Anna", "case_worker")


@pytest.fixture
def oemer(roles):
    return official("Ömer", "supervisor", "case_worker")


def sign_in(user):
    """A browser in which an official has given both factors."""
    return client_of("neckartal.localhost", user)


@pytest.fixture
def desk(anna, now):
    """Anna's browser."""
    return sign_in(anna)


@pytest.fixture
def disease(authority):
    found, _ = Disease.objects.get_or_create(
        code="covid-19", defaults={"names": {"en": "COVID-19"}}
    )
    if not Policy.objects.filter(disease=found).exists():
        Policy.objects.create(
            disease=found,
            valid_from=dt.date(2026, 1, 1),
            shipped=True,
            drafted_at=NOW,
            approved_at=NOW,
        )
    return found


@pytest.fixture
def follow(disease):
    """Take somebody into quarantine: `follow("Kolja Busch", mobile=…)`."""

    def take(name="Kolja Busch", kind="quarantine", until=None, **fields):
        given, _, family = name.partition(" ")
        fields.setdefault("mobile", "+491715550142")
        if "birth_date" in fields:
            fields["birth_date_source"] = "official"
        person = Person.objects.create(
            given_name=given, family_name=family, recorded_at=NOW, **fields
        )
        Monitoring.objects.create(
            person=person,
            disease=disease,
            kind=kind,
            start=NOW.date() - dt.timedelta(days=6),
            until=until or NOW.date() + dt.timedelta(days=4),
            anchor_kind="last_exposure",
            anchor_day=NOW.date() - dt.timedelta(days=6),
            opened_at=NOW - dt.timedelta(hours=3),
            reported_at=NOW - dt.timedelta(hours=3),
        )
        return person

    return take


def raise_for(person, reason="fever", **kwargs):
    """Raise on the person's monitoring; facts fit a fever."""
    kwargs.setdefault("occasion", "1")
    kwargs.setdefault("facts", {"temperature": 38.9, "limit": 37.9})
    kwargs.setdefault("now", NOW)
    subject = person.monitorings.get()
    return escalation.raise_(subject, Escalation.Reason(reason), **kwargs)
