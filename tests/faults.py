"""Lets the database refuse a statement, to see that a process survives it.

CockroachDB may answer any statement with 40001. `survives` runs a process once
undisturbed, then once for each of its statements with that one refused, and compares
what each run left behind.
"""

import importlib
import pkgutil
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import psycopg
from django.apps import apps
from django.db import connection, models, transaction
from django.db.utils import OperationalError

from quarano.cockroach import transactions

PLAIN_RUNS = transactions._Runs


class _Enough(Exception):
    """Rolls a run back."""


class Fault:
    """Refuses the statement number `at` once; counts all of them."""

    runs = PLAIN_RUNS

    def __init__(self, at: int = 0, error: type[psycopg.Error] | None = None) -> None:
        self.at = at
        self.error = error or psycopg.errors.SerializationFailure
        self.count = 0
        self.refused: str | None = None
        self.last = ""

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, ctx: Any
    ) -> Any:
        # Our own bookkeeping and the way back are not the process's statements.
        if sql.startswith(("SET ", "SHOW ")):
            return execute(sql, params, many, ctx)
        way_back = sql.startswith("ROLLBACK TO") or (
            sql.startswith("RELEASE") and self.last.startswith("ROLLBACK TO")
        )
        self.last = sql
        if not way_back:
            self.count += 1
            if self.count == self.at:
                self.refused = sql
                cause = self.error("injected: restart transaction")
                raise OperationalError(str(cause)) from cause
        return execute(sql, params, many, ctx)


class AutocommitRuns(PLAIN_RUNS):
    """Lets go on after what only the test's own transaction takes for broken: outside
    of the test each such statement is its own."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if not transactions._within_transaction():
            connection.needs_rollback = False
        return super().__exit__(kind, error, trace)


class OfWrites(Fault):
    """Refuses what writes, and whatever stands in a transaction of the request's own.

    A reading outside of one is a transaction of one statement, which CockroachDB runs
    again by itself.
    """

    runs = AutocommitRuns

    def __init__(self, at: int = 0, error: type[psycopg.Error] | None = None) -> None:
        super().__init__(at, error)
        self.depth: int | None = None

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, ctx: Any
    ) -> Any:
        if self.depth is None:
            self.depth = len(connection.savepoint_ids)
        inside = len(connection.savepoint_ids) > self.depth
        writes = sql.startswith(("INSERT", "UPDATE", "DELETE", "SAVEPOINT", "RELEASE"))
        if inside or writes or "FOR UPDATE" in sql:
            return super().__call__(execute, sql, params, many, ctx)
        return execute(sql, params, many, ctx)


@contextmanager
def refused(at: int, error: type[psycopg.Error] | None = None) -> Iterator[Fault]:
    """Statement number `at`, counted from 1, fails once within the block."""
    fault = Fault(at, error)
    with connection.execute_wrapper(fault):
        yield fault


def survives(
    process: Callable[[], object],
    state: Callable[[], object] | None = None,
    *,
    faults: Sequence[type[psycopg.Error]] = (psycopg.errors.SerializationFailure,),
    kind: type[Fault] = Fault,
) -> int:
    """Assert that a process ends alike whichever statement is refused once.

    `state` tells what is compared, by default `everything()`. Works in the
    transaction of the test and leaves nothing behind. Returns the number of
    statements.
    """
    look = state or everything
    undisturbed = kind()
    before = look()
    expected = _run(process, look, undisturbed)
    assert undisturbed.count, "the process ran no statement"
    assert expected != before, "the process changed nothing"
    for error in faults:
        for number in range(1, undisturbed.count + 1):
            fault = kind(number, error)
            found = _run(process, look, fault)
            assert found == expected, f"differs after refusing: {fault.refused}"
            if fault.refused is None:  # the first run filled a cache, this one used it
                break
    return undisturbed.count


def _run(
    process: Callable[[], object], look: Callable[[], object], fault: Fault
) -> object:
    found: object = None
    # The outermost block of a process is our savepoint here, as it is a transaction
    # in production: the block is marked as the test's own.
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    try:
        with mock.patch.object(transactions, "_Runs", fault.runs), block:
            with connection.execute_wrapper(fault):
                process()
            if fault.runs is AutocommitRuns:
                connection.needs_rollback = False
            found = look()
            raise _Enough
    except _Enough:
        return found


def everything(
    ignore: Sequence[str] = (), only: Collection[str] | None = None
) -> dict[str, list[tuple[str, ...]]]:
    """All rows of the current schema but their random keys, sorted.

    `ignore` names fields, as 'model.field' in lower case, whose values are random;
    `only` the models to look at, by label.
    """
    found = {}
    tables = set(connection.introspection.table_names())
    for model in apps.get_models():
        if model._meta.db_table not in tables or not model._meta.managed:
            continue
        if only is not None and model._meta.label not in only:
            continue
        fields = [
            field
            for field in model._meta.concrete_fields
            if not isinstance(field, models.UUIDField | models.ForeignKey)
            and not isinstance(field, models.AutoField | models.BinaryField)
            and f"{model._meta.model_name}.{field.name}" not in ignore
        ]
        if not fields:
            found[model._meta.label] = [("rows", str(model._base_manager.count()))]
            continue
        rows = model._base_manager.values_list(*(field.attname for field in fields))
        found[model._meta.label] = sorted(
            tuple(_plain(value) for value in row) for row in rows
        )
    return {label: rows for label, rows in found.items() if rows}


def _plain(value: object) -> str:
    """A value as text, with random keys inside it made alike."""
    text = str(value)
    parts = text.replace("'", ":").split(":")
    for part in parts:
        try:
            uuid.UUID(part.strip())
        except ValueError:
            continue
        text = text.replace(part.strip(), "*")
    return text


class FaultInTransaction(Fault):
    """Leaves alone what has no savepoint of its own within the test's transaction."""

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, ctx: Any
    ) -> Any:
        if not self.count and not sql.startswith(("SAVEPOINT", "SET ")):
            self.at = 0
        return super().__call__(execute, sql, params, many, ctx)


CALLS = 5  # of each process and worker; the first ones say most
disturbed: Counter[str] = Counter()


class RefusedRuns(transactions._Runs):
    """Refuses each statement of a process in turn: the first run fails at its first,
    the second at its second, until one run gets through.

    What the test then asserts is what the process owes after any refusal: done once,
    written once, told once.
    """

    def __init__(self, name: str, *, repeatable: bool) -> None:
        super().__init__(name, repeatable=repeatable)
        self.number = 0
        self.fault: Fault | None = None

    def __enter__(self) -> "RefusedRuns":
        self.number += 1
        enough = disturbed[self.name] >= CALLS
        self.fault = FaultInTransaction(0 if enough else self.number)
        connection.execute_wrappers.append(self.fault)
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        fault = self.fault
        assert fault is not None
        if fault in connection.execute_wrappers:
            connection.execute_wrappers.remove(fault)
        if fault.refused is None:
            disturbed[self.name] += 1
            return super().__exit__(kind, error, trace)
        assert error is not None, f"swallowed the refusal of {fault.refused}"
        return transactions.asks_for_retry(error)


# Rooms without processes; what serves does more than define when it is read.
BESIDE = {"migrations", "management", "demo", "serving", "wsgi"}


def processes() -> dict[str, bool]:
    """The full names of all functions that run in a retrying transaction, and whether
    they say that they may be repeated where nobody knows of their commit."""
    found = {}
    for config in apps.get_app_configs():
        if not config.name.startswith(
            ("quarano", "health_", "cases", "contacts", "diaries")
        ):
            continue
        for module in pkgutil.walk_packages(config.module.__path__, f"{config.name}."):
            parts = set(module.name.split("."))
            if parts & BESIDE or "urls" in module.name:
                continue
            loaded = importlib.import_module(module.name)
            for value in vars(loaded).values():
                if getattr(value, "retries", False) is True:
                    name = f"{value.__module__}.{value.__qualname__}"
                    found[name] = value.repeatable
    return found
