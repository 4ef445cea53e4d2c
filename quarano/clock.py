"""Read at the edges only (views, tasks, commands) and handed down as `now`."""

import datetime as dt

from django.conf import settings
from django.utils import timezone


def now() -> dt.datetime:
    """Return this moment, aware, in UTC; in demo mode the demo's own."""
    if settings.DEMO:
        from quarano.demo import time

        return time.now()
    return timezone.now()
