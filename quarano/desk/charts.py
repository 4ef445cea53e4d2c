"""The diary as the desk draws it beside a person."""

import datetime as dt

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from cases.models import Person, Policy
from diaries import pages
from diaries.models import Entry
from health_authorities.models import current
from quarano.charts.temperature import Reading, temperature_chart

# As much as the panel's width can show, whole days.
PAST, AHEAD = dt.timedelta(days=6), dt.timedelta(days=3)


def narrow_chart(person: Person, *, now: dt.datetime) -> SafeString | str:
    """Draw the temperatures of the last days; empty while none was measured."""
    diary = pages.read(person, now=now)
    if diary is None:
        return ""
    today = current().localdate(now)
    series = [
        Reading(
            day=row.slot.day,
            half=int(row.slot.half == Entry.Half.EVENING),
            celsius=row.entry.temperature if row.entry else None,
            missed=row.state == "missed",
            entered=row.entry is not None,
        )
        for row in diary.rows()
        if row.state != "later" and row.slot.day >= today - PAST
    ]
    if not any(reading.celsius is not None for reading in series):
        return ""
    policy = Policy.objects.in_force(diary.monitoring.disease, on=today)
    last = today + AHEAD
    if diary.last_day is not None:
        last = max(min(last, diary.last_day), today)
    return temperature_chart(
        series,
        first_day=today - PAST,
        last_day=last,
        today=today,
        threshold=policy.fever_limit(diary.monitoring.kind),
        slots_per_day=diary.routine.slots_per_day,
        wide=False,
        title=_("Temperature of the last days"),
    )
