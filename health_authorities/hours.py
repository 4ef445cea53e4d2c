"""When an authority is staffed, and how much staffed time passes. Pure arithmetic.

A day's spans are half-open in the authority's own time zone; one that closes at or
before it opens goes on past midnight and belongs to the day it began. Every result is
an instant in UTC and exact through both clock changes.
"""

import datetime as dt
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

Span = tuple[dt.time, dt.time]
Stretch = tuple[dt.datetime, dt.datetime]
DAY = dt.timedelta(days=1)
# Nobody who is ever there is away for longer.
LOOKED_AHEAD = 400


class NoHours(ValueError):
    """What was written says no hours; the text is the part that nobody understands."""


@lru_cache(maxsize=256)
def holidays_of(
    subdivision: str, year: int, language: str = "de"
) -> Mapping[dt.date, str]:
    """Return the public holidays of a German state in a year, by day, with their name.

    `subdivision` is the code of ISO 3166-2 without 'DE-', such as 'BW'; `language`
    de or en. Those of the whole state only (library `holidays`, from the states' laws);
    what single towns celebrate an authority enters itself.
    """
    named = {"de": "de"}.get(language, "en_US")
    found = holidays.country_holidays(
        "DE", subdiv=subdivision, years=year, language=named
    )
    return dict(found.items())


# --- As people write them, and as they are stored ------------------------------------

_SPAN = re.compile(
    r"^(\d{1,2})(?:[:.](\d{2}))?\s*(?:-|–|bis|to)\s*(\d{1,2})(?:[:.](\d{2}))?$"
)


def parse(text: str) -> list[Span]:
    """Read '8-12, 13:00-16:30', in order; an empty text is no hours.

    24:00 is the midnight after. Raises NoHours for what is no time, has no length or
    meets another span of the same day.
    """
    spans: list[Span] = []
    for part in re.split(r"[,;/]", text):
        if not part.strip():
            continue
        found = _SPAN.match(part.strip())
        if found is None:
            raise NoHours(part.strip())
        to_midnight = found[3] == "24" and not int(found[4] or 0)
        opens = _time(found[1], found[2], part)
        closes = dt.time.min if to_midnight else _time(found[3], found[4], part)
        if opens == closes and not to_midnight:
            raise NoHours(part.strip())
        spans.append((opens, closes))
    spans.sort()
    for (begun, end), (start, _end) in itertools.pairwise(spans):
        if end <= begun or start < end:
            raise NoHours(text.strip())
    return spans


def _time(hours: str, minutes: str | None, part: str) -> dt.time:
    try:
        return dt.time(int(hours), int(minutes or 0))
    except ValueError:
        raise NoHours(part.strip()) from None


def written(spans: Sequence[Span]) -> str:
    """Return spans as `parse` reads them: '8:00-12:00, 13:00-24:00'."""
    return ", ".join(
        f"{opens.hour}:{opens:%M}-{closes.hour or 24}:{closes:%M}"
        if closes.hour or not closes.minute
        else f"{opens.hour}:{opens:%M}-0:{closes:%M}"
        for opens, closes in spans
    )


def stored(spans: Sequence[Span]) -> list[list[str]]:
    """Return spans as JSON holds them: [["08:00", "12:00"]]."""
    return [[f"{opens:%H:%M}", f"{closes:%H:%M}"] for opens, closes in spans]


def loaded(value: Any) -> tuple[Span, ...]:
    """Return the spans that JSON holds."""
    return tuple(
        (dt.time.fromisoformat(opens), dt.time.fromisoformat(closes))
        for opens, closes in value
    )


# --- The arithmetic ------------------------------------------------------------------


@dataclass(frozen=True)
class Hours:
    """The staffed hours of one authority.

    `weekly` holds the spans of Monday to Sunday. On a holiday of the `subdivision`
    (empty: holidays are days like others) nobody is there. `special` says otherwise for
    single days: their own spans, or none.
    """

    zone: ZoneInfo
    weekly: Sequence[Sequence[Span]] = ()
    subdivision: str = ""
    special: Mapping[dt.date, Sequence[Span]] = field(default_factory=dict)

    @property
    def are_known(self) -> bool:
        """Whether anybody has said when somebody is there."""
        return any(self.weekly)

    def holiday(self, day: dt.date) -> str:
        """Return the name of the state's holiday on that day, or nothing."""
        if not self.subdivision:
            return ""
        return holidays_of(self.subdivision, day.year).get(day, "")

    def spans(self, day: dt.date) -> Sequence[Span]:
        """Return the spans that begin on that local day."""
        if day in self.special:
            return self.special[day]
        if not self.weekly or self.holiday(day):
            return ()
        return self.weekly[day.weekday()]

    def is_staffed(self, at: dt.datetime) -> bool:
        """Whether somebody is there at that instant."""
        return self.staffed_until(at) is not None

    def staffed_until(self, at: dt.datetime) -> dt.datetime | None:
        """Return when the stretch ends that runs at the instant; None: nobody there."""
        for start, end in self._stretches(at):
            if start > at:
                return None
            return end.astimezone(dt.UTC)
        return None

    def next_opening(self, after: dt.datetime) -> dt.datetime | None:
        """Return the first instant at or after `after` at which somebody comes.

        While somebody is there that is the next time after the break; None where
        nobody comes within a year.
        """
        for start, _end in self._stretches(after):
            if start >= after:
                return start
        return None

    def next_staffed(self, at: dt.datetime) -> dt.datetime | None:
        """Return the first staffed instant at or after `at`; None as above."""
        for start, _end in self._stretches(at):
            return max(start, at.astimezone(dt.UTC))
        return None

    def between(self, start: dt.datetime, end: dt.datetime) -> dt.timedelta:
        """Return how much staffed time lies in [start, end)."""
        found = dt.timedelta()
        for opens, closes in self._stretches(start):
            if opens >= end:
                break
            found += min(closes, end) - max(opens, start)
        return found

    def add(self, start: dt.datetime, duration: dt.timedelta) -> dt.datetime | None:
        """Return the instant by which `duration` of staffed time has passed.

        No duration at all is due as soon as somebody is there. None where so much time
        never comes within a year.
        """
        if duration <= dt.timedelta():
            return self.next_staffed(start)
        left = duration
        for opens, closes in self._stretches(start):
            begins = max(opens, start.astimezone(dt.UTC))
            if closes - begins >= left:
                return begins + left
            left -= closes - begins
        return None

    def _stretches(self, at: dt.datetime) -> Iterator[Stretch]:
        """The stretches that end after the instant, in order, joined where they meet;
        those of the year ahead."""
        if not self.are_known:
            return
        # A stretch past midnight began the day before.
        day = at.astimezone(self.zone).date() - DAY
        held: Stretch | None = None
        for one in self._of_days(day):
            if one[1] <= at:
                continue
            if held is not None and one[0] <= held[1]:
                held = held[0], max(held[1], one[1])
                continue
            if held is not None:
                yield held
            held = one
        if held is not None:
            yield held

    def _of_days(self, day: dt.date) -> Iterator[Stretch]:
        for _count in range(LOOKED_AHEAD):
            for opens, closes in sorted(self.spans(day)):
                end = day if closes > opens else day + DAY
                stretch = self._at(day, opens), self._at(end, closes)
                # What spring skips is no time.
                if stretch[0] < stretch[1]:
                    yield stretch
            day += DAY

    def _at(self, day: dt.date, time: dt.time) -> dt.datetime:
        return dt.datetime.combine(day, time, self.zone).astimezone(dt.UTC)
