"""The people somebody must look at: one row per person, most urgent first.

Order: emergency signs, then the band, then risk × trend × silence × due; the sum is
shown on demand. The weights are the house's own.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.http import QueryDict
from django.utils.translation import gettext as _

from cases import places, words
from cases.models import Escalation, Monitoring, Person, Routine
from health_authorities.models import current
from quarano.accounts.models import User

Reason = Escalation.Reason
Band = Escalation.Band

PAGE = 60
CHIPS = 5  # shown at once, the rest behind 'more reasons'
OLD = 70  # where no routine says otherwise
ELDERLY = 60
INFANT = 1


class Tab:
    """Whose people are shown."""

    MINE = "mine"
    ALL = "all"
    SNOOZED = "snoozed"
    SUPERVISOR = "supervisor"


@dataclass(frozen=True)
class Filters:
    """What the official wants to see; an empty tab is 'mine' where anything is."""

    tab: str = ""
    reasons: frozenset[str] = frozenset()
    kind: str = ""
    page: int = 1

    @classmethod
    def read(cls, query: QueryDict) -> "Filters":
        """Take what an address says; anything unknown is left out."""
        tabs = {Tab.MINE, Tab.ALL, Tab.SNOOZED, Tab.SUPERVISOR}
        tab, kind, page = query.get("tab"), query.get("kind"), query.get("page", "1")
        return cls(
            tab=tab if tab in tabs else "",
            reasons=frozenset(query.getlist("reason")) & set(Reason.values),
            kind=kind if kind in Monitoring.Kind.values else "",
            page=max(int(page), 1) if page.isdecimal() and len(page) < 5 else 1,
        )

    def query(self, **changes: Any) -> str:
        """Return the address of these filters, some of them changed: 'tab=all'."""
        values = {
            "tab": self.tab,
            "reason": sorted(self.reasons),
            "kind": self.kind,
            "page": self.page if self.page > 1 else "",
        } | changes
        return urlencode({k: v for k, v in values.items() if v}, doseq=True)


@dataclass(frozen=True)
class Factor:
    """One factor of the sum: what, how much, why. Words are made where it is shown."""

    code: str
    value: float
    reason: Callable[[], str]

    @property
    def label(self) -> str:
        labels = {
            "risk": _("Risk"),
            "trend": _("Trend"),
            "silence": _("Silence"),
            "due": _("Due"),
        }
        return labels[self.code]

    @property
    def why(self) -> str:
        return self.reason()


@dataclass
class Row:
    """One person with all reasons that are shown, the chief one first."""

    person_id: UUID
    lights: list["Light"]
    now: dt.datetime
    midnight: dt.datetime  # that ends the local day
    today: dt.date
    person: Person | None = None
    escalations: list[Escalation] = field(default_factory=list)
    fact: str = ""

    @cached_property
    def is_emergency(self) -> bool:
        return any(light.reason == Reason.EMERGENCY for light in self.lights)

    def band_of(self, light: "Light") -> int:
        return shown_band(light, now=self.now, midnight=self.midnight)

    @cached_property
    def band(self) -> int:
        return min(self.band_of(light) for light in self.lights)

    @property
    def key(self) -> str:
        return str(self.person_id)

    @property
    def lead(self) -> Escalation:
        return self.escalations[0]

    @property
    def icon(self) -> str:
        return words.ICONS[self.lead.reason]

    @property
    def tone(self) -> str:
        return words.TONES[self.band]

    @property
    def age(self) -> int | None:
        return self.person.age(self.today) if self.person else None

    @property
    def others(self) -> int:
        return len(self.lights) - 1

    @cached_property
    def due_at(self) -> dt.datetime:
        """The earliest due time of the most urgent band."""
        return min(
            light.due_at for light in self.lights if self.band_of(light) == self.band
        )

    @cached_property
    def factors(self) -> list[Factor]:
        """The sum: risk × trend × silence × due."""
        return [
            _risk(self.lights, on=self.today),
            _trend(self.lights),
            _silence(self.lights, now=self.now),
            _due(self.due_at, now=self.now, midnight=self.midnight),
        ]

    @cached_property
    def score(self) -> float:
        return prod(factor.value for factor in self.factors)

    @property
    def place(self) -> tuple[Any, ...]:
        return (
            not self.is_emergency,
            self.band,
            -self.score,
            self.due_at,
            str(self.person_id),
        )


@dataclass(frozen=True)
class Light:
    """What of an open escalation it takes to sort and count it."""

    pk: UUID
    person_id: UUID
    reason: str
    band: int
    rank: int
    due_at: dt.datetime
    assigned_to_id: UUID | None
    snoozed_until: dt.datetime | None
    for_supervisor: bool
    worsened_at: dt.datetime | None
    eased_at: dt.datetime | None
    raised_at: dt.datetime
    birth_date: dt.date | None
    lives_alone: bool
    last_entry_at: dt.datetime | None
    last_reached_at: dt.datetime | None
    kind: str | None
    opened_at: dt.datetime | None
    old_age: int | None

    @property
    def place(self) -> tuple[Any, ...]:
        """Emergency first, then band, rank and due time: which reason leads a row."""
        return self.reason != Reason.EMERGENCY, self.band, -self.rank, self.due_at


def shown_band(light: Light, *, now: dt.datetime, midnight: dt.datetime) -> int:
    """The band as time goes by: what is late has waited long enough.

    `midnight` is the end of the local day of `now`.
    """
    is_late = light.due_at <= now
    if is_late or (light.band == Band.CAN_WAIT and light.due_at < midnight):
        return Band.ACT_NOW if is_late else Band.DUE_TODAY
    return light.band


def _risk(lights: Sequence[Light], *, on: dt.date) -> Factor:
    first = lights[0]
    # The age is asked of thousands: without making a person of each.
    age = Person.age(cast("Person", first), on)
    is_medical = any(light.reason in Escalation.MEDICAL for light in lights)
    value, is_of_age = 1.0, False
    if age is not None and age > (first.old_age or OLD):
        value, is_of_age = 2.0, True
    elif age is not None and (age >= ELDERLY or age < INFANT):
        value, is_of_age = 1.5, True
    value *= (1.5 if first.lives_alone else 1) * (2 if is_medical else 1)

    def why() -> str:
        words_of = [
            (is_of_age, _("%(n)d years old") % {"n": age or 0}),
            (first.lives_alone, _("lives alone")),
            (is_medical, _("medical reason")),
        ]
        return ", ".join(word for is_so, word in words_of if is_so) or _(
            "nothing known"
        )

    return Factor("risk", value, why)


def _trend(lights: Sequence[Light]) -> Factor:
    medical = [light for light in lights if light.reason in Escalation.MEDICAL]
    if any(light.reason == Reason.WORSENING or light.worsened_at for light in lights):
        return Factor("trend", 2, lambda: _("getting worse"))
    if any(not light.eased_at for light in medical):
        return Factor("trend", 1.5, lambda: _("new"))
    if medical:
        return Factor("trend", 0.5, lambda: _("eased"))
    return Factor("trend", 1, lambda: _("steady"))


def _silence(lights: Sequence[Light], *, now: dt.datetime) -> Factor:
    light = lights[0]
    signs = [light.last_entry_at, light.last_reached_at, light.opened_at]
    raised_at = min(light.raised_at for light in lights)
    last = max((sign for sign in signs if sign is not None), default=raised_at)
    hours = (now - last) / dt.timedelta(hours=1)
    value = 2 if hours >= 48 else 1.5 if hours >= 24 else 1

    def why() -> str:
        if hours < 1:
            return _("heard of within the hour")
        return _("heard of %(span)s ago") % {"span": words.length(now - last)}

    return Factor("silence", value, why)


def _due(due_at: dt.datetime, *, now: dt.datetime, midnight: dt.datetime) -> Factor:
    left = due_at - now
    if left <= dt.timedelta(0):

        def late() -> str:
            return _("%(span)s late") % {"span": words.length(-left)}

        return Factor("due", 3 if left <= -dt.timedelta(hours=4) else 2, late)
    if left <= dt.timedelta(hours=1):
        return Factor("due", 1.5, lambda: _("within the hour"))
    if due_at < midnight:
        return Factor("due", 1, lambda: _("today"))
    return Factor("due", 0.5, lambda: _("later"))


@dataclass(frozen=True)
class BandRows:
    band: int
    label: str
    icon: str
    rows: list[Row]
    count: int  # of people, on all pages


@dataclass(frozen=True)
class Chip:
    reason: str
    label: str
    icon: str
    count: int
    is_on: bool
    query: str


@dataclass(frozen=True)
class Worklist:
    filters: Filters
    bands: list[BandRows]
    rows: list[Row]
    tabs: list[dict[str, Any]]
    chips: list[Chip]
    kinds: list[Chip]
    total: int
    awake: int  # people on nobody's filter

    @property
    def more_chips(self) -> list[Chip]:
        return [chip for chip in self.chips[CHIPS:] if not chip.is_on]

    @property
    def first_chips(self) -> list[Chip]:
        return [*self.chips[:CHIPS], *(c for c in self.chips[CHIPS:] if c.is_on)]

    @property
    def has_next(self) -> bool:
        return self.filters.page * PAGE < self.total

    @property
    def next(self) -> str:
        return self.filters.query(page=self.filters.page + 1)

    @property
    def before(self) -> str:
        return self.filters.query(page=self.filters.page - 1)

    @property
    def is_filtered(self) -> bool:
        return bool(self.filters.reasons or self.filters.kind)

    @property
    def shown(self) -> list[UUID]:
        return [row.person_id for row in self.rows]


def worklist(user: User, *, now: dt.datetime, filters: Filters) -> Worklist:
    """Return what this official sees of the open escalations.

    Two statements, and the routine's where it is not remembered: who stands where, and
    what is open about those of this page.
    """
    authority = current()
    today = authority.localdate(now)
    midnight = authority.end_of(today)
    views = _views(user, now)
    if filters.tab not in {Tab.MINE, *views}:
        filters = Filters("", filters.reasons, filters.kind, filters.page)
    old = places.old_age(today, OLD)
    found = places.read(
        user,
        now=now,
        today=today,
        midnight=midnight,
        filters=filters,
        size=PAGE,
        ages=(old, ELDERLY, INFANT),
    )
    filters = Filters(found.tab, filters.reasons, filters.kind, filters.page)
    keep = views.get(filters.tab, views[Tab.ALL])
    rows = _rows(found.people, keep, old_age=old, now=now, midnight=midnight)
    return Worklist(
        filters=filters,
        bands=_bands(rows, found.bands),
        rows=rows,
        tabs=_tabs([Tab.MINE, *views], found, filters),
        chips=_chips(found.reasons, filters),
        kinds=_kinds(found.kinds, filters),
        total=found.total,
        awake=found.tabs.get(Tab.ALL, 0),
    )


def _rows(
    people: list[UUID],
    keep: "Keep",
    *,
    old_age: int,
    now: dt.datetime,
    midnight: dt.datetime,
) -> list[Row]:
    """The rows of a page, in that order; one statement for all that is open there."""
    today = current().localdate(now)
    open_ones = Monitoring.objects.open().filter(person=OuterRef("person"))
    found: dict[UUID, list[tuple[Light, Escalation]]] = defaultdict(list)
    # What is merged away or settled since the first statement is missing here.
    for one in (
        Escalation.objects.open()
        .filter(person__in=people)
        .select_related("person", "assigned_to")
        .annotate(
            kind=Subquery(open_ones.order_by("kind").values("kind")[:1]),
            opened_at=Subquery(open_ones.order_by("opened_at").values("opened_at")[:1]),
        )
    ):
        light = _light(one, old_age)
        if keep(light):
            found[light.person_id].append((light, one))
    names = words.symptom_names()
    rows = []
    for pk in people:
        in_order = sorted(found[pk], key=lambda pair: (*pair[0].place, pair[0].pk))
        if in_order:
            lights_of = [light for light, _one in in_order]
            row = Row(pk, lights_of, now, midnight, today)
            row.escalations = [one for _light, one in in_order]
            row.person = row.lead.person
            row.fact = words.fact_in_words(row.lead, now=now, symptoms=names)
            rows.append(row)
    return rows


def _light(one: Any, old_age: int) -> Light:
    """What of an escalation, read with kind and opening, it takes to sort it."""
    return Light(
        pk=one.pk,
        person_id=one.person_id,
        reason=one.reason,
        band=one.band,
        rank=one.rank,
        due_at=one.due_at,
        assigned_to_id=one.assigned_to_id,
        snoozed_until=one.snoozed_until,
        for_supervisor=one.for_supervisor,
        worsened_at=one.worsened_at,
        eased_at=one.eased_at,
        raised_at=one.raised_at,
        birth_date=one.person.birth_date,
        lives_alone=one.person.lives_alone,
        last_entry_at=one.person.last_entry_at,
        last_reached_at=one.person.last_reached_at,
        kind=one.kind,
        opened_at=one.opened_at,
        old_age=old_age,
    )


@dataclass(frozen=True)
class Neighbours:
    """Where somebody stands in a list, and who stands before and after."""

    number: int | None  # from 1; None for somebody who is no longer in it
    total: int
    before: UUID | None
    after: UUID | None


def neighbours(
    person: Person, user: User, *, now: dt.datetime, filters: Filters
) -> Neighbours:
    """Return the place of a person in the worklist of these filters, in one statement.

    Who was settled since is in it no longer; the first of the list comes next then.
    """
    today = current().localdate(now)
    found = places.read(
        user,
        now=now,
        today=today,
        midnight=current().end_of(today),
        filters=filters,
        size=PAGE,
        ages=(places.old_age(today, OLD), ELDERLY, INFANT),
        around=person.pk,
    )
    keys = found.people
    if person.pk not in keys:
        return Neighbours(None, found.total, None, keys[0] if keys else None)
    at = keys.index(person.pk)
    before = keys[at - 1] if at else None
    after = keys[at + 1] if at + 1 < len(keys) else None
    return Neighbours(found.first + at, found.total, before, after)


def lights(user: User, *, on: dt.date, person: Person | None = None) -> list[Light]:
    """Return all open escalations that this official may see, in one query."""
    open_ones = Monitoring.objects.open().filter(person=OuterRef("person"))
    routine = Routine.objects.filter(valid_from__lte=on).order_by("-valid_from")
    found = (
        Escalation.objects.open()
        .open_to(user)
        .filter(_of(person), person__died_on__isnull=True)
        .values_list(
            "pk",
            "person_id",
            "reason",
            "band",
            "rank",
            "due_at",
            "assigned_to_id",
            "snoozed_until",
            "for_supervisor",
            "worsened_at",
            "eased_at",
            "raised_at",
            "person__birth_date",
            "person__lives_alone",
            "person__last_entry_at",
            "person__last_reached_at",
            # Somebody ill is isolated; a quarantine beside it says nothing more.
            Subquery(open_ones.order_by("kind").values("kind")[:1]),
            Subquery(open_ones.order_by("opened_at").values("opened_at")[:1]),
            Subquery(routine.values("old_age")[:1]),
        )
        .order_by("pk")
    )
    return sorted((Light(*values) for values in found), key=lambda one: one.place)


def _of(person: Person | None) -> Q:
    return Q() if person is None else Q(person=person)


Keep = Callable[[Light], bool]


def _views(user: User, now: dt.datetime) -> dict[str, Keep]:
    def is_awake(light: Light) -> bool:
        return light.snoozed_until is None or light.snoozed_until <= now

    views: dict[str, Keep] = {
        Tab.ALL: is_awake,
        Tab.SNOOZED: lambda light: not is_awake(light),
    }
    if user.may("cases.supervise"):
        views[Tab.SUPERVISOR] = lambda light: is_awake(light) and light.for_supervisor
    return views


def _bands(rows: list[Row], counts: dict[int, int]) -> list[BandRows]:
    return [
        BandRows(
            band=band.value,
            label=str(band.label),
            icon=words.BAND_ICONS[band.value],
            rows=[row for row in rows if row.band == band],
            count=counts.get(band.value, 0),
        )
        for band in Band
        if any(row.band == band for row in rows)
    ]


def _tabs(
    offered: list[str], found: places.Places, filters: Filters
) -> list[dict[str, Any]]:
    labels = {
        Tab.MINE: _("Assigned to me"),
        Tab.ALL: _("Everybody"),
        Tab.SUPERVISOR: _("For supervisors"),
        Tab.SNOOZED: _("Snoozed"),
    }
    return [
        {
            "label": label,
            "count": found.tabs.get(tab, 0),
            "is_on": tab == filters.tab,
            "query": urlencode({"tab": tab}),
        }
        for tab, label in labels.items()
        if tab in offered
    ]


def _chips(counts: dict[str, int], filters: Filters) -> list[Chip]:
    """People per reason, in the order of urgency; what is chosen is always there."""
    order = {reason: place for place, reason in enumerate(Reason.values)}
    return [
        Chip(
            reason=reason,
            label=str(Reason(reason).label),
            icon=words.ICONS[reason],
            count=counts.get(reason, 0),
            is_on=reason in filters.reasons,
            query=filters.query(reason=sorted(filters.reasons ^ {reason}), page=""),
        )
        for reason in sorted(set(counts) | filters.reasons, key=order.__getitem__)
    ]


def _kinds(counts: dict[str, int], filters: Filters) -> list[Chip]:
    labels = {
        Monitoring.Kind.ISOLATION.value: (_("Index cases"), "person"),
        Monitoring.Kind.QUARANTINE.value: (_("Contacts"), "people"),
    }
    return [
        Chip(
            reason=kind,
            label=label,
            icon=icon,
            count=counts.get(kind, 0),
            is_on=filters.kind == kind,
            query=filters.query(kind="" if filters.kind == kind else kind, page=""),
        )
        for kind, (label, icon) in labels.items()
        if counts.get(kind) or filters.kind == kind
    ]


def place_of(person: Person, user: User, *, now: dt.datetime) -> Row | None:
    """Return the row of one person alone, with its sum; None where nothing is open."""
    authority = current()
    today = authority.localdate(now)
    found = [
        light
        for light in lights(user, on=today, person=person)
        if light.snoozed_until is None or light.snoozed_until <= now
    ]
    midnight = authority.end_of(today)
    return Row(person.pk, found, now, midnight, today, person) if found else None


def settled_today(user: User, *, now: dt.datetime) -> tuple[int, int]:
    """Return how many officials settled today, and how many of them this one."""
    authority = current()
    midnight = authority.at(authority.localdate(now), dt.time.min)
    settled: QuerySet[Escalation] = Escalation.objects.filter(
        settled_at__gte=midnight, settled_by__isnull=False
    )
    by = Counter(settled.values_list("settled_by", flat=True))
    return sum(by.values()), by[user.pk]


def sleeping(user: User, *, now: dt.datetime, limit: int = 5) -> list[Escalation]:
    """Return the snoozed ones that wake next."""
    return list(
        Escalation.objects.open()
        .open_to(user)
        .filter(snoozed_until__gt=now, person__died_on__isnull=True)
        .select_related("person")
        .order_by(F("snoozed_until").asc(nulls_last=True), "pk")[:limit]
    )


def ending_tomorrow(user: User, *, now: dt.datetime) -> int:
    """Return how many monitorings end on the next local day."""
    tomorrow = current().localdate(now) + dt.timedelta(days=1)
    return Monitoring.objects.open().open_to(user).filter(until=tomorrow).count()
