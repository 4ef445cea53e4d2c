"""The benchmark measures what it says; how fast is no matter of a test."""

import datetime as dt
import json
import time

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cases.models import Person
from health_authorities import memory, middleware
from quarano.bench import results
from quarano.bench.browser import CSRF, Browser, sign_in
from quarano.bench.results import Result
from quarano.bench.sql import Asked, asked_by
from quarano.synthetic import country
from tests import world as worlds
from tests.world import NOW

pytestmark = pytest.mark.undisturbed


@pytest.fixture
def remembering(settings):
    settings.AUTHORITY_CACHE_SECONDS = 30
    memory.forget()
    middleware.forget()
    yield
    memory.forget()
    middleware.forget()


def test_the_percentile_is_a_value_that_was_measured():
    assert results.percentile([5, 1, 3, 2, 4], 0.5) == 3
    assert results.percentile(list(range(1, 101)), 0.95) == 95
    assert results.percentile([7], 0.95) == 7


def test_a_figure_goes_out_with_its_yardstick():
    one = Result(4, "file", 30.0, "ms", "3,000 people", 10.0, 80, True)
    said = one.as_json()
    assert said["ratio"] == 3.0
    wanted = [
        "row",
        "name",
        "value",
        "unit",
        "yardstick",
        "ratio",
        "target",
        "met",
        "dataset",
    ]
    assert set(wanted) <= set(said)
    json.dumps(said)
    unknown = Result(18, "node dies", None, "s", "-", why="needs a cluster")
    assert unknown.as_json()["met"] is None
    lines = results.table([one, unknown]).splitlines()
    assert "yes" in lines[1]
    assert "needs a cluster" in lines[2]


def test_a_session_of_the_benchmark_opens_the_desk(authority, remembering):
    with time_machine.travel(dt.datetime.now(dt.UTC), tick=False):
        country.hire(8, 1, now=NOW)
        from quarano.accounts.models import User

        anna = User.objects.get(email__startswith="official4@")
        (key,) = sign_in([anna])
        browser = Browser(0, "neckartal.localhost", key)
        asked = asked_by(browser, "/worklist/?tab=all")
        assert any("cases_escalation" in one for one in asked.statements)
        assert not any(one.startswith("SET") for one in asked.statements)
        assert connection.tenant == authority


def test_what_a_page_asked_is_replayed_and_taken_back(authority):
    person = Person.objects.create(
        given_name="Ida", family_name="Sommer", recorded_at=NOW
    )
    asked = Asked(["UPDATE cases_person SET city = 'Elsewhere'"])
    before = time.perf_counter()
    assert 0 < asked.replayed(3) < time.perf_counter() - before
    person.refresh_from_db()
    assert person.city == ""


def test_the_files_of_four_weeks_are_long(authority, remembering):
    country.hire(8, 1, now=NOW)
    country.long_diaries(authority, 4, now=NOW)
    counts = [person.entries.count() for person in Person.objects.all()]
    assert max(counts) >= 28
    assert all(one.monitorings.exists() for one in Person.objects.all())


# --- Statements and plans -------------------------------------------------------------


def test_a_submission_asks_few_statements(authority, remembering):
    with time_machine.travel(NOW, tick=False):
        world = worlds.build()
        kolja = world.kolja
        by = world.staff["case_worker"]
        worlds.enrol(kolja, "kolja", by=by, mark="")
        kolja.refresh_from_db()
        client = world.client(kolja.user)
        path = f"/diary/{kolja.pk}/entry/2026-11-24-morning/"
        connection.set_schema_to_public()
        assert client.get(path).status_code == 200
        connection.set_schema_to_public()
        with CaptureQueriesContext(connection) as asked:
            answer = client.post(path, {"temperature": "36,6"})
        assert answer.status_code == 302
    texts = [one["sql"] for one in asked]
    work = [sql for sql in texts if not sql.startswith(("SAVEPOINT", "RELEASE"))]
    # The slot was never missed: nothing is raised and nothing goes.
    assert len(work) <= 16, "\n".join(work)


def test_nothing_of_the_forms_token_is_a_secret():
    assert len(CSRF) == 32


def test_a_benchmarks_transaction_leaves_nothing(authority):
    with transaction.atomic():
        Asked(["INSERT INTO accounts_role VALUES ('x', 'x', '{}')"]).replayed(1)
    from quarano.accounts.models import Role

    assert not Role.objects.filter(code="x").exists()
