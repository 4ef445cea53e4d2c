"""What the installation as a whole must know, asked of fifty authorities at once."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from django.db import DatabaseError, connection, transaction
from django_tenants.utils import schema_context

from health_authorities.models import HealthAuthority
from quarano.cockroach.lagging import TOGETHER

PUBLIC = "public"
Question = Callable[[str], tuple[str, Sequence[Any]]]
Row = tuple[Any, ...]

logger = logging.getLogger(__name__)


def founded() -> list[str]:
    """Return the schemas of all founded authorities, in order; within public."""
    rows = HealthAuthority.objects.filter(founded_at__isnull=False)
    return list(rows.order_by("schema_name").values_list("schema_name", flat=True))


def rows(question: Question, *, public: bool = False) -> list[Row]:
    """Return the rows that a question finds in every founded authority.

    `question` gets the name of a schema and returns SQL with its parameters; the
    columns are the same everywhere. Where one authority cannot answer it is named in
    the log and left out.
    """
    with schema_context(PUBLIC):
        names = founded()
        if public:
            names.append(PUBLIC)
        return [
            row
            for start in range(0, len(names), TOGETHER)
            for row in _asked(question, names[start : start + TOGETHER])
        ]


def _asked(question: Question, names: Sequence[str]) -> list[Row]:
    try:
        return _ask(question, names)
    except DatabaseError as error:
        if len(names) == 1:
            logger.error("%s cannot be asked: %s", names[0], type(error).__name__)
            return []
        return [row for name in names for row in _asked(question, [name])]


def _ask(question: Question, names: Sequence[str]) -> list[Row]:
    parts: list[str] = []
    parameters: list[Any] = []
    for name in names:
        sql, values = question(name)
        parts.append(f"({sql})")
        parameters += values
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), parameters)
        return cursor.fetchall()
