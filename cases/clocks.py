"""How soon people are reached: reported → called → enrolled, each against its hours.

A clock starts when a case or contact is reported to the authority. It counts everybody
reported in the last seven days, and whoever still waits from before: nobody falls out
of the figure by waiting longer. The hours are the routine's (*24* and *48*) of the day
of looking, and run day and night.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import (
    Aggregate,
    Case,
    CharField,
    Count,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    TextChoices,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Concat, Greatest, Least, Lower
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from cases.due_times import routine_on
from cases.models import Monitoring, ProtectedCircle, Routine
from health_authorities.memory import remembered
from health_authorities.models import current
from quarano.accounts.models import User

WINDOW = dt.timedelta(days=7)
PAGE = 50
HOUR = dt.timedelta(hours=1)
LONG_AGO = dt.timedelta(days=3650)
NONE = dt.timedelta(0)


class Clock(TextChoices):
    """What is waited for."""

    REPORTED = "reported", _("Reported")
    CALLED = "called", _("Called")
    ENROLLED = "enrolled", _("Enrolled")
    TOLD = "told", _("Contacts told")


class State(TextChoices):
    """Where somebody stands on a clock."""

    LATE = "late", _("late")
    RUNNING = "running", _("running")
    IN_TIME = "in_time", _("in time")
    TODAY = "today", _("today")
    YESTERDAY = "yesterday", _("yesterday")


class Sort(TextChoices):
    OLDEST = "oldest", _("Reported first")
    NEWEST = "newest", _("Reported last")
    LONGEST = "longest", _("Waited longest")
    NAME = "name", _("Name")


STATES = {
    Clock.REPORTED: (State.TODAY, State.YESTERDAY),
    Clock.CALLED: (State.LATE, State.RUNNING, State.IN_TIME),
    Clock.ENROLLED: (State.LATE, State.RUNNING, State.IN_TIME),
    Clock.TOLD: (State.LATE, State.RUNNING, State.IN_TIME),
}


class Median(Aggregate):
    """The middle value: percentile_disc, which both databases have for intervals."""

    function = "PERCENTILE_DISC"
    name = "Median"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def hours_of(clock: str, routine: Routine) -> dt.timedelta:
    """Return how long that clock may run; nothing for what only counts."""
    hours = {
        Clock.CALLED: routine.first_call_hours,
        Clock.ENROLLED: routine.enrolled_hours,
        Clock.TOLD: routine.contacts_told_hours,
    }
    return hours.get(Clock(clock), 0) * HOUR


def reached_at(clock: str) -> Combinable:
    """The moment at which a clock stopped: empty while it runs.

    Whoever enrolled without a call was reached as well.
    """
    if clock == Clock.CALLED:
        return Least("first_called_at", "enrolled_at", output_field=DateTimeField())
    return F(f"{clock}_at")


def started_at(clock: str) -> str:
    """The column at which a clock starts: that of contacts with the report of the
    case whom they met."""
    return "told_from" if clock == Clock.TOLD else "reported_at"


def _waits(clock: str) -> Q:
    """Open, and still waited for."""
    waits = Q(status__in=Monitoring.OPEN, enrolled_at__isnull=True)
    if clock == Clock.CALLED:
        return waits & Q(first_called_at__isnull=True)
    if clock == Clock.TOLD:
        return waits & Q(told_at__isnull=True, kind=Monitoring.Kind.QUARANTINE)
    return waits


def _counts(clock: str) -> Q:
    """Who is on this clock at all: nobody by error; no diary, no enrolment."""
    right = ~Q(conclusion=Monitoring.Conclusion.ERRONEOUS)
    if clock == Clock.ENROLLED:
        return right & ~Q(enrolment=Monitoring.Enrolment.BY_PHONE)
    if clock == Clock.TOLD:
        return right & Q(kind=Monitoring.Kind.QUARANTINE)
    return right


def _is_in(state: str, clock: str, *, limit: dt.timedelta, now: dt.datetime) -> Q:
    """The condition of a state. Who was released unreached within the hours is in none:
    that clock was stopped."""
    start = started_at(clock)
    due = ExpressionWrapper(F(start) + limit, output_field=DateTimeField())
    name = f"{clock}_at"
    is_over = Q(**{f"{start}__lt": now - limit})
    open_ones = Q(status__in=Monitoring.OPEN)
    conditions = {
        State.IN_TIME: Q(**{f"{name}__lte": due}),
        State.RUNNING: Q(**{f"{name}__isnull": True}) & open_ones & ~is_over,
        State.LATE: Q(**{f"{name}__gt": due})
        | (
            Q(**{f"{name}__isnull": True})
            & ((open_ones & is_over) | Q(concluded_at__gt=due))
        ),
    }
    return conditions[State(state)]


def _reported_between(state: str, now: dt.datetime) -> Q:
    authority = current()
    today = authority.localdate(now)
    midnight = authority.at(today, dt.time.min)
    if state == State.TODAY:
        return Q(reported_at__gte=midnight)
    before = authority.at(today - dt.timedelta(days=1), dt.time.min)
    return Q(reported_at__gte=before, reported_at__lt=midnight)


@dataclass(frozen=True)
class Reading:
    """One clock, read: counts of people, and the middle of how long it took."""

    clock: Clock
    limit: dt.timedelta
    in_time: int
    late: int
    running: int
    still_late: int  # of the late: nobody has reached them yet
    median: dt.timedelta | None

    @property
    def share(self) -> int | None:
        """In time, per cent of all that is decided; None before anything is."""
        decided = self.in_time + self.late
        # Rounded down: 100 % is said only where nobody was late.
        return 100 * self.in_time // decided if decided else None

    @property
    def hours(self) -> int:
        return int(self.limit / HOUR)

    @property
    def total(self) -> int:
        return self.in_time + self.late + self.running


@dataclass(frozen=True)
class Readings:
    today: int
    yesterday: int
    clocks: list[Reading]

    @property
    def is_empty(self) -> bool:
        total = self.today + self.yesterday
        return not total and not any(one.total for one in self.clocks)


def read(*, now: dt.datetime) -> Readings:
    """Return all clocks of the authority, perhaps half a minute old: every start page
    shows them, and they count a week's people. One statement."""
    return remembered(("clocks",), lambda: _read(now=now))


def _read(*, now: dt.datetime) -> Readings:
    routine = routine_on(current().localdate(now))
    right = _counts(Clock.REPORTED)
    wanted: dict[str, Any] = {
        state.value: Count("pk", filter=right & _reported_between(state, now))
        for state in STATES[Clock.REPORTED]
    }
    timed = [clock for clock in Clock if clock != Clock.REPORTED]
    for clock in timed:
        limit = hours_of(clock, routine)
        here = _counts(clock) & (Q(reported_at__gte=now - WINDOW) | _waits(clock))
        for state in STATES[clock]:
            wanted[f"{clock}_{state}"] = Count(
                "pk", filter=here & _is_in(state, clock, limit=limit, now=now)
            )
        is_late = _is_in(State.LATE, clock, limit=limit, now=now)
        wanted[f"{clock}_still"] = Count("pk", filter=here & is_late & _waits(clock))
        wanted[f"{clock}_median"] = Median(
            _took(F(f"{clock}_at"), clock),
            filter=here & Q(**{f"{clock}_at__isnull": False}),
        )
    found = _on_clocks(now).aggregate(**wanted)
    return Readings(
        today=found[State.TODAY],
        yesterday=found[State.YESTERDAY],
        clocks=[
            Reading(
                clock=clock,
                limit=hours_of(clock, routine),
                in_time=found[f"{clock}_{State.IN_TIME}"],
                late=found[f"{clock}_{State.LATE}"],
                running=found[f"{clock}_{State.RUNNING}"],
                still_late=found[f"{clock}_still"],
                median=found[f"{clock}_median"],
            )
            for clock in timed
        ],
    )


def _on_clocks(now: dt.datetime) -> QuerySet[Monitoring]:
    """All that any clock counts, found by the two indexes that are made for it."""
    return Monitoring.objects.filter(
        Q(reported_at__gte=now - WINDOW)
        | Q(status__in=Monitoring.OPEN, enrolled_at__isnull=True)
    ).annotate(
        called_at=reached_at(Clock.CALLED),
        told_from=Coalesce("case_reported_at", "reported_at"),
    )


def _took(end: Combinable, clock: str) -> Combinable:
    """How long it took from a clock's start to `end`; never less than nothing."""
    start = F(started_at(clock))
    took = ExpressionWrapper(end - start, output_field=DurationField())
    return Greatest(took, Value(NONE), output_field=DurationField())


# --- The list behind a number -------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """After whom a page goes on, and at which moment the first page was read."""

    at: dt.datetime
    value: str
    pk: UUID

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.pk}~{self.value}"

    @classmethod
    def read(cls, text: str, *, now: dt.datetime) -> "Place | None":
        """Take what an address says; None for anything that no page of ours wrote."""
        at, _first, rest = text.partition("~")
        pk, _second, value = rest.partition("~")
        try:
            moment, key = parse_datetime(at), UUID(pk)
        except ValueError:
            return None
        if moment is None or moment.tzinfo is None or "\0" in value:
            return None
        if not now - LONG_AGO <= moment <= now:
            return None
        return cls(moment, value, key)


@dataclass(frozen=True)
class People:
    """One page of the people behind a number."""

    rows: Sequence[Monitoring]
    at: dt.datetime
    next: Place | None

    @property
    def shown(self) -> list[UUID]:
        """Whose names stand there."""
        return [row.person_id for row in self.rows if not row.is_hidden]  # type: ignore[attr-defined]


def people(
    clock: str,
    state: str,
    *,
    user: User,
    now: dt.datetime,
    kind: str = "",
    sort: str = Sort.OLDEST,
    after: Place | None = None,
) -> People:
    """Return the people behind a number, 50 at a time.

    Each row is a monitoring with `ended_at` (when its clock stopped, None while it
    runs), `took` and `is_hidden`: a protected person of another circle is counted, and
    says no more than that. Later pages are read at the moment of the first, so nobody
    is missed or shown twice while clocks run on.
    """
    at = after.at if after else now
    rows = _behind(clock, state, now=at)
    if kind:
        rows = rows.filter(kind=kind)
    rows = rows.annotate(
        is_hidden=_is_hidden(user),
        ended_at=F(f"{clock}_at") if clock != Clock.REPORTED else reached_at("called"),
    ).annotate(
        took=_took(
            Coalesce("ended_at", "concluded_at", Value(at), output_field=MOMENT), clock
        )
    )
    key, is_falling = SORTS[Sort(sort)]
    rows = rows.annotate(sort_key=key)
    if after is not None:
        value = _value(sort, after.value)
        if value is None:
            return People([], at, None)
        beyond = "lt" if is_falling else "gt"
        rows = rows.filter(
            Q(**{f"sort_key__{beyond}": value}) | Q(sort_key=value, pk__gt=after.pk)
        )
    way = F("sort_key").desc() if is_falling else F("sort_key").asc()
    found = list(rows.select_related("person").order_by(way, "pk")[: PAGE + 1])
    page, more = found[:PAGE], found[PAGE:]
    last = Place(at, _text(page[-1].sort_key), page[-1].pk) if more else None
    return People(page, at, last)


MOMENT = DateTimeField()
NAME = Case(
    # Sorted by a name, a hidden one would be told by its neighbours.
    When(is_hidden=True, then=Value("")),
    default=Lower(Concat("person__family_name", Value(" "), "person__given_name")),
    output_field=CharField(),
)
# What a list is sorted by, and whether the largest comes first.
SORTS: dict[str, tuple[Any, bool]] = {
    Sort.OLDEST: (F("reported_at"), False),
    Sort.NEWEST: (F("reported_at"), True),
    Sort.LONGEST: (F("took"), True),
    Sort.NAME: (NAME, False),
}


def _behind(clock: str, state: str, *, now: dt.datetime) -> QuerySet[Monitoring]:
    """Exactly those whom `read` counts for that number."""
    rows = _on_clocks(now).filter(_counts(clock))
    if clock == Clock.REPORTED:
        return rows.filter(_reported_between(state, now), reported_at__lte=now)
    limit = hours_of(clock, routine_on(current().localdate(now)))
    return rows.filter(
        Q(reported_at__gte=now - WINDOW) | _waits(clock),
        _is_in(state, clock, limit=limit, now=now),
    )


def _is_hidden(user: User) -> Any:
    if user.may("cases.view_protected"):
        return Value(False)
    circle = ProtectedCircle.objects.filter(person=OuterRef("person"), user=user)
    return Case(
        When(Q(person__protected=True) & ~Exists(circle), then=Value(True)),
        default=Value(False),
    )


def _text(value: Any) -> str:
    if isinstance(value, dt.timedelta):
        return str(value // dt.timedelta(microseconds=1))
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)


def _value(sort: str, text: str) -> Any:
    """The value that `_text` wrote; None where it cannot be one."""
    try:
        if sort == Sort.NAME:
            return text
        if sort == Sort.LONGEST:
            return dt.timedelta(microseconds=int(text))
        moment = parse_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment and moment.tzinfo else None


# --- One person's own clocks --------------------------------------------------------


@dataclass(frozen=True)
class Own:
    """One clock of one monitoring, for the file."""

    clock: Clock
    state: State
    took: dt.timedelta
    hours: int
    is_running: bool


def of(monitoring: Monitoring, *, now: dt.datetime) -> list[Own]:
    """Return the clocks of one monitoring, as `read` counts it."""
    routine = routine_on(current().localdate(now))
    moments = (monitoring.first_called_at, monitoring.enrolled_at)
    reached = min((one for one in moments if one is not None), default=None)
    ends = {Clock.CALLED: reached, Clock.ENROLLED: monitoring.enrolled_at}
    if not monitoring.is_isolation:
        ends[Clock.TOLD] = monitoring.told_at
    if monitoring.conclusion == Monitoring.Conclusion.ERRONEOUS:
        return []
    if monitoring.enrolment == Monitoring.Enrolment.BY_PHONE:
        del ends[Clock.ENROLLED]
    found = []
    for clock, end in ends.items():
        limit = hours_of(clock, routine)
        is_running = end is None and monitoring.concluded_at is None
        start = monitoring.reported_at
        if clock == Clock.TOLD:
            start = monitoring.case_reported_at or start
        took = max((end or monitoring.concluded_at or now) - start, NONE)
        if took > limit:
            state = State.LATE
        elif is_running:
            state = State.RUNNING
        elif end is not None:
            state = State.IN_TIME
        else:
            continue
        found.append(Own(clock, state, took, int(limit / HOUR), is_running))
    return found
