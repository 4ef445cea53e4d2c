"""In production a line is an object, and no line says who."""

import io
import json
import logging
import logging.config
from copy import deepcopy

import pytest
import time_machine
from django.conf import settings
from django.db import connection

from quarano.logs import Discreet, Structured
from tests import world as worlds

MARK = "CANARYQ"
PHONE = "+4915212345678"


@pytest.fixture
def lines():
    """The settings' logging as outside DEBUG; what was written, line by line."""
    stream = io.StringIO()
    wanted = deepcopy(settings.LOGGING)
    wanted["formatters"]["lines"]["()"] = "quarano.logs.Structured"
    wanted["handlers"]["stdout"]["stream"] = stream
    wanted["loggers"]["quarano.requests"]["level"] = "INFO"
    before = logging.getLogger().handlers[:], logging.getLogger().level
    logging.config.dictConfig(wanted)
    yield lambda: [json.loads(one) for one in stream.getvalue().splitlines()]
    logging.config.dictConfig(settings.LOGGING)
    logging.getLogger().handlers[:], logging.getLogger().level = before


def test_a_request_is_a_line_with_id_authority_page_status_and_time(
    authority, client, lines
):
    answer = client.get("/account/login/", headers={"host": "neckartal.localhost"})
    (line,) = [one for one in lines() if one["logger"] == "quarano.requests"]
    assert line["request"] == answer.headers["X-Request-ID"]
    assert line["authority"] == "neckartal"
    assert (line["method"], line["route"], line["status"]) == (
        *("GET", "account_login", 200),
    )
    assert 0 < line["ms"] < 60_000
    assert line["level"] == "INFO"
    assert line["time"].endswith("+00:00")


def test_probes_that_find_nothing_wrong_fill_no_log(client, lines):
    for _ in range(3):
        assert client.get("/healthz/").status_code == 200
    assert [one for one in lines() if one["logger"] == "quarano.requests"] == []


def test_an_error_is_one_line_too_with_the_lines_of_our_code(
    authority, client, lines, monkeypatch
):
    def breaks(*args, **kwargs):
        raise RuntimeError(f"{MARK} Ida")

    monkeypatch.setattr("quarano.context.navigation", breaks)
    client.raise_request_exception = False
    client.get("/account/login/", headers={"host": "neckartal.localhost"})
    (error,) = [one for one in lines() if one["logger"] == "django.request"]
    assert "RuntimeError" in error["error"]
    assert "context.py" in error["error"]
    assert error["authority"] == "neckartal"
    assert error["request"] != "-"
    assert MARK not in json.dumps(lines())


@pytest.mark.undisturbed
def test_forms_with_names_and_telephones_leave_none_in_the_log(authority, lines):
    with time_machine.travel(worlds.NOW, tick=False):
        world = worlds.build(MARK)
        client = world.client(world.staff["case_worker"])
        client.raise_request_exception = False
        typed = {
            "given_name": f"{MARK} Ida",
            "family_name": f"{MARK} Sommer",
            "mobile": PHONE,
            "phone": PHONE,
            "email": f"{MARK}@example.org",
            "login": f"{MARK}@example.org",
            "password": f"{MARK}-secret",
        }
        routes = [
            (route, name)
            for route, name, _view in worlds.routes("quarano.urls")
            if name != "admin:app_list" and "logout" not in name
        ]
        from django.urls import reverse

        for route, name in routes:
            arguments = worlds.arguments(route, world.ids, world.token)
            path = reverse(name, urlconf="quarano.urls", kwargs=arguments)
            client.post(path, typed)
            client.get(path, typed)
            connection.set_schema_to_public()
    said = lines()
    assert len([one for one in said if one["logger"] == "quarano.requests"]) >= 200
    text = json.dumps(said, ensure_ascii=False)
    for secret in (MARK, PHONE, PHONE.removeprefix("+49"), str(world.token)):
        assert secret not in text


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("Error handling request %s", ("/enrolment/link/CANARYQ/",)),
        ("Error handling request %s %s", ("GET", "/enrolment/link/CANARYQ/")),
        ("Invalid request from ip=192.0.2.7: CANARYQ", ()),
    ],
)
def test_what_gunicorn_says_of_a_request_names_neither_page_nor_person(
    message, arguments
):
    record = logging.LogRecord(
        "gunicorn.error", logging.ERROR, "", 0, message, arguments, None
    )
    assert Discreet().filter(record)
    said = Structured().format(record)
    assert "equest" in said
    assert MARK not in said
    assert "192.0.2.7" not in said
