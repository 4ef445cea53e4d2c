"""Where CockroachDB's SQL differs below django-tenants."""

from django_cockroachdb.introspection import (
    DatabaseIntrospection as CockroachIntrospection,
)
from django_cockroachdb.schema import DatabaseSchemaEditor as CockroachSchemaEditor
from django_tenants.postgresql_backend.introspection import (
    DatabaseSchemaIntrospection,
)


class Introspection(DatabaseSchemaIntrospection, CockroachIntrospection):
    """Tables of the current schema only, read the way CockroachDB is quick at."""


class SchemaEditor(CockroachSchemaEditor):
    # Names of indexes are per table there, and the same name exists in public and in
    # every schema.
    sql_delete_index = "DROP INDEX IF EXISTS %(table)s@%(name)s"
    sql_delete_index_concurrently = "DROP INDEX IF EXISTS %(table)s@%(name)s"
    sql_delete_unique = "DROP INDEX %(table)s@%(name)s CASCADE"
