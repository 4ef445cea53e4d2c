"""Who met whom: named by the citizen or by an official, day by day.

Each is saved at once. What a citizen says waits for an official, who accepts it
(`contacts.tracing`); what an official says is accepted with it.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases import containment, history
from cases.models import Case, Disease, Person, Policy
from contacts import search, tracing
from contacts.models import (
    Answer,
    Contact,
    DayStatement,
    Distance,
    Exposure,
    Masks,
    Origin,
)
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction

DAY = dt.timedelta(days=1)


class DayToCome(containment.Refused):
    field = "day"
    message = gettext_lazy("This day has not come yet.")


class BeforeBirth(containment.Refused):
    field = "day"
    message = gettext_lazy("This day lies before the birth date.")


class NotAsked(containment.Refused):
    """A day before the asked ones; `first` is the first of them."""

    field = "day"

    def __init__(self, first: dt.date) -> None:
        super().__init__()
        self.message = _("Days from %(day)s on are asked for.") % {
            "day": formats.date_format(first, "SHORT_DATE_FORMAT")
        }


class Oneself(containment.Refused):
    field = "same_person"
    message = gettext_lazy("Nobody is a contact of their own.")


class CannotBeFound(containment.Refused):
    field = "hint"
    message = gettext_lazy(
        "Give a telephone, an e-mail address or a hint by which the person is found."
    )


class MetSomebody(containment.Refused):
    field = "said"
    message = gettext_lazy("For this day somebody is named already.")


class AlreadyWithdrawn(containment.Refused):
    message = gettext_lazy("This was withdrawn already.")


@dataclass(frozen=True)
class ContactDetails:
    """Who somebody is, as far as the case or an official knows."""

    given_name: str = ""
    family_name: str = ""
    birth_date: dt.date | None = None
    phone: Any = ""
    mobile: Any = ""
    email: str = ""
    hint: str = ""
    street: str = ""
    postal_code: str = ""
    city: str = ""
    at_risk: str = Answer.UNKNOWN.value
    health_staff: str = Answer.UNKNOWN.value
    over_60: str = Answer.UNKNOWN.value
    pre_existing: str = Answer.UNKNOWN.value
    remark: str = ""


@dataclass(frozen=True)
class Meeting:
    """One day on which somebody was met, and how close."""

    day: dt.date
    setting: str
    distance: str = Distance.UNKNOWN.value
    minutes: int | None = None
    masks: str = Masks.UNKNOWN.value
    place: str = ""
    remark: str = ""

    def as_fields(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}


DETAILS = [field.name for field in fields(ContactDetails)]
SEARCHED = {"given_name", "family_name", "phone", "mobile", "email", "hint"}
WEIGHTS = {"at_risk", "health_staff", "over_60", "pre_existing"}


# --- Which days, which case -----------------------------------------------------------


def case_of(person: Person, *, on: dt.date) -> Case | None:
    """Return the episode to which contacts named on that day belong: the newest one of
    the last 90 days that was not discarded; None for somebody who is no case."""
    cases = person.cases.exclude(classification=Case.Classification.DISCARDED)
    newest = cases.select_related("disease").order_by("-reported_at", "pk").first()
    if newest is None:
        return None
    policy = Policy.objects.in_force(newest.disease, on=on)
    day = current().localdate(newest.reported_at)
    return newest if (on - day).days <= policy.same_episode_days else None


def days_asked(person: Person, *, on: dt.date) -> list[dt.date]:
    """Return the days for which somebody is asked whom they met, newest first: from
    that day back to 2 days before the onset, at least 8 days."""
    case = case_of(person, on=on)
    if case is not None:
        anchor = case.anchor[1] if case.anchor else None
        disease = case.disease
    else:
        running = tracing.quarantine_of(person)
        anchor = None
        disease = running.disease if running is not None else Disease.objects.get()
    policy = Policy.objects.in_force(disease, on=on)
    first = policy.asked_from(today=on, anchor=anchor)
    return [on - DAY * back for back in range((on - first).days + 1)]


def first_day(person: Person, *, by: User, on: dt.date) -> dt.date:
    """Return the earliest day that may be recorded: the first one asked for, for
    officials the incubation period before it, where a source is looked for."""
    first = days_asked(person, on=on)[-1]
    if not by.is_staff:
        return first
    case = case_of(person, on=on)
    disease = case.disease if case is not None else Disease.objects.get()
    policy = Policy.objects.in_force(disease, on=on)
    return first - DAY * policy.incubation_days


def check_day(
    met: Person, contact: Contact | None, day: dt.date, *, by: User, now: dt.datetime
) -> None:
    """Raise DayToCome, BeforeBirth or NotAsked for a day that cannot be."""
    today = current().localdate(now)
    if day > today:
        raise DayToCome
    known = contact.person if contact is not None else None
    births = [met.birth_date, known.birth_date if known else None]
    births.append(contact.birth_date if contact is not None else None)
    if any(born is not None and day < born for born in births):
        raise BeforeBirth
    first = first_day(met, by=by, on=today)
    if day < first:
        raise NotAsked(first)


# --- Naming ---------------------------------------------------------------------------


@retrying_transaction
def name_contact(
    met: Person,
    details: ContactDetails,
    *,
    meetings: Iterable[Meeting] = (),
    person: Person | None = None,
    by: User,
    now: dt.datetime,
) -> Contact:
    """Record somebody whom a person met, with the days; return the contact.

    `person` is somebody known whom an official links. Of somebody who is no case the
    contact is held. Raises CannotBeFound, Oneself, and what `record_exposure` raises.
    """
    met = history.locked(met)
    if not _can_be_found(details) and person is None:
        raise CannotBeFound
    if person is not None and person.pk == met.pk:
        raise Oneself
    case = case_of(met, on=current().localdate(now))
    values = {name: getattr(details, name) for name in DETAILS}
    values["email"] = values["email"].strip().lower()
    contact = Contact(
        met=met,
        case=case,
        person=person,
        state=Contact.State.NAMED if case else Contact.State.HELD,
        origin=_origin(by),
        named_at=now,
        named_by=by,
        **values,
    )
    contact.urgent = contact.is_urgent
    search.write(contact)
    contact.save(force_insert=True)
    audit.record("contact.named", contact, by=by, now=now, person=met)
    for meeting in meetings:
        record_exposure(contact, meeting, by=by, now=now)
    contact.refresh_from_db()
    return contact


def _can_be_found(details: ContactDetails) -> bool:
    return any(
        str(value or "").strip()
        for value in (details.phone, details.mobile, details.email, details.hint)
    )


def _origin(by: User) -> str:
    return Origin.OFFICIAL if by.is_staff else Origin.CITIZEN


@retrying_transaction
def name_or_add(
    met: Person,
    contact: Contact | None,
    details: ContactDetails,
    *,
    meetings: Iterable[Meeting],
    by: User,
    now: dt.datetime,
) -> Contact:
    """Record further days of somebody named before, or somebody new with them.

    All or nothing; raises what `name_contact` raises.
    """
    if contact is None:
        return name_contact(met, details, meetings=meetings, by=by, now=now)
    for meeting in meetings:
        record_exposure(contact, meeting, by=by, now=now)
    return contact


@retrying_transaction(repeatable=True)
def record_exposure(
    contact: Contact, meeting: Meeting, *, by: User, now: dt.datetime
) -> Exposure:
    """Record that a contact was met on a day; twice is once, with the newer words.

    An exposure that was withdrawn stands again. Raises DayToCome, BeforeBirth and
    NotAsked.
    """
    contact = history.locked(contact)
    met = contact.met
    assert met is not None  # who is on a guest list has exposures of the event
    check_day(met, contact, meeting.day, by=by, now=now)
    there = contact.exposures.filter(day=meeting.day, met=met).first()
    if there is not None:
        return _again(there, meeting, by=by, now=now)
    exposure = Exposure.objects.create(
        contact=contact,
        met=met,
        case=contact.case,
        origin=_origin(by),
        named_at=now,
        named_by=by,
        **meeting.as_fields(),
    )
    audit.record("exposure.named", exposure, by=by, now=now, person=met)
    nobody = met.day_statements.filter(day=meeting.day, said=DayStatement.Said.NOBODY)
    nobody.delete()
    _follow_up(contact, exposure, by=by, now=now)
    return exposure


def _again(
    exposure: Exposure, meeting: Meeting, *, by: User, now: dt.datetime
) -> Exposure:
    if exposure.withdrawn_at is not None:
        exposure = history.locked(exposure)
        exposure.withdrawn_at = exposure.withdrawn_by = None
        exposure.withdrawn_why = ""
        exposure.version += 1
        exposure.save(
            update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_why", "version"]
        )
        audit.record("exposure.restored", exposure, by=by, now=now, person=exposure.met)
        revise_exposure(exposure, meeting.as_fields(), by=by, now=now)
        _follow_up(exposure.contact, exposure, by=by, now=now)
        return exposure
    return revise_exposure(exposure, meeting.as_fields(), by=by, now=now)


def _follow_up(
    contact: Contact, exposure: Exposure, *, by: User, now: dt.datetime
) -> None:
    """What a new or changed exposure brings: accepted with an official's word, else
    somebody must look; and everything that rests on it weighed again."""
    if by.is_staff and exposure.case_id is not None:
        tracing.accept([exposure], by=by, now=now)
    else:
        tracing.weigh_contact(contact, by=by, now=now)
        tracing.ask_to_look(exposure, by=by, now=now)


@retrying_transaction(repeatable=True)
def revise_exposure(
    exposure: Exposure,
    changes: dict[str, Any],
    *,
    by: User,
    now: dt.datetime,
    version: int | None = None,
) -> Exposure:
    """Change when or how somebody was met; the citizen's change is shown to officials.

    Raises history.ChangedMeanwhile, and what `record_exposure` raises.
    """
    exposure = history.locked(exposure)
    contact = exposure.contact
    if "day" in changes and changes["day"] != exposure.day:
        check_day(exposure.met, contact, changes["day"], by=by, now=now)
    changed = history.revise(
        exposure,
        changes,
        person=exposure.met,
        by=by,
        now=now,
        verb="exposure.revised",
        version=version,
    )
    if changed:
        _mark(contact, by=by, now=now)
        tracing.weigh_contact(contact, by=by, now=now)
        if not by.is_staff:
            tracing.ask_to_look(exposure, by=by, now=now)
    return exposure


def _mark(contact: Contact, *, by: User, now: dt.datetime) -> None:
    """Show officials that the citizen changed something."""
    if not by.is_staff:
        contact.changed_at, contact.changed_by = now, by
        contact.save(update_fields=["changed_at", "changed_by"])


@retrying_transaction
def withdraw_exposure(
    exposure: Exposure, *, why: str = "", by: User, now: dt.datetime
) -> Exposure:
    """Take back that somebody was met that day; raises AlreadyWithdrawn."""
    exposure = history.locked(exposure)
    if exposure.withdrawn_at is not None:
        raise AlreadyWithdrawn
    exposure.withdrawn_at, exposure.withdrawn_by = now, by
    exposure.withdrawn_why = why
    exposure.version += 1
    exposure.save(
        update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_why", "version"]
    )
    audit.record("exposure.withdrawn", exposure, by=by, now=now, person=exposure.met)
    contact = exposure.contact
    _mark(contact, by=by, now=now)
    tracing.weigh_contact(contact, by=by, now=now)
    if not by.is_staff:
        tracing.ask_to_look(exposure, by=by, now=now)
    return exposure


@retrying_transaction(repeatable=True)
def revise_contact(
    contact: Contact,
    changes: dict[str, Any],
    *,
    by: User,
    now: dt.datetime,
    version: int | None = None,
) -> Contact:
    """Change who a contact is or how to find them.

    Raises history.ChangedMeanwhile; CannotBeFound where nothing would be left.
    """
    contact = history.locked(contact)
    changes = dict(changes)
    if "email" in changes:
        changes["email"] = changes["email"].strip().lower()
    left = {name: changes.get(name, getattr(contact, name)) for name in DETAILS}
    if contact.person_id is None and not _can_be_found(ContactDetails(**left)):
        raise CannotBeFound
    if WEIGHTS & set(changes):
        # In the same row, which holds both together.
        changes["urgent"] = Answer.YES in [left[name] for name in WEIGHTS]
    changed = history.revise(
        contact,
        changes,
        person=contact.met or contact.person,
        by=by,
        now=now,
        verb="contact.revised",
        version=version,
    )
    if SEARCHED & set(changed):
        search.index(contact)
    if changed:
        _mark(contact, by=by, now=now)
        if WEIGHTS & set(changed):
            tracing.weigh_contact(contact, by=by, now=now)
        latest = contact.exposures.order_by("-day", "pk").first()
        if latest is not None and not by.is_staff:
            tracing.ask_to_look(latest, by=by, now=now)
    return contact


@retrying_transaction
def state_day(
    person: Person, day: dt.date, *, said: str, by: User, now: dt.datetime
) -> DayStatement:
    """Keep what somebody said of a whole day, such as 'I met nobody'.

    Raises MetSomebody where somebody is named for it, DayToCome, NotAsked.
    """
    person = history.locked(person)
    check_day(person, None, day, by=by, now=now)
    named = person.exposures_to_others.standing().filter(day=day)
    if said == DayStatement.Said.NOBODY and named.exists():
        raise MetSomebody
    statement, _new = DayStatement.objects.update_or_create(
        person=person,
        day=day,
        defaults={"said": said, "stated_at": now, "stated_by": by},
    )
    audit.record("day.stated", statement, by=by, now=now, codes={"said": said})
    return statement
