import datetime as dt
import secrets
import threading

import pytest
from django.db import connection

from cases import escalation
from cases.models import Disease, Escalation, Monitoring, Person
from health_authorities.models import HealthAuthority
from quarano.audit import APPEND_ONLY
from quarano.audit.models import Event
from quarano.cockroach import roles, schemas

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)


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


@pytest.mark.committed
def test_raised_by_many_at_once_there_is_one_open(place):
    monitoring = Monitoring.objects.create(
        person=Person.objects.create(
            given_name="Kolja", family_name="Busch", recorded_at=NOW
        ),
        disease=Disease.objects.create(code="covid-19"),
        kind="quarantine",
        start=NOW.date(),
        opened_at=NOW,
        reported_at=NOW,
    )
    errors = []
    together = threading.Barrier(6)

    def work(number):
        try:
            connection.set_tenant(place)
            together.wait(10)
            # Every second one tells of the same entry.
            escalation.raise_(
                monitoring,
                Escalation.Reason.FEVER,
                occasion=str(number // 2),
                facts={"temperature": 38.4},
                now=NOW,
            )
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    raised = Escalation.objects.get()
    assert {one.occasion for one in raised.occasions.all()} == {"0", "1", "2"}
    assert Event.objects.filter(verb="escalation.raised").count() == 3
