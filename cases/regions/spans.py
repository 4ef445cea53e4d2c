"""Monitorings as the file shows them: what is ordered, why, and what can be done."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Prefetch
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _

from cases import steps
from cases.models import Monitoring, Order, Person, Service
from health_authorities.models import current
from quarano.accounts.models import User


@dataclass(frozen=True)
class Way:
    """A step that this official may take: its address and what the button says."""

    url: str
    label: str
    primary: bool = False
    icon: str = ""


@dataclass(frozen=True)
class Span:
    """A monitoring as the file shows it: orders, the sum, what can be done."""

    monitoring: Monitoring
    proposal: Order | None
    orders: list[Order]
    sum: list[dict[str, Any]]
    total: dict[str, str] | None
    why: str
    change: str
    note: str
    is_lapsed: bool
    ways: list[Way] = field(default_factory=list)

    @property
    def order(self) -> Order | None:
        """The newest issued one, which holds."""
        return self.orders[0] if self.orders else None

    @property
    def is_lifted(self) -> bool:
        return self.order is not None and self.order.effect == Order.Effect.LIFT


def monitorings(person: Person) -> list[Monitoring]:
    """Return all of a person with what belongs to them, open and newest first."""
    services = Service.objects.select_related("served_by").order_by("served_at")
    orders = (
        Order.objects.select_related("issued_by", "policy")
        .prefetch_related(Prefetch("services", services))
        .order_by(F("issued_at").desc(nulls_first=True), "pk")
    )
    found = (
        Monitoring.objects.filter(person=person)
        .select_related("disease", "case", "assigned_to")
        .prefetch_related(Prefetch("orders", orders))
        .order_by("-opened_at")
    )
    for one in found:
        one.person = person
    return sorted(found, key=lambda one: not one.is_open)


def issued_ones(monitoring: Monitoring) -> list[Order]:
    """Its issued orders, the one in force first, then what each replaced."""
    issued = [order for order in monitoring.orders.all() if order.is_issued]
    by_pk = {order.pk: order for order in issued}
    replaced = {order.replaces_id for order in issued}
    found = [order for order in issued if order.pk not in replaced][:1]
    while found and found[-1].replaces_id in by_pk:
        found.append(by_pk[found[-1].replaces_id])
    return found


def is_lapsed(monitoring: Monitoring, today: dt.date) -> bool:
    """Whether the last day is over and nobody decided."""
    return (
        monitoring.is_open and monitoring.until is not None and monitoring.until < today
    )


def orders(
    spans: Sequence[Monitoring], *, user: User, now: dt.datetime
) -> dict[str, Any]:
    """Monitorings with their orders, and why the end is what it is."""
    return {
        "spans": [_span(one, user=user, now=now) for one in spans],
        "may_order": user.may("cases.order"),
    }


def _span(monitoring: Monitoring, *, user: User, now: dt.datetime) -> Span:
    today = current().localdate(now)
    every = list(monitoring.orders.all())
    proposal = next((order for order in every if not order.is_issued), None)
    issued = issued_ones(monitoring)
    shown = proposal or (issued[0] if issued else None)
    return Span(
        monitoring=monitoring,
        proposal=proposal,
        orders=issued,
        sum=_sum(shown),
        total=_total(shown),
        why=_why(shown),
        change=_change(proposal) if issued else "",
        note=_note(monitoring, shown, now=now),
        is_lapsed=is_lapsed(monitoring, today),
        ways=_ways(monitoring, proposal, issued, user=user, today=today),
    )


def _sum(order: Order | None) -> list[dict[str, Any]]:
    if order is None:
        return []
    return [
        {"label": label, "value": value, "source": source}
        for label, value, source in steps.in_words(_but_total(order))
    ]


def _but_total(order: Order) -> list[dict[str, Any]]:
    """The steps without the line that the total says already."""
    end = order.until.isoformat() if order.until else ""
    return [step for step in order.steps if step["code"] != "sum" or step["day"] != end]


def _why(order: Order | None) -> str:
    if order is None:
        return _("Nothing is proposed")
    if order.until is None:
        return _("Why no end is computed")
    # Translators: as in "Why Saturday, 21 November"
    day = formats.date_format(order.until, _("l, j F"))
    return _("Why %(day)s") % {"day": day}


def _change(proposal: Order | None) -> str:
    """What is proposed beside an order that holds."""
    if proposal is None:
        return ""
    effect = str(proposal.get_effect_display())
    if proposal.effect == Order.Effect.LIFT or proposal.until is None:
        return _("Proposed: %(effect)s") % {"effect": effect}
    day = formats.date_format(proposal.until, _("D j M"))
    return _("Proposed: %(effect)s to %(day)s") % {"effect": effect, "day": day}


def _note(monitoring: Monitoring, order: Order | None, *, now: dt.datetime) -> str:
    """What keeps the end from being final, as far as this app knows."""
    last = monitoring.person.last_counting_symptom_at
    if not monitoring.is_open or not monitoring.is_isolation:
        return ""
    if order is None or order.until is None or last is None:
        return ""
    hours = order.policy.symptom_free_hours
    if last <= now - dt.timedelta(hours=hours):
        return ""
    return _(
        "Not yet final: a symptom is open. It needs %(hours)d h without symptoms."
    ) % {"hours": hours}


def _total(order: Order | None) -> dict[str, str] | None:
    if order is None:
        return None
    if order.until is None:
        return {"label": _("Ends"), "value": _("no computed end")}
    # Translators: a weekday, a day and a month, as in "Sat 21 Nov, 24:00"
    day = formats.date_format(order.until, _("D j M"))
    return {"label": _("Ends"), "value": _("%(day)s, 24:00") % {"day": day}}


def _ways(
    monitoring: Monitoring,
    proposal: Order | None,
    issued: Sequence[Order],
    *,
    user: User,
    today: dt.date,
) -> list[Way]:
    """Return the steps that are possible now and that this official may take."""
    found: list[tuple[str, str, str, bool]] = []
    if monitoring.is_open:
        is_lifted = bool(issued) and issued[0].effect == Order.Effect.LIFT
        if proposal is not None and (issued or proposal.effect != Order.Effect.LIFT):
            label = _("Issue the change") if issued else _("Issue the order")
            found.append(("cases.order", "cases:issue", label, True))
        if is_lifted:
            found.append(("cases.order", "cases:extend", _("Order again"), False))
        elif issued:
            found += [
                ("cases.order", "cases:extend", _("Extend"), False),
                ("cases.order", "cases:shorten", _("Shorten"), False),
                ("cases.order", "cases:lift", _("Lift"), False),
            ]
        found.append(("cases.conclude", "cases:conclude", _("Conclude"), False))
    else:
        found.append(("cases.reopen", "cases:reopen", _("Reopen"), False))
    if _has_ended(issued, today=today):
        found.append(("cases.order", "cases:write_release", _("Certificate"), False))
    return [
        Way(reverse(name, kwargs={"pk": monitoring.pk}), label, primary)
        for permission, name, label, primary in found
        if user.may(permission)
    ]


def _has_ended(issued: Sequence[Order], *, today: dt.date) -> bool:
    """Whether what was ordered is over, so that its end can be certified."""
    if not issued or issued[0].until is None:
        return False
    return issued[0].effect == Order.Effect.LIFT or issued[0].until < today
