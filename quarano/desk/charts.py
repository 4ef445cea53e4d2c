"""The diary as the desk draws it beside a person."""

import datetime as dt

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from cases.daily_rules import routine_on
from cases.models import Monitoring, Person, Policy
from diaries.models import Entry
from health_authorities.models import current
from quarano.charts.temperature import Reading, temperature_chart

PAST, AHEAD = dt.timedelta(days=6), dt.timedelta(days=3)


def narrow_chart(
    person: Person, monitoring: Monitoring, *, now: dt.datetime
) -> SafeString | str:
    """Draw the temperatures of the last days; empty without a measurement."""
    today = current().localdate(now)
    first = today - PAST
    entries = Entry.objects.filter(person=person, day__gte=first, day__lte=today)
    series = [
        Reading(
            day=entry.day,
            half=int(entry.half == Entry.Half.EVENING),
            celsius=entry.temperature,
        )
        for entry in entries.order_by("day", "opens")
    ]
    if not any(reading.celsius is not None for reading in series):
        return ""
    policy = Policy.objects.in_force(monitoring.disease, on=today)
    last = today + AHEAD
    if monitoring.until is not None:
        last = max(min(last, monitoring.until), today)
    return temperature_chart(
        series,
        first_day=first,
        last_day=last,
        today=today,
        threshold=policy.fever_cases
        if monitoring.is_isolation
        else policy.fever_contacts,
        slots_per_day=routine_on(today).slots_per_day,
        wide=False,
        title=_("Temperature of the last days"),
    )
