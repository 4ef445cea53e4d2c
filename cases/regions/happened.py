"""Why somebody must look, and what happened: escalations, calls, comments, history."""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import F, Q

from cases import due_times, on_call, timeline, words
from cases.models import CallAttempt, Comment, Escalation, Person
from cases.why import why
from quarano.accounts.models import User

# Settled escalations, calls and comments that a region shows; the history has all.
LATEST = 8
EVERYTHING = 2000  # events of one person on one page


def escalations(person: Person, *, user: User, now: dt.datetime) -> dict[str, Any]:
    """Why somebody must look at this person, and what was settled lately."""
    found = list(
        Escalation.objects.filter(person=person)
        .filter(Q(settled_at__isnull=True) | Q(settled_by__isnull=False))
        .select_related("settled_by", "assigned_to", "policy__disease", "monitoring")
        .order_by(
            F("settled_at").desc(nulls_first=True), "band", "-rank", "due_at", "pk"
        )[: 4 * LATEST]
    )
    open_ones = [one for one in found if one.settled_at is None]
    settled = [one for one in found if one.settled_at is not None][:LATEST]
    medical = any(one.is_medical for one in [*open_ones, *settled])
    names = words.symptom_names() if medical else {}
    alarms = on_call.told([*open_ones, *settled])
    return {
        "open": [
            {
                **_shown(one, names, now=now),
                "is_staffed": due_times.runs_in_staffed_hours(one.reason, now=now),
                "alarms": alarms.get(one.pk, []),
            }
            for one in open_ones
        ],
        "settled": [
            {**_shown(one, names, now=None), "alarms": alarms.get(one.pk, [])}
            for one in settled
        ],
        "others": _others(open_ones, user=user),
        "assigned_to": next((one.assigned_to for one in open_ones), None),
        "may_settle": user.may("cases.settle"),
    }


def _shown(
    escalation: Escalation, names: words.Names, *, now: dt.datetime | None
) -> dict[str, Any]:
    return {
        "escalation": escalation,
        "icon": words.ICONS.get(escalation.reason, "due"),
        "tone": words.TONES.get(escalation.band, "waiting"),
        "fact": words.fact_in_words(escalation, now=now, symptoms=names),
        "why": why(escalation, symptoms=names),
        "is_snoozed": now is not None
        and escalation.snoozed_until is not None
        and escalation.snoozed_until > now,
    }


def _others(open_ones: Sequence[Escalation], *, user: User) -> list[UUID]:
    """Whose second record this may be, as far as the official may see them."""
    doubles = [
        one.pk
        for one in open_ones
        if one.reason == Escalation.Reason.POSSIBLE_DUPLICATE
    ]
    if not doubles:
        return []
    occasions = Escalation.objects.filter(pk__in=doubles).values_list(
        "occasions__occasion", flat=True
    )
    found = []
    for occasion in occasions:
        try:
            found.append(UUID(str(occasion)))
        except ValueError:
            continue
    visible = Person.objects.open_to(user).filter(pk__in=found)
    return list(visible.order_by("pk").values_list("pk", flat=True))


def calls(person: Person, *, user: User) -> dict[str, Any]:
    """The latest calls, newest first."""
    rows = CallAttempt.objects.filter(person=person).select_related("called_by")
    return {
        "rows": list(rows.order_by("-called_at")[:LATEST]),
        "may_call": user.may("cases.call"),
    }


def comments(person: Person, *, user: User) -> dict[str, Any]:
    """The latest comments, newest first."""
    rows = Comment.objects.filter(person=person).select_related("written_by")
    return {
        "rows": list(rows.order_by("-written_at")[:LATEST]),
        "may_comment": user.may("cases.comment"),
    }


def history(person: Person, *, limit: int | None = 20) -> dict[str, Any]:
    """What happened, and apart from it who looked; without a limit everything."""
    happened, looks = timeline.apart(person, limit=limit or EVERYTHING)
    return {"rows": happened, "looks": looks, "limit": limit}
