import pytest
from django.apps import apps
from django.contrib.postgres import constraints, operations
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader

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
        "DO $$ BEGIN NULL; END $$",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS ''",
        'SET CONSTRAINTS "a" DEFERRED',
        "VACUUM cases_person",
        "CREATE TABLE a () INHERITS (b)",
        "SELECT pg_total_relation_size('a')",
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


def test_the_guard_asks_where_an_empty_value_sorts():
    order = 'SELECT 1 FROM "cases_person" ORDER BY "cases_person"."birth_date" ASC'
    assert sql_guard.leaves_open(order) == '"cases_person"."birth_date"'
    assert sql_guard.leaves_open(f"{order} NULLS LAST") is None
    assert sql_guard.leaves_open(order.replace("birth_date", "id")) is None
    filtered = order.replace(
        "ORDER", 'WHERE "cases_person"."birth_date" IS NOT NULL ORDER'
    )
    assert sql_guard.leaves_open(filtered) is None


def our_operations():
    loader = MigrationLoader(None, ignore_no_migrations=True)
    for (label, name), migration in loader.disk_migrations.items():
        if label in sql_guard.OURS:
            for operation in migration.operations:
                yield f"{label}.{name}", operation


def test_migrations_run_no_sql_that_cockroachdb_lacks():
    refused = (operations.CreateExtension, operations.CreateCollation)
    for where, operation in our_operations():
        assert not isinstance(operation, refused), where
        if isinstance(operation, migrations.RunSQL):
            statements = operation.sql
            if isinstance(statements, str):
                statements = [statements]
            for statement in statements:
                text = statement if isinstance(statement, str) else statement[0]
                assert sql_guard.lacks(text) is None, where


def test_models_ask_for_nothing_that_cockroachdb_lacks():
    for model in apps.get_models():
        if model._meta.app_label not in sql_guard.OURS:
            continue
        for constraint in model._meta.constraints:
            where = f"{model._meta.label}.{constraint.name}"
            assert not isinstance(constraint, constraints.ExclusionConstraint), where
            assert not getattr(constraint, "deferrable", None), where
            assert getattr(constraint, "nulls_distinct", None) is None, where
        for index in model._meta.indexes:
            assert not index.opclasses, f"{model._meta.label}.{index.name}"
        for field in model._meta.concrete_fields:
            where = f"{model._meta.label}.{field.name}"
            assert getattr(field, "db_collation", None) is None, where
            # Its numbers exceed what a browser can hold.
            assert not isinstance(field, models.AutoField), where
