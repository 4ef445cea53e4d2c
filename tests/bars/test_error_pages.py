"""Whatever goes wrong: a page that says nothing of how we are made, and a reference."""

import re

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import translation

from tests import world as worlds

pytestmark = pytest.mark.undisturbed
REFERENCE = re.compile(r"<code>([0-9a-f-]{36})</code>")
# A trace, a version, SQL, a path of the server, a setting, a class of ours.
TELLTALE = re.compile(
    r"Traceback|\.py\b|line \d+|psycopg|Django|Python/|gunicorn|PostgreSQL|Cockroach"
    r"|SELECT |INSERT |UPDATE |WHERE |/work/|/home/|/usr/|site-packages|DEBUG"
    r"|Exception|Error:|neckartal\.\w+_|settings",
    re.IGNORECASE,
)


@pytest.fixture
def world(authority):
    with time_machine.travel(worlds.NOW, tick=False):
        yield worlds.build()


def tells_nothing(response, status):
    assert response.status_code == status
    text = response.content.decode()
    found = REFERENCE.search(text)
    assert found, text[:400]
    assert found.group(1) == response.headers["X-Request-ID"]
    assert not TELLTALE.search(text), TELLTALE.search(text)
    told = {name.lower() for name in response.headers}
    assert not told & {"server", "x-powered-by", "x-runtime", "x-django-version"}
    return text


def site(host="neckartal.localhost", **more):
    client = Client(headers={"host": host, "accept-language": "en"}, **more)
    client.raise_request_exception = False
    return client


ROUTES = [
    (route, name)
    for route, name, _view in worlds.routes("quarano.urls")
    if name != "admin:app_list"
]


@pytest.mark.bar(42)
@pytest.mark.parametrize("role", ["nobody", "ida", "supervisor", "administrator"])
def test_bar_42_every_refusal_of_every_address_is_such_a_page(world, role):
    user = {"nobody": None, "ida": world.ida.user}.get(role, world.staff.get(role))
    client, seen = world.client(user), set()
    unknown = worlds.unknown_ids(world.ids)
    for route, name in ROUTES:
        if "logout" in name:
            continue
        for ids in (world.ids, unknown):
            path = reverse(
                name,
                urlconf="quarano.urls",
                kwargs=worlds.arguments(route, ids, "no-such-token"),
            )
            for method in ("get", "post", "put", "delete"):
                response = getattr(client, method)(path)
                if response.status_code in {403, 404, 405, 429}:
                    seen.add(response.status_code)
                    if not response.content.startswith(b"{"):
                        assert "html" in response["Content-Type"], (name, method)
                    if b"<html" in response.content and b"form" not in response.content:
                        tells_nothing(response, response.status_code)
    assert {405} <= seen


@pytest.mark.bar(42)
@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/nothing/here/", "neckartal.localhost", 404),
        ("/nothing/here/", "localhost", 404),
        ("/", "nowhere.localhost", 404),
        ("/", "not a host", 400),
        ("/people/%00/", "neckartal.localhost", 404),
    ],
)
def test_bar_42_what_is_not_there(authority, path, host, status):
    tells_nothing(site(host).get(path), status)


@pytest.mark.bar(42)
def test_bar_42_a_form_without_its_token(authority):
    tells_nothing(site(enforce_csrf_checks=True).post("/account/login/"), 403)


@pytest.mark.bar(42)
@pytest.mark.parametrize("host", ["neckartal.localhost", "localhost"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_bar_42_an_error_of_ours(authority, monkeypatch, host, language):
    def breaks(*args, **kwargs):
        raise RuntimeError("Ida Sommer, /home/ida/secret.py")

    monkeypatch.setattr("quarano.context.navigation", breaks)
    client = site(host)
    client.cookies["django_language"] = language
    text = tells_nothing(client.get("/account/login/" if "." in host else "/"), 500)
    assert "Ida" not in text
    assert f'lang="{language}"' in text


@pytest.fixture
def away(django_db_setup, django_db_blocker):
    """The database cannot be reached; nothing of the site is remembered."""
    from health_authorities import memory, middleware

    with django_db_blocker.unblock():
        middleware.forget()
        memory.forget()
        connection.close()
        host = connection.settings_dict["HOST"]
        connection.settings_dict["HOST"] = "/nowhere"
        yield
        connection.settings_dict["HOST"] = host
        connection.close()
        connection.set_schema_to_public()


@pytest.mark.bar(42)
@pytest.mark.parametrize("host", ["neckartal.localhost", "localhost"])
@pytest.mark.parametrize(
    "path", ["/", "/worklist/", "/diary/", "/account/login/", "/admin/"]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_bar_42_a_database_that_is_away_is_503(away, host, path, method):
    client = site(host)
    # Somebody who was signed in: the session would be asked of the database.
    client.cookies["sessionid"] = "a" * 32
    response = getattr(client, method)(path)
    if response.status_code in {302, 404, 405} or (host, path) == ("localhost", "/"):
        assert host == "localhost", "only the public host has pages without a database"
        return
    text = tells_nothing(response, 503)
    assert response.headers["Retry-After"]
    assert "cannot reach its database" in text


@pytest.mark.parametrize(("asked", "shown"), [("en", "en"), ("de-DE,de;q=0.9", "de")])
def test_an_early_error_speaks_the_language_of_who_asks(away, asked, shown):
    other = {"en": "de", "de": "en"}[shown]
    with translation.override(other):  # as the request before left it
        client = Client(headers={"host": "neckartal.localhost"})
        client.raise_request_exception = False
        response = client.get("/", headers={"accept-language": asked})
    assert response.status_code == 503
    assert f'lang="{shown}"' in response.content.decode()


@pytest.mark.bar(42)
@pytest.mark.parametrize("host", ["neckartal.localhost", "localhost"])
def test_bar_42_readiness_says_503_on_every_host(away, host):
    response = site(host).get("/readyz/")
    assert response.status_code == 503
    assert "database" in response.json()["wrong"]
    assert site(host).get("/healthz/").status_code == 200


@pytest.mark.bar(42)
def test_bar_42_a_known_host_does_not_hide_that_the_database_is_away(away, monkeypatch):
    from health_authorities import middleware
    from health_authorities.models import HealthAuthority

    known = HealthAuthority(
        schema_name="neckartal", name="x", time_zone="Europe/Berlin"
    )
    monkeypatch.setattr(middleware, "authority_at", lambda host: known)
    assert site().get("/readyz/").status_code == 503
    client = site()
    client.cookies["sessionid"] = "a" * 32
    tells_nothing(client.get("/worklist/"), 503)
