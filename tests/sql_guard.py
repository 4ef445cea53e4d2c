"""Reads every statement of the test run and refuses what CockroachDB lacks.

The list: what was tried on a cluster, and https://www.cockroachlabs.com/docs/stable/postgresql-compatibility
"""

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.backends.signals import connection_created

LACKING = {
    r"\b(LISTEN|UNLISTEN|NOTIFY)\s+\w": "LISTEN and NOTIFY",
    r"\bpg_notify\s*\(": "LISTEN and NOTIFY",
    r"\bpg_(try_)?advisory_\w+\s*\(": "advisory locks",
    r"^\s*LOCK\s+(TABLE\s+)?\w": "LOCK TABLE",
    r"\bDEFERRABLE\b(?!\s+INITIALLY\s+DEFERRED)": "deferrable constraints",
    r"\bCREATE\s+(OR\s+REPLACE\s+)?(DOMAIN|EXTENSION|RULE|CAST|AGGREGATE)\b": (
        "domains, extensions, rules, casts and aggregates"
    ),
    r"\bCREATE\s+(CONSTRAINT\s+)?TRIGGER\b": "triggers that older versions lack",
    r"\bEXCLUDE\s+USING\b": "exclusion constraints",
    r"\b(xmin|xmax|ctid|cmin|cmax)\b": "system columns",
    r"\b(nextval|setval|currval|lastval)\s*\(": "sequences",
    r"\bTRUNCATE\b": "TRUNCATE in tests: 190 ms each; roll back or DELETE",
    r"\b(unaccent|similarity|word_similarity|gen_salt)\s*\(": "extensions",
    r"\s%%>?\s|<->": "operators of pg_trgm",
    r"\bMERGE\s+INTO\b": "MERGE",
    r"\b(GROUPING\s+SETS|ROLLUP|CUBE)\b": "grouping sets",
    r"\bany_value\s*\(": "any_value",
    r"\bJSON_(TABLE|OBJECT|ARRAY|QUERY|EXISTS)\s*\(": "SQL/JSON constructors",
    r"\bTABLESAMPLE\b": "TABLESAMPLE",
    r"\bNULLS\s+NOT\s+DISTINCT\b": "NULLS NOT DISTINCT",
    r"\bFOR\s+UPDATE\b[^;]*\bGROUP\s+BY\b": "locks with groups",
    r"^\s*DO\s+(LANGUAGE\b|''|\$)": "anonymous blocks",
    r"\bLANGUAGE\s+'?plpgsql\b": "PL/pgSQL, as triggers and dynamic SQL use it",
    # Django's own migrations say so beside ALTER TABLE, and on PostgreSQL only.
    r"(?s)^(?!.*\bALTER\s+TABLE\b).*"
    r"\bSET\s+CONSTRAINTS\s+(?!ALL\s+IMMEDIATE|ALL\s+DEFERRED)": "deferring by name",
    r"^\s*(VACUUM|CLUSTER|REINDEX)\b": "housekeeping by hand",
    r"\bINHERITS\s*\(": "tables that inherit",
    r"\bCREATE\s+UNLOGGED\b": "tables without a log",
    r"\bpg_(relation|total_relation|table|database)_size\s*\(": "sizes by function",
    r"\bWITH\s+HOLD\b": "cursors that outlive the transaction",
}
PATTERNS = [(re.compile(p, re.IGNORECASE), what) for p, what in LACKING.items()]
# Text in quotes is data or a name, never a keyword.
QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")

ORDERED = re.compile(r'"(\w+)"\."(\w+)" (?:ASC|DESC)\b(?! NULLS)')
OURS = {
    "health_authorities", "cases", "contacts", "diaries", "audit", "notifications",
    "accounts", "oversight", "desk",
}  # fmt: skip

seen: Counter[str] = Counter()


class UnknownToCockroach(AssertionError):
    """A statement uses what CockroachDB does not have."""


def lacks(statement: str) -> str | None:
    """What CockroachDB lacks of a statement; None where it lacks nothing."""
    bare = QUOTED.sub("''", statement)
    for pattern, what in PATTERNS:
        if pattern.search(bare):
            return what
    return None


@cache
def nullable() -> frozenset[tuple[str, str]]:
    """Table and column of every field of ours that may be empty."""
    return frozenset(
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        if model._meta.app_label in OURS
        for field in model._meta.concrete_fields
        if field.null
    )


def leaves_open(statement: str) -> str | None:
    """The empty column by which a statement sorts without saying where it goes.

    CockroachDB puts NULL first where PostgreSQL puts it last.
    """
    _, _, order = statement.rpartition(" ORDER BY ")
    for table, column in ORDERED.findall(order):
        name = f'"{table}"."{column}"'
        if (table, column) in nullable() and f"{name} IS NOT NULL" not in statement:
            return name
    return None


def read(
    execute: Callable[..., Any], statement: Any, params: Any, many: bool, context: Any
) -> Any:
    text = statement if isinstance(statement, str) else str(statement)
    if text not in seen and (what := lacks(text)):
        raise UnknownToCockroach(f"CockroachDB has no {what}: {text[:300]}")
    if text not in seen and (name := leaves_open(text)):
        raise UnknownToCockroach(f"say nulls_last for {name}: {text[:300]}")
    seen[text] += 1
    return execute(statement, params, many, context)


def watch() -> None:
    """Read the statements of every connection from now on."""
    connection_created.connect(_watch_one, dispatch_uid="sql_guard")
    for connection in connections.all(initialized_only=True):
        _watch_one(connection=connection)


def _watch_one(connection: Any, **_: Any) -> None:
    if read not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, read)
