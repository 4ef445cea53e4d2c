"""The timetable's jobs, run at moments of our choosing."""

import datetime as dt

from celery import current_app

# What changes people's lives with time; the outbox is emptied by the worker.
BY_QUARTER_HOUR = (
    "diaries.tasks.remind",
    "diaries.tasks.escalate_missed",
    "cases.tasks.escalate",
    "diaries.tasks.end",
    "cases.tasks.on_call",
    "quarano.notifications.tasks.sweep",
)
# Local times at which the routine's rules have something to do.
MOMENTS = (
    dt.time(0, 5),
    dt.time(6, 5),
    dt.time(8, 0),
    dt.time(11, 0),
    dt.time(12, 5),
    dt.time(15, 0),
    dt.time(17, 5),
    dt.time(19, 30),
    dt.time(20, 45),
)


def run(schema: str, *, nightly: bool = False) -> None:
    """Run every job for one authority at the moment that the clock shows."""
    for name in BY_QUARTER_HOUR:
        current_app.tasks[name](schema)
    if nightly:
        current_app.tasks["cases.tasks.find_duplicates"](schema)


def next_moment(after: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """Return the next instant at which the jobs should run, aware in UTC."""
    local = after.astimezone(zone)
    for day in (local.date(), local.date() + dt.timedelta(days=1)):
        for time in MOMENTS:
            moment = dt.datetime.combine(day, time, zone).astimezone(dt.UTC)
            if moment > after:
                return moment
    raise AssertionError("every day has moments")


def is_night(moment: dt.datetime, zone: dt.tzinfo) -> bool:
    return moment.astimezone(zone).hour == 0


def load() -> None:
    """Make the tasks known to this process."""
    current_app.loader.import_default_modules()
