"""Two database roles: the owner makes tables, quarano_app reads and writes rows."""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import psycopg
from django.conf import settings
from django.db import connection
from django.db.utils import DatabaseError
from django_tenants.utils import quote_schema_name as quoted

APP_ROLE = "quarano_app"

_owner: ContextVar[bool] = ContextVar("owner", default=False)


def wanted() -> str:
    """The role that statements run in at the moment; empty: that of the log-in."""
    return "" if _owner.get() else getattr(settings, "DATABASE_ROLE", "")


def statement(role: str) -> str:
    """The SQL that takes on a role, with the time its statements may take."""
    if not role:
        return "RESET ROLE; SET statement_timeout = 0"
    limit = int(getattr(settings, "STATEMENT_TIMEOUT_MS", 15_000))
    return f"SET ROLE {quoted(role)}; SET statement_timeout = {limit}"


@contextmanager
def as_owner() -> Iterator[None]:
    """Statements of this thread run as the owner inside the block.

    For founding, migrating and retention in commands and tests; the wrapper changes
    the role with the next statement. Only where the log-in is the owner.
    """
    token = _owner.set(True)
    try:
        yield
    finally:
        _owner.reset(token)
        # At once, since a cursor of the driver's own would not ask us; where the
        # transaction is broken the next statement does it.
        with contextlib.suppress(DatabaseError):
            connection.take_role()


def ensure_app_role(append_only: Sequence[str] = ()) -> None:
    """Make the role quarano_app and let it read and write rows of public; idempotent.

    Tables that are made later are granted by default; those named in `append_only`
    can only be read and added to. Runs as the owner, outside any transaction.
    """
    role = quoted(APP_ROLE)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper FROM pg_catalog.pg_roles "
            "WHERE rolname IN (%s, current_user)",
            [APP_ROLE],
        )
        known = dict(cursor.fetchall())
        if APP_ROLE not in known:
            _create_role(cursor, role)
        for owner, is_superuser in known.items():
            if owner != APP_ROLE and not is_superuser:
                cursor.execute(f"GRANT {role} TO {quoted(owner)}")
        cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        cursor.execute(
            "ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE "
            f"ON TABLES TO {role}"
        )
        _grant(cursor, "public", append_only)


def _create_role(cursor: object, role: str) -> None:
    try:
        cursor.execute(f"CREATE ROLE {role}")  # type: ignore[attr-defined]
    except DatabaseError as error:
        # Roles belong to the whole server: somebody else was quicker.
        there = (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation)
        if not isinstance(error.__cause__, there):
            raise


def grant_schema(schema_name: str, *, append_only: Sequence[str]) -> None:
    """Let quarano_app read and write the rows of a schema, as part of its founding.

    The tables named in `append_only` can only be read and added to.
    """
    with as_owner(), connection.cursor() as cursor:
        _grant(cursor, schema_name, append_only)


def _grant(cursor: object, schema_name: str, append_only: Sequence[str]) -> None:
    role, schema = quoted(APP_ROLE), quoted(schema_name)
    execute = cursor.execute  # type: ignore[attr-defined]
    execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES "
        f"IN SCHEMA {schema} TO {role}"
    )
    # TRUNCATE is a privilege of its own on PostgreSQL and is never granted.
    for table in append_only:
        execute(revoking(schema_name, table))


def keep_append_only(schema_name: str, append_only: Sequence[str]) -> None:
    """Let tables of a schema be read and added to only; those it lacks are passed by.

    For tables that a migration made: by default they are granted wholly.
    """
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = %s",
            [schema_name],
        )
        there = {name for (name,) in cursor.fetchall()}
        for table in sorted(there & set(append_only)):
            cursor.execute(revoking(schema_name, table))


def revoking(schema_name: str, table: str) -> str:
    """SQL that leaves the app of a table reading and adding only."""
    return (
        f"REVOKE UPDATE, DELETE ON {quoted(schema_name)}.{quoted(table)} "
        f"FROM {quoted(APP_ROLE)}"
    )
