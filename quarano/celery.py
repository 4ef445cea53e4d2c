"""The Celery app, and the timetable: every periodic job in one dict."""

import os
from logging.config import dictConfig
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quarano.settings")
os.environ.setdefault("DATABASE_AS", "app")

app = Celery("quarano")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def log_as_the_web_does(**_: Any) -> None:
    """Celery would log in its own way, exceptions with all they say."""
    dictConfig(settings.LOGGING)


# Erasing events needs the owner of the database, as making tables does.
app.conf.task_routes = {"quarano.tasks.erase_access_log": {"queue": "owner"}}

quarter_hour = crontab(minute="*/15")
every_minute = crontab()
every_five_minutes = crontab(minute="*/5")
hourly = crontab(minute=7)
nightly = crontab(hour=2, minute=30)
daily_at_six = crontab(hour=6, minute=10)

# Each entry asks the database which authorities have work and hands out one task each.
app.conf.beat_schedule = {
    "tick": {
        "task": "quarano.tasks.tick",
        "schedule": every_minute,
        "options": {"expires": 55},
    },
    "reminders": {"task": "diaries.tasks.remind_all", "schedule": quarter_hour},
    "missed-slots": {
        "task": "diaries.tasks.escalate_missed_all",
        "schedule": quarter_hour,
    },
    "daily-escalations": {
        "task": "cases.tasks.escalate_all",
        "schedule": quarter_hour,
    },
    "on-call": {"task": "cases.tasks.on_call_all", "schedule": every_minute},
    "endings": {"task": "diaries.tasks.end_all", "schedule": quarter_hour},
    "duplicates": {"task": "cases.tasks.find_duplicates_all", "schedule": nightly},
    "possible-clusters": {
        "task": "contacts.tasks.find_clusters_all",
        "schedule": daily_at_six,
    },
    "delivery-sweep": {
        "task": "quarano.notifications.tasks.sweep_all",
        "schedule": every_minute,
    },
    "bounces": {
        "task": "quarano.notifications.tasks.read_mailbox",
        "schedule": every_five_minutes,
    },
    "expired-sessions": {
        "task": "quarano.tasks.erase_sessions_all",
        "schedule": nightly,
    },
    "audit-seals": {"task": "quarano.tasks.seal_all", "schedule": hourly},
    "insider-alarms": {
        "task": "quarano.tasks.watch_readings_all",
        "schedule": every_minute,
    },
    # What a minute's look missed while no worker ran.
    "insider-alarms-nightly": {
        "task": "quarano.tasks.watch_missed_all",
        "schedule": nightly,
    },
    "access-log-retention": {
        "task": "quarano.tasks.erase_access_log_all",
        "schedule": nightly,
    },
    "founding": {
        "task": "quarano.tasks.found_requested",
        "schedule": every_minute,
        "options": {"queue": "owner"},
    },
    "placement": {
        "task": "quarano.tasks.place_requested",
        "schedule": every_minute,
        "options": {"queue": "owner"},
    },
    "practice": {
        "task": "quarano.tasks.reset_practice",
        "schedule": quarter_hour,
        "options": {"queue": "owner"},
    },
}
