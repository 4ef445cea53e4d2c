import re
import secrets

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, transaction
from django_tenants.utils import schema_context, schema_exists

from quarano.cockroach import locality, roles, schemas
from quarano.cockroach.schemas import TEMPLATE, clone_tables, ddl_transaction

WHAT = {
    "columns": (
        "SELECT table_name, column_name, data_type, udt_name, numeric_precision, "
        "numeric_scale, character_maximum_length, is_nullable, column_default, "
        "is_identity, identity_generation, is_generated, generation_expression "
        "FROM information_schema.columns WHERE table_schema = %s ORDER BY 1, 2"
    ),
    "constraints": (
        "SELECT c.relname, k.conname, k.contype, k.convalidated, k.condeferrable, "
        "k.condeferred, pg_get_constraintdef(k.oid) FROM pg_constraint k "
        "JOIN pg_class c ON c.oid = k.conrelid "
        "WHERE c.relnamespace = %s::regnamespace AND k.contype <> 'n' ORDER BY 1, 2"
    ),
    "indexes": (
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = %s "
        "ORDER BY 1, 2"
    ),
}


@pytest.fixture
def new_schema(django_db_setup, django_db_blocker):
    name = f"clone_{secrets.token_hex(4)}"
    with django_db_blocker.unblock():
        yield name
        connection.set_schema_to_public()
        schemas.drop(name)


def plain(part: object, schema: str) -> object:
    """A text without the schema; PostgreSQL moves the cast of an array at each reading:
    `(ARRAY['a'::varchar])::text[]` comes back as `ARRAY[('a'::varchar)::text]`."""
    if not isinstance(part, str):
        return part
    part = re.sub(rf'"?\b{schema}\b"?\.', "", part)
    part = re.sub(r"\((ARRAY\[[^]]*\])\)::text\[\]", r"\1", part)
    return re.sub(r"\(('[^']*'::character varying)\)::text", r"\1", part)


def describe(schema: str) -> dict[str, list[tuple[object, ...]]]:
    """All that tables are made with, without the schema's name."""
    found = {}
    with roles.as_owner(), connection.cursor() as cursor:
        for what, query in WHAT.items():
            cursor.execute(query, [schema])
            found[what] = [
                tuple(plain(part, schema) for part in row) for row in cursor.fetchall()
            ]
    return found


@pytest.mark.committed
def test_a_clone_has_all_that_the_template_has(new_schema):
    with ddl_transaction():
        names = clone_tables(TEMPLATE, new_schema)
    wanted = describe(TEMPLATE)
    assert describe(new_schema) == wanted
    assert set(names) == {row[0] for row in wanted["columns"]}
    assert all(row[3] for row in wanted["constraints"])  # validated


@pytest.mark.committed
def test_a_clone_is_what_migrating_in_the_ordinary_way_makes(new_schema):
    by_migrating = f"{new_schema}_migrated"
    try:
        with roles.as_owner(), connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {by_migrating}")
            call_command(
                "migrate_schemas", tenant=True, schema_name=by_migrating, verbosity=0
            )
            connection.set_schema_to_public()
        with ddl_transaction():
            clone_tables(TEMPLATE, new_schema)
        assert describe(new_schema) == describe(by_migrating)
    finally:
        connection.set_schema_to_public()
        schemas.drop(by_migrating)


@pytest.mark.committed
def test_a_clone_has_the_rows_of_the_template_and_numbers_after_them(new_schema):
    with ddl_transaction():
        clone_tables(TEMPLATE, new_schema)
        roles.grant_schema(new_schema, append_only=[])
    with roles.as_owner(), schema_context(TEMPLATE):
        wanted = set(ContentType.objects.values_list("pk", "app_label", "model"))
    with schema_context(new_schema):
        found = set(ContentType.objects.values_list("pk", "app_label", "model"))
        assert found == wanted
        with transaction.atomic():
            added = ContentType.objects.create(app_label="x", model="y")
        assert added.pk > max(pk for pk, *_ in wanted)


@pytest.mark.committed
def test_a_founding_that_fails_leaves_nothing(new_schema):
    with pytest.raises(ValueError, match="half-way"), ddl_transaction():
        clone_tables(TEMPLATE, new_schema)
        roles.grant_schema(new_schema, append_only=[])
        raise ValueError("half-way")
    assert not schema_exists(new_schema)
    with connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        assert cursor.fetchone() == ("public",)


@pytest.mark.committed
def test_without_a_template_nothing_is_made(new_schema):
    with pytest.raises(schemas.TemplateMissing), ddl_transaction():
        clone_tables("there_is_none", new_schema)
    assert not schema_exists(new_schema)


@pytest.mark.committed
def test_the_app_works_in_a_clone_at_once(new_schema):
    with ddl_transaction():
        clone_tables(TEMPLATE, new_schema)
        roles.grant_schema(new_schema, append_only=[])
    with schema_context(new_schema), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) > 0 FROM django_content_type")
        assert cursor.fetchone() == (True,)


@pytest.mark.committed
def test_regions_mean_nothing_to_postgresql(new_schema):
    if connection.vendor != "postgresql":
        pytest.skip("has regions")
    with ddl_transaction():
        clone_tables(TEMPLATE, new_schema, region="eu-south")
    assert locality.bring_home(new_schema, "eu-south") == []
    assert locality.make_global() == []
    assert locality.add_region("eu-south") is False
    assert not locality.has_regions()


@pytest.mark.committed
def test_preparing_again_changes_nothing(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        wanted = {schema: describe(schema) for schema in ("public", "neckartal")}
        call_command("prepare_database", verbosity=0)
        assert {schema: describe(schema) for schema in wanted} == wanted
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT privilege_type FROM information_schema.role_table_grants "
                "WHERE table_schema = 'public' AND table_name = 'audit_event' "
                "AND grantee = 'quarano_app' ORDER BY 1"
            )
            assert cursor.fetchall() == [("INSERT",), ("SELECT",)]
