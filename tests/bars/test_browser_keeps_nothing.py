"""What a browser may do with our pages and keep of them (bars 33, 35, 39)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests import world as worlds
from tests.bars.test_bar_78_secrets import SETTING

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.undisturbed
ROUTES = [
    (route, name)
    for route, name, _view in worlds.routes("quarano.urls")
    if name != "admin:app_list" and "logout" not in name
]


@pytest.fixture
def world(authority):
    with time_machine.travel(worlds.NOW, tick=False):
        yield worlds.build()


def policy_of(response):
    """The directives of the answer's Content-Security-Policy."""
    told = response.headers["Content-Security-Policy"].split(";")
    return {name: values for name, *values in (one.split() for one in told)}


@pytest.mark.bar(33, 39)
@pytest.mark.parametrize("role", ["nobody", "ida", "supervisor", "administrator"])
def test_bars_33_and_39_every_answer_is_strict_and_never_stored(world, role):
    """All statuses, pages and regions. There is no inline script, so no nonce: what a
    nonce would let through does not exist."""
    user = {"nobody": None, "ida": world.ida.user}.get(role, world.staff.get(role))
    client, answers = world.client(user), 0
    for route, name in ROUTES:
        arguments = worlds.arguments(route, world.ids, world.token)
        path = reverse(name, urlconf="quarano.urls", kwargs=arguments)
        for answer in (
            client.get(path),
            client.get(path, headers={"HX-Request": "true"}),
            client.put(path),
        ):
            answers += 1
            assert "no-store" in answer.headers["Cache-Control"], name
            policy = policy_of(answer)
            assert policy["default-src"] == ["'none'"], name
            assert policy["frame-ancestors"] == ["'none'"], name
            assert policy["form-action"] == ["'self'"], name
            assert policy["base-uri"] == ["'none'"], name
            allowed = {value for values in policy.values() for value in values}
            assert allowed <= {"'none'", "'self'"}, (name, allowed)
            text = answer.content.decode(errors="replace")
            assert not re.search(r"<script(?![^>]*\ssrc=)|\son[a-z]+=\"|\sstyle=", text)
    assert answers > 100


@pytest.mark.bar(33)
def test_bar_33_the_walk_through_the_browser_fails_on_any_violation():
    """Every page of tests/test_walk.py is opened in a browser whose console is read."""
    browsing = (ROOT / "tests" / "browsing.py").read_text()
    assert "Content Security Policy" in browsing
    assert "assert not complaints" in browsing
    walk = (ROOT / "tests" / "test_walk.py").read_text()
    assert "from tests.browsing import" in walk


@pytest.mark.bar(39)
def test_bar_39_static_files_are_no_answer_about_anybody(authority):
    answer = Client(headers={"host": "neckartal.localhost"}).get("/static/quarano.css")
    answer.close()
    assert answer.status_code == 200


@pytest.mark.bar(35)
def test_bar_35_the_check_for_deployment_is_silent():
    assert settings.SILENCED_SYSTEM_CHECKS == []
    own = {*SETTING, "DJANGO_ALLOW_ASYNC_UNSAFE"}
    kept = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env=kept | SETTING | {"EMAIL_USE_TLS": "true"}, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-600:]
    assert "check --deploy --fail-level WARNING" in (ROOT / "Makefile").read_text()
