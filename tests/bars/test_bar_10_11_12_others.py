"""Bars 10, 11 and 12: another host, the operator, and what a citizen may set."""

import re

import pytest
import time_machine
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection, models, transaction
from django.test import Client
from django.urls import reverse
from django_tenants.utils import tenant_context

from quarano.accounts.models import User
from quarano.admin import operator_admin
from quarano.founding import OPERATION, ROLES, keep_roles
from tests import world as worlds
from tests.bars.forms import forms
from tests.faults import everything
from tests.test_isolation import CANARY

pytestmark = pytest.mark.undisturbed


# --- 10 ------------------------------------------------------------------------------


@pytest.mark.bar(10)
def test_bar_10_a_cookie_or_a_host_of_another_opens_nothing(both, settings):
    """Every answer is that of a stranger: a way to sign-in, 404 or 400, and no name."""
    ours, theirs = both
    nora = theirs.client(theirs.staff["supervisor"])
    file, worklist = f"/people/{theirs.ida.pk}/", "/worklist/"
    assert nora.get(file).status_code == 200, "else this test could not fail"
    forged = [
        {"host": ours.host},
        {"host": ours.host, "x-forwarded-host": theirs.host},
        {"host": ours.host, "forwarded": f"host={theirs.host}"},
        {"host": ours.host, "x-original-host": theirs.host},
        {"host": ours.host, "x-forwarded-server": theirs.host},
        {"host": f"{ours.host}:80"},
        {"host": "nowhere.localhost"},
        {"host": f"{theirs.host}.evil.example"},
        {"host": f"evil-{theirs.host}"},
        {"host": "127.0.0.1"},
        {"host": "127.0.0.1:8000"},
        {"host": "[::1]"},
        {"host": "localhost"},
        {"host": ""},
        {"host": f"{theirs.host}, {ours.host}"},
        {"host": f"{ours.host}@{theirs.host}"},
    ]
    for debug in (True, False):
        settings.ALLOWED_HOSTS = ["*"] if debug else [".localhost", "localhost"]
        for headers in forged:
            for path in (file, worklist, f"http://{theirs.host}{file}"):
                stranger = Client(headers=headers)
                stranger.cookies = nora.cookies
                connection.set_schema_to_public()
                answer = stranger.get(path)
                text = answer.content.decode() + str(answer.headers)
                assert answer.status_code in {302, 400, 404}, headers
                if answer.status_code == 302:
                    assert answer.url.startswith("/account/login/"), headers
                assert CANARY not in text, headers
                assert "Ida" not in text, headers


@pytest.mark.bar(10)
def test_bar_10_a_cookie_of_the_public_host_is_nobody_at_an_authority(both):
    ours, _theirs = both
    connection.set_schema_to_public()
    olga = operator()
    console = worlds.client_of("localhost", olga)
    key = console.cookies["sessionid"].value
    row = Session.objects.get(pk=key)
    # Even her session and her login copied into the authority do not match.
    with tenant_context(ours.authority):
        Session.objects.create(
            session_key=key, session_data=row.session_data, expire_date=row.expire_date
        )
    stranger = Client(headers={"host": ours.host})
    stranger.cookies = console.cookies
    assert stranger.get("/worklist/").url.startswith("/account/login/")


# --- 11 ------------------------------------------------------------------------------


def operator():
    keep_roles(OPERATION)
    return User.objects.create_user(
        email="olga@quarano.example", name="Olga", roles=["operator"],
        created_at=worlds.NOW, language="en", password=worlds.PASSWORD,
    )  # fmt: skip


@pytest.mark.bar(11)
def test_bar_11_the_operator_sees_nobody_and_there_is_no_glass_to_break(both):
    """The bar asks that a break-glass be limited, reasoned, audited and told. Quarano
    has none: the operator's host serves no model of the field, the operator's roles
    hold no permission of it, and no page of any state of it shows a person."""
    _ours, theirs = both
    with tenant_context(theirs.authority):
        ids = {"authority": theirs.authority.pk}
    connection.set_schema_to_public()
    olga = operator()
    console = worlds.client_of("localhost", olga)
    ids |= {
        "user": olga.pk,
        "healthauthority": theirs.authority.pk,
        "domain": theirs.authority.domains.first().pk,
    }
    shown = 0
    for route, name, _view in worlds.routes("quarano.urls_public"):
        if name == "admin:app_list" or "logout" in name:
            continue
        given = {}
        if "<path:object_id>" in route:
            kind = route.split("/")[2]
            given["object_id"] = ids.get(kind, "nothing")
        if "<str:token>" in route:
            given["token"] = "x"
        if "uidb36" in route:
            given |= {"uidb36": "abc", "key": "set-password"}
        path = reverse(name, urlconf="quarano.urls_public", kwargs=given)
        for method in (console.get, console.post):
            connection.set_schema_to_public()
            answer = method(path)
            text = answer.content.decode(errors="replace") + str(answer.headers)
            shown += answer.status_code == 200
            assert answer.status_code < 500, name
            for word in (CANARY, "Sommer", "Winter", "Brenner"):
                assert word not in text, name
    assert shown >= 15
    asked = {name for _words, names in OPERATION.values() for name in names}
    field = {name for _words, names in ROLES.values() for name in names}
    assert not {
        one for one in asked & field if one.startswith(("cases", "contacts", "diaries"))
    }
    labels = {model._meta.app_label for model in operator_admin._registry}
    assert labels == {"accounts", "audit", "health_authorities"}


# --- 12 ------------------------------------------------------------------------------

FIELD = {"cases", "contacts", "diaries", "accounts", "notifications", "audit", "mfa"}
WANTED = {
    "roles": "administrator", "is_active": "", "email": "evil@example.org",
    "mobile": "+4915112345678", "status": "concluded", "enrolment": "by_phone",
    "conclusion": "released", "protected": "on", "classification": "discarded",
    "session_epoch": "99", "via": "official", "half": "evening",
}  # fmt: skip


def every_field(world):
    """A value that would be taken for every field of every model, by its name."""
    found = {}
    for model in apps.get_models():
        if model._meta.app_label not in FIELD:
            continue
        for one in model._meta.concrete_fields:
            found[one.name] = found[one.attname] = value_for(one, world)
    return found | WANTED


def value_for(one, world):
    if one.is_relation:
        known = {User: world.staff["administrator"].pk}
        return str(known.get(one.related_model, world.lena.pk))
    if one.choices:
        return str(one.choices[-1][0])
    kinds = {
        models.BooleanField: "on",
        models.DateTimeField: "2026-01-01T00:00",
        models.DateField: "2026-01-01",
        models.IntegerField: "7",
        models.DecimalField: "36.1",
        models.UUIDField: str(world.lena.pk),
    }
    return next((value for kind, value in kinds.items() if isinstance(one, kind)), "x")


class Citizen:
    """Kolja, from his link to the entry of today; beside what each form asks he sends
    what it does not ask."""

    def __init__(self, world, beside):
        self.client, self.beside, self.posted = world.client(), beside, 0
        self.world = world

    def send(self, path, **typed):
        """Fill the one form of a page; its own fields as a person would."""
        page = self.client.get(path)
        assert page.status_code == 200, path
        own = [
            form
            for form in forms(page.content.decode())
            if not {"language", "next"} & form.names and "logout" not in form.action
        ]
        form = own[0]
        names = form.names | {f"initial-{name}" for name in form.names}
        beside = {k: v for k, v in self.beside.items() if k not in names | set(typed)}
        answer = self.client.post(form.action or path, beside | form.values | typed)
        assert answer.status_code == 302, (path, answer.status_code)
        self.posted += 1
        return answer.url

    def walk(self):
        client, kolja = self.client, self.world.kolja
        client.get(f"/enrolment/link/{self.world.token}/")
        self.send(
            "/enrolment/", birth_date_day="30", birth_date_month="9",
            birth_date_year="1994",
        )  # fmt: skip
        self.send("/enrolment/register/", login="kolja@mail.example",
                  password=worlds.PASSWORD)  # fmt: skip
        self.send("/enrolment/notice/")
        self.send("/enrolment/details/", street="Fährgasse 2", postal_code="70001",
                  city="Neckarfurt")  # fmt: skip
        no = dict.fromkeys(
            ("has_symptoms", "has_source_guess", "has_conditions", "is_medical_staff",
             "met_vulnerable"), "False",
        )  # fmt: skip
        assert self.send("/enrolment/questionnaire/", **no) == f"/diary/{kolja.pk}/"
        self.send(f"/diary/{kolja.pk}/", temperature="36.6")
        self.send("/account/password/change/", oldpassword=worlds.PASSWORD,
                  password1="quite another pass phrase")  # fmt: skip


class _Back(Exception):
    """Undoes a walk."""


@pytest.mark.bar(12)
def test_bar_12_what_no_form_asks_changes_nothing(authority):
    """Every field of every model beside every form of a citizen, all forms taken: what
    the database holds afterwards is the same row by row as without them."""
    with time_machine.travel(worlds.NOW, tick=False):
        world = worlds.build()
        beside = every_field(world)
        assert len(beside) > 150
        ends = []
        for sent in ({}, beside):
            try:
                with transaction.atomic():
                    citizen = Citizen(world, sent)
                    citizen.walk()
                    with tenant_context(authority):
                        ends.append((citizen.posted, plain(everything(RANDOM))))
                    raise _Back
            except _Back:
                connection.set_tenant(authority)
    (forms_sent, without), (again, with_all) = ends
    assert forms_sent == again == 7
    for label in without.keys() | with_all.keys():
        assert with_all.get(label) == without.get(label), label


RANDOM = (
    "user.password", "enrolmentcode.selector", "enrolmentcode.verifier_hash",
    "enrolmentcode.token_hash", "staffinvitation.token_hash", "message.token",
    "session.session_key", "session.session_data", "usersession.session_key",
    "event.request_id", "event.subject", "revision.changes",
)  # fmt: skip


def plain(found):
    """The rows without the numbers that a request leaves in them."""
    return {
        label: [re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "*", str(row)) for row in rows]
        for label, rows in found.items()
    }
