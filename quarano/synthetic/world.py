"""What all stories of one authority share."""

import datetime as dt
import math
from dataclasses import dataclass
from functools import cache
from random import Random
from uuid import UUID

from cases.models import (
    Disease,
    Routine,
)
from cases.models import Policy as PolicyRow
from diaries import escalation as rules
from diaries.slots import Slot
from diaries.submission import Window, window
from health_authorities.models import HealthAuthority
from quarano.synthetic.bulk import Bulk

VERSION_BITS, VERSION_4 = 0xF << 76 | 3 << 62, 4 << 76 | 2 << 62
HOUR, MINUTE, DAY = dt.timedelta(hours=1), dt.timedelta(minutes=1), dt.timedelta(days=1)


@dataclass(frozen=True)
class Arrival:
    """How the authority hears of somebody."""

    kind: str
    opened_at: dt.datetime
    anchor: dt.date  # onset of a case, last exposure, or the first case's onset at home
    household: bool = False
    lasting: bool = False  # extended again and again: a diary of four weeks


@dataclass
class World:
    """What all stories of one authority share."""

    authority: HealthAuthority
    now: dt.datetime
    random: Random
    bulk: Bulk
    staff: list[UUID]
    physicians: list[UUID]
    policy: PolicyRow
    routine: Routine
    disease: Disease
    symptoms: rules.Catalogue

    def __post_init__(self) -> None:
        self.today = self.authority.localdate(self.now)
        self.zone = self.authority.zone
        # A few dozen slots are asked for by everybody.
        self.window = cache(self._window)

    def _window(self, slot: Slot, *, is_last: bool) -> Window:
        return window(slot, self.routine, last_day=slot.day if is_last else None)

    def new_id(self) -> UUID:
        bits = self.random.getrandbits(128)
        # Version 4 of RFC 9562: these six bits are said.
        return UUID(int=bits & ~VERSION_BITS | VERSION_4)

    def official(self) -> UUID:
        return self.random.choice(self.staff)

    def later(
        self, at: dt.datetime, *, median: float, spread: float = 0.8
    ) -> dt.datetime:
        """A moment some hours after, mostly soon and sometimes much later."""
        hours = self.random.lognormvariate(math.log(median), spread)
        return at + dt.timedelta(seconds=round(hours * 3600))

    def at_desk(self, at: dt.datetime) -> dt.datetime:
        """The moment, or the next at which officials are at their desks."""
        local = at.astimezone(self.zone)
        if 8 <= local.hour < 19:
            return at
        day = local.date() + (DAY if local.hour >= 19 else dt.timedelta(0))
        early = self.random.randrange(120)
        return self.authority.at(day, dt.time(8)) + early * MINUTE
