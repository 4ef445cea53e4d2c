"""Figures of the installation as a whole: the same whichever process is asked."""

import datetime as dt
import time
from collections.abc import Iterator
from typing import Any

from django.core.cache import caches
from django.db import DatabaseError
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from redis import RedisError

from health_authorities import everywhere
from health_authorities.everywhere import PUBLIC
from quarano.metrics import probes, tallies

KEPT = 60  # seconds
PLACE = "figures:messages"


def messages_query(schema: str, now: dt.datetime) -> tuple[str, list[Any]]:
    """SQL for one row about that schema's outbox: name, waiting, being sent, oldest due
    (letters wait for an official), failed within a day, sent within an hour."""
    table = f'"{schema}".notifications_message'
    sql = (
        "SELECT %s, count(*) FILTER (WHERE state = 'waiting'), "  # noqa: S608 # nosec B608 - a schema's name
        "count(*) FILTER (WHERE state = 'sending'), "
        "min(not_before) FILTER (WHERE channel <> 'letter' AND not_before <= %s), "
        f"(SELECT count(*) FROM {table} WHERE state = 'failed' AND failed_at >= %s), "
        f"(SELECT count(*) FROM {table} WHERE state = 'sent' AND sent_at >= %s) "
        f"FROM {table} WHERE state IN ('waiting', 'sending')"
    )
    day, hour = now - dt.timedelta(days=1), now - dt.timedelta(hours=1)
    return sql, [schema, now, day, hour]


def messages(*, now: dt.datetime) -> list[tuple[Any, ...]]:
    """The rows of `messages_query` of every authority and of public."""
    return everywhere.rows(lambda schema: messages_query(schema, now), public=True)


def _messages_of_this_minute(now: dt.datetime) -> list[tuple[Any, ...]]:
    shared = caches["shared"]
    try:
        found = shared.get(PLACE)
        if found is None:
            found = messages(now=now)
            shared.set(PLACE, found, KEPT)
    except RedisError:
        found = messages(now=now)
    rows: list[tuple[Any, ...]] = found
    return rows


class Installation:
    """Collects what Redis, the database and the probes know, at a moment."""

    def __init__(self, *, now: dt.datetime) -> None:
        self.now = now

    def describe(self) -> list[Metric]:
        """Nothing: what there is depends on what answers."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every figure; where a part is away its figures are absent, not 0."""
        up = GaugeMetricFamily(
            "quarano_up",
            "Whether what the installation needs is in order.",
            labels=["part"],
        )
        wrong = probes.wrong()
        for part in probes.PARTS:
            up.add_metric([part], 0 if part in wrong else 1)
        yield up
        if "redis" not in wrong:
            try:
                yield from [*_jobs(), *_repeated(), *_queues(), *_beat()]
            except RedisError:
                return
        if "database" not in wrong:
            try:
                yield from _outbox(_messages_of_this_minute(self.now), self.now)
            except DatabaseError:
                return


def _jobs() -> Iterator[Metric]:
    for name, place, what in (
        ("quarano_job_runs", tallies.RUNS, "Runs of a job."),
        ("quarano_job_failures", tallies.FAILURES, "Runs that ended with an error."),
        ("quarano_job_seconds", tallies.SECONDS, "Time that its runs took."),
    ):
        counter = CounterMetricFamily(name, what, labels=["job"])
        for job, value in sorted(tallies.read(place).items()):
            counter.add_metric([job], value)
        yield counter
    for name, place, what in (
        (
            "quarano_job_last_run_timestamp_seconds",
            tallies.LAST_RUN,
            "When it last ended.",
        ),
        (
            "quarano_job_last_seconds",
            tallies.LAST_SECONDS,
            "How long the last run took.",
        ),
    ):
        gauge = GaugeMetricFamily(name, what, labels=["job"])
        for job, value in sorted(tallies.read(place).items()):
            gauge.add_metric([job], value)
        yield gauge


def _repeated() -> Iterator[Metric]:
    counter = CounterMetricFamily(
        "quarano_transactions_repeated",
        "Transactions that the database asked to run again.",
        labels=["process", "cause"],
    )
    for key, value in sorted(tallies.read(tallies.REPEATED).items()):
        process, _, cause = key.partition("|")
        counter.add_metric([process, cause], value)
    yield counter


def _queues() -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "quarano_queue_tasks", "Tasks that wait for a worker.", labels=["queue"]
    )
    oldest = GaugeMetricFamily(
        "quarano_queue_oldest_seconds", "Age of the oldest of them.", labels=["queue"]
    )
    for name in tallies.QUEUES:
        number, since = tallies.queue(name)
        waiting.add_metric([name], number)
        oldest.add_metric([name], max(0.0, time.time() - since) if since else 0.0)
    yield waiting
    yield oldest


def _beat() -> Iterator[Metric]:
    last = tallies.last_tick()
    yield GaugeMetricFamily(
        "quarano_beat_last_tick_timestamp_seconds",
        "When beat's task of every minute was last done.",
        value=last or 0.0,
    )


def _outbox(rows: list[tuple[Any, ...]], now: dt.datetime) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "quarano_authorities",
        "Authorities that were asked.",
        value=len([row for row in rows if row[0] != PUBLIC]),
    )
    by_state = GaugeMetricFamily(
        "quarano_messages",
        "Messages by state; those that failed, of a day, and were sent, of an hour.",
        labels=["state"],
    )
    for column, state in ((1, "waiting"), (2, "sending"), (4, "failed"), (5, "sent")):
        by_state.add_metric([state], sum(row[column] for row in rows))
    yield by_state
    waiting = GaugeMetricFamily(
        "quarano_messages_waiting", "Messages that wait.", labels=["authority"]
    )
    oldest = GaugeMetricFamily(
        "quarano_message_oldest_due_seconds",
        "How long the oldest message that is due has been due.",
        labels=["authority"],
    )
    for schema, number, _sending, since, *_ in rows:
        waiting.add_metric([schema], number)
        oldest.add_metric([schema], (now - since).total_seconds() if since else 0.0)
    yield waiting
    yield oldest
