"""What is unusual in what an official reads: pure, over one official's readings.

Own family, neighbours, search after search, mass reading, reading at night, reading
outside one's own tasks, accounts of people who have left. The numbers are those of the
authority's Routine; no law gives them, each authority weighs its own.
"""

import datetime as dt
import re
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from cases.models import Routine
from cases.search import fold
from quarano.oversight.models import Alarm

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
# Searches belong together within this time; an opening this soon after one is its use.
SEARCHING = dt.timedelta(minutes=30)
USED_WITHIN = dt.timedelta(minutes=3)
NUMBER = re.compile(r"\s*\d.*$")


@dataclass(frozen=True)
class Reading:
    """One step of an official: a file opened, a search, somebody shown in a list, an
    export, a refused sign-in.

    `is_own`: the person has the official's e-mail, number or full name, lives at the
    official's address, or `shares_name`. `has_reason`: the person was the official's to
    look after, waited on the worklist for anybody, or was worked on.
    """

    class Kind:
        OPENED, SEARCHED, LISTED, EXPORTED, REFUSED = (
            "opened",
            "searched",
            "listed",
            "exported",
            "refused",
        )

    at: dt.datetime
    kind: str
    person: UUID | None = None
    is_own: bool = False
    shares_name: bool = False
    has_reason: bool = False
    is_of_others: bool = False
    street: str = ""
    house: str = ""


@dataclass(frozen=True)
class Finding:
    """What a rule found: raised once for a rule, an official and an occasion."""

    rule: str
    occasion: str
    at: dt.datetime
    person: UUID | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def street_of(street: str, postal_code: str) -> str:
    """Return the street without its number, comparable; empty where none is known."""
    name = re.sub(r"[ .]", "", NUMBER.sub("", fold(street)))
    name = re.sub(r"str(asse)?$", "str", name)
    return f"{postal_code} {name}" if name else ""


def house_of(street: str, postal_code: str) -> str:
    """Return street and number, comparable; empty where no number is known."""
    number = NUMBER.search(fold(street))
    if number is None:
        return ""
    return f"{street_of(street, postal_code)} {number.group().replace(' ', '')}"


def findings(
    readings: Iterable[Reading],
    routine: Routine,
    *,
    zone: ZoneInfo,
    supervises: bool = False,
) -> list[Finding]:
    """Return what is unusual in one official's readings, each occasion once.

    `supervises`: looking at other people's work is this official's task.
    """
    steps = sorted(readings, key=lambda step: step.at)
    rules: list[Callable[..., Iterator[Finding]]] = [
        _own, _neighbours, _searches, _mass, _lists, _exports, _night, _ended,
    ]  # fmt: skip
    if not supervises:
        rules.append(_others)
    found: dict[tuple[str, str], Finding] = {}
    for rule in rules:
        for one in rule(steps, routine, zone):
            found.setdefault((one.rule, one.occasion), one)
    return sorted(found.values(), key=lambda one: one.at)


def _day(at: dt.datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).date().isoformat()


def _opened(steps: Iterable[Reading]) -> list[Reading]:
    return [step for step in steps if step.kind == Reading.Kind.OPENED]


def _own(steps: list[Reading], routine: Routine, zone: ZoneInfo) -> Iterator[Finding]:
    for step in _opened(steps):
        if step.is_own or (step.shares_name and not step.has_reason):
            occasion = f"{step.person} {_day(step.at, zone)}"
            yield Finding(Alarm.Rule.OWN, occasion, step.at, step.person)


def _neighbours(
    steps: list[Reading], routine: Routine, zone: ZoneInfo
) -> Iterator[Finding]:
    without = [one for one in _opened(steps) if one.house and not one.has_reason]
    for street in sorted({step.street for step in without}):
        here = [step for step in without if step.street == street]
        least = routine.alarm_neighbours
        for step in _crowded(here, least, DAY, key=lambda one: one.house):
            facts = {"houses": least}
            yield Finding(
                Alarm.Rule.NEIGHBOURS, _day(step.at, zone), step.at, facts=facts
            )


def _searches(
    steps: list[Reading], routine: Routine, zone: ZoneInfo
) -> Iterator[Finding]:
    openings = [step.at for step in _opened(steps)]
    unused = [
        step
        for step in steps
        if step.kind == Reading.Kind.SEARCHED
        and not any(step.at <= at <= step.at + USED_WITHIN for at in openings)
    ]
    least = routine.alarm_searches
    for step in _crowded(unused, least, SEARCHING, key=lambda one: one.at):
        facts = {"searches": least}
        yield Finding(Alarm.Rule.SEARCHES, _day(step.at, zone), step.at, facts=facts)


def _mass(steps: list[Reading], routine: Routine, zone: ZoneInfo) -> Iterator[Finding]:
    opened = _opened(steps)
    for least, within in (
        (routine.alarm_people_an_hour, HOUR),
        (routine.alarm_people_a_day, DAY),
    ):
        for step in _crowded(opened, least, within, key=lambda one: one.person):
            facts = {"people": least, "hours": int(within / HOUR)}
            yield Finding(Alarm.Rule.MASS, _day(step.at, zone), step.at, facts=facts)


def _lists(steps: list[Reading], routine: Routine, zone: ZoneInfo) -> Iterator[Finding]:
    listed = [step for step in steps if step.kind == Reading.Kind.LISTED]
    least = routine.alarm_listed_an_hour
    for step in _crowded(listed, least, HOUR, key=lambda one: one.person):
        facts = {"people": least, "hours": 1}
        yield Finding(Alarm.Rule.LISTS, _day(step.at, zone), step.at, facts=facts)


def _exports(
    steps: list[Reading], routine: Routine, zone: ZoneInfo
) -> Iterator[Finding]:
    exported = [step for step in steps if step.kind == Reading.Kind.EXPORTED]
    least = routine.alarm_exports_a_day
    for step in _crowded(exported, least, DAY, key=id):
        facts = {"exports": least}
        yield Finding(Alarm.Rule.EXPORTS, _day(step.at, zone), step.at, facts=facts)


def _night(steps: list[Reading], routine: Routine, zone: ZoneInfo) -> Iterator[Finding]:
    at_night = [
        step
        for step in steps
        if is_night(step.at.astimezone(zone).time(), routine) and not step.has_reason
    ]
    for step in at_night:
        if step.kind == Reading.Kind.EXPORTED:
            facts: dict[str, Any] = {"exports": 1}
            yield Finding(Alarm.Rule.NIGHT, _day(step.at, zone), step.at, facts=facts)
    least = routine.alarm_at_night
    for step in _crowded(_opened(at_night), least, DAY / 2, key=lambda one: one.person):
        facts = {"people": least}
        yield Finding(Alarm.Rule.NIGHT, _day(step.at, zone), step.at, facts=facts)


def is_night(local: dt.time, routine: Routine) -> bool:
    """Whether nobody is expected to read then; the span may pass midnight."""
    begins, ends = routine.alarm_night_from, routine.alarm_night_until
    if begins <= ends:
        return begins <= local < ends
    return local >= begins or local < ends


def _others(
    steps: list[Reading], routine: Routine, zone: ZoneInfo
) -> Iterator[Finding]:
    strange = [
        step for step in _opened(steps) if step.is_of_others and not step.has_reason
    ]
    least = routine.alarm_of_others
    for step in _crowded(strange, least, DAY, key=lambda one: one.person):
        facts = {"people": least}
        yield Finding(Alarm.Rule.OTHERS, _day(step.at, zone), step.at, facts=facts)


def _ended(steps: list[Reading], routine: Routine, zone: ZoneInfo) -> Iterator[Finding]:
    for step in steps:
        if step.kind == Reading.Kind.REFUSED:
            yield Finding(Alarm.Rule.ENDED, _day(step.at, zone), step.at)


def _crowded(
    steps: Iterable[Reading],
    least: int,
    within: dt.timedelta,
    *,
    key: Callable[[Reading], Hashable],
) -> Iterator[Reading]:
    """Yield each step with which `least` different ones lie within that time."""
    near: deque[Reading] = deque()
    counts: Counter[Hashable] = Counter()
    for step in steps:
        near.append(step)
        counts[key(step)] += 1
        while step.at - near[0].at > within:
            gone = key(near.popleft())
            counts[gone] -= 1
            if not counts[gone]:
                del counts[gone]
        if len(counts) >= least:
            yield step
