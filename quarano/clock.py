"""Read at the edges only (views, tasks, commands) and handed down as `now`."""

import datetime as dt
from contextvars import ContextVar

from django.conf import settings
from django.utils import timezone

# The moment of a story that is played (quarano/practice.py); nothing otherwise.
_held: ContextVar[dt.datetime | None] = ContextVar("held", default=None)


def hold(moment: dt.datetime | None) -> None:
    """Let this thread's clock stand at a moment, aware; None lets it go again."""
    _held.set(moment)


def now() -> dt.datetime:
    """Return this moment, aware, in UTC; in demo mode the demo's own."""
    held = _held.get()
    if held is not None:
        return held
    if settings.DEMO:
        from quarano.demo import time

        return time.now()
    return timezone.now()


def real() -> dt.datetime:
    """Return this moment by which sessions end, aware, in UTC: never the demo's own."""
    return timezone.now()
