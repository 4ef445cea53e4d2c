import secrets
import threading

import pytest
from django.db import connection

from health_authorities.models import HealthAuthority
from quarano.audit import APPEND_ONLY
from quarano.cockroach import roles, schemas
from tests.test_isolation import both  # noqa: F401 - a fixture of these tests too


@pytest.fixture
def place(django_db_setup, django_db_blocker):
    """An authority of its own, where a test may commit."""
    place = HealthAuthority(
        schema_name=f"scratch_{secrets.token_hex(4)}",
        name="Scratch",
        federal_state="08",
    )
    with django_db_blocker.unblock():
        with schemas.ddl_transaction():
            schemas.clone_tables(schemas.TEMPLATE, place.schema_name)
            roles.grant_schema(place.schema_name, append_only=APPEND_ONLY)
        connection.set_tenant(place)
        yield place
        connection.set_schema_to_public()
        schemas.drop(place.schema_name)


@pytest.fixture
def at_once():
    """Run a function so many times in threads that start together; what came of each:
    its result, or the error that it ended in."""

    def run(function, times, *, threads=20, tenant=None):
        ends, left = [], list(range(times))
        together = threading.Barrier(min(threads, times))

        def work():
            if tenant is not None:
                connection.set_tenant(tenant)
            together.wait(30)
            try:
                while left:
                    try:
                        number = left.pop()
                    except IndexError:
                        return
                    try:
                        ends.append(function(number))
                    except Exception as error:  # noqa: BLE001 - handed to the test
                        ends.append(error)
            finally:
                connection.close()

        running = [threading.Thread(target=work) for _ in range(together.parties)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join(120)
        return ends

    return run
