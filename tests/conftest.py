import datetime as dt
import fcntl
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.cache import cache
from django.db import connection, connections
from hypothesis import settings as properties
from psycopg import sql

from health_authorities import memory, middleware
from quarano.audit import APPEND_ONLY
from tests import sql_guard

# The same examples in every run, on machines that are busy with something else too.
properties.register_profile("fixed", derandomize=True, deadline=None)
properties.load_profile("fixed")

ON_COCKROACH = os.environ["DATABASE_URL"].startswith("cockroach")
DROP = "CASCADE" if ON_COCKROACH else "WITH (FORCE)"
HERE = ["127.0.0.1", "::1", "localhost"]

# The same hashes at the least cost; how passwords are hashed is in the settings.
Argon2PasswordHasher.time_cost = 1
Argon2PasswordHasher.memory_cost = 64
Argon2PasswordHasher.parallelism = 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("browser") or item.get_closest_marker("localhost"):
            item.add_marker(pytest.mark.allow_hosts(HERE))
        if item.get_closest_marker("cockroach") and not ON_COCKROACH:
            item.add_marker(pytest.mark.skip(reason="not run: needs CockroachDB"))
        if item.get_closest_marker("postgresql") and ON_COCKROACH:
            item.add_marker(pytest.mark.skip(reason=f"not run: {WITHIN}"))


WITHIN = "makes tables within the test's transaction, which CockroachDB would commit"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, Any, Any]:
    return (yield from not_run_within_a_transaction())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    return (yield from not_run_within_a_transaction())


def not_run_within_a_transaction() -> Generator[None, Any, Any]:
    """A founding within a test's own transaction is refused on CockroachDB; such a test
    says that it did not run."""
    try:
        return (yield)
    except Exception as error:
        from quarano.cockroach.schemas import NotOnItsOwn

        if ON_COCKROACH and isinstance(error, NotOnItsOwn):
            pytest.skip(f"not run: {WITHIN}")
        raise


# --- The database: one per process, both authorities made once --------------------


def address_of(database: str) -> str:
    """The address of another database on the server of the tests."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{database}"))


def on_server(statement: str, name: str) -> None:
    address = address_of("postgres").replace("cockroachdb:", "postgresql:")
    address = address.replace("cockroach:", "postgresql:")
    # Two workers at once would trip over template1.
    with Path(os.environ["QUARANO_TEST_LOCK"]).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with psycopg.connect(address, autocommit=True) as server:
            server.execute(sql.SQL(statement).format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker) -> Iterator[None]:
    """A migrated database of this process alone, with both authorities in it."""
    from quarano.cockroach.preparing import prepare

    name = f"test_quarano_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with django_db_blocker.unblock():
        connection.close()
        on_server(f"DROP DATABASE IF EXISTS {{}} {DROP}", name)
        on_server("CREATE DATABASE {}", name)
        previous = os.environ["DATABASE_URL"]
        os.environ["DATABASE_URL"] = address_of(name)  # for processes of the tests
        for settings in (connection.settings_dict, connections.settings["default"]):
            settings["NAME"] = name
        prepare(append_only=APPEND_ONLY)
        found_both()
        sql_guard.watch()
    yield
    with django_db_blocker.unblock():
        connections.close_all()
        os.environ["DATABASE_URL"] = previous
        on_server(f"DROP DATABASE IF EXISTS {{}} {DROP}", name)


def found_both() -> None:
    """Found both authorities, outside any transaction."""
    from quarano.founding import found

    for schema, fields in AUTHORITIES.items():
        found(
            schema_name=schema,
            host=f"{schema}.localhost",
            administrator_name="Ada Verwaltung",
            administrator_email=f"ada@{schema}.example",
            now=FOUNDED,
            **fields,
        )
        connection.set_schema_to_public()


FOUNDED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
AUTHORITIES = {
    "neckartal": {
        "name": "Gesundheitsamt Neckartal",
        "short_name": "Neckartal",
        "rki_code": "1.08.2.22.",
        "federal_state": "08",
        "district": "Neckartal",
        "sender": "gesundheitsamt@neckartal.example",
    },
    "spreetal": {
        "name": "Gesundheitsamt Spreetal",
        "short_name": "Spreetal",
        "rki_code": "1.11.0.01.",
        "federal_state": "11",
        "district": "Spreetal",
        "sender": "gesundheitsamt@spreetal.example",
    },
}


@pytest.fixture(autouse=True)
def back_to_public() -> Iterator[None]:
    """After a request the connection stays in that schema."""
    connection.set_schema_to_public()
    yield
    connection.set_schema_to_public()


@pytest.fixture(autouse=True)
def empty_cache(request) -> None:
    """Counts of tries and cached authorities do not pass from test to test."""
    if {"db", "transactional_db"} & set(request.fixturenames):
        cache.clear()
        memory.forget()
        middleware.forget()


# Tests of these count statements, or meet real refusals of parallel transactions.
UNDISTURBED_FIXTURES = {"django_assert_num_queries", "django_assert_max_num_queries"}
UNDISTURBED_MARKS = ("committed", "browser", "undisturbed")


@pytest.fixture(autouse=True)
def refusals(request, monkeypatch) -> None:
    """With --refuse the database refuses each statement of each process once."""
    if (
        request.config.getoption("--refuse")
        and not any(map(request.node.get_closest_marker, UNDISTURBED_MARKS))
        and not UNDISTURBED_FIXTURES & set(request.fixturenames)
    ):
        from quarano.cockroach import transactions
        from tests.faults import RefusedRuns

        monkeypatch.setattr(transactions, "_Runs", RefusedRuns)


@pytest.fixture
def jobs_at_once() -> Iterator[None]:
    """Tasks run where they are called, their errors come back."""
    from quarano.celery import app

    names = ["task_always_eager", "task_eager_propagates"]
    before = {name: getattr(app.conf, name) for name in names}
    app.conf.update(dict.fromkeys(names, True))
    yield
    app.conf.update(before)


# --- Both authorities --------------------------------------------------------------


@pytest.fixture
def authority(db):
    """Anna's authority; the test works inside its schema."""
    from health_authorities.models import HealthAuthority

    found = HealthAuthority.objects.get(schema_name="neckartal")
    connection.set_tenant(found)
    return found


@pytest.fixture
def other_authority(db):
    """Nora's authority; the test enters it by `tenant_context`."""
    from django_tenants.utils import schema_context

    from health_authorities.models import HealthAuthority

    with schema_context("public"):
        return HealthAuthority.objects.get(schema_name="spreetal")


# --- A demo of one's own, once, and a browser: WALK_PORT=8000 takes one that runs ---


@pytest.fixture(scope="session")
def demo():
    from tests import demo as demos

    if port := os.environ.get("WALK_PORT"):
        yield demos.Demo(int(port), Path(), None, 0.0, 0.0)
        return
    with demos.running() as started:
        yield started


# Not for the whole session: while it runs, asyncio belongs to it.
@pytest.fixture(scope="module")
def browser(demo):
    from playwright.sync_api import sync_playwright

    from tests.demo import CHROMIUM, FLAGS

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()
