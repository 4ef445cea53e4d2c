"""How a policy or routine changes: as a new dated version, never in place."""

import datetime as dt
from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import models

from cases.arithmetic import Problem, check_examples
from cases.models import Policy, PolicyExample, Routine
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log
from quarano.cockroach.transactions import retrying_transaction

FEWEST_EXAMPLES = 4
# Not a matter of the guideline, or set by the processes alone.
OWN = {
    "id", "disease", "valid_from", "shipped", "drafted_at", "drafted_by", "approved_at",
    "approved_by",
}  # fmt: skip

Version = TypeVar("Version", Policy, Routine)


class Immutable(Exception):
    """The version is approved or in force: changes are a new version."""


class TooEarly(Exception):
    """A version holds from tomorrow on at the earliest; what runs was decided."""


class DayTaken(Exception):
    """Another version begins on that day."""


class SamePerson(Exception):
    """Whoever drafted a policy does not approve it."""


class ExamplesDiffer(Exception):
    """Worked examples are too few, or do not compute as written."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__()
        self.problems = list(problems)


def is_draft(version: Policy | Routine, *, on: dt.date) -> bool:
    """Whether the version may still be changed on that day."""
    if isinstance(version, Policy):
        return not version.shipped and version.approved_at is None
    return version.valid_from > on


@retrying_transaction
def draft_policy(policy: Policy, *, by: User, now: dt.datetime) -> Policy:
    """Copy a version with its examples into a draft for the next free day."""
    source = Policy.objects.select_for_update().get(pk=policy.pk)
    taken = set(
        Policy.objects.filter(disease=source.disease_id).values_list(
            "valid_from", flat=True
        )
    )
    draft = Policy.objects.create(
        disease_id=source.disease_id,
        valid_from=_next_free(taken, now),
        drafted_at=now,
        drafted_by=by,
        **_numbers(source),
    )
    PolicyExample.objects.bulk_create(
        PolicyExample(
            policy=draft,
            title=example.title,
            kind=example.kind,
            anchor_kind=example.anchor_kind,
            anchor_day=example.anchor_day,
            circumstances=example.circumstances,
            until=example.until,
        )
        for example in source.examples.all()
    )
    log.record("policy.drafted", draft, by=by, now=now)
    return draft


@retrying_transaction(repeatable=True)
def revise_policy(
    policy: Policy, changes: dict[str, Any], *, by: User, now: dt.datetime
) -> Policy:
    """Change a draft; raises Immutable, TooEarly and DayTaken."""
    locked = Policy.objects.select_for_update().get(pk=policy.pk)
    _check(locked, changes, Policy.objects.filter(disease=locked.disease_id), now)
    return _revise(locked, changes, verb="policy.revised", by=by, now=now)


@retrying_transaction
def approve_policy(policy: Policy, *, by: User, now: dt.datetime) -> Policy:
    """Let a draft hold from its day on; from now on nobody changes it.

    Raises Immutable, SamePerson, TooEarly where its day has come meanwhile, and
    ExamplesDiffer unless at least four examples compute as written.
    """
    locked = Policy.objects.select_for_update().get(pk=policy.pk)
    if not is_draft(locked, on=_today(now)):
        raise Immutable
    if locked.drafted_by_id == by.pk:
        raise SamePerson
    if locked.valid_from <= _today(now):
        raise TooEarly
    examples = list(locked.examples.all())
    problems = check_examples(locked, examples)
    if problems or len(examples) < FEWEST_EXAMPLES:
        raise ExamplesDiffer(problems)
    locked.approved_at, locked.approved_by = now, by
    locked.save(update_fields=["approved_at", "approved_by"])
    log.record("policy.approved", locked, by=by, now=now)
    return locked


@retrying_transaction
def discard_policy(policy: Policy, *, by: User, now: dt.datetime) -> None:
    """Throw a draft away; raises Immutable."""
    locked = Policy.objects.select_for_update().get(pk=policy.pk)
    if not is_draft(locked, on=_today(now)):
        raise Immutable
    log.record("policy.discarded", locked, by=by, now=now)
    locked.delete()


@retrying_transaction
def draft_routine(routine: Routine, *, by: User, now: dt.datetime) -> Routine:
    """Copy a routine into a version for the next free day, when it takes effect."""
    source = Routine.objects.select_for_update().get(pk=routine.pk)
    taken = set(Routine.objects.values_list("valid_from", flat=True))
    draft = Routine.objects.create(
        valid_from=_next_free(taken, now),
        drafted_at=now,
        drafted_by=by,
        **_numbers(source),
    )
    log.record("routine.drafted", draft, by=by, now=now)
    return draft


@retrying_transaction(repeatable=True)
def revise_routine(
    routine: Routine, changes: dict[str, Any], *, by: User, now: dt.datetime
) -> Routine:
    """Change a version whose day is to come; raises Immutable, TooEarly, DayTaken."""
    locked = Routine.objects.select_for_update().get(pk=routine.pk)
    _check(locked, changes, Routine.objects.all(), now)
    return _revise(locked, changes, verb="routine.revised", by=by, now=now)


@retrying_transaction
def discard_routine(routine: Routine, *, by: User, now: dt.datetime) -> None:
    """Throw a version away whose day is to come; raises Immutable."""
    locked = Routine.objects.select_for_update().get(pk=routine.pk)
    if not is_draft(locked, on=_today(now)):
        raise Immutable
    log.record("routine.discarded", locked, by=by, now=now)
    locked.delete()


def _today(now: dt.datetime) -> dt.date:
    return current().localdate(now)


def _next_free(taken: set[dt.date], now: dt.datetime) -> dt.date:
    day = _today(now) + dt.timedelta(days=1)
    while day in taken:
        day += dt.timedelta(days=1)
    return day


def _numbers(version: Policy | Routine) -> dict[str, Any]:
    return {
        field.name: getattr(version, field.name)
        for field in version._meta.concrete_fields
        if field.name not in OWN
    }


def _check(
    locked: Policy | Routine,
    changes: dict[str, Any],
    others: models.QuerySet[Any],
    now: dt.datetime,
) -> None:
    if not is_draft(locked, on=_today(now)):
        raise Immutable
    day = changes.get("valid_from", locked.valid_from)
    if day <= _today(now):
        raise TooEarly
    if others.filter(valid_from=day).exclude(pk=locked.pk).exists():
        raise DayTaken


def _revise(
    locked: Version,
    changes: dict[str, Any],
    *,
    verb: str,
    by: User,
    now: dt.datetime,
) -> Version:
    changed = [
        name for name, value in changes.items() if getattr(locked, name) != value
    ]
    for name in changed:
        setattr(locked, name, changes[name])
    if changed:
        locked.save(update_fields=changed)
        log.record(verb, locked, by=by, now=now, fields=changed)
    return locked
