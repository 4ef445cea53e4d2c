"""Where many met: recorded, changed, discarded, and which cases were there.

Whoever was at an event has one exposure to each case that was there; an official's
word accepts them, and they are weighed as all others.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases import containment, history
from cases.models import Case, Policy
from contacts import tracing
from contacts.models import (
    Contact,
    Distance,
    Event,
    EventCase,
    Exposure,
    Masks,
    Origin,
    Setting,
)
from contacts.tracing import WhyNeeded
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction

LONGEST = dt.timedelta(days=31)
CLOSENESS = ("setting", "distance", "minutes", "masks")
# What an exposure takes over from its event.
TAKEN_OVER = (*CLOSENESS, "place")
BATCH = 1_000
SETTINGS = {
    Event.Kind.SCHOOL: Setting.SCHOOL,
    Event.Kind.WORK: Setting.WORK,
    Event.Kind.CARE: Setting.CARE,
    Event.Kind.TRANSPORT: Setting.TRANSPORT,
}


class NotYet(containment.Refused):
    field = "starts_at"
    message = _("This has not begun yet.")


class EndsFirst(containment.Refused):
    field = "ends_at"
    message = _("It ends before it begins.")


class TooLong(containment.Refused):
    field = "ends_at"
    message = _("This is longer than 31 days: record it in parts.")


class Discarded(containment.Refused):
    message = _("This event was discarded.")


@dataclass(frozen=True)
class Details:
    """Where and when many met, and how close; times with their zone."""

    name: str
    kind: str
    place: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    street: str = ""
    postal_code: str = ""
    city: str = ""
    distance: str = Distance.UNKNOWN.value
    minutes: int | None = None
    masks: str = Masks.UNKNOWN.value
    host_name: str = ""
    host_phone: str = ""
    host_email: str = ""
    remark: str = ""

    def as_fields(self) -> dict[str, Any]:
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return found | {"setting": setting_of(self.kind)}


def setting_of(kind: str) -> str:
    """Return the setting in which people meet at an event of this kind."""
    return str(SETTINGS.get(Event.Kind(kind), Setting.EVENT))


# --- The event ------------------------------------------------------------------------


@retrying_transaction
def record(
    details: Details, *, cases: Iterable[Case] = (), by: User, now: dt.datetime
) -> Event:
    """Record an event with the cases that were there; return it.

    Raises NotYet, EndsFirst and TooLong.
    """
    _check(details.starts_at, details.ends_at, now=now)
    event = Event.objects.create(**details.as_fields(), recorded_at=now, recorded_by=by)
    audit.record("event.recorded", event, by=by, now=now, codes={"kind": details.kind})
    for case in cases:
        note_case(event, case, by=by, now=now)
    return event


def _check(starts_at: dt.datetime, ends_at: dt.datetime, *, now: dt.datetime) -> None:
    if starts_at > now:
        raise NotYet
    if ends_at <= starts_at:
        raise EndsFirst
    if ends_at - starts_at > LONGEST:
        raise TooLong


@retrying_transaction(repeatable=True)
def revise(
    event: Event,
    changes: dict[str, Any],
    *,
    by: User,
    now: dt.datetime,
    version: int | None = None,
) -> list[str]:
    """Change an event; exposures that had its day, place and closeness follow, and are
    weighed again. Returns the names of what changed.

    Raises history.ChangedMeanwhile, Discarded, NotYet, EndsFirst and TooLong.
    """
    row = locked(event)
    changes = dict(changes)
    if "kind" in changes and changes["kind"] != row.kind:
        changes["setting"] = setting_of(changes["kind"])
    before = {name: getattr(row, name) for name in changes}
    changed = history.revise(
        row,
        changes,
        person=None,
        by=by,
        now=now,
        verb="event.revised",
        version=version,
    )
    if not changed:
        return []
    _check(row.starts_at, row.ends_at, now=now)
    _follow(row, before, changed)
    if {*TAKEN_OVER, "starts_at", "ends_at"} & set(changed):
        tracing.weigh_contacts(_exposed(row), by=by, now=now)
    event.refresh_from_db()
    return changed


def _follow(event: Event, before: dict[str, Any], changed: Sequence[str]) -> None:
    """Let exposures that still say what the event said say what it says now."""
    for name in TAKEN_OVER:
        if name in changed:
            same = Exposure.objects.filter(event=event, **{name: before[name]})
            same.update(**{name: getattr(event, name)})
    if {"starts_at", "ends_at"} & set(changed):
        for present in event.present_cases.select_related("case__disease"):
            redate(event, present.case)


def redate(event: Event, case: Case) -> int:
    """Put the exposures of an event to a case on the day that counts now, within the
    caller's transaction; return how many moved."""
    day = day_of(event, case)
    moving = Exposure.objects.filter(event=event, case=case).exclude(day=day)
    there = Exposure.objects.filter(case=case, day=day).order_by().values("contact")
    return moving.exclude(contact__in=there).update(day=day)


def redate_all(case: Case) -> None:
    """Put the exposures to a case at events over several days on the day that counts
    now that the case was revised, within the caller's transaction."""
    for present in case.present_at_events.select_related("event"):
        redate(present.event, case)


@retrying_transaction(repeatable=True)
def discard(event: Event, *, why: str, by: User, now: dt.datetime) -> Event:
    """Say that it was no event after all: hidden, its exposures withdrawn, links to
    hosts over; what rests on it is weighed again. Raises WhyNeeded."""
    if not why.strip():
        raise WhyNeeded
    event = history.locked(event)
    if event.discarded_at is not None:
        return event
    event.discarded_at, event.discarded_by = now, by
    event.version += 1
    event.save(update_fields=["discarded_at", "discarded_by", "version"])
    event.guest_lists.open_links(at=now).update(voided_at=now)
    audit.record("event.discarded", event, by=by, now=now)
    _withdraw(event.exposures.standing(), why=why, by=by, now=now)
    tracing.weigh_contacts(_exposed(event), by=by, now=now)
    return event


def _withdraw(exposures: Any, *, why: str, by: User, now: dt.datetime) -> None:
    # Sealed row by row is sealed the same for all: nobody learns more from that.
    exposures.update(withdrawn_at=now, withdrawn_by=by, withdrawn_why=why)


def locked(event: Event) -> Event:
    """Return a fresh copy of an event, locked; raises Discarded."""
    event = history.locked(event)
    if event.discarded_at is not None:
        raise Discarded
    return event


def _exposed(event: Event) -> Any:
    """Everybody with an exposure of this event, withdrawn ones too."""
    exposed = Exposure.objects.filter(event=event).order_by().values("contact")
    return Contact.objects.filter(Q(pk__in=exposed) | Q(event=event))


# --- The cases that were there --------------------------------------------------------


@retrying_transaction(repeatable=True)
def note_case(event: Event, case: Case, *, by: User, now: dt.datetime) -> EventCase:
    """Record that a case was at an event: everybody on its lists is exposed to them.

    Twice is once. Raises Discarded.
    """
    event = locked(event)
    present, is_new = EventCase.objects.get_or_create(
        event=event, case=case, defaults={"noted_at": now, "noted_by": by}
    )
    if is_new:
        audit.record("event.case_noted", event, by=by, now=now, person=case.person_id)
        contacts = list(event.participants.standing().order_by("pk"))
        expose(event, contacts, [case], by=by, now=now)
    return present


@retrying_transaction(repeatable=True)
def remove_case(event: Event, case: Case, *, by: User, now: dt.datetime) -> None:
    """Take back that a case was at an event; its exposures there are withdrawn."""
    event = locked(event)
    gone, _kinds = EventCase.objects.filter(event=event, case=case).delete()
    if not gone:
        return
    audit.record("event.case_removed", event, by=by, now=now, person=case.person_id)
    there = event.exposures.standing().filter(case=case)
    exposed = list(there.order_by().values_list("contact", flat=True))
    _withdraw(there, why=str(_("Was not at the event.")), by=by, now=now)
    tracing.weigh_contacts(Contact.objects.filter(pk__in=exposed), by=by, now=now)


def day_of(event: Event, case: Case) -> dt.date:
    """Return the day on which guests of an event were exposed to a case: of an event
    over several days the last one in the case's infectious period, else its last."""
    authority = current()
    first = authority.localdate(event.starts_at)
    # What ends at midnight belongs to the day before.
    last = authority.localdate(event.ends_at - dt.timedelta(microseconds=1))
    if first == last:
        return last
    policy = Policy.objects.in_force(case.disease, on=last)
    period = policy.infectious_period(
        onset=case.onset,
        specimen=case.specimen_date,
        until_override=case.infectious_until,
    )
    if period is None or period[0] > last or period[1] < first:
        return last
    return min(last, period[1])


def expose(
    event: Event,
    contacts: Sequence[Contact],
    cases: Sequence[Case],
    *,
    by: User,
    now: dt.datetime,
) -> None:
    """Record that these contacts met these cases at an event, and weigh it, within the
    caller's transaction. A case is no contact of its own; what was withdrawn stands
    again."""
    keys = [contact.pk for contact in contacts]
    for case in cases:
        _stand_again(event, case, keys, by=by, now=now)
        day = day_of(event, case)
        Exposure.objects.bulk_create(
            [
                Exposure(
                    contact=contact,
                    met_id=case.person_id,
                    case=case,
                    event=event,
                    day=day,
                    origin=Origin.EVENT,
                    named_at=now,
                    named_by=by,
                    accepted_at=now,
                    accepted_by=by,
                    **{name: getattr(event, name) for name in TAKEN_OVER},
                )
                for contact in contacts
                if contact.person_id != case.person_id
            ],
            batch_size=BATCH,
            ignore_conflicts=True,
        )
    if cases:
        met = Contact.objects.filter(pk__in=keys)
        met.filter(state=Contact.State.NAMED).update(state=Contact.State.ACCEPTED)
        tracing.weigh_contacts(met, by=by, now=now)


def _stand_again(
    event: Event, case: Case, keys: Sequence[Any], *, by: User, now: dt.datetime
) -> None:
    gone = Exposure.objects.filter(
        event=event, case=case, contact__in=keys, withdrawn_at__isnull=False
    )
    gone.update(
        withdrawn_at=None, withdrawn_by=None, withdrawn_why="",
        accepted_at=now, accepted_by=by,
    )  # fmt: skip
