"""Where did this case come from: what the page shows, and what an official says."""

import datetime as dt
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cases import search
from cases.models import Case, Person
from contacts import sources
from contacts.models import Event, Setting, SourceLink
from contacts.transmission.wanted import code_of
from quarano.accounts.models import User
from quarano.forms import key_of

FOUND = 10


def case_of(pk: UUID, user: User) -> Case:
    """Return the case if this official may see whose it is; 404 otherwise."""
    cases = Case.objects.filter(person__in=_visible(user))
    return get_object_or_404(cases.select_related("person", "disease"), pk=pk)


def _visible(user: User) -> Any:
    return Person.objects.open_to(user).order_by().values("pk")


def page(case: Case, user: User, *, q: str, now: dt.datetime) -> dict[str, Any]:
    """Return what the page shows: candidates, those found by a search, the period."""
    found = sources.investigate(case, now=now)
    candidates = found.candidates if found else []
    keys = [one.person for one in candidates if one.person is not None]
    people = {
        person.pk: person for person in Person.objects.open_to(user).filter(pk__in=keys)
    }
    known = {one.pk for one in candidates} | {case.pk}
    others = [one for one in searched(q, case, user) if one.pk not in known]
    return {
        "case": case,
        "code": code_of(case.pk),
        "person": case.person,
        "found": found,
        "rows": [_row(one, people) for one in candidates],
        "q": q,
        "others": others,
        "people": {case.person_id, *people, *(one.person_id for one in others)},
    }


def searched(q: str, case: Case, user: User) -> list[Case]:
    """Return cases of the same disease whose person a search finds."""
    if len(q.strip()) < len("ab"):
        return []
    people = search.find(q).open_to(user).order_by().values("pk")
    cases = Case.objects.filter(disease=case.disease_id, person__in=people)
    cases = cases.exclude(classification=Case.Classification.DISCARDED)
    return list(cases.select_related("person").order_by("-reported_at", "pk")[:FOUND])


def _row(one: sources.Candidate, people: dict[UUID, Person]) -> dict[str, Any]:
    person = people.get(one.person) if one.person else None
    label = one.name
    if one.kind in {"case", "home"}:
        label = person.name if person else _("Index case %(code)s") % {"code": one.name}
    return {
        "candidate": one,
        "kind": "event" if one.kind == "event" else "case",
        "label": label,
        "person": person,
        "what": _KINDS[one.kind](),
        "icon": _ICONS[one.kind],
        "setting": Setting(one.setting).label if one.setting else "",
        "strength": SourceLink.Strength(one.strength).label,
        "overlap": _overlap(one),
        "is_decidable": one.pk is not None,
        "is_likely": one.said == "likely",
        "is_rejected": one.said == "rejected",
    }


_KINDS = {
    "case": lambda: _("named this person"),
    "home": lambda: _("lives at the same address"),
    "event": lambda: _("was at this event"),
    "place": lambda: _("was at this place"),
}
_ICONS = {"case": "person", "home": "house", "event": "calendar", "place": "flag"}


def _overlap(one: sources.Candidate) -> str:
    if not one.others:
        return ""
    if one.kind == "event":
        return ngettext(
            "%(n)d further case was there", "%(n)d further cases were there", one.others
        ) % {"n": one.others}
    if one.kind == "place":
        return ngettext(
            "%(n)d of your cases was here in the same week",
            "%(n)d of your cases were here in the same week",
            one.others,
        ) % {"n": one.others}
    return ngettext(
        "likely infected %(n)d other", "likely infected %(n)d others", one.others
    ) % {"n": one.others}


def decided(typed: QueryDict, user: User) -> dict[str, Any]:
    """Return which source a form names: a case of somebody whom this official may
    see, or an event; 404 otherwise."""
    pk = key_of(typed.get("candidate", ""))
    if typed.get("kind") == "event":
        events = Event.objects.filter(discarded_at__isnull=True)
        return {"event": get_object_or_404(events, pk=pk)}
    cases = Case.objects.filter(person__in=_visible(user))
    return {"source": get_object_or_404(cases, pk=pk)}


def circumstances(
    case: Case, which: dict[str, Any], *, now: dt.datetime
) -> dict[str, Any]:
    """Return day and strength of a source, as the investigation found them."""
    found = sources.investigate(case, now=now)
    pk = next(iter(which.values())).pk
    for one in found.candidates if found else []:
        if one.pk == pk:
            day = one.day if one.kind != "home" else None
            return {"strength": one.strength, "day": day}
    return {"strength": SourceLink.Strength.GUESSED.value, "day": None}
