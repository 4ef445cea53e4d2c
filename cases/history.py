"""Changes with their values before and after, and the history that a file shows."""

import datetime as dt
import json
from typing import Any, TypeVar

from django.db.models import Field, Model
from django.utils.translation import gettext_lazy as _

from cases.models import Person, Revision
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.audit.models import Event
from quarano.cockroach.transactions import retrying_transaction

M = TypeVar("M", bound=Model)


class ChangedMeanwhile(Exception):
    """Somebody else saved the same row first.

    `theirs` is what stands there now, `mine` what was to be saved, both by the names
    of the fields that differ; `version` is the one to save against next.
    """

    def __init__(
        self, *, theirs: dict[str, Any], mine: dict[str, Any], version: int
    ) -> None:
        super().__init__(_("Somebody else changed this meanwhile."))
        self.theirs = theirs
        self.mine = mine
        self.version = version

    def __str__(self) -> str:
        return str(self.args[0])


def locked(subject: M) -> M:
    """Return a fresh copy of the row, locked until the transaction ends."""
    manager = type(subject)._default_manager
    return manager.select_for_update().get(pk=subject.pk)


@retrying_transaction(repeatable=True)
def revise(
    subject: Model,
    changes: dict[str, Any],
    *,
    person: Person | None,
    by: User | None,
    now: dt.datetime,
    verb: str,
    version: int | None = None,
) -> list[str]:
    """Set fields of a row with an audit event and a Revision; return what changed.

    The values are kept in the file of `person`; of what stands in nobody's file, None,
    the event names the fields alone.
    `version` is the one that the form was filled on; without it nothing is compared.
    The caller's object is re-read. Raises ChangedMeanwhile.
    """
    row = locked(subject)
    before = {name: getattr(row, _attribute(row, name)) for name in changes}
    for name, new in changes.items():
        value = new
        field = row._meta.get_field(name)
        if isinstance(field, Field) and not field.is_relation:
            value = field.to_python(value)
        setattr(row, name, value)
    after = {name: getattr(row, _attribute(row, name)) for name in changes}
    differing = [name for name in changes if before[name] != after[name]]
    if version is not None and differing and row.version != version:  # type: ignore[attr-defined]
        raise ChangedMeanwhile(
            theirs={name: before[name] for name in differing},
            mine={name: after[name] for name in differing},
            version=row.version,  # type: ignore[attr-defined]
        )
    if not differing:
        return []
    saved = list(differing)
    if hasattr(row, "version"):
        row.version += 1
        saved.append("version")
    row.save(update_fields=saved)
    if person is None:
        audit.record(verb, row, by=by, now=now, fields=differing)
    else:
        changed = {name: (before[name], after[name]) for name in differing}
        note(row, changed, person=person, by=by, now=now, verb=verb)
    subject.refresh_from_db()
    return differing


def note(
    subject: Model,
    changes: dict[str, tuple[Any, Any]],
    *,
    person: Person,
    by: User | None,
    now: dt.datetime,
    verb: str,
    codes: dict[str, Any] | None = None,
) -> Event:
    """Write the audit event of a change that was saved, and its values sealed.

    `changes` maps a field's name to its value before and after.
    """
    event = audit.record(
        verb, subject, by=by, now=now, person=person, fields=changes, codes=codes
    )
    Revision.objects.create(
        person=person,
        event=event.pk,
        subject_kind=subject._meta.label_lower,
        subject=subject.pk,
        changed_at=now,
        changed_by=by,
        verb=verb,
        changes=json.dumps(
            {name: [_plain(old), _plain(new)] for name, (old, new) in changes.items()},
            ensure_ascii=False,
        ),
    )
    return event


def _attribute(row: Model, name: str) -> str:
    return row._meta.get_field(name).attname  # type: ignore[union-attr]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Model):
        return str(value.pk)
    return str(value)
