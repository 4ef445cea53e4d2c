"""What pages say of events: the list, one event, where each participant stands."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Prefetch, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from cases.models import Case, Monitoring, Person
from contacts import search
from contacts.guest_lists import receiving
from contacts.models import Contact, Event, EventCase, GuestList
from quarano.accounts.models import User
from quarano.forms import key_of

PAGE = 50
# What waits for a host comes first.
NEWEST = (
    F("received_at").desc(nulls_first=True),
    F("asked_at").desc(nulls_last=True),
    "pk",
)
TABS = {
    "open": _("All"),
    "waiting": _("Guest list to look at"),
    "discarded": _("Discarded"),
}
STANDINGS = {
    "": _("all"),
    "untold": _("not told"),
    "told": _("told"),
    "followed": _("followed"),
    "cases": _("turned case"),
    "dismissed": _("no contact"),
}


@dataclass(frozen=True)
class Page:
    """Some rows of a list, and the key after which the next begin."""

    rows: list[Any]
    after: str = ""


# --- The list -------------------------------------------------------------------------


def listed(*, tab: str, kind: str, query: str, after: str) -> Page:
    """Return a page of events, the newest first; `after` is the key of the last one."""
    found = Event.objects.order_by("-starts_at", "id")
    found = found.filter(discarded_at__isnull=tab != "discarded")
    if tab == "waiting":
        found = found.filter(pk__in=_waiting().values("event"))
    if kind in Event.Kind.values:
        found = found.filter(kind=kind)
    for word in query.replace("\0", "").split()[:6]:
        found = found.filter(
            Q(name__icontains=word) | Q(place__icontains=word) | Q(city__icontains=word)
        )
    found = _behind(found, after)
    rows = list(found[: PAGE + 1])
    return Page(_lines(rows[:PAGE]), str(rows[PAGE - 1].pk) if rows[PAGE:] else "")


def _waiting() -> "QuerySet[GuestList]":
    """Lists with rows that are ready and not taken in."""
    return GuestList.objects.received().filter(guest_rows__state="ready").order_by()


def _behind(found: "QuerySet[Event]", after: str) -> "QuerySet[Event]":
    key = key_of(after)
    last = Event.objects.filter(pk=key).first() if key else None
    if last is None:
        return found
    same = Q(starts_at=last.starts_at, pk__gt=last.pk)
    return found.filter(Q(starts_at__lt=last.starts_at) | same)


def _lines(events: Sequence[Event]) -> list[dict[str, Any]]:
    keys = [one.pk for one in events]

    def numbers(model: Any, **which: Any) -> dict[UUID, int]:
        rows = model.objects.filter(event__in=keys, **which).order_by()
        return dict(rows.values_list("event").annotate(n=Count("pk")))

    cases = numbers(EventCase)
    guests = numbers(Contact, dismissed_at__isnull=True)
    waiting = set(_waiting().filter(event__in=keys).values_list("event", flat=True))
    return [
        {
            "event": one,
            "cases": cases.get(one.pk, 0),
            "guests": guests.get(one.pk, 0),
            "waits": one.pk in waiting,
        }
        for one in events
    ]


# --- One event ------------------------------------------------------------------------


def present(event: Event, user: User) -> tuple[list[EventCase], int]:
    """Return the cases that were there and that this official may see, and how many
    protected ones are beside them."""
    people = Person.objects.open_to(user).order_by().values("pk")
    every = list(
        event.present_cases.select_related("case__person", "case__disease").order_by(
            "case__person__family_name", "pk"
        )
    )
    mine = set(
        Case.objects.filter(
            pk__in=[one.case_id for one in every], person__in=people
        ).values_list("pk", flat=True)
    )
    seen = [one for one in every if one.case_id in mine]
    return seen, len(every) - len(seen)


def guest_lists(event: Event, *, now: dt.datetime) -> list[dict[str, Any]]:
    """Return the lists of an event, the newest first, with what can be done."""
    found = event.guest_lists.select_related("received_by", "asked_by").annotate(
        ready=Count("guest_rows", filter=Q(guest_rows__state="ready"))
    )
    return [
        {
            "list": one,
            "is_open": one.received_at is None
            and one.voided_at is None
            and one.expires_at is not None
            and one.expires_at > now,
            "ready": one.ready,
            "may_undo": receiving.may_be_undone(one, now=now),
        }
        for one in found.order_by(*NEWEST)
        if one.voided_at is None
    ]


def participants(
    event: Event, user: User, *, standing: str, query: str, after: str
) -> Page:
    """Return a page of participants, urgent ones first, with where each stands."""
    every = Contact.objects.open_to(user).filter(event=event)
    found = search.matching(_standing(every, event, standing), query)
    order = ("-urgent", "family_name", "given_name", "id")
    key = key_of(after)
    last = event.participants.filter(pk=key).first() if key else None
    if last is not None:
        found = found.filter(_after(last))
    spans = Monitoring.objects.order_by("-opened_at", "pk")
    shown = (
        found.select_related("person")
        .prefetch_related(Prefetch("person__monitorings", spans), "person__cases")
        .order_by(*order)
    )
    rows = list(shown[: PAGE + 1])
    lines = [{"contact": one, "where": where(one, event)} for one in rows[:PAGE]]
    return Page(lines, str(rows[PAGE - 1].pk) if rows[PAGE:] else "")


def _after(last: Contact) -> Q:
    less_urgent = Q(urgent=False) if last.urgent else Q(pk__in=[])
    same = Q(urgent=last.urgent)
    later = (
        Q(family_name__gt=last.family_name)
        | Q(family_name=last.family_name, given_name__gt=last.given_name)
        | Q(family_name=last.family_name, given_name=last.given_name, pk__gt=last.pk)
    )
    return less_urgent | (same & later)


def _standing(
    found: "QuerySet[Contact]", event: Event, standing: str
) -> "QuerySet[Contact]":
    if standing == "dismissed":
        return found.filter(dismissed_at__isnull=False)
    found = found.filter(dismissed_at__isnull=True)
    if standing == "untold":
        return found.filter(state__in=["named", "accepted"])
    if standing == "told":
        return found.filter(state="told")
    if standing == "followed":
        return found.filter(state="person")
    if standing == "cases":
        return found.filter(person__in=_turned(event))
    return found


def _turned(event: Event) -> Any:
    """People who were reported as a case after an event."""
    later = Case.objects.filter(reported_at__gte=event.starts_at).exclude(
        classification=Case.Classification.DISCARDED
    )
    return later.order_by().values("person")


def numbers(event: Event, user: User) -> list[dict[str, Any]]:
    """Return how many participants stand where, each with the filter for them."""
    every = Contact.objects.open_to(user).filter(event=event).order_by()
    here = Count("pk", filter=Q(dismissed_at__isnull=True))
    rows = every.values_list("state").annotate(here=here, n=Count("pk"))
    by_state: Counter[str] = Counter()
    gone = 0
    for state, standing, count in rows:
        by_state[state] = standing
        gone += count - standing
    counts = {
        "": by_state.total(),
        "untold": by_state["named"] + by_state["accepted"],
        "told": by_state["told"],
        "followed": by_state["person"],
        "cases": _standing(every, event, "cases").count(),
        "dismissed": gone,
    }
    return [
        {"key": key, "label": label, "count": counts[key]}
        for key, label in STANDINGS.items()
        if counts[key] or not key
    ]


def where(contact: Contact, event: Event) -> tuple[str, Any]:
    """Return where a participant stands: how it looks (urgent, due, waiting, fine or
    quiet) and in words. Reads the person's cases and monitorings as prefetched."""
    if contact.dismissed_at is not None:
        return "quiet", _("no contact")
    person = contact.person
    if person is None:
        if contact.state == Contact.State.TOLD:
            return "waiting", _("told")
        return "due", _("not told")
    discarded = Case.Classification.DISCARDED
    if any(
        case.reported_at >= event.starts_at and case.classification != discarded
        for case in person.cases.all()
    ):
        return "urgent", _("turned case")
    return _followed(person)


def _followed(person: Person) -> tuple[str, Any]:
    spans = list(person.monitorings.all())
    running = next((one for one in spans if one.is_open), None)
    if running is None:
        return "quiet", _("quarantine over") if spans else _("known, not followed")
    ill = person.last_counting_symptom_at
    if ill is not None and ill >= running.opened_at:
        return "urgent", _("symptoms")
    if running.enrolment == Monitoring.Enrolment.ENROLLED:
        return "fine", _("enrolled, well") if person.last_entry_at else _("enrolled")
    if running.enrolment == Monitoring.Enrolment.BY_PHONE:
        return "waiting", _("followed by phone")
    return "waiting", _("followed, not enrolled")
