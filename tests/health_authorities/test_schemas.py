import logging

import pytest
from django.db import connection
from django.db.utils import OperationalError
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import schema_context

from health_authorities import checks, schemas
from health_authorities.models import HealthAuthority
from quarano.cockroach import lagging, roles

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(autouse=True)
def nothing_remembered():
    schemas.forget()
    yield
    schemas.forget()


def forget_migration(schema: str) -> None:
    with roles.as_owner(), schema_context(schema), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE app = 'cases' "
            "AND name = '0001_initial'"
        )


def test_nobody_lags_behind_once_all_is_migrated():
    assert schemas.lagging() == []


def test_an_authority_that_lacks_a_migration_is_named():
    forget_migration("spreetal")
    assert schemas.lagging() == ["spreetal"]
    assert lagging.missing(["neckartal", "spreetal"]) == {
        "spreetal": {("cases", "0001_initial")}
    }


def test_public_is_asked_too():
    forget_migration("public")
    assert schemas.lagging() == ["public"]


def test_what_was_found_is_remembered_for_a_minute(django_assert_num_queries):
    assert schemas.lagging() == []
    forget_migration("spreetal")
    with django_assert_num_queries(0):
        assert schemas.lagging() == []


def test_an_authority_without_its_schema_is_named_and_stops_nobody():
    HealthAuthority.objects.filter(schema_name="spreetal").update(schema_name="nowhere")
    forget_migration("neckartal")
    assert schemas.lagging() == ["neckartal", "nowhere"]


def test_one_that_is_not_founded_yet_is_not_waited_for():
    forget_migration("spreetal")
    HealthAuthority.objects.filter(schema_name="spreetal").update(founded_at=None)
    assert schemas.lagging() == []


def test_a_migration_of_a_newer_release_is_no_lack():
    with roles.as_owner(), schema_context("spreetal"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) "
            "VALUES ('cases', '9999_of_tomorrow', now())"
        )
    assert schemas.lagging() == []


def test_fifty_authorities_are_one_question():
    with CaptureQueriesContext(connection) as asked:
        lagging.missing(["neckartal"] * (lagging.TOGETHER + 1))
    questions = [one["sql"] for one in asked.captured_queries]
    assert sum("wanted" in sql for sql in questions) == 2


# --- At the start of web ------------------------------------------------------------


def test_web_says_at_its_start_who_lags_behind(caplog):
    forget_migration("spreetal")
    with caplog.at_level(logging.ERROR):
        schemas.say_who_lags()
    assert "1 schemas lag behind this release: spreetal" in caplog.text


def test_web_starts_where_the_database_is_away(caplog, monkeypatch):
    def away(*_):
        raise OperationalError("connection to 10.0.0.1 refused")

    monkeypatch.setattr(schemas, "missing", away)
    schemas.say_who_lags()
    assert "OperationalError" in caplog.text
    assert "10.0.0.1" not in caplog.text


def test_a_check_names_who_lags_behind():
    assert checks.migrated(databases=["default"]) == []
    forget_migration("spreetal")
    schemas.forget()
    (found,) = checks.migrated(databases=["default"])
    assert found.id == "quarano.W004"
    assert "spreetal" in found.msg


def test_the_check_is_silent_where_no_database_is_asked():
    forget_migration("spreetal")
    assert checks.migrated(databases=None) == []
