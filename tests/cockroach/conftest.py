import secrets
import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django_tenants.utils import quote_schema_name as quoted

from quarano.cockroach import roles, schemas


@pytest.fixture
def scratch(django_db_setup, django_db_blocker) -> Iterator[str]:
    """A schema of its own with a table `tally`, where a test may commit."""
    name = f"scratch_{secrets.token_hex(4)}"
    with django_db_blocker.unblock():
        with roles.as_owner(), connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {quoted(name)}")
            connection.set_schema(name)
            cursor.execute("SELECT 1")
        with roles.as_owner(), connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE tally (name text PRIMARY KEY, value int8 NOT NULL, "
                "CONSTRAINT tally_value UNIQUE (value))"
            )
            cursor.execute("INSERT INTO tally VALUES ('a', 0), ('b', 1000)")
        roles.grant_schema(name, append_only=[])
        yield name
        connection.set_schema_to_public()
        schemas.drop(name)


@pytest.fixture
def at_once(scratch) -> Callable[..., list[BaseException]]:
    """Run functions in threads that start together; the errors they ended in."""

    def run(*functions: Callable[[], object]) -> list[BaseException]:
        errors: list[BaseException] = []
        together = threading.Barrier(len(functions))

        def work(function: Callable[[], object]) -> None:
            try:
                connection.set_schema(scratch)
                together.wait(10)
                function()
            except BaseException as error:  # noqa: BLE001 - handed to the test
                errors.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=work, args=[f]) for f in functions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return errors

    return run


def value_of(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM tally WHERE name = %s", [name])
        return cursor.fetchone()[0]
