"""What somebody tries who means no good; each way in is found, not listed."""

import html
import logging
import re
import sys

import pytest
import time_machine
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client, RequestFactory
from django.urls import reverse
from django_tenants.utils import tenant_context

from cases.models import Case, Monitoring, Order, Person, Reporter
from quarano.accounts.models import User
from quarano.audit.middleware import started_by
from quarano.audit.models import Event
from quarano.logs import Discreet, Plain
from tests import world as worlds

AUTHORITY, PUBLIC = "quarano.urls", "quarano.urls_public"
pytestmark = pytest.mark.undisturbed
ROUTES = [
    (route, name, view)
    for route, name, view in worlds.routes(AUTHORITY)
    if name != "admin:app_list"
]
# Reading is an event, opening a link or a set-up is a session.
BESIDE = {"audit", "sessions", "usersessions"}


@pytest.fixture
def world(authority):
    with time_machine.travel(worlds.NOW, tick=False):
        yield worlds.build()


def address(name, route, world):
    arguments = worlds.arguments(route, world.ids, world.token)
    return reverse(name, urlconf=AUTHORITY, kwargs=arguments)


def rows(authority):
    """Every row of the authority, by table, but for events and sessions."""
    with tenant_context(authority):
        found = {
            model._meta.label: sorted(
                map(str, model._base_manager.order_by().values())
            )
            for model in apps.get_models()
            if model._meta.app_label in {"cases", "contacts", "diaries", "accounts",
                                         "notifications", "mfa"}
        }  # fmt: skip
    connection.set_schema_to_public()
    return found


@pytest.mark.bar(38)
@pytest.mark.parametrize("role", ["nobody", "ida", "supervisor", "administrator"])
@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_looking_changes_nothing(world, role, method):
    user = {"nobody": None, "ida": world.ida.user}.get(role, world.staff.get(role))
    client = world.client(user)
    before = rows(world.authority)
    for route, name, _view in ROUTES:
        response = getattr(client, method)(address(name, route, world))
        assert response.status_code < 500, name
    assert rows(world.authority) == before


@pytest.mark.bar(38)
@pytest.mark.parametrize("role", ["ida", "supervisor", "administrator"])
def test_no_form_of_another_site_is_taken(world, role):
    signed_in = world.client(world.staff.get(role) or world.ida.user)
    before = rows(world.authority)
    for origin in (None, "https://spreetal.localhost", "null"):
        client = Client(
            enforce_csrf_checks=True,
            headers={"host": world.host} | ({"origin": origin} if origin else {}),
        )
        client.cookies = signed_in.cookies
        for route, name, _view in ROUTES:
            for method in ("post", "put", "patch", "delete"):
                response = getattr(client, method)(address(name, route, world))
                assert response.status_code in {401, 403, 405}, (name, method)
    assert rows(world.authority) == before


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("neckartal.localhost", "/account/login/"),
        ("neckartal.localhost", "/nothing/"),
        ("neckartal.localhost", "/worklist/"),
        ("neckartal.localhost", "/static/quarano.css"),
        ("localhost", "/"),
        ("localhost", "/nothing/"),
        ("nowhere.localhost", "/"),
        ("evil.example", "/"),
        ("not a host", "/"),
    ],
)
@pytest.mark.parametrize("redirects", [False, True])
def test_every_answer_says_what_a_browser_may_do(
    authority, settings, host, path, redirects
):
    settings.ALLOWED_HOSTS = [".localhost", "localhost"]
    settings.SECURE_SSL_REDIRECT = redirects
    response = Client(headers={"host": host}).get(path)
    response.close()
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Permissions-Policy" in response.headers
    assert "Cache-Control" in response.headers


def test_nothing_of_what_was_done_stays_in_a_cookie(world):
    client = world.client(world.staff["supervisor"])
    url = f"/worklist/panel/{world.ida.pk}/assign/"
    response = client.post(url, {"to": str(world.staff["supervisor"].pk)})
    assert response.status_code == 302
    assert set(client.cookies) <= {"sessionid", "csrftoken"}


def test_everybody_shown_is_in_the_audit(world, authority):
    """Each page that names a person has an event of just that request for them."""
    people = {
        pk: html.escape(family)
        for pk, family in Person.objects.values_list("pk", "family_name")
    }
    assert len(people) == 3

    def opened(user):
        with tenant_context(authority):
            events = Event.objects.filter(verb="file.opened", actor=user.pk)
            return set(events.values_list("person", flat=True))

    named = 0
    for role in ("case_worker", "supervisor", "physician", "administrator"):
        client = world.client(world.staff[role])
        for route, name, _view in ROUTES:
            response = client.get(address(name, route, world))
            text = response.content.decode(errors="replace")
            with tenant_context(authority):
                events = list(
                    Event.objects.filter(
                        request_id=response.headers["X-Request-ID"],
                        actor=world.staff[role].pk,
                    )
                )
            told = {event.person for event in events}
            told |= {pk for event in events for pk in event.shown}
            if "<uuid:" in route:
                # Regions of a file that was opened lately belong to that reading.
                told |= opened(world.staff[role])
            for pk, family in people.items():
                if re.search(rf"\b{family}\b", text):
                    named += 1
                    assert pk in told, (name, role, family)
    assert named > 20


PAYLOAD = '"><img src=x><b hx-get="/x">\''


def test_what_people_type_is_never_markup(authority):
    with time_machine.travel(worlds.NOW, tick=False):
        world = worlds.build(PAYLOAD)
        for user in (*world.staff.values(), world.ida.user):
            client = world.client(user)
            for route, name, _view in ROUTES:
                response = client.get(address(name, route, world))
                text = response.content.decode(errors="replace")
                for mark in ("<img src=x", '<b hx-get="/x"'):
                    assert mark not in text, name


HOSTILE = ["a\x00b", "9" * 5_000, "-1", "9999-12-31", "\u202e' OR 1=1 --"]
PARAMETERS = ["q", "page", "p", "o", "person", "do", "on", "tab", "reason", "kind",
              "code", "subject", "actor", "is_active__exact"]  # fmt: skip


def forms(page):
    """Where each form of a page is posted to, and its fields."""
    for form in re.findall(r"<form\b.*?</form>", page, re.DOTALL):
        if 'method="post"' in form:
            action = re.search(r'action="([^"]*)"', form)
            yield (
                html.unescape(action.group(1)) if action else "",
                sorted(set(re.findall(r'name="([^"]+)"', form))),
            )


@pytest.mark.parametrize("role", ["nobody", "ida", "supervisor", "administrator"])
def test_nothing_that_is_typed_breaks_a_page(world, role):
    user = {"nobody": None, "ida": world.ida.user}.get(role, world.staff.get(role))
    client = world.client(user)
    posted = set()
    for route, name, _view in ROUTES:
        path = address(name, route, world)
        if "logout" in path:
            continue
        for value in HOSTILE:
            client.get(path, dict.fromkeys(PARAMETERS, value))
        page = client.get(path)
        if page.status_code != 200 or "html" not in page.headers["Content-Type"]:
            continue
        for action, names in forms(page.content.decode()):
            pattern = re.sub(r"[0-9a-f-]{36}", "ID", action or path)
            if pattern in posted or "logout" in pattern:
                continue
            posted.add(pattern)
            for value in HOSTILE:
                response = client.post(action or path, dict.fromkeys(names, value))
                assert response.status_code < 500, (action, value)
    assert posted


def test_the_audit_keeps_nothing_that_was_typed(world, authority):
    client = world.client(world.staff["administrator"])
    key = str(world.ida.pk)
    client.get("/admin/audit/event/", {"person": "Ida Sommer", "subject": key})
    with tenant_context(authority):
        event = Event.objects.filter(verb="audit.viewed").latest("at")
        assert event.codes == {"subject": key}


@pytest.mark.bar(12)
def test_a_citizen_sets_nothing_but_what_the_forms_ask(world, authority):
    """Every field of every model, posted to every address and form."""
    every = {
        field.name: "1"
        for model in apps.get_models()
        if model._meta.app_label in {"cases", "contacts", "accounts", "diaries"}
        for field in model._meta.concrete_fields
    } | {
        "protected": "on", "roles": "administrator", "is_active": "on",
        "email": "evil@example.org", "mobile": "+4915112345678",
        "birth_date": "2000-01-01", "user": str(world.staff["administrator"].pk),
        "person": str(world.lena.pk), "enrolment": "by_phone", "until": "2027-01-01",
        "died_on": "2026-11-24", "version": "1",
    }  # fmt: skip

    def kept():
        with tenant_context(authority):
            told = [
                *User.objects.order_by("pk").values_list(
                    "email", "mobile", "roles", "is_active", "session_epoch"
                ),
                *Person.objects.order_by("pk").values(),
                *Reporter.objects.order_by("pk").values(),
                *Case.objects.order_by("pk").values(),
                *Order.objects.order_by("pk").values(),
                *Monitoring.objects.order_by("pk").values_list(
                    "status", "until", "enrolment", "conclusion"
                ),
            ]
        connection.set_schema_to_public()
        return told

    before, client, posted = kept(), world.client(world.ida.user), 0
    for route, name, _view in ROUTES:
        path = address(name, route, world)
        if "logout" in path or "language" in path:
            continue
        client.post(path, every)
        page = client.get(path)
        if page.status_code != 200:
            continue
        for action, names in forms(page.content.decode()):
            if "logout" not in action and "language" not in action:
                posted += 1
                client.post(action or path, every | dict.fromkeys(names, "1"))
    assert posted
    assert kept() == before


# --- Logs ----------------------------------------------------------------------------


def logged(level=logging.ERROR, *, name="quarano", text="gone wrong", **extra):
    record = logging.getLogger(name).makeRecord(
        name, level, __file__, 1, text, extra.pop("args", ()),
        extra.pop("exc_info", None), extra=extra,
    )  # fmt: skip
    assert Discreet().filter(record)
    return Plain("%(name)s %(reference)s %(message)s").format(record)


def test_the_row_that_the_database_refused_is_in_no_log(authority):
    def refuse():
        with transaction.atomic():
            Person.objects.create(
                given_name="Ida", family_name="Sommer", recorded_at=worlds.NOW,
                birth_date="1988-04-15",
            )  # fmt: skip

    with pytest.raises(IntegrityError) as caught:
        refuse()
    assert "Sommer" in str(caught.value), "else this test could not fail"
    text = logged(exc_info=(caught.type, caught.value, caught.tb))
    assert "Sommer" not in text
    assert "1988" not in text
    assert "IntegrityError" in text
    assert "person_birth_date_said_by" in text
    assert "in refuse" in text, "where it went wrong is said"


def test_an_exception_of_an_exception_ends(authority):
    one, other = ValidationError("Ida"), ValueError("Sommer")
    one.__context__, other.__context__ = other, one
    assert "ValueError" in logged(exc_info=(type(one), one, None))


@pytest.mark.parametrize("name", ["django.request", "django.security.csrf"])
def test_no_address_of_a_link_is_in_a_log(authority, name):
    request = RequestFactory().post("/enrolment/link/tell-tale/?q=Ida")
    text = logged(
        name=name, text="Forbidden: %s", args=("/enrolment/link/tell-tale/",),
        request=request, status_code=403,
    )  # fmt: skip
    assert "tell-tale" not in text
    assert "403 POST" in text


def test_a_task_that_fails_says_what_kind_of_failure(authority):
    name = str(worlds.NOW)  # not in the line of code that is told
    try:
        raise ValueError(name)
    except ValueError:
        text = logged(
            name="celery.app.trace", text="Task %(name)s: %(exc)s",
            args=({"name": "remind", "id": "7", "exc": repr(name),
                   "description": "raised unexpected"},),
            exc_info=sys.exc_info(),
        )  # fmt: skip
    assert name not in text
    assert "task remind[7] raised unexpected: ValueError" in text


def test_the_reference_of_an_error_page_finds_its_line(authority):
    with started_by("5a7b"):
        assert logged().endswith("ERROR quarano 5a7b gone wrong")


def test_requests_go_through_the_discreet_handler(authority, capsys, settings):
    """The settings, not only the class: no token even where a request is refused."""
    for method in ("options", "post", "put"):
        client = Client(
            enforce_csrf_checks=True, headers={"host": "neckartal.localhost"}
        )
        for link in ("enrolment/link", "account/invitation"):
            getattr(client, method)(f"/{link}/tell-tale/")
    handler = next(
        h for h in logging.getLogger().handlers if type(h.formatter) is Plain
    )
    assert any(isinstance(one, Discreet) for one in handler.filters)
    assert "tell-tale" not in capsys.readouterr().out
