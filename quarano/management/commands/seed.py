"""Found the demo's authorities and play their outbreak up to the demo's now."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from quarano import clock
from quarano.demo import prologue


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("seed runs in demo mode only (DEMO=1, DEBUG=1).")
        started = dt.datetime.now(dt.UTC)
        prologue.play(now=clock.now())
        took = (dt.datetime.now(dt.UTC) - started).total_seconds()
        self.stdout.write(f"The outbreak was played in {took:.0f} s.")
