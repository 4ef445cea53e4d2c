"""What processes of every container count together: jobs, repeated transactions.

Tallies lie in Redis. A Redis that is away or was emptied costs figures, never work.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun
from django.conf import settings
from django.dispatch import receiver
from kombu.transport.redis import Channel
from redis import Redis, RedisError

from quarano.cockroach.transactions import transaction_repeated

RUNS, FAILURES, SECONDS = "tally:runs", "tally:failures", "tally:seconds"
LAST_RUN, LAST_SECONDS = "tally:last_run", "tally:last_seconds"
REPEATED = "tally:repeated"
# How the lists are called in which Celery's transport keeps tasks of lower priority.
BEHIND = [f"{Channel.sep}{step}" for step in Channel.priority_steps[1:]]
TICK = "tally:tick"
QUEUES = ("celery", "owner")
PUBLISHED = "published"  # header of a task: when it was queued, seconds since 1970
PAUSE = 30.0  # seconds without tallies after Redis did not answer

_started: dict[str, float] = {}
_silent_until = 0.0


@cache
def store() -> Redis:
    """The Redis of the tallies, with little patience."""
    address = settings.REDIS_URL.replace("redis+socket://", "unix://")
    return Redis.from_url(
        address, socket_timeout=1, socket_connect_timeout=1, decode_responses=True
    )


def _add(
    counts: Mapping[str, Mapping[str, float]], marks: Mapping[str, Mapping[str, float]]
) -> None:
    """Add to tallies and set marks in one journey; nothing while Redis is away."""
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        with store().pipeline(transaction=False) as pipe:
            for name, fields in counts.items():
                for key, value in fields.items():
                    pipe.hincrbyfloat(name, key, value)
            for name, fields in marks.items():
                for key, value in fields.items():
                    pipe.hset(name, key, str(value))
            pipe.execute()
    except RedisError:
        _silent_until = time.monotonic() + PAUSE


def note_repeated(process: str, cause: str) -> None:
    """Count a transaction that the database asked to run again."""
    _add({REPEATED: {f"{process}|{cause}": 1}}, {})


def tick(*, now: float) -> None:
    """Mark that the timetable and a worker are at work; now in seconds since 1970.

    Raises RedisError, as every task does while Redis is away.
    """
    store().set(TICK, repr(now))


def last_tick() -> float | None:
    """When beat's task was last done, in seconds since 1970. Raises RedisError."""
    said = store().get(TICK)
    return float(str(said)) if said else None


def read(name: str) -> dict[str, float]:
    """Return a tally by its fields. Raises RedisError."""
    found: Any = store().hgetall(name)
    return {key: float(value) for key, value in found.items()}


def queue(name: str) -> tuple[int, float | None]:
    """How many tasks wait, and since when the oldest (seconds since 1970).

    Celery pushes at the left and takes from the right. What stands behind everything
    else, such as a flood of messages, is counted and has no age: it waits on purpose.
    Raises RedisError.
    """
    waiting: Any = store().llen(name)
    for step in BEHIND:
        waiting += store().llen(f"{name}{step}")
    oldest: Any = store().lindex(name, -1)
    since = None
    if oldest:
        with suppress(ValueError, TypeError):
            since = json.loads(oldest)["headers"].get(PUBLISHED)
    return int(waiting), since


# --- What transactions and Celery tell ------------------------------------------------


@receiver(transaction_repeated)
def _repeated(process: str = "", cause: str = "", **_: Any) -> None:
    note_repeated(process, cause)


@before_task_publish.connect
def _stamp(headers: Any = None, **_: Any) -> None:
    if isinstance(headers, dict):
        headers.setdefault(PUBLISHED, time.time())


@task_prerun.connect
def _begins(task_id: str = "", **_: Any) -> None:
    _started[task_id] = time.monotonic()


@task_postrun.connect
def _ends(task_id: str = "", task: Any = None, state: str = "", **_: Any) -> None:
    started = _started.pop(task_id, None)
    if started is None or task is None or task.request.is_eager:
        return
    took = time.monotonic() - started
    name = task.name
    failures = {FAILURES: {name: 1}} if state == "FAILURE" else {}
    _add(
        {RUNS: {name: 1}, SECONDS: {name: took}, **failures},
        {LAST_RUN: {name: time.time()}, LAST_SECONDS: {name: took}},
    )
