import datetime as dt
import secrets
import threading

import pytest
from django.db import connection

from cases import enrolment
from cases.models import Disease, EnrolmentCode, Monitoring, Person, Reporter, Routine
from health_authorities.models import HealthAuthority
from quarano.accounts.models import User
from quarano.audit import APPEND_ONLY
from quarano.audit.models import Event
from quarano.cockroach import roles, schemas

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
MANY = 12


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


@pytest.mark.bar(28)
@pytest.mark.committed
def test_a_code_redeemed_by_many_at_once_makes_one_account(place):
    Routine.objects.create(valid_from=dt.date(2026, 1, 1), drafted_at=NOW)
    anna = User.objects.create_user(
        email="anna@scratch.example", name="Anna", roles=["case_worker"], created_at=NOW
    )
    ida = Person.objects.create(given_name="Ida", family_name="Sommer", recorded_at=NOW)
    Monitoring.objects.create(
        person=ida,
        disease=Disease.objects.create(code="covid-19"),
        kind="quarantine",
        start=NOW.date(),
        opened_at=NOW,
        reported_at=NOW,
    )
    code, _spelled, _token = enrolment.invite(ida, channel="none", by=anna, now=NOW)
    ends = []
    together = threading.Barrier(MANY)

    def work(number):
        try:
            connection.set_tenant(place)
            together.wait(10)
            enrolment.register(
                code,
                email=f"{number}@mail.example",
                password="rivers and mills",
                language="en",
                now=NOW,
            )
            ends.append("registered")
        except enrolment.CodeOver:
            ends.append("over")
        except BaseException as error:  # noqa: BLE001 - shown below
            ends.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ends) == ["over"] * (MANY - 1) + ["registered"]
    assert User.objects.filter(roles=[]).count() == 1
    assert EnrolmentCode.objects.get().used_by is not None
    assert Reporter.objects.count() == 1
    assert Event.objects.filter(verb="code.used").count() == 1
