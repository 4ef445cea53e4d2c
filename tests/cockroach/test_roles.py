import pytest
from django.db import ProgrammingError, connection, transaction

from quarano.cockroach import roles
from quarano.cockroach.roles import as_owner, ensure_app_role


def role() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return cursor.fetchone()[0]


def test_statements_run_as_the_app(db):
    assert role() == "quarano_app"


def test_the_owner_is_left_with_the_block(db):
    with as_owner():
        assert role() != "quarano_app"
    assert role() == "quarano_app"


def test_an_error_leaves_the_owner_too(db):
    with pytest.raises(ValueError, match="inside"), transaction.atomic():
        with as_owner():
            assert role() != "quarano_app"
            raise ValueError("inside")
    assert role() == "quarano_app"


@pytest.mark.committed
def test_a_rollback_brings_no_other_role_back(scratch):
    with pytest.raises(ValueError, match="inside"), as_owner():
        with transaction.atomic():
            role()
            raise ValueError("inside")
    assert role() == "quarano_app"


@pytest.mark.committed
def test_a_new_connection_takes_the_role_before_anything_else(scratch):
    connection.close()
    with pytest.raises(ValueError, match="inside"), transaction.atomic():
        assert role() == "quarano_app"
        raise ValueError("inside")
    assert role() == "quarano_app"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (id int8)",
        "DROP TABLE tally",
        "ALTER TABLE tally ADD COLUMN more int8",
        "TRUNCATE tally",
        "CREATE SCHEMA more",
    ],
)
@pytest.mark.committed
def test_the_app_makes_and_drops_nothing(scratch, statement):
    with pytest.raises(ProgrammingError), transaction.atomic():
        with connection.wrap_database_errors:
            connection.connection.execute(statement)  # past the guard


@pytest.mark.committed
@pytest.mark.parametrize(
    "statement", ["UPDATE tally SET value = 7 WHERE name = 'a'", "DELETE FROM tally"]
)
def test_an_append_only_table_is_only_added_to(scratch, statement):
    roles.grant_schema(scratch, append_only=["tally"])
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO tally VALUES ('c', 7)")
        cursor.execute("SELECT count(*) FROM tally")
        assert cursor.fetchone() == (3,)
    with pytest.raises(ProgrammingError), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.committed
def test_making_the_role_again_changes_nothing(scratch):
    ensure_app_role()
    assert role() == "quarano_app"


@pytest.mark.committed
def test_statements_of_the_app_end_in_time(scratch):
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone()[0] not in ("0", "")
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone()[0] in ("0", "0s")
