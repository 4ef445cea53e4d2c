import datetime as dt

import pytest
import time_machine

from cases import intake
from cases.models import Disease, Policy, Routine
from quarano.accounts.models import Role, User
from tests.world import client_of

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)  # Tuesday, 10:00 in Neckartal
TODAY = dt.date(2026, 11, 24)
DAY = dt.timedelta(days=1)
WORKER = [
    "cases.view",
    "cases.take_up",
    "cases.edit",
    "cases.invite",
    "cases.order",
    "cases.conclude",
    "cases.call",
    "cases.comment",
    "cases.settle",
    "cases.assign",
    "diaries.record",
]
ROLES = {
    "case_worker": WORKER,
    "supervisor": [*WORKER, "cases.reopen", "cases.supervise", "cases.view_protected"],
    "physician": [*WORKER, "cases.decide"],
    "epidemiologist": ["figures.view"],
}


@pytest.fixture
def now(authority):
    with time_machine.travel(NOW, tick=False):
        yield NOW


@pytest.fixture
def roles(authority):
    for code, permissions in ROLES.items():
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
    return official("Ömer", "supervisor")


@pytest.fixture
def paula(roles):
    return official("Paula", "physician")


def sign_in(user, host="neckartal.localhost"):
    """A browser in which an official has given both factors."""
    return client_of(host, user)


@pytest.fixture
def desk(anna, now):
    """Anna's browser."""
    return sign_in(anna)


@pytest.fixture
def disease(authority):
    """COVID-19 under a policy with the shipped numbers, and the shipped routine."""
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
    if not Routine.objects.exists():
        Routine.objects.create(valid_from=dt.date(2026, 1, 1), drafted_at=NOW)
    return found


@pytest.fixture
def ida(disease, anna):
    """An index case with onset three days ago, isolation proposed."""
    return taken_up(disease, anna).person


def taken_up(disease, anna, **fields):
    report = {
        "given_name": "Ida",
        "family_name": "Index",
        "birth_date": dt.date(1992, 3, 2),
        "mobile": "+491715550142",
        "email": "ida@example.org",
        "disease": disease,
        "classification": "confirmed",
        "onset_kind": "date",
        "onset": TODAY - 3 * DAY,
        "specimen_date": TODAY - DAY,
    } | fields
    return intake.take_up(intake.Report(**report), by=anna, now=NOW)


@pytest.fixture
def kolja(disease, anna):
    """A contact, exposed two days ago, quarantine proposed."""
    return intake.open_quarantine(
        intake.PersonDetails(
            given_name="Kolja", family_name="Busch", mobile="+4915123456789"
        ),
        disease=disease,
        last_exposure=TODAY - 2 * DAY,
        by=anna,
        now=NOW,
    ).person


def isolation(person):
    return person.monitorings.get(kind="isolation")


def as_sent(form):
    """What a browser sends of a form that nobody touched."""
    sent = {}
    for name, field in form.fields.items():
        bound = form[name]
        if field.show_hidden_initial:
            value = field.hidden_widget().format_value(bound.value())
            sent[bound.html_initial_name] = "" if value is None else str(value)
        value = bound.value()
        if value is True:
            sent[name] = "on"
        elif value not in (False, None):
            is_text = not hasattr(field, "choices")
            sent[name] = str(value)
            if is_text:
                sent[name] = field.widget.format_value(value) or ""
    return sent
