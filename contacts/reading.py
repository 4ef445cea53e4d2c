"""What pages show of contacts: who met whom, day by day, and where each stands."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q
from django.utils import formats
from django.utils.translation import gettext as _

from cases import steps
from cases.models import Case, Monitoring, Person
from contacts import naming
from contacts.models import Contact, DayStatement, Exposure
from health_authorities.models import current
from quarano.accounts.models import User

State = Contact.State


@dataclass(frozen=True)
class Where:
    """Where a contact stands, in words, with icon and colour."""

    code: str
    words: str
    icon: str
    tone: str


@dataclass
class Row:
    """A contact with its exposures and what an official may do."""

    contact: Contact
    exposures: list[Exposure]
    where: Where
    person: Person | None
    monitoring: Monitoring | None = None
    is_hidden: bool = False
    ways: list[tuple[str, str]] = field(default_factory=list)

    @property
    def days(self) -> str:
        """'10 Nov, 11 Nov'."""
        days = sorted({one.day for one in self.exposures if one.is_standing})
        return ", ".join(formats.date_format(day, _("j M")) for day in days)

    @property
    def how(self) -> str:
        """'work, 60 min, nobody with a mask'; of the closest meeting."""
        standing = [one for one in self.exposures if one.is_standing]
        return how_in_words(standing[0]) if standing else ""

    @property
    def category(self) -> str:
        codes = [one.category for one in self.exposures if one.is_infectious_day]
        return steps.category_in_words(codes[0]) if codes and codes[0] else ""

    @property
    def waits(self) -> bool:
        """Whether an official has not looked at something yet."""
        return any(
            one.is_standing and one.accepted_at is None and one.case_id
            for one in self.exposures
        )


def how_in_words(exposure: Exposure) -> str:
    """Setting, duration, distance and masks as one line; what is not known is left."""
    parts = [str(exposure.get_setting_display())]
    if exposure.minutes is not None:
        parts.append(_("%(n)d min") % {"n": exposure.minutes})
    if exposure.distance != "unknown":
        parts.append(str(exposure.get_distance_display()))
    masks = {
        "none": _("no masks"),
        "one": _("one mask"),
        "both": _("both with masks"),
    }
    if exposure.masks in masks:
        parts.append(masks[exposure.masks])
    return ", ".join(parts)


def people_of(contacts: "Sequence[Contact]") -> dict[UUID, Person]:
    """Return the people whom contacts turned into, with spans and cases read."""
    keys = {one.person_id for one in contacts if one.person_id is not None}
    found = Person.objects.filter(pk__in=keys).prefetch_related(
        Prefetch("monitorings", Monitoring.objects.order_by("-opened_at")), "cases"
    )
    return {person.pk: person for person in found}


def where(contact: Contact, person: Person | None, *, now: dt.datetime) -> Where:
    """Return where a contact stands: held, named, told, enrolled, well, symptoms,
    turned case."""
    if contact.dismissed_at is not None:
        return Where("dismissed", _("dismissed"), "stopped", "quiet")
    if contact.state == State.HELD:
        return Where("held", _("held"), "waiting", "quiet")
    if person is not None:
        return _where_person(contact, person, now=now)
    if contact.told_at is not None:
        return Where("told", _("told, not followed"), "phone", "due")
    if contact.state == State.ACCEPTED:
        return Where("accepted", _("not yet told"), "due", "due")
    return Where("named", _("not looked at"), "due", "due")


def _where_person(contact: Contact, person: Person, *, now: dt.datetime) -> Where:
    discarded = Case.Classification.DISCARDED
    named_on = current().localdate(contact.named_at)
    turned = [
        one
        for one in person.cases.all()
        if one.classification != discarded
        and current().localdate(one.reported_at) >= named_on
    ]
    if turned:
        return Where("case", _("turned case"), "virus", "urgent")
    spans = list(person.monitorings.all())
    running = next((one for one in spans if one.is_open), None)
    if running is None:
        if any(one.opened_at >= contact.named_at for one in spans):
            return Where("over", _("quarantine over"), "fine", "fine")
        return Where("recorded", _("recorded, not ordered"), "tick", "quiet")
    if running.told_at is None and contact.told_at is None:
        return Where("untold", _("not yet told"), "due", "due")
    last = person.last_counting_symptom_at
    if last is not None and last > now - dt.timedelta(hours=48):
        return Where("symptoms", _("symptoms"), "thermometer", "urgent")
    if running.enrolment == Monitoring.Enrolment.ENROLLED:
        return Where("well", _("enrolled, well"), "fine", "fine")
    day = running.told_at or contact.told_at
    told = formats.date_format(current().localdate(day or now), _("j M"))
    return Where("told", _("told %(day)s") % {"day": told}, "tick", "fine")


def rows(
    contacts: Sequence[Contact],
    *,
    user: User,
    now: dt.datetime,
    known: Iterable[Exposure] | None = None,
) -> list[Row]:
    """Return contacts as pages show them, in the order given; set-based.

    `known` are their exposures, where they are read already.
    """
    people = people_of(contacts)
    visible = _visible(people, user=user)
    exposures: dict[UUID, list[Exposure]] = defaultdict(list)
    if known is None:
        every = Exposure.objects.filter(contact__in=list(contacts)).defer("remark")
        known = every.order_by("-day", "pk")
    for one in known:
        exposures[one.contact_id].append(one)
    found = []
    for contact in contacts:
        person = people.get(contact.person_id) if contact.person_id else None
        spans = list(person.monitorings.all()) if person is not None else []
        found.append(
            Row(
                contact=contact,
                exposures=exposures[contact.pk],
                where=where(contact, person, now=now),
                person=person,
                monitoring=next((one for one in spans if one.is_open), None),
                is_hidden=person is not None and person.pk not in visible,
            )
        )
    return found


@dataclass(frozen=True)
class Day:
    """One asked day: whom somebody met, or that they met nobody."""

    day: dt.date
    names: list[str]
    statement: DayStatement | None

    @property
    def is_answered(self) -> bool:
        return bool(self.names) or self.statement is not None

    @property
    def is_nobody(self) -> bool:
        return (
            not self.names
            and self.statement is not None
            and self.statement.said == DayStatement.Said.NOBODY
        )


def days(person: Person, exposures: Iterable[Exposure], *, today: dt.date) -> list[Day]:
    """Return the days for which somebody is asked, newest first, with the answers.

    `exposures` are those of others to this person, with their contacts read.
    """
    names: dict[dt.date, list[str]] = defaultdict(list)
    for one in exposures:
        if one.is_standing and one.contact.dismissed_at is None:
            names[one.day].append(one.contact.name)
    said = {one.day: one for one in person.day_statements.all()}
    return [
        Day(day, sorted(names[day]), said.get(day))
        for day in naming.days_asked(person, on=today)
    ]


def of_person(
    person: Person, *, user: User, now: dt.datetime, with_days: bool = True
) -> dict[str, Any]:
    """Return what a file shows: whom the person met, and from whom they may have it.

    One statement, two where somebody is linked or protected people must be hidden;
    `with_days` the answers day by day, too.
    """
    every = list(
        Exposure.objects.filter(Q(met=person) | Q(contact__person=person))
        .select_related("contact", "met")
        .defer("remark", "contact__remark", "contact__dismissed_why")
        .order_by("-day", "pk")
    )
    named = [one for one in every if one.contact.met_id == person.pk]
    contacts = {one.contact_id: one.contact for one in named}
    shown = rows(
        sorted(
            contacts.values(),
            key=lambda one: (one.dismissed_at is not None, not one.urgent, one.name),
        ),
        user=user,
        now=now,
        known=named,
    )
    exposed = [one for one in every if one.contact.person_id == person.pk]
    sources = _sources(exposed, user=user)
    today = current().localdate(now)
    return {
        "rows": shown,
        "days": days(person, named, today=today) if with_days else [],
        "sources": sources,
        # Other people who are named here: that they were read is recorded.
        "shown": {
            *(row.person.pk for row in shown if row.person and not row.is_hidden),
            *(one["exposure"].met_id for one in sources if not one["is_hidden"]),
        },
        "waiting": sum(row.waits for row in shown),
        "may_edit": user.may("cases.edit"),
        "may_take_up": user.may("cases.take_up"),
    }


def _sources(exposures: Sequence[Exposure], *, user: User) -> list[dict[str, Any]]:
    """To whom the person was exposed, newest first; of the protected no name."""
    standing = [
        one for one in exposures if one.is_standing and one.contact.dismissed_at is None
    ]
    visible = _visible({one.met_id for one in standing}, user=user)
    return [
        {
            "exposure": one,
            "how": how_in_words(one),
            "is_hidden": one.met_id not in visible,
        }
        for one in standing
    ]


def _visible(keys: Collection[UUID], *, user: User) -> set[UUID]:
    """Return which of these people the official may see."""
    people = Person.objects.open_to(user).order_by().filter(pk__in=keys)
    return set(people.values_list("pk", flat=True)) if keys else set()
