import datetime as dt
import secrets
import threading

import pytest
from django.db import connection

from cases.models import (
    Disease,
    EscalationOccasion,
    Monitoring,
    Person,
    Policy,
    Routine,
)
from diaries import submission
from diaries.models import Entry
from diaries.slots import Slot
from health_authorities.models import HealthAuthority
from quarano.accounts.models import User
from quarano.audit import APPEND_ONLY
from quarano.audit.models import Event
from quarano.cockroach import roles, schemas
from tests.diaries.conftest import MONDAY, OPENED, TUESDAY, answers, at

MORNING = Slot(TUESDAY, "morning")


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


@pytest.mark.bar(47)
@pytest.mark.committed
def test_twenty_identical_posts_at_once_make_one_entry(place):
    disease = Disease.objects.create(code="covid-19")
    Policy.objects.create(
        disease=disease,
        valid_from=dt.date(2026, 1, 1),
        shipped=True,
        drafted_at=OPENED,
        approved_at=OPENED,
    )
    Routine.objects.create(valid_from=dt.date(2026, 1, 1), drafted_at=OPENED)
    user = User.objects.create_user(
        email="kolja@mail.example", name="Kolja", created_at=OPENED
    )
    person = Person.objects.create(
        given_name="Kolja", family_name="Busch", recorded_at=OPENED, user=user
    )
    Monitoring.objects.create(
        person=person,
        disease=disease,
        kind="quarantine",
        start=MONDAY,
        opened_at=OPENED,
        reported_at=OPENED,
        enrolment="enrolled",
    )
    errors, made = [], []
    together = threading.Barrier(20)

    def send():
        try:
            connection.set_tenant(place)
            together.wait(20)
            entry = submission.submit(
                person,
                MORNING,
                answers=answers("38.4", {"cough": 1}),
                by=user,
                via="self",
                now=at(TUESDAY, 7),
            )
            made.append(entry.pk)
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    assert len(made) == 20
    assert set(made) == {Entry.objects.get().pk}
    assert Event.objects.filter(verb="entry.submitted").count() == 1
    assert EscalationOccasion.objects.filter(reason="fever").count() == 1
