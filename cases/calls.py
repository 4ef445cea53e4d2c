"""Attempts to reach somebody by telephone."""

import datetime as dt

from cases import due_times, escalation, history
from cases.models import CallAttempt, Escalation, Monitoring, Person
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction

Reason = Escalation.Reason
# What a call that reached the person answers.
ANSWERED = (
    Reason.FIRST_CALL,
    Reason.FIRST_CALL_OVERDUE,
    Reason.ENTRY_MISSING,
    Reason.SILENT,
)


@retrying_transaction
def record_call(
    person: Person,
    *,
    outcome: str,
    number: str = "",
    note: str = "",
    monitoring: Monitoring | None = None,
    by: User,
    now: dt.datetime,
) -> CallAttempt:
    """Note a call; one that reached the person answers first call and silence.

    A call is about the person: the first call of every open monitoring counts, not
    only that of `monitoring`.
    """
    person = history.locked(person)
    attempt = CallAttempt.objects.create(
        person=person,
        monitoring=monitoring,
        outcome=outcome,
        number=number,
        note=note,
        called_at=now,
        called_by=by,
    )
    audit.record("call.recorded", attempt, by=by, now=now, codes={"outcome": outcome})
    if outcome == CallAttempt.Outcome.REACHED:
        person.last_reached_at = max(person.last_reached_at or now, now)
        person.save(update_fields=["last_reached_at"])
        person.monitorings.open().filter(first_called_at__isnull=True).update(
            first_called_at=now
        )
        escalation.clear(person, ANSWERED, now=now)
    return attempt


def needs_letter(person: Person, *, now: dt.datetime) -> bool:
    """Whether calls at different hours have failed often enough (*3*) to write or go.

    Counted since the person was last reached; two calls within the same hour of the
    same local day are one.
    """
    authority = current()
    failed = person.calls.exclude(outcome=CallAttempt.Outcome.REACHED).filter(
        called_at__lte=now
    )
    if person.last_reached_at is not None:
        failed = failed.filter(called_at__gt=person.last_reached_at)
    hours = {
        authority.localtime(moment).replace(minute=0, second=0, microsecond=0)
        for moment in failed.values_list("called_at", flat=True)
    }
    routine = due_times.routine_on(authority.localdate(now))
    return len(hours) >= routine.letter_after_calls
