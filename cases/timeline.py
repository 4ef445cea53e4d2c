"""The history that a file shows: who changed what, and who looked, in words."""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import formats
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.models import (
    CallAttempt,
    Escalation,
    LetterKind,
    Monitoring,
    Person,
    Revision,
    Service,
)
from quarano.accounts.models import User
from quarano.audit.models import Event
from quarano.notifications.models import Message

# Reading a file over and over is one line; so many events are looked at for a row.
SPARE = 3
# What says that somebody looked; opening a monitoring is no look.
OPENED, LOOKED = "file.opened", (".viewed", ".read")
LOOKS = Q(verb=OPENED) | Q(verb__endswith=LOOKED[0]) | Q(verb__endswith=LOOKED[1])


@dataclass
class Row:
    """One line of the history; `changes` are sentences 'Town: before → after'."""

    what: str
    who: str
    at: dt.datetime
    icon: str
    state: str = ""
    changes: list[str] = field(default_factory=list)


def read(person: Person, *, limit: int) -> list[Row]:
    """Return the newest events about a person, newest first, in one statement."""
    found = _once(_events(person).order_by("-at", "-pk")[: limit * SPARE])
    return [_row(event) for event in found[:limit]]


def apart(person: Person, *, limit: int) -> tuple[list[Row], list[Row]]:
    """Return what happened to a person, and who looked; each newest first, `limit` of
    each, both in one statement."""
    events = _events(person).order_by("-at", "-pk")
    happened = events.exclude(LOOKS)[:limit]
    looks = events.filter(LOOKS)[: limit * SPARE]
    found = sorted(happened.union(looks, all=True), key=_newest)
    read = [event for event in found if _is_look(event)]
    return (
        [_row(event) for event in found if not _is_look(event)],
        [_row(event) for event in _once(read)[:limit]],
    )


def _newest(event: Event) -> Any:
    return -event.at.timestamp(), -event.pk.int


def _is_look(event: Event) -> bool:
    return event.verb == OPENED or event.verb.endswith(LOOKED)


def _events(person: Person) -> QuerySet[Event]:
    """Events about a person, with the values before and after and who it was."""
    revisions = Revision.objects.filter(person=person, event=OuterRef("pk"))
    return Event.objects.filter(person=person.pk).annotate(
        revised=Subquery(revisions.values("changes")[:1]),
        revised_kind=Subquery(revisions.values("subject_kind")[:1]),
        name=Subquery(User.objects.filter(pk=OuterRef("actor")).values("name")[:1]),
    )


def _once(events: Iterable[Event]) -> list[Event]:
    """Leave out an event that says the same as the one before it in the list."""
    found: list[Event] = []
    for event in events:
        last = found[-1] if found else None
        is_reading = _is_look(event)
        is_again = last is not None and (last.verb, last.actor) == (
            event.verb,
            event.actor,
        )
        if not (is_reading and is_again and event.subject is None):
            found.append(event)
    return found


def _changes(event: Any) -> list[str]:
    return [
        _change(event.revised_kind, name, before, after)
        for name, (before, after) in json.loads(event.revised or "{}").items()
    ]


def _change(subject_kind: str, name: str, before: Any, after: Any) -> str:
    try:
        model_field: Any = apps.get_model(subject_kind)._meta.get_field(name)
    except (LookupError, FieldDoesNotExist):
        return name
    label = str(model_field.verbose_name)
    choices = dict(getattr(model_field, "flatchoices", []))
    values = [_value(value, choices) for value in (before, after)]
    return f"{label[:1].upper()}{label[1:]}: {values[0]} → {values[1]}"


def _value(value: Any, choices: Mapping[Any, Any]) -> str:
    if value in (None, "", [], {}):
        return _("nothing")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, str) and len(value) == 10:
        day = parse_date(value) if value[4:5] == "-" else None
        if day is not None:
            return formats.date_format(day)
    return str(choices.get(value, value))


def _row(event: Any) -> Row:
    icon, state, text = WORDS.get(event.verb, ("document", "", event.verb))
    what = str(text)
    detail = _detail(event)
    if detail:
        what = f"{what}: {detail}"
    if event.verb in STATES:
        state = STATES[event.verb](event.codes) or state
    return Row(what, _who(event), event.at, icon, state, _changes(event))


def _who(event: Any) -> str:
    if event.verb == "on_call.taken":
        # Nobody has signed in; whose telephone it was, the authority knows.
        if event.codes.get("telephone") == 2:
            return _("from the second telephone on call")
        return _("from the first telephone on call")
    if event.actor is not None:
        return event.name or _("somebody whose login is gone")
    if event.actor_kind == Event.Actor.NOBODY:
        return _("nobody signed in")
    return _("by the rule")


# The code of an event that says more than its verb, and the words for its values.
DETAILS: dict[str, tuple[str, Any]] = {
    "escalation": ("reason", Escalation.Reason),
    "call": ("outcome", CallAttempt.Outcome),
    "monitoring.concluded": ("conclusion", Monitoring.Conclusion),
    "monitoring.opened": ("kind", Monitoring.Kind),
    "order.served": ("way", Service.Way),
    "person.invited": ("channel", Message.Channel),
    "message.undelivered": ("channel", Message.Channel),
    "letter": ("letter", LetterKind),
}


def _detail(event: Event) -> str:
    room = event.verb.partition(".")[0]
    known = DETAILS.get(event.verb) or DETAILS.get(room)
    value = event.codes.get(known[0]) if known else None
    if known is None or not value:
        return ""
    words = known[1]
    labels = {str(code): str(label) for code, label in words.choices}
    said = labels.get(str(value), "")
    outcome = event.codes.get("outcome")
    if event.verb == "escalation.settled" and outcome:
        outcomes = {str(code): str(label) for code, label in Escalation.Outcome.choices}
        return f"{said}, {outcomes.get(str(outcome), outcome)}"
    return said


STATES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "call.recorded": lambda codes: (
        "fine" if codes.get("outcome") == CallAttempt.Outcome.REACHED else ""
    ),
    "escalation.raised": lambda codes: (
        "urgent" if codes.get("reason") in Escalation.MEDICAL else "due"
    ),
}

# Verb → icon, colour, words.
WORDS: dict[str, tuple[str, str, Any]] = {
    "case.taken_up": ("virus", "", gettext_lazy("Case taken up")),
    "case.revised": ("pencil", "", gettext_lazy("Case changed")),
    "case.reported_again": ("virus", "", gettext_lazy("Case reported again")),
    "case.hospital": ("pencil", "", gettext_lazy("Stay in hospital changed")),
    "test.recorded": ("test", "", gettext_lazy("Test added")),
    "monitoring.opened": ("shield", "", gettext_lazy("Monitoring opened")),
    "monitoring.exposed_again": ("people", "", gettext_lazy("Exposed again")),
    "monitoring.concluded": ("stopped", "fine", gettext_lazy("Monitoring concluded")),
    "monitoring.reopened": ("undo", "due", gettext_lazy("Monitoring reopened")),
    "monitoring.restated": ("pencil", "", gettext_lazy("Last exposure corrected")),
    "monitoring.weighed": ("chain", "", gettext_lazy("Exposures weighed again")),
    "contact.named": ("people", "", gettext_lazy("Contact named")),
    "contact.revised": ("pencil", "", gettext_lazy("Contact changed")),
    "contact.reviewed": ("eye", "", gettext_lazy("Change of a contact looked at")),
    "contact.dismissed": ("stopped", "", gettext_lazy("Contact dismissed")),
    "contact.restored": ("undo", "", gettext_lazy("Contact brought back")),
    "contact.released": ("people", "due", gettext_lazy("Held contact released")),
    "contact.told": ("phone", "fine", gettext_lazy("Contact told")),
    "contact.taken_over": ("shield", "fine", gettext_lazy("Contact taken over")),
    "contacts.asked": ("people", "", gettext_lazy("Contacts of the last days asked")),
    "contacts.viewed": ("eye", "", gettext_lazy("Contacts looked at")),
    "event.case_noted": ("people", "", gettext_lazy("Was at an event")),
    "event.case_removed": ("undo", "", gettext_lazy("Was not at the event")),
    "source.linked": ("chain", "", gettext_lazy("Likely source entered")),
    "source.rejected": ("undo", "", gettext_lazy("Likely source rejected")),
    "exposure.named": ("people", "", gettext_lazy("Exposure named")),
    "exposure.revised": ("pencil", "", gettext_lazy("Exposure changed")),
    "exposure.accepted": ("tick", "fine", gettext_lazy("Exposure accepted")),
    "exposure.withdrawn": ("undo", "", gettext_lazy("Exposure withdrawn")),
    "exposure.restored": ("undo", "", gettext_lazy("Exposure stands again")),
    "day.stated": ("calendar", "", gettext_lazy("Said whom they met on a day")),
    "immunity.recorded": ("shield", "", gettext_lazy("Immunity recorded")),
    "order.proposed": ("document", "", gettext_lazy("Order proposed")),
    "order.issued": ("document", "fine", gettext_lazy("Order issued")),
    "order.extended": ("document", "", gettext_lazy("Order extended")),
    "order.shortened": ("document", "", gettext_lazy("Order shortened")),
    "order.lifted": ("document", "fine", gettext_lazy("Order lifted")),
    "order.served": ("tick", "fine", gettext_lazy("Order served")),
    "person.recorded": ("person", "", gettext_lazy("Person recorded")),
    "person.changed": ("pencil", "", gettext_lazy("Details changed")),
    "person.invited": ("key", "", gettext_lazy("Invited")),
    "person.registered": ("tick", "fine", gettext_lazy("Registered")),
    "person.enrolled": ("tick", "fine", gettext_lazy("Enrolled")),
    "person.by_phone": ("phone", "", gettext_lazy("By phone from now on")),
    "person.rebuilt": ("undo", "", gettext_lazy("Kept columns computed anew")),
    "person.died": ("stopped", "", gettext_lazy("Death recorded")),
    "person.death_withdrawn": ("undo", "due", gettext_lazy("Death taken back")),
    "questionnaire.saved": ("pencil", "", gettext_lazy("Questionnaire saved")),
    "notice.seen": ("eye", "", gettext_lazy("Notice seen")),
    "code.used": ("key", "", gettext_lazy("Code used")),
    "code.locked": ("lock", "due", gettext_lazy("Code locked after wrong tries")),
    "entry.submitted": ("pencil", "", gettext_lazy("Diary entry")),
    "entry.amended": ("pencil", "", gettext_lazy("Diary entry changed")),
    "escalation.raised": ("urgent", "due", gettext_lazy("Raised")),
    "escalation.eased": ("trend-down", "", gettext_lazy("Eased")),
    "escalation.cleared": ("fine", "fine", gettext_lazy("Resolved by itself")),
    "escalation.withdrawn": ("undo", "", gettext_lazy("Withdrawn by the citizen")),
    "escalation.settled": ("fine", "fine", gettext_lazy("Settled")),
    "escalation.snoozed": ("snoozed", "", gettext_lazy("Snoozed")),
    "escalation.woken": ("undo", "", gettext_lazy("Back on the list")),
    "escalation.assigned": ("assign", "", gettext_lazy("Assigned")),
    "escalation.undone": ("undo", "", gettext_lazy("Opened again")),
    "letter.written": ("print", "", gettext_lazy("Letter written")),
    "letter.posted": ("mail", "fine", gettext_lazy("Letter posted")),
    "letter.withdrawn": ("stopped", "", gettext_lazy("Letter taken out")),
    "letters.read": ("eye", "", gettext_lazy("Letter read")),
    "on_call.told": ("phone", "due", gettext_lazy("On-call telephone told")),
    "on_call.taken": (
        "phone",
        "fine",
        gettext_lazy("Taken from the telephone on call"),
    ),
    "text.viewed": ("eye", "", gettext_lazy("Text looked at with these details")),
    "call.recorded": ("phone", "", gettext_lazy("Call")),
    "comment.written": ("comment", "", gettext_lazy("Comment written")),
    "file.opened": ("eye", "", gettext_lazy("File opened")),
    "panel.viewed": ("eye", "", gettext_lazy("Seen on the worklist")),
    "diary.viewed": ("eye", "", gettext_lazy("Diary looked at")),
    "message.undelivered": ("mail", "due", gettext_lazy("Message did not arrive")),
    "messages.viewed": ("eye", "", gettext_lazy("Messages looked at")),
}
