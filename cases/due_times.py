"""Whether the clock of a reason runs in staffed hours or in all hours.

The authority's Routine lists the reasons whose clock stands while nobody is there. A
medical reason is never among them, nor is what the law counts in days (endings).
"""

import datetime as dt

from cases.models import Escalation, Routine
from health_authorities.models import current

Reason = Escalation.Reason

# What an authority may let stand at night and on holidays.
MAY_STAND = (
    Reason.FIRST_CALL,
    Reason.ENTRY_MISSING,
    Reason.SILENT,
    Reason.NOT_REGISTERED,
    Reason.DETAILS_MISSING,
    Reason.ONSET_DIFFERS,
    Reason.MESSAGE_FAILED,
    Reason.POSSIBLE_DUPLICATE,
    Reason.CONTACTS_NAMED,
    Reason.STEP_DISPUTED,
    Reason.POSSIBLE_CLUSTER,
)


def routine_on(day: dt.date) -> Routine:
    """Return the routine in force, or its defaults where none is written yet."""
    try:
        return Routine.objects.in_force(on=day)
    except Routine.DoesNotExist:
        return Routine(valid_from=day)


def runs_in_staffed_hours(reason: str, *, now: dt.datetime) -> bool:
    """Whether this reason's clock stands while nobody is there.

    Where nobody has said when somebody is there, every clock runs in all hours.
    """
    authority = current()
    # The call that is late is due when the call was.
    if reason == Reason.FIRST_CALL_OVERDUE:
        reason = Reason.FIRST_CALL
    if reason not in MAY_STAND or not authority.hours.are_known:
        return False
    return reason in routine_on(authority.localdate(now)).staffed_clock


def after(
    reason: str, start: dt.datetime, within: dt.timedelta, *, now: dt.datetime
) -> dt.datetime:
    """Return the instant, in UTC, when a reason is due that long after `start`.

    On a staffed clock so much staffed time has passed by then; nothing is then due at
    once but as soon as somebody comes.
    """
    plain = start + within
    if not runs_in_staffed_hours(reason, now=now):
        return plain
    return current().hours.add(start, within) or plain


def not_before(reason: str, moment: dt.datetime, *, now: dt.datetime) -> dt.datetime:
    """Return the moment, on a staffed clock the first staffed one from there on."""
    if not runs_in_staffed_hours(reason, now=now):
        return moment
    return current().hours.next_staffed(moment) or moment
