"""The only way to write an Event: what was done, and what was seen."""

import datetime as dt
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.http import HttpRequest

from quarano.audit.middleware import origin
from quarano.audit.models import Event
from quarano.cockroach.transactions import retrying

# So long a poll that shows the same people is the same look.
REMEMBERED = dt.timedelta(minutes=15)


def record(
    verb: str,
    subject: Model | None,
    *,
    by: Any,
    now: dt.datetime,
    person: Model | UUID | None = None,
    fields: Iterable[str] = (),
    codes: dict[str, Any] | None = None,
) -> Event:
    """Write down that something was done, within the caller's transaction.

    `by` is the login that did it; None is a rule, or, where there is no subject
    either, somebody not signed in. `person` is found at the subject where it can be.
    Names of fields and codes only: never values, names or diagnoses.
    """
    event = Event(
        at=now,
        actor=getattr(by, "pk", None),
        actor_kind=_kind(by, subject),
        verb=verb,
        person=_person(person, subject),
        fields=list(fields),
        codes=dict(codes or {}),
        request_id=origin().request_id,
        address=origin().address,
    )
    if subject is not None:
        event.subject_kind = subject._meta.label_lower
        if isinstance(subject.pk, UUID):
            event.subject = subject.pk
        else:
            event.codes["subject"] = str(subject.pk)
    event.save(force_insert=True)
    return event


def viewed(
    request: HttpRequest,
    verb: str,
    *,
    now: dt.datetime,
    person: Model | UUID | None = None,
    shown: Iterable[UUID] = (),
    codes: dict[str, Any] | None = None,
) -> Event | None:
    """Write down that somebody was shown a person, or a list of people.

    One event with all ids for a list. A poll (`X-Poll`) that shows the same people as
    within the last quarter of an hour is no new event: then None is returned.
    """
    event = Event(
        at=now,
        actor=getattr(request.user, "pk", None),
        actor_kind=_kind(request.user, None),
        verb=verb,
        person=_person(person, None),
        shown=list(shown),
        codes=dict(codes or {}),
        request_id=origin().request_id,
        address=origin().address,
    )
    if "X-Poll" in request.headers and _is_known(event):
        return None
    retrying(event.save)(force_insert=True)
    return event


def refused(request: HttpRequest, why: str, *, now: dt.datetime) -> Event:
    """Write down that a login was refused a page: 'role', 'csrf' or 'unknown'.

    With the name of the page and the number that was asked for, where there is one.
    """
    match = request.resolver_match
    asked = match.kwargs.get("pk") if match is not None else None
    event = Event(
        at=now,
        actor=request.user.pk,
        actor_kind=_kind(request.user, None),
        verb="access.refused",
        subject=asked if isinstance(asked, UUID) else None,
        codes={"page": match.view_name if match is not None else "", "why": why},
        request_id=origin().request_id,
        address=origin().address,
    )
    retrying(event.save)(force_insert=True)
    return event


def _is_known(event: Event) -> bool:
    """Whether the same was written down within the last quarter of an hour.

    Not longer: else whoever says of every request that it is a poll would be seen once.
    """
    before = (
        Event.objects.filter(actor=event.actor, verb=event.verb).order_by("-at").first()
    )
    return (
        before is not None
        and event.at - before.at < REMEMBERED
        and set(before.shown) == set(event.shown)
        and before.codes == event.codes
        and before.person == event.person
    )


def _kind(by: Any, subject: Model | None) -> Event.Actor:
    if by is None:
        someone_asked = origin().address is not None
        return (
            Event.Actor.NOBODY
            if someone_asked and subject is None
            else Event.Actor.RULE
        )
    roles = getattr(by, "roles", ())
    if by.pk is None:
        return Event.Actor.NOBODY
    if "operator" in roles:
        return Event.Actor.OPERATOR
    return Event.Actor.STAFF if roles else Event.Actor.CITIZEN


def _person(person: Model | UUID | None, subject: Model | None) -> UUID | None:
    if isinstance(person, UUID):
        return person
    if person is not None:
        return person.pk
    if subject is None:
        return None
    if subject._meta.model_name == "person":
        return subject.pk
    return getattr(subject, "person_id", None)
