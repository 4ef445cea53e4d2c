"""The list of contacts: filters, words, pages by key; urgent ones first."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.http import QueryDict
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from contacts import search
from contacts.models import CHANGED, Contact, Exposure, Setting
from quarano.accounts.models import User

LENGTH = 50
# What a list asks for, by the word in its address.
STATES = {
    "waiting": _("not looked at"),
    "accepted": _("not yet followed"),
    "followed": _("followed"),
    "held": _("held"),
    "dismissed": _("dismissed"),
    "all": _("all"),
}


@dataclass(frozen=True)
class Place:
    """After which row a page goes on: the keys that order it."""

    urgent: bool
    last_day: dt.date
    pk: UUID

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the place that an address names, None for no or a broken one."""
        try:
            urgent, day, key = text.split("~")
            found = parse_date(day)
            return cls(urgent == "1", found, UUID(key)) if found else None
        except ValueError:
            return None

    @classmethod
    def of(cls, contact: Contact) -> str:
        day = contact.last_day or dt.date.min
        return f"{int(contact.urgent)}~{day:%Y-%m-%d}~{contact.pk}"


@dataclass(frozen=True)
class Filters:
    """Which contacts an address asks for; what nobody knows is left out."""

    state: str = "waiting"
    setting: str = ""
    urgent: bool = False
    q: str = ""
    after: Place | None = field(default=None, compare=False)

    @classmethod
    def read(cls, query: QueryDict) -> Self:
        state, setting = query.get("state", ""), query.get("setting", "")
        return cls(
            state=state if state in STATES else "waiting",
            setting=setting if setting in Setting.values else "",
            urgent=query.get("urgent") == "yes",
            q=query.get("q", "").strip()[:200],
            after=Place.read(query.get("after", "")),
        )

    def query(self, **changes: Any) -> str:
        """Return the address of this list, some of it changed: 'state=waiting&…'."""
        values = {
            "state": self.state,
            "setting": self.setting,
            "urgent": "yes" if self.urgent else "",
            "q": self.q,
        } | changes
        return urlencode({key: value for key, value in values.items() if value})


def found(filters: Filters, *, user: User) -> "QuerySet[Contact]":
    """Return the contacts of a list, urgent first, then by the last exposure."""
    rows: QuerySet[Contact] = Contact.objects.open_to(user).select_related(
        "met", "case", "event"
    )
    rows = _in_state(rows, filters.state)
    if filters.setting:
        met = Exposure.objects.standing().filter(setting=filters.setting)
        rows = rows.filter(pk__in=met.order_by().values("contact"))
    if filters.urgent:
        rows = rows.filter(urgent=True)
    return search.matching(rows, filters.q).order_by(
        "-urgent", F("last_day").desc(nulls_last=True), "id"
    )


def _in_state(rows: "QuerySet[Contact]", state: str) -> "QuerySet[Contact]":
    if state == "dismissed":
        return rows.filter(dismissed_at__isnull=False)
    if state == "all":
        return rows
    rows = rows.filter(dismissed_at__isnull=True)
    if state == "held":
        return rows.filter(state=Contact.State.HELD)
    if state == "followed":
        return rows.filter(state=Contact.State.PERSON)
    if state == "accepted":
        return rows.filter(state__in=[Contact.State.ACCEPTED, Contact.State.TOLD])
    return rows.filter(
        Q(state=Contact.State.NAMED) | ~Q(state=Contact.State.HELD) & CHANGED
    )


def page(filters: Filters, *, user: User) -> tuple[list[Contact], str]:
    """Return one page of a list, and the place from which the next one goes on."""
    rows = found(filters, user=user)
    after = filters.after
    if after is not None:
        same = Q(urgent=after.urgent)
        later = Q(last_day__lt=after.last_day) | Q(last_day__isnull=True)
        if after.last_day == dt.date.min:
            later = Q(pk__in=[])
            same_day = Q(last_day__isnull=True)
        else:
            same_day = Q(last_day=after.last_day)
        next_ones = same & (later | same_day & Q(pk__gt=after.pk))
        if after.urgent:
            next_ones |= Q(urgent=False)
        rows = rows.filter(next_ones)
    shown = list(rows[: LENGTH + 1])
    more = Place.of(shown[LENGTH - 1]) if len(shown) > LENGTH else ""
    return shown[:LENGTH], more
