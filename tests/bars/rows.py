"""What lies in a schema, row by row, to see that nothing has changed."""

import hashlib

from django.db import connection


def tables(schema: str) -> list[str]:
    """All tables of a schema, by name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = %s AND table_type = 'BASE TABLE' ORDER BY 1",
            [schema],
        )
        return [name for (name,) in cursor.fetchall()]


def rows(schema: str, *, without: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    """Every row of every table of a schema as text, sorted; asks no model."""
    found = {}
    with connection.cursor() as cursor:
        for name in tables(schema):
            if name not in without:
                cursor.execute(f'SELECT * FROM "{schema}"."{name}"')
                found[name] = sorted(map(str, cursor.fetchall()))
    return found


def fingerprint(schema: str, *, without: frozenset[str] = frozenset()) -> str:
    """A hash of every row of every table of a schema."""
    text = repr(rows(schema, without=without))
    return hashlib.sha256(text.encode()).hexdigest()
