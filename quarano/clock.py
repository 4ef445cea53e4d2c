"""Read at the edges only (views, tasks, commands) and handed down as `now`."""

import datetime as dt

from django.conf import settings
from django.utils import timezone


def now() -> dt.datetime:
    """Return this moment, aware, in UTC; in demo mode moved by the demo's offset."""
    if settings.DEMO:
        from quarano.demo.time import offset

        return timezone.now() + offset()
    return timezone.now()
