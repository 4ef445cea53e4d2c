"""What in a migration the code of the release before could not live with.

Web and workers of that release run on while authorities are migrated, and for as long
as a rolling update takes. A release that must remove something does it in two: the
first no longer uses it, the second takes it away.
"""

import re
from collections.abc import Iterable, Iterator

from django.db import models
from django.db.migrations import operations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

# Types that hold all that the type before them held.
WIDER = {
    "CharField": {"TextField"},
    "SlugField": {"CharField", "TextField"},
    "EmailField": {"CharField", "TextField"},
    "URLField": {"CharField", "TextField"},
    "SmallIntegerField": {"IntegerField", "BigIntegerField"},
    "IntegerField": {"BigIntegerField"},
    "PositiveSmallIntegerField": {
        "SmallIntegerField", "PositiveIntegerField", "IntegerField",
        "PositiveBigIntegerField", "BigIntegerField",
    },
    "PositiveIntegerField": {
        "IntegerField", "PositiveBigIntegerField", "BigIntegerField",
    },
    "PositiveBigIntegerField": {"BigIntegerField"},
    "SmallAutoField": {"AutoField", "BigAutoField"},
    "AutoField": {"BigAutoField"},
}  # fmt: skip
TEXT = {"CharField", "SlugField", "EmailField", "URLField"}
TAKEN_AWAY: dict[type[Operation], str] = {
    operations.DeleteModel: "drops the table of {step.name}",
    operations.RenameModel: "renames the table of {step.old_name}",
    operations.AlterModelTable: "renames the table of {step.name}",
    operations.RemoveField: "drops {step.model_name}.{step.name}",
    operations.RenameField: "renames {step.model_name}.{step.old_name}",
}
TAKES_AWAY = re.compile(r"\b(DROP|RENAME|TRUNCATE|SET\s+NOT\s+NULL)\b", re.IGNORECASE)


def breaks(app: str, steps: Iterable[Operation], before: ProjectState) -> list[str]:
    """Return in words what the running code could not live with; empty: nothing.

    `before` is the state ahead of the first step; it is left as it is.
    """
    state = before.clone()
    found: list[str] = []
    for step in steps:
        found += _of_one(app, step, state)
        step.state_forwards(app, state)
    return found


def _of_one(app: str, step: Operation, state: ProjectState) -> Iterator[str]:
    for kind, words in TAKEN_AWAY.items():
        if isinstance(step, kind):
            yield words.format(step=step)
    if isinstance(step, operations.SeparateDatabaseAndState):
        yield from breaks(app, step.database_operations, state)
    elif isinstance(step, operations.RunSQL):
        if any(map(TAKES_AWAY.search, _statements(step.sql))):
            yield "SQL that takes something away"
    elif isinstance(step, operations.AddField):
        if needs_a_value(step.field):
            yield (
                f"adds {step.model_name}.{step.name}, NOT NULL without a default of "
                "the database (db_default)"
            )
    elif isinstance(step, operations.AlterField):
        old = state.models[app, step.model_name.lower()].fields[step.name]
        for what in narrows(old, step.field):
            yield f"{step.model_name}.{step.name} {what}"


def _statements(sql: object) -> Iterator[str]:
    for one in [sql] if isinstance(sql, str) else list(sql):  # type: ignore[call-overload]
        yield one if isinstance(one, str) else one[0]


def needs_a_value(field: "models.Field[object, object]") -> bool:
    """Whether a row that does not name this column is refused."""
    has_column = not field.many_to_many and not field.generated
    return has_column and not field.null and not field.has_db_default()


def narrows(
    old: "models.Field[object, object]", new: "models.Field[object, object]"
) -> Iterator[str]:
    """Say in words in what a column holds less than before, or is called otherwise."""
    if (old.db_column or "") != (new.db_column or ""):
        yield "is renamed"
    if old.null and not new.null:
        yield "becomes NOT NULL"
    if old.has_db_default() and not new.has_db_default() and not new.null:
        yield "loses the default of the database"
    before, after = old.get_internal_type(), new.get_internal_type()
    if before != after and after not in WIDER.get(before, set()):
        yield f"changes from {before} to {after}"
    elif after in TEXT and new.max_length is not None:
        if old.max_length is None or new.max_length < old.max_length:
            yield f"is shortened to {new.max_length}"
    elif _digits(old) > _digits(new) or _places(old) > _places(new):
        yield "holds fewer digits"


def _digits(field: "models.Field[object, object]") -> int:
    """How many digits stand before the point; 0 for what is no decimal."""
    return int(getattr(field, "max_digits", None) or 0) - _places(field)


def _places(field: "models.Field[object, object]") -> int:
    return int(getattr(field, "decimal_places", None) or 0)
