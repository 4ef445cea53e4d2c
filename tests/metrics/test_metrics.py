import datetime as dt
import json

import pytest
from celery.app.task import Context
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import schema_context, tenant_context

from quarano import clock
from quarano.celery import app
from quarano.cockroach import transactions
from quarano.metrics import installation, tallies
from quarano.notifications import outbox
from tests import world as worlds
from tests.faults import refused
from tests.metrics.conftest import TOKEN


@pytest.mark.parametrize("said", ["", "Bearer wrong", f"Basic {TOKEN}", "Bearer ü"])
def test_who_bears_no_token_learns_nothing(db, settings, client, said):
    settings.METRICS_TOKEN = TOKEN
    headers = {"host": "localhost", "authorization": said}
    answer = client.get("/metrics/", headers=headers)
    assert answer.status_code == 401
    assert b"quarano_" not in answer.content


def test_without_a_token_in_the_settings_there_is_no_such_page(db, settings, client):
    settings.METRICS_TOKEN = ""
    headers = {"host": "localhost", "authorization": "Bearer "}
    answer = client.get("/metrics/", headers=headers)
    assert answer.status_code == 404


def test_an_authority_has_no_such_page(authority, settings, client):
    settings.METRICS_TOKEN = TOKEN
    answer = client.get(
        "/metrics/",
        headers={"host": "neckartal.localhost", "authorization": f"Bearer {TOKEN}"},
    )
    assert answer.status_code == 404


def test_a_request_is_counted_by_the_name_of_its_page(authority, client, monitoring):
    name = 'quarano_request_seconds_count{method="GET",route="%s",status="%s"}'
    before = monitoring()
    client.get("/account/login/", headers={"host": "neckartal.localhost"})
    client.get("/people/Ida-Sommer/", headers={"host": "neckartal.localhost"})
    after = monitoring()
    for route, status in (("account_login", 200), ("none", 404)):
        key = name % (route, status)
        assert after[key] == before.get(key, 0) + 1
    assert not [one for one in after if "Sommer" in one]


@pytest.fixture
def nothing_sent(authority, other_authority):
    """Founding has written invitations, some day in January."""
    outbox.Message.objects.all().delete()
    with tenant_context(other_authority):
        outbox.Message.objects.all().delete()
    with schema_context("public"):
        outbox.Message.objects.all().delete()


def write(purpose, now, **more):
    return outbox.write(
        purpose,
        template="accounts/messages/security_notice",
        channel="mail",
        recipient="ida.sommer@example.org",
        language="de",
        now=now,
        parameters={"what": "password_changed"},
        **more,
    )


def test_the_oldest_due_message_and_the_states(
    nothing_sent, other_authority, monitoring
):
    now = clock.now()
    write("a", now - dt.timedelta(minutes=20))
    write("b", now)
    with tenant_context(other_authority):
        message = write("c", now - dt.timedelta(hours=3))
        outbox.Message.objects.filter(pk=message.pk).update(
            state="sent", sent_at=now - dt.timedelta(minutes=5)
        )
        message = write("d", now - dt.timedelta(hours=3))
        outbox.Message.objects.filter(pk=message.pk).update(
            state="failed", failed_at=now - dt.timedelta(days=2)
        )
    figures = monitoring()
    oldest = 'quarano_message_oldest_due_seconds{authority="%s"}'
    assert 1200 <= figures[oldest % "neckartal"] < 1260
    assert figures[oldest % "spreetal"] == figures[oldest % "public"] == 0
    assert figures['quarano_messages_waiting{authority="neckartal"}'] == 2
    assert figures['quarano_messages{state="waiting"}'] == 2
    assert figures['quarano_messages{state="sent"}'] == 1
    assert figures['quarano_messages{state="failed"}'] == 0  # two days ago
    assert figures["quarano_authorities"] == 2


def test_letters_wait_for_an_official_not_for_the_worker(nothing_sent, monitoring):
    now = clock.now()
    message = write("a", now - dt.timedelta(days=1))
    outbox.Message.objects.filter(pk=message.pk).update(channel="letter")
    figures = monitoring()
    assert figures['quarano_message_oldest_due_seconds{authority="neckartal"}'] == 0
    assert figures['quarano_messages_waiting{authority="neckartal"}'] == 1


def test_the_database_is_asked_once_a_minute(authority, monitoring):
    monitoring()
    caches["shared"].set(installation.PLACE, [("neckartal", 7, 0, None, 0, 0)], 60)
    assert monitoring()['quarano_messages{state="waiting"}'] == 7


def test_fifty_authorities_are_one_statement(authority):
    from health_authorities import everywhere

    connection.set_schema_to_public()
    with CaptureQueriesContext(connection) as statements:
        found = everywhere.rows(
            lambda schema: installation.messages_query(schema, clock.now()),
            public=True,
        )
    assert [row[0] for row in found] == ["neckartal", "spreetal", "public"]
    asked = [one["sql"] for one in statements if "notifications_message" in one["sql"]]
    assert len(asked) == 1


def test_an_authority_that_cannot_answer_hides_no_other(authority, caplog):
    from health_authorities import everywhere

    def question(schema):
        table = "nothing_here" if schema == "neckartal" else "notifications_message"
        return f'SELECT %s, count(*) FROM "{schema}".{table}', [schema]

    connection.set_schema_to_public()
    found = everywhere.rows(question, public=True)
    assert [row[0] for row in found] == ["spreetal", "public"]
    assert "neckartal cannot be asked" in caplog.text


@app.task(name="tests.metrics.works")
def works(fails):
    if fails:
        raise ValueError("Ida Sommer")


def run(task, *arguments):
    """Run a task as a worker does, signals and all."""
    from celery.app.trace import build_tracer

    trace = build_tracer(task.name, task, app=app, propagate=False)
    request = Context(id="1", is_eager=False, args=arguments, kwargs={}).__dict__
    trace("1", arguments, {}, request)


def test_jobs_are_counted_with_their_time_and_failures(db, monitoring):
    for fails in (False, True, False):
        run(works, fails)
    figures = monitoring()
    job = '{job="tests.metrics.works"}'
    assert figures[f"quarano_job_runs_total{job}"] == 3
    assert figures[f"quarano_job_failures_total{job}"] == 1
    assert 0 < figures[f"quarano_job_last_seconds{job}"] < 5
    assert figures[f"quarano_job_last_run_timestamp_seconds{job}"] > 1.7e9
    assert figures[f"quarano_job_seconds_total{job}"] > 0


def test_the_age_of_the_oldest_task_in_a_queue(db, monitoring, settings):
    assert monitoring()['quarano_queue_oldest_seconds{queue="celery"}'] == 0
    works.apply_async((False,))
    works.apply_async((False,))
    kept = tallies.store()
    oldest = json.loads(kept.lindex("celery", -1))
    oldest["headers"]["published"] -= 90
    kept.lset("celery", -1, json.dumps(oldest))
    figures = monitoring()
    assert figures['quarano_queue_tasks{queue="celery"}'] == 2
    assert 90 <= figures['quarano_queue_oldest_seconds{queue="celery"}'] < 120
    # What stands behind everything else is counted, and no sign of trouble.
    kept.delete("celery")
    works.apply_async((False,), priority=9)
    figures = monitoring()
    assert figures['quarano_queue_tasks{queue="celery"}'] == 1
    assert figures['quarano_queue_oldest_seconds{queue="celery"}'] == 0


def test_a_transaction_that_runs_again_is_counted_by_process_and_cause(
    authority, monitoring
):
    @transactions.retrying_transaction
    def confirm():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    with refused(2):
        confirm()
    counted = [
        (name, value)
        for name, value in monitoring().items()
        if name.startswith("quarano_transactions_repeated_total")
    ]
    assert len(counted) == 1
    name, value = counted[0]
    assert 'cause="40001"' in name
    assert "confirm" in name
    assert value == 1


def test_a_redis_that_is_away_costs_figures_and_no_work(
    nothing_sent, settings, monitoring
):
    settings.REDIS_URL = "redis+socket:///nowhere/redis.sock"
    tallies.store.cache_clear()
    try:
        run(works, False)
        tallies.note_repeated("x", "40001")
        figures = monitoring()
    finally:
        tallies.store.cache_clear()
    assert figures['quarano_up{part="redis"}'] == 0
    assert figures['quarano_up{part="database"}'] == 1
    assert not [one for one in figures if one.startswith(("quarano_job", "quarano_q"))]
    assert figures['quarano_messages{state="waiting"}'] == 0


def test_probes_are_counted_apart(db, client, monitoring):
    name = 'quarano_request_seconds_count{method="GET",route="probe",status="200"}'
    before = monitoring().get(name, 0)
    client.get("/healthz/")
    assert monitoring()[name] == before + 1


def test_nothing_says_of_whom(authority, client, monitoring):
    world = worlds.build("CANARYQ")
    connection.set_schema_to_public()
    client = world.client(world.staff["case_worker"])
    client.get(f"/people/{world.ida.pk}/")
    client.post("/people/", {"given_name": "CANARYQ"})
    connection.set_schema_to_public()
    names = "\n".join(monitoring())
    assert "CANARYQ" not in names
    assert str(world.ida.pk) not in names
