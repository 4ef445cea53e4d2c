"""Transactions that are run again when the database asks for that.

CockroachDB, and PostgreSQL at SERIALIZABLE, refuse a transaction with SQLSTATE 40001
where its outcome would depend on the order of others; the client has to repeat it.
https://www.cockroachlabs.com/docs/stable/transaction-retry-error-reference
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from enum import Enum, auto
from functools import partial, wraps
from types import TracebackType
from typing import ParamSpec, Self, TypeVar, overload

import psycopg
from django.db import connection, transaction
from django.db.utils import InterfaceError, OperationalError
from django.dispatch import Signal

P = ParamSpec("P")
R = TypeVar("R")

# Eight writers on one row refuse each other seven times in ten.
ATTEMPTS = 20
PATIENCE = 5.0  # seconds, all attempts together
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.8  # seconds
UNIQUE_ATTEMPTS = 3

SERIALIZATION = {"40001", "40P01"}
BROKEN = {"40003", "57P01", "57P02", "57P03"}
# CockroachDB without a valid licence: five open transactions, no more (decision 15).
THROTTLED = "XXC02"

logger = logging.getLogger(__name__)
retries: Counter[tuple[str, str]] = Counter()  # (function, SQLSTATE), of this process
# Sent before each repetition, in the thread that repeats and outside any transaction:
# process (full name of the function), cause (SQLSTATE, or "broken" where the driver
# gave none), attempt (that failed, from 1). A receiver's error is logged, no more.
transaction_repeated = Signal()


class Plea(Enum):
    """What an error asks for."""

    NOTHING = auto()
    RETRY = auto()
    RETRY_UNIQUE = auto()  # a second run sees the row of the winner
    RETRY_REPEATABLE = auto()  # it may have been committed


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it, through causes and contexts, each once."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        this = waiting.pop(0)
        if this is not None and id(this) not in seen:
            seen.add(id(this))
            yield this
            waiting += [this.__cause__, this.__context__]
            if isinstance(this, BaseExceptionGroup):
                waiting += this.exceptions


def plea(error: BaseException) -> tuple[Plea, str]:
    """What an error asks for, and the SQLSTATE that says so."""
    answer = (Plea.NOTHING, "")
    for cause in causes(error):
        state = getattr(cause, "sqlstate", None) or ""
        if state in SERIALIZATION:
            return Plea.RETRY, state
        if state == "23505" and _constraint(cause):
            answer = (Plea.RETRY_UNIQUE, state)
        elif state in BROKEN or state.startswith("08") or _is_broken(cause, state):
            answer = (Plea.RETRY_REPEATABLE, state or "broken")
    return answer


def asks_for_retry(error: BaseException) -> bool:
    """Whether running the transaction again may succeed."""
    return plea(error)[0] in {Plea.RETRY, Plea.RETRY_UNIQUE}


def is_unavailable(error: BaseException) -> bool:
    """Whether the database is away or overloaded, rather than something being wrong.

    No connection, too many of them, a statement over its time, retries used up, a
    cluster without a licence.
    """
    for cause in causes(error):
        state = getattr(cause, "sqlstate", None) or ""
        if state in SERIALIZATION | BROKEN | {"57014", THROTTLED}:
            return True
        if state.startswith(("08", "53")) or _is_broken(cause, state):
            return True
    return False


def _constraint(cause: BaseException) -> str | None:
    diagnosis = getattr(cause, "diag", None)
    return getattr(diagnosis, "constraint_name", None)


def _is_broken(cause: BaseException, state: str) -> bool:
    # A killed node leaves an OperationalError without an SQLSTATE.
    if state or isinstance(cause, OperationalError | InterfaceError):
        return False  # Django's wrapper: its cause is looked at next
    return isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)


class _Runs:
    """The runs of one call: leaving the block says whether there is another."""

    def __init__(self, name: str, *, repeatable: bool) -> None:
        self.name = name
        self.started = time.monotonic()
        self.done: Counter[Plea] = Counter()
        self.allowed = {
            Plea.NOTHING: 0,
            Plea.RETRY: ATTEMPTS,
            Plea.RETRY_UNIQUE: UNIQUE_ATTEMPTS,
            Plea.RETRY_REPEATABLE: ATTEMPTS if repeatable else 0,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        asked, state = plea(error)
        self.done[asked] += 1
        number = self.done.total()
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**number)
        pause = random.uniform(0, longest)  # noqa: S311 - spreads load, keeps no secret
        over = time.monotonic() - self.started + pause > PATIENCE
        if over or number >= ATTEMPTS or self.done[asked] >= self.allowed[asked]:
            return False
        if asked is Plea.RETRY_REPEATABLE and not connection.in_atomic_block:
            connection.close()  # the next run gets a new one
        retries[self.name, state] += 1
        logger.info("%s runs again, %s, attempt %d", self.name, state, number)
        transaction_repeated.send_robust(
            sender=None, process=self.name, cause=state, attempt=number
        )
        time.sleep(pause)
        return True


def _within_transaction() -> bool:
    """Whether somebody outside repeats; a test's own transaction does not count."""
    blocks = connection.atomic_blocks
    return bool(blocks) and not getattr(blocks[-1], "_from_testcase", False)


@overload
def retrying_transaction(func: Callable[P, R]) -> Callable[P, R]: ...
@overload
def retrying_transaction(
    *, repeatable: bool
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def retrying_transaction(
    func: Callable[P, R] | None = None, *, repeatable: bool = False
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Run func in a transaction, and again when the database asks for that.

    Only the outermost transaction repeats. `repeatable` says that func may also run
    again when nobody knows whether it was committed (a broken connection, 40003): it
    then finds its own work and leaves it. Errors pass through after ATTEMPTS runs or
    PATIENCE seconds; a violated unique constraint after UNIQUE_ATTEMPTS.
    """
    if func is None:
        return partial(_retrying, repeatable=repeatable, atomic=True)
    return _retrying(func, repeatable=repeatable, atomic=True)


@overload
def retrying(func: Callable[P, R]) -> Callable[P, R]: ...
@overload
def retrying(*, repeatable: bool) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def retrying(
    func: Callable[P, R] | None = None, *, repeatable: bool = False
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Run func again when the database asks for that; func opens its own transaction.

    For writes outside the processes: sessions, sign-in, admin, the outbox.
    `repeatable` as in retrying_transaction.
    """
    if func is None:
        return partial(_retrying, repeatable=repeatable, atomic=False)
    return _retrying(func, repeatable=repeatable, atomic=False)


def _retrying(
    func: Callable[P, R], *, repeatable: bool, atomic: bool
) -> Callable[P, R]:
    name = getattr(func, "__qualname__", type(func).__name__)
    name = f"{getattr(func, '__module__', '')}.{name}"

    @wraps(func)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        if _within_transaction():
            return func(*args, **kwargs)
        runs = _Runs(name, repeatable=repeatable)
        while True:
            with runs:
                if not atomic:
                    return func(*args, **kwargs)
                with transaction.atomic():
                    return func(*args, **kwargs)

    # Tests find the processes by these, and hold them to what they say.
    wrapper.retries = True  # type: ignore[attr-defined]
    wrapper.repeatable = repeatable  # type: ignore[attr-defined]
    return wrapper
