import logging

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import OperationalError

from quarano.cockroach import transactions
from quarano.cockroach.transactions import (
    Plea,
    asks_for_retry,
    plea,
    retries,
    retrying,
    retrying_transaction,
    transaction_repeated,
)
from tests.cockroach.conftest import value_of
from tests.faults import refused


def add_one(name: str = "a") -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM tally WHERE name = %s", [name])
        (value,) = cursor.fetchone()
        cursor.execute("UPDATE tally SET value = %s WHERE name = %s", [value + 1, name])


def failure(kind: type[psycopg.Error]) -> OperationalError:
    error = OperationalError("as Django wraps it")
    error.__cause__ = kind("from the driver")
    return error


def test_a_refused_transaction_asks_for_retry_however_deep_it_lies():
    try:
        try:
            try:
                raise failure(psycopg.errors.SerializationFailure)
            except OperationalError as error:
                raise KeyError("wrapped once") from error
        except KeyError:
            raise ValueError("and once more, as a context") from None
    except ValueError as error:
        assert asks_for_retry(error)


def test_other_errors_do_not_ask_for_retry():
    assert not asks_for_retry(ValueError("no"))
    assert not asks_for_retry(failure(psycopg.errors.CheckViolation))


def test_an_ambiguous_commit_asks_for_repeatable_work_only():
    ambiguous = failure(psycopg.errors.StatementCompletionUnknown)
    assert plea(ambiguous) == (Plea.RETRY_REPEATABLE, "40003")
    assert plea(failure(psycopg.OperationalError)) == (Plea.RETRY_REPEATABLE, "broken")
    assert not asks_for_retry(ambiguous)


def test_the_chain_of_causes_may_bite_its_tail():
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert plea(first) == (Plea.NOTHING, "")


@pytest.mark.committed
def test_parallel_increments_are_all_kept(scratch, at_once):
    step = retrying_transaction(add_one)

    def five_times() -> None:
        for _ in range(5):
            step()

    assert at_once(*[five_times] * 4) == []
    assert value_of("a") == 20


@pytest.mark.committed
def test_increments_without_the_retry_are_refused(scratch, at_once):
    def five_times() -> None:
        for _ in range(5):
            with transaction.atomic():
                add_one()

    errors = at_once(*[five_times] * 4)
    assert errors
    assert all(asks_for_retry(error) for error in errors)


@pytest.mark.committed
def test_only_the_outermost_transaction_runs_again(scratch):
    runs = {"outer": 0, "inner": 0}

    @retrying_transaction
    def inner() -> None:
        runs["inner"] += 1
        add_one()

    @retrying_transaction
    def outer() -> None:
        runs["outer"] += 1
        inner()

    with refused(at=2):
        outer()
    assert runs == {"outer": 2, "inner": 2}
    assert value_of("a") == 1


@pytest.mark.committed
def test_a_refused_commit_runs_again(scratch, monkeypatch):
    commit = connection.commit
    refusals = iter([True])

    def refuse_once() -> None:
        if next(refusals, False):
            raise failure(psycopg.errors.SerializationFailure)
        commit()

    monkeypatch.setattr(connection, "commit", refuse_once)
    retrying_transaction(add_one)()
    assert value_of("a") == 1


@pytest.mark.committed
def test_a_violated_unique_constraint_runs_again_and_then_passes_through(scratch):
    runs = []

    @retrying_transaction
    def collide() -> None:
        runs.append(1)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE tally SET value = 1000 WHERE name = 'a'")

    with pytest.raises(IntegrityError):
        collide()
    assert len(runs) == transactions.UNIQUE_ATTEMPTS
    assert value_of("a") == 0


@pytest.mark.committed
def test_a_lasting_refusal_passes_through(scratch, monkeypatch):
    monkeypatch.setattr(transactions.time, "sleep", lambda _pause: None)
    runs = []

    @retrying_transaction
    def never() -> None:
        runs.append(1)
        raise failure(psycopg.errors.SerializationFailure)

    with pytest.raises(OperationalError):
        never()
    assert len(runs) == transactions.ATTEMPTS >= 8


def test_patience_ends_before_the_attempts_do(db, monkeypatch):
    monkeypatch.setattr(transactions, "PATIENCE", 0)
    runs = []

    @retrying_transaction
    def never() -> None:
        runs.append(1)
        raise failure(psycopg.errors.SerializationFailure)

    with pytest.raises(OperationalError):
        never()
    assert len(runs) == 1


@pytest.mark.committed
def test_a_killed_connection_repeats_what_is_repeatable(scratch):
    if connection.vendor != "postgresql":
        pytest.skip("connections are killed in another way there")
    killed = []

    def kill_once() -> None:
        if not killed:
            killed.append(1)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (number,) = cursor.fetchone()
            parameters = connection.get_connection_params()
            wanted = {key: parameters.get(key) for key in ("host", "port", "user")}
            with psycopg.connect(
                **wanted, dbname=parameters["dbname"], autocommit=True
            ) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [number])
        add_one()

    with pytest.raises(OperationalError):
        retrying_transaction(kill_once)()
    connection.close()
    assert value_of("a") == 0
    killed.clear()
    retrying_transaction(repeatable=True)(kill_once)()
    assert value_of("a") == 1


@pytest.mark.committed
def test_a_write_outside_processes_runs_again_without_a_transaction(scratch):
    inside = []

    def write() -> None:
        inside.append(connection.in_atomic_block)
        add_one()

    with refused(at=2):
        retrying(write)()
    assert inside == [False, False]
    assert value_of("a") == 1


@pytest.mark.committed
def test_each_retry_is_counted_and_logged_without_what_it_works_on(scratch, caplog):
    def name_somebody(name: str) -> None:
        add_one()

    before = retries.total()
    with caplog.at_level(logging.INFO, "quarano.cockroach"), refused(at=1):
        retrying_transaction(name_somebody)(name="Ida Beispiel")
    assert retries.total() == before + 1
    assert "name_somebody runs again, 40001, attempt 1" in caplog.text
    assert "Ida" not in caplog.text


@pytest.mark.committed
def test_listeners_hear_of_each_repetition_and_cannot_spoil_it(scratch):
    heard = []

    def listen(process: str, cause: str, attempt: int, **_: object) -> None:
        heard.append((process.rpartition(".")[2], cause, attempt))
        raise RuntimeError("a listener that fails")

    transaction_repeated.connect(listen)
    try:
        with refused(at=2):
            retrying_transaction(add_one)()
    finally:
        transaction_repeated.disconnect(listen)
    assert heard == [("add_one", "40001", 1)]
    assert value_of("a") == 1


def test_what_a_process_returns_and_is_called_stays():
    @retrying_transaction
    def answer() -> int:
        """Say it."""
        return 42

    assert answer.__name__ == "answer"
    assert answer.__doc__ == "Say it."


@pytest.mark.committed
def test_twenty_at_once_all_get_through(scratch, at_once):
    @retrying_transaction
    def locked() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT value FROM tally WHERE name = 'a' FOR UPDATE")
            (value,) = cursor.fetchone()
            cursor.execute("UPDATE tally SET value = %s WHERE name = 'a'", [value + 1])

    assert at_once(*[locked] * 20) == []
    assert value_of("a") == 20


def test_refusals_before_a_collision_do_not_use_up_its_runs(db):
    kinds = [psycopg.errors.SerializationFailure] * 4

    class Collision(psycopg.errors.UniqueViolation):
        diag = type("Diagnosis", (), {"constraint_name": "one_open"})

    errors = iter([*(failure(kind) for kind in kinds), failure(Collision)])

    @retrying_transaction
    def unlucky() -> str:
        if error := next(errors, None):
            raise error
        return "through"

    assert unlucky() == "through"


def test_a_cluster_slowed_down_for_its_licence_is_away_not_broken():
    cause = psycopg.errors.lookup("58000")("No license installed.")
    cause.sqlstate = "XXC02"
    error = OperationalError("No license installed.")
    error.__cause__ = cause
    assert transactions.is_unavailable(error)
    assert not transactions.asks_for_retry(error)
