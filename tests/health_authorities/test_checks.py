import base64

import pytest
from django.core.exceptions import ImproperlyConfigured

from health_authorities import checks

KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def production(settings):
    """Settings as they should be in production."""
    settings.DEVELOPMENT = False
    settings.SECRET_KEY = "k7Zq3-vB9_xT1w" * 5
    settings.FIELD_KEYS = [KEY]
    settings.ALLOWED_HOSTS = [".quarano.example"]
    return settings


@pytest.mark.parametrize("key", ["x" * 64, "only-for-development" * 3])
def test_a_secret_key_that_can_be_guessed_is_named(production, key):
    production.SECRET_KEY = key

    assert ids(checks.secrets) == ["quarano.E009"]


def test_debug_is_for_this_machine_alone(settings):
    for host in ("localhost", "127.0.0.1", "quarano.localhost"):
        settings.PUBLIC_HOST = host
        checks.refuse()
    settings.PUBLIC_HOST = "quarano.example"
    with pytest.raises(ImproperlyConfigured, match="DEBUG"):
        checks.refuse()


def ids(check) -> list[str]:
    return [message.id for message in check()]


def test_good_settings_are_silent(production):
    assert ids(checks.secrets) == ids(checks.hosts) == ids(checks.database) == []


def test_the_demo_is_refused_outside_debug(production):
    production.DEMO = True
    with pytest.raises(ImproperlyConfigured, match="DEMO"):
        checks.refuse()

    production.DEVELOPMENT = True
    production.PUBLIC_HOST = "localhost"
    checks.refuse()


@pytest.mark.parametrize("key", ["", "short"])
def test_a_missing_or_short_secret_key_is_named(production, key):
    production.SECRET_KEY = key

    assert ids(checks.secrets) == ["quarano.E001"]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ([], "quarano.E002"),
        (["not base64!"], "quarano.E003"),
        (["YWJj"], "quarano.E003"),
        (["ZGV2ZWxvcG1lbnQtb25seS0zMi1ieXRlcy1sb25nISE="], "quarano.E004"),
    ],
)
def test_a_key_that_seals_nothing_is_named(production, keys, problem):
    production.FIELD_KEYS = keys

    assert ids(checks.secrets) == [problem]


def test_development_needs_no_secrets(settings):
    settings.DEVELOPMENT = True
    settings.FIELD_KEYS = []

    assert ids(checks.secrets) == []


def test_hosts_must_be_named(production):
    production.ALLOWED_HOSTS = [""]

    assert ids(checks.hosts) == ["quarano.E005"]


def test_no_cookie_reaches_another_authority(production):
    production.SESSION_COOKIE_DOMAIN = ".quarano.example"

    assert ids(checks.hosts) == ["quarano.E006"]


@pytest.mark.parametrize(
    ("host", "mode", "expected"),
    [
        ("", "", []),
        ("/run/postgresql", "", []),
        ("localhost", "", ["quarano.E010"]),
        ("db.example", "", ["quarano.E010"]),
        ("db.example", "require", ["quarano.E010"]),
        ("db.example", "verify-ca", ["quarano.E010"]),
        ("/run/postgresql,db.example", "disable", ["quarano.E010"]),
        ("db.example", "verify-full", []),
    ],
)
def test_the_way_to_the_database_is_encrypted(
    production, monkeypatch, host, mode, expected
):
    place = {"HOST": host, "OPTIONS": {"sslmode": mode} if mode else {}}
    monkeypatch.setitem(production.DATABASES, "default", place)

    assert ids(checks.database) == expected


def test_a_task_is_not_given_out_while_it_runs(production):
    production.CELERY_TASK_TIME_LIMIT = 7200

    assert "quarano.E008" in ids(checks.ways_out)
