import pytest
from django.db import connection

from tests import sql_guard


@pytest.mark.parametrize(
    "statement",
    [
        "LISTEN worklist",
        "SELECT pg_advisory_xact_lock(1)",
        "LOCK TABLE cases_person IN SHARE MODE",
        "ALTER TABLE a ADD CONSTRAINT b UNIQUE (c) DEFERRABLE",
        "SELECT xmin FROM cases_person",
        "SELECT nextval('a_seq')",
        "CREATE EXTENSION pg_trgm",
        "SELECT similarity(a, b) FROM c",
        "TRUNCATE cases_person",
    ],
)
def test_the_guard_refuses_what_cockroachdb_lacks(statement):
    assert sql_guard.lacks(statement)


@pytest.mark.parametrize(
    "statement",
    [
        'SELECT "cases_person"."id" FROM "cases_person" FOR UPDATE',
        "INSERT INTO a VALUES ('please LISTEN to me, nextval(x)')",
        "SELECT a FROM b WHERE c @> ARRAY['abc'] ORDER BY d DESC NULLS LAST",
        'SAVEPOINT "s1"',
        "INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING",
        "SELECT 1 FROM a FOR UPDATE SKIP LOCKED",
    ],
)
def test_the_guard_lets_pass_what_cockroachdb_has(statement):
    assert sql_guard.lacks(statement) is None


def test_the_guard_reads_every_statement(db):
    with pytest.raises(sql_guard.UnknownToCockroach), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(42)")
