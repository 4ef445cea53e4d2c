"""'Half a day later': moves the clock and runs what falls due in between."""

import datetime as dt

from django_tenants.utils import schema_context

from health_authorities.models import HealthAuthority
from quarano import clock
from quarano.demo import folder, time
from quarano.outbreak import jobs

HALF_A_DAY = dt.timedelta(hours=12)


def half_a_day_later() -> None:
    """Put the demo's clock half a day forward, stopping at every moment with work.

    Messages written on the way are delivered by the worker, as always.
    """
    jobs.load()
    with schema_context("public"):
        authorities = list(HealthAuthority.objects.exclude(founded_at=None))
    goal = clock.now() + HALF_A_DAY
    while (now := clock.now()) < goal:
        moment = min([jobs.next_moment(now, one.zone) for one in authorities] or [goal])
        # Real time passes meanwhile, so that the goal may be a little behind.
        time.move(max(min(moment, goal) - clock.now(), dt.timedelta(seconds=1)))
        for authority in authorities:
            jobs.run(
                authority.schema_name,
                nightly=jobs.is_night(moment, authority.zone),
            )
    folder.keep("played_until", clock.now().isoformat())
