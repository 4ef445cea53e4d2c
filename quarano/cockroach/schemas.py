"""A new authority's tables, made in one transaction from a migrated template.

Migrating a schema in the ordinary way takes over a second on PostgreSQL and twenty on
CockroachDB; making the tables that the template has takes a fraction of one.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from django.core.management import call_command
from django.db import connection, transaction
from django_tenants.utils import quote_schema_name as quoted
from django_tenants.utils import schema_exists

from quarano.cockroach import locality
from quarano.cockroach.roles import as_owner

TEMPLATE = "authority_template"

COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           a.attidentity, pg_get_expr(d.adbin, d.adrelid), a.attgenerated
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r'
      AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum
"""
CONSTRAINTS = """
    SELECT c.relname, k.conname, k.contype, pg_get_constraintdef(k.oid)
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    WHERE c.relnamespace = %s::regnamespace AND k.contype IN ('p', 'u', 'c', 'f', 'x')
    ORDER BY c.relname, k.conname
"""
INDEXES = """
    SELECT pg_get_indexdef(i.indexrelid, 0, true)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    WHERE c.relnamespace = %s::regnamespace
      AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)
    ORDER BY 1
"""


class TemplateMissing(LookupError):
    """The template schema has not been migrated yet; `manage.py migrate` makes it."""


class NotOnItsOwn(transaction.TransactionManagementError):
    """Tables were to be made within another transaction."""


@dataclass
class Table:
    """What a table of the template is made with."""

    name: str
    columns: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    needs: set[str] = field(default_factory=set)
    identity: str = ""

    def create(self) -> str:
        inside = ", ".join([*self.columns, *self.constraints])
        return f"CREATE TABLE {quoted(self.name)} ({inside})"


def make_template(verbosity: int = 0) -> None:
    """Migrate the template schema in the ordinary way; idempotent.

    Runs as the owner, outside any transaction. Data migrations run in it too: their
    rows are copied to each authority.
    """
    with as_owner():
        connection.set_schema_to_public()
        if not schema_exists(TEMPLATE):
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE SCHEMA {quoted(TEMPLATE)}")
        call_command(
            "migrate_schemas",
            tenant=True,
            schema_name=TEMPLATE,
            interactive=False,
            verbosity=verbosity,
        )
        connection.set_schema_to_public()


def leave_unlocked() -> None:
    """Let this connection make tables whose definition can be changed later."""
    if connection.vendor == "cockroachdb":
        with connection.cursor() as cursor:
            _set_where_known(cursor, "create_table_with_schema_locked", "off")


@contextmanager
def ddl_transaction() -> Iterator[None]:
    """One transaction in which tables are made, as the owner: all of it or nothing.

    Since v25.1 CockroachDB commits an open transaction before DDL, and locks the schema
    of new tables, unless the connection says otherwise.
    """
    if connection.vendor != "cockroachdb":
        with as_owner(), transaction.atomic():
            yield
        return
    if connection.in_atomic_block:
        raise NotOnItsOwn(
            "On CockroachDB tables are made in a transaction of their own."
        )
    with as_owner():
        with connection.cursor() as cursor:
            for setting in ("autocommit_before_ddl", "create_table_with_schema_locked"):
                _set_where_known(cursor, setting, "off")
        try:
            with transaction.atomic():
                yield
        finally:
            with connection.cursor() as cursor:
                for setting in (
                    "autocommit_before_ddl",
                    "create_table_with_schema_locked",
                ):
                    _set_where_known(cursor, setting, "DEFAULT")


def _set_where_known(cursor: object, setting: str, value: str) -> None:
    execute = cursor.execute  # type: ignore[attr-defined]
    execute(
        "SELECT 1 FROM pg_catalog.pg_settings WHERE name = %s",
        [setting],
    )
    if cursor.fetchone():  # type: ignore[attr-defined]
        execute(f"SET {setting} = {value}")


def clone_tables(template: str, schema: str, *, region: str = "") -> list[str]:
    """Make a schema with the template's tables, indexes and rows; names of the tables.

    Inside `ddl_transaction()`. Raises TemplateMissing. On CockroachDB with regions the
    tables live in `region`.
    """
    with as_owner():
        if connection.vendor == "cockroachdb":
            tables, after = _cockroach_tables(template, region)
        else:
            tables, after = _postgres_tables(template)
        if not tables:
            raise TemplateMissing(template)
        filled = _filled(template, tables)
        statements = [
            f"CREATE SCHEMA {quoted(schema)}",
            f"SET LOCAL search_path = {quoted(schema)}",
            *(table.create() for table in tables),
            *(copied(table, template, schema) for table in filled),
            *after,
        ]
        with connection.cursor() as cursor:
            cursor.execute(";\n".join(statements))
        connection.search_path_set_schemas = None  # the batch changed it
        return [table.name for table in tables]


def is_behind_template(schema: str) -> bool:
    """Whether the template was migrated after this schema was made from it."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 "  # noqa: S608 - names of schemas, quoted
            f"FROM {quoted(TEMPLATE)}.django_migrations t "
            f"WHERE NOT EXISTS (SELECT 1 FROM {quoted(schema)}.django_migrations h "
            "WHERE h.app = t.app AND h.name = t.name))"
        )
        (behind,) = cursor.fetchone() or (False,)
    return bool(behind)


def drop(schema: str) -> None:
    """Remove a schema with all its rows; for tests and a founding that failed."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {quoted(schema)} CASCADE")


def copied(table: Table, template: str, schema: str) -> str:
    """SQL that copies a table's rows from the template."""
    columns = ", ".join(map(quoted, table.names))
    name = quoted(table.name)
    return (
        f"INSERT INTO {quoted(schema)}.{name} ({columns}) "  # noqa: S608 - names of the catalogue, quoted
        f"SELECT {columns} FROM {quoted(template)}.{name}"
    )


def _filled(template: str, tables: Sequence[Table]) -> list[Table]:
    """The tables of the template that have rows."""
    query = " UNION ALL ".join(
        f"SELECT '{table.name}' WHERE EXISTS "  # noqa: S608 - names of the catalogue
        f"(SELECT 1 FROM {quoted(template)}.{quoted(table.name)})"
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        names = {name for (name,) in cursor.fetchall()}
    return [table for table in tables if table.name in names]


def _postgres_tables(template: str) -> tuple[list[Table], list[str]]:
    """The template's tables, and what follows them: foreign keys and indexes."""
    if not schema_exists(template):
        return [], []
    tables: dict[str, Table] = {}
    after: list[str] = []
    with connection.cursor() as cursor:
        # Names in the answers are qualified unless they are in the search path.
        cursor.execute("SHOW search_path")
        (path,) = cursor.fetchone() or ("",)
        cursor.execute(f"SET search_path = {quoted(template)}")
        try:
            cursor.execute(COLUMNS, [quoted(template)])
            for name, *column in cursor.fetchall():
                table = tables.setdefault(name, Table(name))
                _add_column(table, *column)
            cursor.execute(CONSTRAINTS, [quoted(template)])
            for name, constraint, kind, definition in cursor.fetchall():
                sql = f"CONSTRAINT {quoted(constraint)} {definition}"
                if kind == "f":
                    after.append(f"ALTER TABLE {quoted(name)} ADD {sql}")
                else:
                    tables[name].constraints.append(sql)
            cursor.execute(INDEXES, [quoted(template)])
            after = [*(sql for (sql,) in cursor.fetchall()), *after]
            for table in tables.values():
                _continue_identity(cursor, table)
        finally:
            cursor.execute(f"SET search_path = {path}")
    return list(tables.values()), after


def _add_column(
    table: Table,
    name: str,
    kind: str,
    required: bool,
    identity: str,
    default: str | None,
    generated: str,
) -> None:
    parts = [quoted(name), kind]
    if identity:
        table.identity = name
        how = "ALWAYS" if identity == "a" else "BY DEFAULT"
        parts.append(f"GENERATED {how} AS IDENTITY (START WITH 1)")
    elif generated:
        parts.append(f"GENERATED ALWAYS AS ({default}) STORED")
    elif default is not None:
        parts.append(f"DEFAULT {default}")
    if required:
        parts.append("NOT NULL")
    table.columns.append(" ".join(parts))
    if not generated:
        table.names.append(name)


def _continue_identity(cursor: object, table: Table) -> None:
    """Let the numbers of a copied table go on after those that were copied."""
    if not table.identity:
        return
    execute = cursor.execute  # type: ignore[attr-defined]
    execute(f"SELECT max({quoted(table.identity)}) FROM {quoted(table.name)}")  # noqa: S608 - names of the catalogue, quoted
    (last,) = cursor.fetchone()  # type: ignore[attr-defined]
    start = f"START WITH {(last or 0) + 1}"
    table.columns = [
        column.replace("START WITH 1", start, 1) if "AS IDENTITY" in column else column
        for column in table.columns
    ]


@dataclass
class CockroachTable(Table):
    statement: str = ""

    def create(self) -> str:
        return self.statement


def _cockroach_tables(template: str, region: str) -> tuple[list[Table], list[str]]:
    """The template's tables in an order in which every foreign key finds its target."""
    region = region if region and locality.has_regions() else ""
    found: dict[str, Table] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = %s AND table_type = 'BASE TABLE'",
            [template],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"SHOW CREATE TABLE {quoted(template)}.{quoted(name)}")
            (_, statement) = cursor.fetchone() or ("", "")
            cursor.execute(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_schema = %s AND table_name = %s AND is_hidden = 'NO' "
                "AND is_generated = 'NEVER' ORDER BY ordinal_position",
                [template, name],
            )
            names = [column for (column,) in cursor.fetchall()]
            found[name] = cockroach_table(name, statement, template, names, region)
    order = TopologicalSorter({name: table.needs for name, table in found.items()})
    return [found[name] for name in order.static_order()], []


def cockroach_table(
    name: str, statement: str, template: str, columns: list[str], region: str
) -> Table:
    """A table out of SHOW CREATE TABLE, without the template's schema and locality.

    Every foreign key stays inside its CREATE TABLE: added by ALTER in the same
    transaction it would stay NOT VALID.
    """
    schema = rf'(?:"{re.escape(template)}"|\b{re.escape(template)})\.'
    needs = {
        target.strip('"')
        for target in re.findall(rf"REFERENCES (?:{schema})?([\w\"]+)\s*\(", statement)
    }
    statement = re.sub(schema, "", statement)
    # What follows the closing bracket: storage settings and locality.
    body, _, _tail = statement.rpartition("\n)")
    if not body:
        body, _, _tail = statement.rpartition(")")
    statement = f"{body}\n){locality.clause(region)}"
    return CockroachTable(
        name, names=columns, needs=needs - {name}, statement=statement
    )
