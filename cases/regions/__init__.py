"""What the regions of a person's file show: each reads its own, once."""

import datetime as dt
from collections.abc import Collection
from typing import Any

from cases.models import Monitoring, Person
from cases.regions import post
from cases.regions.happened import calls, comments, escalations, history
from cases.regions.spans import monitorings, orders
from cases.regions.who import details, enrolment, header
from health_authorities.models import current
from quarano.accounts.models import User

__all__ = ["history", "monitorings", "read"]

NAMES = (
    "header",
    "escalations",
    "orders",
    "details",
    "enrolment",
    "letters",
    "calls",
    "comments",
    "history",
)


def read(
    person: Person,
    names: Collection[str] = NAMES,
    *,
    user: User,
    now: dt.datetime,
    spans: list[Monitoring] | None = None,
) -> dict[str, Any]:
    """Return the context of these regions, each under its own name.

    `spans` are all monitorings of the person, where they are read already.
    """
    today = current().localdate(now)
    if spans is None:
        wanted = {"header", "orders", "enrolment"} & set(names)
        spans = monitorings(person) if wanted else []
    raised = {}
    if {"header", "escalations"} & set(names):
        raised = escalations(person, user=user, now=now)
    readers = {
        "header": lambda: header(
            person, spans, user=user, today=today, assigned_to=raised["assigned_to"]
        ),
        "escalations": lambda: raised,
        "orders": lambda: orders(spans, user=user, now=now),
        "details": lambda: details(person, user=user),
        "enrolment": lambda: enrolment(person, spans, user=user, now=now),
        "letters": lambda: post.of_person(person, user=user),
        "calls": lambda: calls(person, user=user),
        "comments": lambda: comments(person, user=user),
        "history": lambda: history(person),
    }
    context: dict[str, Any] = {"person": person, "today": today}
    return context | {name: readers[name]() for name in names}
