"""From when on something is too old to be kept, by the authority's routine."""

import calendar
import datetime as dt

from django.db import connection

from cases.due_times import routine_on
from cases.models import Routine
from health_authorities.models import HealthAuthority


def months_before(day: dt.date, months: int) -> dt.date:
    """Return the same day so many months earlier, or that month's last day."""
    count = day.year * 12 + day.month - 1 - months
    year, month = divmod(count, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(day.day, last))


def access_log_before(*, now: dt.datetime) -> dt.datetime:
    """Return the moment before which events are erased: local midnight, aware.

    On the operator's site, which has no routine, by what a routine says by default.
    """
    authority = connection.tenant
    zone: dt.tzinfo
    if isinstance(authority, HealthAuthority):
        today, zone = authority.localdate(now), authority.zone
        months = routine_on(today).keep_access_log_months
    else:
        today, zone = now.date(), dt.UTC
        months = Routine().keep_access_log_months
    return dt.datetime.combine(months_before(today, months), dt.time(), zone)
