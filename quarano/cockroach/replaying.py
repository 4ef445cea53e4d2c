"""A migration as SQL, collected once and said again in each authority's schema."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.migrations import operations
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django_tenants.utils import quote_schema_name as quoted
from psycopg import sql

from quarano.cockroach import locality
from quarano.cockroach.roles import revoking

CREATE = re.compile(r'^CREATE TABLE "(?P<table>[^"]+)" \(', re.IGNORECASE)
FOREIGN = re.compile(
    r'^ALTER TABLE "(?P<table>[^"]+)" ADD (?P<constraint>CONSTRAINT "[^"]+" '
    r'FOREIGN KEY \([^)]+\) REFERENCES "[^"]+" \([^)]+\)[^;]*);?$',
    re.IGNORECASE,
)


class CannotReplay(Exception):
    """The collected SQL cannot be said in one transaction of this database."""


def is_sql_only(migration: Migration) -> bool:
    """Whether the migration is nothing but SQL that one transaction can hold."""
    return bool(migration.atomic) and all(map(_reduces, migration.operations))


def _reduces(step: Operation) -> bool:
    if isinstance(step, operations.SeparateDatabaseAndState):
        return all(map(_reduces, step.database_operations))
    return bool(step.reduces_to_sql)


def collect(migration: Migration, before: ProjectState) -> list[str]:
    """Return the migration's SQL for the schema that the connection is in.

    Some of it depends on names that are looked up there, so the schema must be in the
    state `before` (which is left as it is). Names of tables stand without a schema.
    """
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        migration.apply(before.clone(), editor, collect_sql=True)
    return [
        statement.rstrip().rstrip(";")
        for statement in editor.collected_sql
        if statement.strip() and not statement.lstrip().startswith("--")
    ]


def with_foreign_keys_inside(statements: Sequence[str]) -> list[str]:
    """Put each foreign key of a new table inside its CREATE TABLE.

    Added by ALTER in the transaction that makes the table, CockroachDB leaves it NOT
    VALID. Raises CannotReplay for a foreign key of a table that is there already.
    """
    made: dict[str, int] = {}
    found: list[str] = []
    for statement in statements:
        if create := CREATE.match(statement):
            made[create["table"]] = len(found)
        elif foreign := FOREIGN.match(statement):
            if foreign["table"] not in made:
                raise CannotReplay(f"foreign key added to {foreign['table']}")
            place = made[foreign["table"]]
            body, _, tail = found[place].rpartition(")")
            constraint = re.sub(
                r"\s+DEFERRABLE.*$", "", foreign["constraint"], flags=re.IGNORECASE
            ).strip()
            found[place] = f"{body}, {constraint}){tail}"
            continue
        found.append(statement)
    return found


def at_home(statements: Iterable[str], region: str) -> list[str]:
    """Let the new tables live in a region; empty: say nothing of it."""
    place = locality.clause(region)
    return [
        f"{one}{place}" if place and CREATE.match(one) else one for one in statements
    ]


def tables_made(statements: Iterable[str]) -> list[str]:
    """The names of the tables that the statements make."""
    return [match["table"] for one in statements if (match := CREATE.match(one))]


@dataclass(frozen=True)
class Score:
    """What is said again in each schema, for one migration."""

    app: str
    name: str
    statements: Sequence[str]
    template: str  # the schema whose content types and permissions are copied

    def lines(
        self, schema: str, *, region: str = "", append_only: Sequence[str] = ()
    ) -> Iterator[str]:
        """The SQL for one schema: in it, the migration, and the note that it was."""
        yield f"SET LOCAL search_path = {quoted(schema)}"
        yield from at_home(self.statements, region)
        made = tables_made(self.statements)
        for table in append_only:
            if table in made:
                yield revoking(schema, table)
        if made:
            yield from copied_types(self.template, schema)
        yield (
            "INSERT INTO django_migrations (app, name, applied) VALUES "  # noqa: S608 - literals
            f"({_literal(self.app)}, {_literal(self.name)}, now())"
        )


def copied_types(template: str, schema: str) -> Iterator[str]:
    """SQL that enters content types and permissions that a schema lacks.

    Django does that after migrating in the ordinary way (post_migrate).
    """
    here, there = quoted(schema), quoted(template)
    yield (
        f"INSERT INTO {here}.django_content_type (app_label, model) "  # noqa: S608 - names of schemas, quoted
        f"SELECT t.app_label, t.model FROM {there}.django_content_type t "
        f"WHERE NOT EXISTS (SELECT 1 FROM {here}.django_content_type h "
        "WHERE h.app_label = t.app_label AND h.model = t.model)"
    )
    yield (
        f"INSERT INTO {here}.auth_permission (name, content_type_id, codename) "  # noqa: S608 - names of schemas, quoted
        f"SELECT p.name, h.id, p.codename FROM {there}.auth_permission p "
        f"JOIN {there}.django_content_type t ON t.id = p.content_type_id "
        f"JOIN {here}.django_content_type h "
        "ON h.app_label = t.app_label AND h.model = t.model "
        f"WHERE NOT EXISTS (SELECT 1 FROM {here}.auth_permission q "
        "WHERE q.content_type_id = h.id AND q.codename = p.codename)"
    )


def _literal(text: str) -> str:
    return sql.Literal(text).as_string(None)
