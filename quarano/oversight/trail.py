"""The access log's two questions: who saw or changed this person, and what did this
official see or do. Answered from the events alone, so for deleted people and accounts
too (Art. 5 (2) and 15 GDPR)."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.timeline import WORDS
from quarano.accounts.models import User
from quarano.audit.models import Event

MORE_WORDS = {
    "worklist.viewed": gettext_lazy("On the worklist"),
    "search.viewed": gettext_lazy("Among the people found"),
    "duplicates.offered": gettext_lazy("Offered as perhaps the same person"),
    "login.succeeded": gettext_lazy("Signed in"),
    "login.ended": gettext_lazy("Signed out"),
    "login.failed": gettext_lazy("Sign-in failed"),
    "login.password_changed": gettext_lazy("Password changed"),
    "login.second_factor_given": gettext_lazy("Second factor given"),
    "login.second_factor_changed": gettext_lazy("Second factor changed"),
    "access.refused": gettext_lazy("Access refused"),
    "audit.viewed": gettext_lazy("Access log read"),
    "audit.erased": gettext_lazy("Old events of the access log erased"),
    "alarm.raised": gettext_lazy("Alarm raised"),
    "alarm.settled": gettext_lazy("Alarm settled"),
    "alarms.viewed": gettext_lazy("Alarms read"),
    "staff.invited": gettext_lazy("Official invited"),
    "staff.joined": gettext_lazy("Invitation accepted"),
    "staff.renewed": gettext_lazy("New link sent to an official"),
    "staff.roles_changed": gettext_lazy("Roles changed"),
    "staff.deactivated": gettext_lazy("Account closed"),
    "staff.reactivated": gettext_lazy("Account opened again"),
    "staff.end_changed": gettext_lazy("Last day of an account changed"),
}


@dataclass(frozen=True)
class Line:
    """One event, in words, with ids where somebody is meant."""

    event: Event
    what: str
    who: str


def of_person(
    person: UUID, *, since: dt.datetime, until: dt.datetime
) -> QuerySet[Event]:
    """Everything done with a person, lists they stood on included, newest first."""
    return _between(since, until).filter(Q(person=person) | Q(shown__contains=[person]))


def of_official(
    actor: UUID, *, since: dt.datetime, until: dt.datetime
) -> QuerySet[Event]:
    """Everything that a login saw or did, newest first."""
    return _between(since, until).filter(actor=actor)


def _between(since: dt.datetime, until: dt.datetime) -> QuerySet[Event]:
    return Event.objects.filter(at__gte=since, at__lt=until).order_by("-at", "-pk")


def in_words(events: Iterable[Event]) -> list[Line]:
    """Name who acted, as far as there is still an account, and what was done."""
    listed = list(events)
    actors = {event.actor for event in listed if event.actor}
    users = User.objects.in_bulk(actors)
    return [Line(one, what(one), _who(one, users)) for one in listed]


def what(event: Event) -> str:
    """What was done, in the reader's language; an unknown verb as it is written."""
    if event.verb in MORE_WORDS:
        return str(MORE_WORDS[event.verb])
    known = WORDS.get(event.verb)
    return str(known[2]) if known else event.verb


def _who(event: Event, users: dict[UUID, User]) -> str:
    if event.actor is None:
        return event.get_actor_kind_display()
    user: Any = users.get(event.actor)
    if event.actor_kind == Event.Actor.CITIZEN:
        return _("citizen")
    return user.name if user else _("an account that is gone")


def officials(*, since: dt.datetime) -> list[tuple[UUID, str]]:
    """Officials of today, and those since then whose account is gone, by name."""
    staff = dict(
        User.objects.exclude(roles=[]).order_by("name").values_list("pk", "name")
    )
    acted = (
        Event.objects.filter(at__gte=since, actor_kind=Event.Actor.STAFF)
        .exclude(actor__in=list(staff))
        .order_by("actor")
        .values_list("actor", flat=True)
        .distinct()
    )
    gone = [(key, _("gone: %(key)s") % {"key": str(key)[:8]}) for key in acted if key]
    return [*staff.items(), *gone]
