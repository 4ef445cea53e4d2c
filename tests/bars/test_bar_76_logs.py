"""What is logged while everything is opened, tried and broken: nobody of 200 people."""

import io
import logging
import logging.config
import smtplib
from copy import deepcopy

import pytest
import time_machine
from django.apps import apps
from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django_tenants.utils import tenant_context

from cases.models import Person
from diaries import tasks
from quarano.celery import app
from quarano.notifications.tasks import sweep
from quarano.records.classification import MODELS
from tests import world as worlds

pytestmark = pytest.mark.undisturbed
MARK = "CANARYQ"
OF_PEOPLE = ("identity", "contact", "text", "secret")
ROUTES = [
    (route, name)
    for route, name, _view in worlds.routes("quarano.urls")
    if name != "admin:app_list" and "logout" not in name
]
# What stands in a column of people and in every program: codes, languages, dates.
SHORTEST = 6


@pytest.fixture
def crowd(authority):
    """A world in which everything that can be typed is a canary of its own."""
    with time_machine.travel(worlds.NOW, tick=False):
        world = worlds.build(MARK)
        anna = world.staff["case_worker"]
        for number in range(30):
            slug = f"q{number:02d}"
            worlds.index_case(f"{MARK}Given{number}", f"{MARK}Family{number}", slug,
                              by=anna, mark=f"{MARK}{number} ")  # fmt: skip
        yield world


def canaries(authority):
    """Every value of every column that says who, where, what or by which secret."""
    found = set()
    with tenant_context(authority):
        for label, kept in MODELS.items():
            model = apps.get_model(label)
            if model._meta.app_label not in {"cases", "contacts", "diaries", "accounts",
                                             "notifications"}:  # fmt: skip
                continue
            names = [n for c in OF_PEOPLE for n in kept.fields.get(c, "").split()]
            texts = [
                field.attname
                for field in model._meta.local_fields
                if field.name in names
                and not field.is_relation
                and not field.choices
                and field.get_internal_type() in {"CharField", "TextField", "DateField"}
            ]
            for row in model._base_manager.values_list(*texts) if texts else ():
                found |= {str(value) for value in row if value}
    return {one for one in found if len(one) >= SHORTEST}


@pytest.fixture
def logged():
    """The settings' own logging, at its most talkative, into a text."""
    stream = io.StringIO()
    wanted = deepcopy(settings.LOGGING)
    wanted["handlers"]["stdout"]["stream"] = stream
    wanted["root"]["level"] = "DEBUG"
    before = logging.getLogger().handlers[:], logging.getLogger().level
    logging.config.dictConfig(wanted)
    yield stream
    logging.config.dictConfig(settings.LOGGING)
    logging.getLogger().handlers[:], logging.getLogger().level = before


@app.task(name="tests.breaks")
def breaks(text):
    raise ValueError(text)


def walk(world):
    """Every page by every role; whatever is typed anywhere is somebody's name."""
    name = f"{MARK} Sommer"
    for user in (None, *world.staff.values(), world.ida.user):
        client = world.client(user)
        client.raise_request_exception = False
        for route, url_name in ROUTES:
            arguments = worlds.arguments(route, world.ids, world.token)
            path = reverse(url_name, urlconf="quarano.urls", kwargs=arguments)
            client.get(path, {"q": name, "person": name, "next": f"/{name}"})
            if user is None or user.roles in (["supervisor"], []):
                typed = dict.fromkeys(
                    ["login", "password", "text", "word", "reasons", "email", "code",
                     "given_name", "family_name", "street", "note"], name,
                )  # fmt: skip
                with transaction.atomic():
                    client.post(path, typed)
                    transaction.set_rollback(True)
            connection.set_schema_to_public()
    stranger = worlds.client_of(world.host, None)
    stranger.handler.enforce_csrf_checks = True
    for path in (f"/{name}/", f"/enrolment/link/{world.token}/", f"/people/{name}/"):
        stranger.post(path, {"name": name})
        stranger.get(path)


def break_things(world, monkeypatch):
    """Errors whose text holds a person: of a page, the database, a job, the mail."""
    ida = f"{world.ida.given_name} {world.ida.family_name}"

    def fails(*args, **kwargs):
        raise RuntimeError(f"cannot show {ida} of {MARK} Uferweg 1")

    with monkeypatch.context() as patch:
        patch.setattr("cases.regions.read", fails)
        client = world.client(world.staff["supervisor"])
        client.raise_request_exception = False
        assert client.get(f"/people/{world.ida.pk}/").status_code == 500
    connection.set_tenant(world.authority)
    try:
        with transaction.atomic():
            Person.objects.create(
                given_name=f"{MARK} Ida", family_name=ida, recorded_at=worlds.NOW,
                birth_date="1988-04-15",
            )  # fmt: skip
    except IntegrityError:
        logging.getLogger("cases.intake").exception("not saved")
    breaks.apply(args=[f"{ida} has a fever"], throw=False)

    def refuses(self, messages):
        to = messages[0].to[0]
        raise smtplib.SMTPRecipientsRefused({to: (550, f"no {to}, {ida}".encode())})

    monkeypatch.setattr(EmailBackend, "open", lambda self: True)
    monkeypatch.setattr(EmailBackend, "send_messages", refuses)
    connection.set_schema_to_public()
    for task in (tasks.remind, tasks.escalate_missed, tasks.end, sweep):
        task(world.schema)


@pytest.mark.bar(76)
def test_bar_76_no_log_names_one_of_200_canaries(
    crowd, authority, logged, monkeypatch, settings, capfd, jobs_at_once
):
    known = canaries(authority)
    assert len(known) >= 200
    # Else this test could not fail.
    logging.getLogger("quarano").warning("%s", min(known))
    assert min(known) in logged.getvalue()
    logged.truncate(0)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with time_machine.travel(worlds.NOW, tick=False):
        walk(crowd)
        break_things(crowd, monkeypatch)
    out, err = capfd.readouterr()
    text = logged.getvalue() + out + err
    assert "RuntimeError" in text
    assert "IntegrityError" in text
    assert len(text.splitlines()) > 100
    found = sorted(one for one in {*known, MARK} if one in text)
    assert found == []
