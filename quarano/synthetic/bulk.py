"""Rows of models written by COPY, thousands at once, on PostgreSQL and CockroachDB."""

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Field, JSONField, Model

from quarano.encryption import SealedTextField

NULL = r"\N"
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def _plain(value: Any) -> str:
    """The value in COPY's text format."""
    if value is None:
        return NULL
    kind = type(value)
    if kind is str:
        if "\\" in value or "\t" in value or "\n" in value or "\r" in value:
            return str(value.translate(ESCAPES))
        return str(value)
    if kind is bool:
        return "t" if value else "f"
    if kind in (int, UUID, Decimal):
        return str(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if kind is list:
        quoted = (f'"{_quoted(one)}"' for one in value)
        return f"{{{','.join(quoted)}}}".translate(ESCAPES)
    return str(value).translate(ESCAPES)


def _quoted(value: Any) -> str:
    return str(value).replace("\\", r"\\").replace('"', r"\"")


def _json(value: Any) -> str:
    return json.dumps(value).translate(ESCAPES)


def _converter(field: "Field[Any, Any]") -> Callable[[Any], str]:
    if isinstance(field, JSONField):
        return _json
    if isinstance(field, SealedTextField):
        return lambda value: _plain(field.get_prep_value(value))
    return _plain


class Table:
    """Rows of one model that wait for the next COPY."""

    def __init__(self, model: type[Model]) -> None:
        fields = list(model._meta.concrete_fields)
        columns = ", ".join(f'"{field.column}"' for field in fields)
        self.command = f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN'
        self.converters = [(field.attname, _converter(field)) for field in fields]
        self.lines: list[str] = []

    def add(self, row: Model) -> None:
        values = row.__dict__
        self.lines.append(
            "\t".join(convert(values[name]) for name, convert in self.converters)
        )


class Bulk:
    """Rows of many models; `flush` writes them in the order the models were named."""

    def __init__(self, models: list[type[Model]]) -> None:
        self.tables = {model: Table(model) for model in models}
        self.written = 0

    def add(self, row: Model) -> None:
        self.tables[type(row)].add(row)

    def flush(self) -> None:
        """Write everything that waits, in one transaction."""
        with transaction.atomic(), connection.cursor() as cursor:
            for table in self.tables.values():
                if not table.lines:
                    continue
                with cursor.copy(table.command) as copy:
                    copy.write("\n".join(table.lines) + "\n")
                self.written += len(table.lines)
                table.lines.clear()
