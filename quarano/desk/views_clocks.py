"""The clocks on top of the worklist, and the people behind each number."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from cases import clocks
from cases.clocks import Clock, Place, Readings, Sort, State
from cases.models import Monitoring
from quarano import clock
from quarano.accounts.access import may
from quarano.audit import log as audit
from quarano.htmx import render_page

# Every official's worklist asks every minute; all read the same figure.
KEPT_SECONDS = 30


def readings(*, now: dt.datetime) -> Readings:
    """Return the clocks of the authority, at most half a minute old."""
    found: Readings | None = cache.get("desk:clocks")
    if found is None:
        found = clocks.read(now=now)
        cache.set("desk:clocks", found, KEPT_SECONDS)
    return found


@dataclass(frozen=True)
class Wanted:
    """Which list an address asks for; what nobody knows is left out."""

    clock: str
    state: str
    kind: str
    sort: str

    @classmethod
    def read(cls, query: QueryDict) -> Self:
        clock = _one_of(query.get("clock"), Clock.values, Clock.CALLED)
        states = [str(state) for state in clocks.STATES[Clock(clock)]]
        return cls(
            clock=clock,
            state=_one_of(query.get("state"), states, states[0]),
            kind=_one_of(query.get("kind"), Monitoring.Kind.values, ""),
            sort=_one_of(query.get("sort"), Sort.values, Sort.OLDEST),
        )

    def query(self, **changes: Any) -> str:
        """Return the address of this list, some of it changed: 'clock=called&…'."""
        values = {
            "clock": self.clock,
            "state": self.state,
            "kind": self.kind,
            "sort": "" if self.sort == Sort.OLDEST else self.sort,
        } | changes
        return urlencode({key: value for key, value in values.items() if value})


def _one_of(text: str | None, allowed: list[str], otherwise: str) -> str:
    return text if text in allowed else str(otherwise)


@require_GET
@may("cases.view")
def people(request: HttpRequest) -> HttpResponse:
    """Show who is late, running or in time on one clock; the names are recorded."""
    now, wanted = clock.now(), Wanted.read(request.GET)
    after = Place.read(request.GET.get("after", ""), now=now)
    found = clocks.people(
        wanted.clock, wanted.state, kind=wanted.kind, sort=wanted.sort,
        user=request.user, now=now, after=after,
    )  # fmt: skip
    codes = {"clock": wanted.clock, "state": wanted.state}
    if found.shown:
        audit.viewed(request, "clocks.viewed", now=now, shown=found.shown, codes=codes)
    context = {
        "found": found,
        "wanted": wanted,
        "is_first": after is None,
        "unfiltered": wanted.query(kind=""),
        "next": found.next and wanted.query(after=str(found.next)),
        **_choices(wanted, clocks.read(now=now)),
    }
    return render_page(request, "desk/clocks.html", context)


def _choices(wanted: Wanted, read: Readings) -> dict[str, Any]:
    """The other lists one can go to from here, with their counts."""
    counts = _counts(read)
    tabs = [_tab(Clock.REPORTED, _("Reported"), wanted)]
    tabs += [_tab(one.clock, in_hours(one), wanted) for one in read.clocks]
    states = [
        {
            "label": State(state).label,
            "count": counts[wanted.clock, state],
            "is_on": state == wanted.state,
            "query": wanted.query(state=state),
        }
        for state in clocks.STATES[Clock(wanted.clock)]
    ]
    kinds = [
        (Monitoring.Kind.ISOLATION, _("Index cases"), "person"),
        (Monitoring.Kind.QUARANTINE, _("Contacts"), "people"),
    ]
    return {
        "tabs": tabs,
        "states": states,
        "kinds": [
            {
                "label": label,
                "icon": icon,
                "is_on": kind == wanted.kind,
                "query": wanted.query(kind="" if kind == wanted.kind else kind),
            }
            for kind, label, icon in kinds
        ],
        "sorts": [
            {
                "label": Sort(sort).label,
                "is_on": sort == wanted.sort,
                "query": wanted.query(sort=sort),
            }
            for sort in Sort.values
        ],
    }


def _counts(read: Readings) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {
        (Clock.REPORTED, State.TODAY): read.today,
        (Clock.REPORTED, State.YESTERDAY): read.yesterday,
    }
    for one in read.clocks:
        counts[one.clock, State.LATE] = one.late
        counts[one.clock, State.RUNNING] = one.running
        counts[one.clock, State.IN_TIME] = one.in_time
    return counts


def _tab(clock: str, label: str, wanted: Wanted) -> dict[str, Any]:
    return {
        "url": "?" + wanted.query(clock=clock, state=""),
        "label": label,
        "count": None,
        "active": clock == wanted.clock,
    }


def in_hours(reading: clocks.Reading) -> str:
    """Name a clock with its hours: 'Called in 24 h'."""
    names = {
        Clock.CALLED: _("Called in %(n)d h"),
        Clock.ENROLLED: _("Enrolled in %(n)d h"),
        Clock.TOLD: _("Contacts told in %(n)d h"),
    }
    return names[reading.clock] % {"n": reading.hours}


def tiles(*, now: dt.datetime) -> dict[str, Any]:
    """Return what the worklist shows of the clocks; nothing before the first report."""
    read = readings(now=now)
    return {
        "clocks": None
        if read.is_empty
        else {
            "today": read.today,
            "yesterday": read.yesterday,
            "timed": [
                {"reading": one, "label": in_hours(one)}
                for one in read.clocks
                if one.total
            ],
        }
    }
