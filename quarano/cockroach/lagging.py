"""Which schemas have not seen which migrations, asked of fifty at once."""

import functools
from collections.abc import Iterable, Sequence

from django.db import DatabaseError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django_tenants.utils import quote_schema_name as quoted

TOGETHER = 50  # schemas in one question to the database

Key = tuple[str, str]  # app and name of a migration


@functools.cache
def shipped() -> frozenset[Key]:
    """The migrations of this release, by app and name; read once per process."""
    return frozenset(MigrationLoader(None).disk_migrations)


def missing(
    schemas: Sequence[str], wanted: Iterable[Key] | None = None
) -> dict[str, set[Key] | None]:
    """Return what each schema lacks of `wanted` (else of the release's migrations).

    Schemas that lack nothing are left out; None stands for one that cannot be asked: it
    is not there, or was never migrated. Migrations that only the database knows, of a
    newer release, are no lack.
    """
    keys = sorted(shipped() if wanted is None else wanted)
    if not keys:
        return {}
    found: dict[str, set[Key] | None] = {}
    for start in range(0, len(schemas), TOGETHER):
        some = schemas[start : start + TOGETHER]
        try:
            found |= _ask(some, keys)
        except DatabaseError:
            for schema in some:
                try:
                    found |= _ask([schema], keys)
                except DatabaseError:
                    found[schema] = None
    return found


def _ask(schemas: Sequence[str], keys: Sequence[Key]) -> dict[str, set[Key] | None]:
    rows = ", ".join(["(%s, %s)"] * len(keys))
    questions = " UNION ALL ".join(
        "SELECT %s, w.app, w.name FROM wanted w WHERE NOT EXISTS (SELECT 1 "  # noqa: S608 - names of schemas, quoted
        f"FROM {quoted(schema)}.django_migrations m "
        "WHERE m.app = w.app AND m.name = w.name)"
        for schema in schemas
    )
    parameters = [part for key in keys for part in key]
    found: dict[str, set[Key] | None] = {}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"WITH wanted (app, name) AS (VALUES {rows}) {questions}",
            [*parameters, *schemas],
        )
        for schema, app, name in cursor.fetchall():
            lack = found.setdefault(schema, set())
            if lack is not None:
                lack.add((app, name))
    return found
