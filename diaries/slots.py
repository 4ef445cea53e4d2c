"""Slots: the half days (or days) for which an entry is owed. No Django.

Each instant belongs to exactly one slot, through both clock changes: a slot is the
half-open interval from its start to the start of the next, in the authority's zone.
"""

import datetime as dt
from dataclasses import dataclass
from functools import total_ordering
from typing import Protocol

MORNING, EVENING, DAY = "morning", "evening", "day"
PLACES = {MORNING: 0, DAY: 0, EVENING: 1}
ONE_DAY = dt.timedelta(days=1)
# Days that anybody keeps a diary on; others are no slot.
EARLIEST, LATEST = dt.date(2000, 1, 1), dt.date(2200, 1, 1)


class Times(Protocol):
    """The numbers of a routine that slots rest on."""

    slots_per_day: int
    morning_from: dt.time
    evening_from: dt.time
    entry_open_hours: int


def instant(zone: dt.tzinfo, day: dt.date, time: dt.time) -> dt.datetime:
    """Return the instant, in UTC, at which the zone's clock first shows that time."""
    return dt.datetime.combine(day, time, zone).astimezone(dt.UTC)


@total_ordering
@dataclass(frozen=True)
class Slot:
    """A day and its half: morning, evening, or day where one slot a day is run."""

    day: dt.date
    half: str

    def __lt__(self, other: "Slot") -> bool:
        return (self.day, PLACES[self.half]) < (other.day, PLACES[other.half])

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """'2026-11-17-morning': how occasions and purposes name a slot."""
        return f"{self.day.isoformat()}-{self.half}"

    @classmethod
    def from_key(cls, key: str) -> "Slot":
        """Return the slot of a key; raises ValueError for what is none."""
        day, _, half = key.rpartition("-")
        if half not in PLACES:
            raise ValueError(key)
        found = dt.date.fromisoformat(day)
        if not EARLIEST <= found <= LATEST:
            raise ValueError(key)
        return cls(found, half)

    @classmethod
    def at(cls, zone: dt.tzinfo, moment: dt.datetime, times: Times) -> "Slot":
        """Return the slot that an aware moment belongs to."""
        day = moment.astimezone(zone).date()
        for slot in (cls.last_of(day, times), cls.first_of(day, times)):
            if slot.opens(zone, times) <= moment:
                return slot
        return cls.last_of(day - ONE_DAY, times)

    @classmethod
    def first_of(cls, day: dt.date, times: Times) -> "Slot":
        return cls(day, DAY if times.slots_per_day == 1 else MORNING)

    @classmethod
    def last_of(cls, day: dt.date, times: Times) -> "Slot":
        return cls(day, DAY if times.slots_per_day == 1 else EVENING)

    @property
    def next(self) -> "Slot":
        if self.half == MORNING:
            return Slot(self.day, EVENING)
        return Slot(self.day + ONE_DAY, DAY if self.half == DAY else MORNING)

    @property
    def previous(self) -> "Slot":
        if self.half == EVENING:
            return Slot(self.day, MORNING)
        return Slot(self.day - ONE_DAY, DAY if self.half == DAY else EVENING)

    def opens(self, zone: dt.tzinfo, times: Times) -> dt.datetime:
        """Return the instant, in UTC, at which the slot begins."""
        time = times.evening_from if self.half == EVENING else times.morning_from
        return instant(zone, self.day, time)

    def ends(
        self, zone: dt.tzinfo, times: Times, *, last_day: dt.date | None = None
    ) -> dt.datetime:
        """Return the instant, in UTC, before which it ends.

        The last slot of a monitoring ends with its last day, at 24:00, for entry and
        judgement.
        """
        end = self.next.opens(zone, times)
        if last_day is not None and self.day == last_day:
            end = min(end, instant(zone, last_day + ONE_DAY, dt.time.min))
        return end

    def deadline(
        self, zone: dt.tzinfo, times: Times, *, last_day: dt.date | None = None
    ) -> dt.datetime:
        """Return the instant, in UTC, before which an entry can still be made."""
        end = self.ends(zone, times, last_day=last_day)
        if last_day is not None and self.day == last_day and self.half != MORNING:
            return end
        return end + dt.timedelta(hours=times.entry_open_hours)


def between(first: Slot, last: Slot) -> list[Slot]:
    """Return all slots from the first to the last, both included, in order."""
    found = []
    slot = first
    while slot <= last:
        found.append(slot)
        slot = slot.next
    return found
