"""The authority's own catalogue of symptoms."""

import datetime as dt
from typing import Any

from diaries.models import Symptom
from quarano.accounts.models import User
from quarano.audit import log
from quarano.cockroach.transactions import retrying_transaction


class CodeTaken(Exception):
    """Another symptom has that code."""


@retrying_transaction
def add(symptom: Symptom, *, by: User, now: dt.datetime) -> Symptom:
    """Enter a further symptom; raises CodeTaken."""
    if Symptom.objects.filter(pk=symptom.pk).exists():
        raise CodeTaken
    symptom.save(force_insert=True)
    log.record("symptom.added", symptom, by=by, now=now)
    return symptom


@retrying_transaction(repeatable=True)
def revise(
    symptom: Symptom, changes: dict[str, Any], *, by: User, now: dt.datetime
) -> Symptom:
    """Change what a symptom is called and means; entries keep its code."""
    locked = Symptom.objects.select_for_update().get(pk=symptom.pk)
    changed = [
        name for name, value in changes.items() if getattr(locked, name) != value
    ]
    for name in changed:
        setattr(locked, name, changes[name])
    if changed:
        locked.save(update_fields=changed)
        log.record("symptom.revised", locked, by=by, now=now, fields=changed)
    return locked
