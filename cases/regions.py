"""What the regions of a person's file show: each reads its own, once."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import F, Prefetch, Q
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _

from cases import history as log
from cases import steps, words
from cases.models import (
    CallAttempt,
    Case,
    Comment,
    EnrolmentCode,
    Escalation,
    Monitoring,
    Order,
    Person,
    Service,
)
from health_authorities.models import current
from quarano.accounts.models import User

# Settled escalations, calls and comments that a region shows; the history has all.
LATEST = 8


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


def header(
    person: Person, spans: Sequence[Monitoring], *, user: User, today: dt.date
) -> dict[str, Any]:
    """Who, what, which day, until when, how to reach."""
    open_ones = [one for one in spans if one.is_open]
    # Who is ill is isolated; a quarantine beside it says nothing more.
    chief = next((one for one in open_ones if one.is_isolation), None)
    chief = chief or (open_ones[0] if open_ones else None)
    number = person.mobile or person.phone
    risks = [
        (chief is not None and _needs_physician(chief, today), _("physician decides")),
        (person.lives_alone, _("lives alone")),
        (person.interpreter_needed, _("interpreter needed")),
        (person.hard_of_hearing, _("hard of hearing")),
        (person.no_internet, _("no internet")),
    ]
    return {
        "age": person.age(today),
        "monitoring": chief,
        "last": spans[0] if spans else None,
        "kind": _kind(chief) if chief else "",
        "day": chief.day(today) if chief else None,
        "days": chief.days if chief else None,
        "is_lapsed": _is_lapsed(chief, today) if chief else False,
        "is_proposed": chief is not None and not _issued(chief),
        "number": number.as_international if number else "",
        "risks": ", ".join(risk for is_so, risk in risks if is_so),
        "may_record": user.may("diaries.record"),
        "assigned_to": chief.assigned_to if chief else None,
        "ways": _ways_of_person(person, user=user),
    }


def _issued(monitoring: Monitoring) -> list[Order]:
    """Its issued orders, the one in force first, then what each replaced."""
    issued = [order for order in monitoring.orders.all() if order.is_issued]
    by_pk = {order.pk: order for order in issued}
    replaced = {order.replaces_id for order in issued}
    found = [order for order in issued if order.pk not in replaced][:1]
    while found and found[-1].replaces_id in by_pk:
        found.append(by_pk[found[-1].replaces_id])
    return found


def _needs_physician(monitoring: Monitoring, today: dt.date) -> bool:
    return monitoring.case is not None and monitoring.case.needs_physician(today)


def _kind(monitoring: Monitoring) -> str:
    if monitoring.is_isolation:
        return _("Index case in isolation")
    return _("Contact in quarantine")


def _ways_of_person(person: Person, *, user: User) -> list[Way]:
    ways = []
    if user.may("cases.take_up") and person.died_on is None:
        key = {"pk": person.pk}
        ways += [
            Way(reverse("cases:take_up_person", kwargs=key), _("Take up a case")),
            Way(
                reverse("cases:open_quarantine_person", kwargs=key),
                _("Open a quarantine"),
            ),
        ]
    return ways


def _is_lapsed(monitoring: Monitoring, today: dt.date) -> bool:
    """Whether the last day is over and nobody decided."""
    return (
        monitoring.is_open and monitoring.until is not None and monitoring.until < today
    )


def escalations(person: Person, *, user: User, now: dt.datetime) -> dict[str, Any]:
    """Why somebody must look at this person, and what was settled lately."""
    found = list(
        Escalation.objects.filter(person=person)
        .filter(Q(settled_at__isnull=True) | Q(settled_by__isnull=False))
        .select_related("settled_by", "assigned_to")
        .order_by(
            F("settled_at").desc(nulls_first=True), "band", "-rank", "due_at", "pk"
        )[: 4 * LATEST]
    )
    open_ones = [one for one in found if one.settled_at is None]
    settled = [one for one in found if one.settled_at is not None][:LATEST]
    medical = any(one.is_medical for one in [*open_ones, *settled])
    names = words.symptom_names() if medical else {}
    return {
        "open": [_shown(one, names, now=now) for one in open_ones],
        "settled": [_shown(one, names, now=None) for one in settled],
        "others": _others(open_ones),
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
        "is_snoozed": now is not None
        and escalation.snoozed_until is not None
        and escalation.snoozed_until > now,
    }


def _others(open_ones: Sequence[Escalation]) -> list[UUID]:
    """The people of whom this one may be a second record."""
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
    return found


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
    issued = _issued(monitoring)
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
        is_lapsed=_is_lapsed(monitoring, today),
        ways=_ways(monitoring, proposal, issued, user=user),
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
    return [
        Way(reverse(name, kwargs={"pk": monitoring.pk}), label, primary)
        for permission, name, label, primary in found
        if user.may(permission)
    ]


def details(person: Person, *, user: User) -> dict[str, Any]:
    """Contact data and circumstances, and the person's cases."""
    cases = Case.objects.filter(person=person).select_related("disease")
    return {
        "facts": _facts(person),
        "cases": [
            {"case": case, "facts": _case_facts(case)}
            for case in cases.order_by("-reported_at")
        ],
        "may_edit": user.may("cases.edit"),
        "may_conclude": user.may("cases.conclude"),
    }


def _facts(person: Person) -> list[tuple[str, str]]:
    """Return label and value of what is known, in the order of the page."""
    needs = [
        (person.interpreter_needed, _("interpreter needed")),
        (person.hard_of_hearing, _("hard of hearing")),
        (person.no_internet, _("no internet")),
        (person.lives_alone, _("lives alone")),
    ]
    stay = _address(person.stay_street, person.stay_postal_code, person.stay_city)
    hours = [
        formats.time_format(hour, "G:i")
        for hour in (person.preferred_morning, person.preferred_evening)
        if hour is not None
    ]
    wishes = [person.get_preferred_channel_display(), " / ".join(hours)]
    rows = [
        (_("Mobile"), person.mobile.as_international if person.mobile else ""),
        (_("Phone"), person.phone.as_international if person.phone else ""),
        (_("E-mail"), person.email),
        (_("Address"), _address(person.street, person.postal_code, person.city)),
        (_("Stays at"), stay),
        (_("Speaks"), person.get_language_display()),
        (_("Sex"), person.get_sex_display()),
        (_("Prefers"), ", ".join(wish for wish in wishes if wish)),
        (_("Mind"), ", ".join(word for is_so, word in needs if is_so)),
        (_("Remarks"), person.remarks),
    ]
    return [(label, str(value)) for label, value in rows if value]


def _case_facts(case: Case) -> list[tuple[str, str]]:
    """Return what is recorded of a case beside onset and specimen."""
    mind = [
        (case.severe_course, _("severe course")),
        (case.immune_suppressed, _("immune suppressed")),
    ]
    rows = [
        (_("Variant"), case.variant),
        (_("Laboratory's reference"), case.laboratory_reference),
        (_("Register's reference"), case.register_reference),
        (_("Occupation"), case.occupation),
        (_("Lives or works in"), case.get_sensitive_setting_display()),
        (_("Mind"), ", ".join(word for is_so, word in mind if is_so)),
    ]
    return [(label, str(value)) for label, value in rows if value]


def _address(street: str, postal_code: str, city: str) -> str:
    town = f"{postal_code} {city}".strip()
    return ", ".join(part for part in (street, town) if part)


def enrolment(
    person: Person,
    spans: Sequence[Monitoring],
    *,
    user: User,
    now: dt.datetime,
) -> dict[str, Any]:
    """How far the person has come, which code is alive, what can be done."""
    chief = next((one for one in spans if one.is_open), None)
    code = None
    if chief is not None and chief.enrolment == Monitoring.Enrolment.INVITED:
        code = EnrolmentCode.objects.filter(
            person=person, used_at__isnull=True, voided_at__isnull=True
        ).first()
    return {
        "monitoring": chief,
        "stages": _stages(chief, code) if chief else [],
        "is_run_out": code is not None and code.expires_at <= now,
        "ways": _ways_in(person, chief, user=user) if chief else [],
    }


def _stages(monitoring: Monitoring, code: EnrolmentCode | None) -> list[dict[str, Any]]:
    stages: list[dict[str, Any]] = []
    for label, moment in (
        (_("Invited"), monitoring.invited_at),
        (_("Registered"), monitoring.registered_at),
        (_("Enrolled"), monitoring.enrolled_at),
    ):
        if moment is not None:
            stages.append(
                {"what": label, "at": moment, "icon": "tick", "state": "fine"}
            )
    if code is not None and stages:
        until = formats.date_format(current().localtime(code.expires_at), "j.n. G:i")
        stages[0]["who"] = _("the code lives until %(moment)s") % {"moment": until}
    return stages


def _ways_in(person: Person, monitoring: Monitoring, *, user: User) -> list[Way]:
    stages = Monitoring.Enrolment
    if not user.may("cases.invite"):
        return []
    key = {"pk": person.pk}
    is_first = monitoring.enrolment == stages.NOT_INVITED
    invite = _("Invite") if is_first else _("Invite again")
    if person.user_id is not None:
        invite = _("New way in")
    ways = [Way(reverse("cases:invite", kwargs=key), invite, primary=is_first)]
    if monitoring.enrolment != stages.BY_PHONE:
        ways.append(Way(reverse("cases:by_phone", kwargs=key), _("By phone")))
    return ways


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
    """Who changed and who looked, newest first; without a limit everything."""
    return {"rows": log.timeline(person, limit=limit or 10_000), "limit": limit}


NAMES = (
    "header",
    "escalations",
    "orders",
    "details",
    "enrolment",
    "calls",
    "comments",
    "history",
)


def read(
    person: Person, names: Collection[str] = NAMES, *, user: User, now: dt.datetime
) -> dict[str, Any]:
    """Return the context of these regions, each under its own name."""
    today = current().localdate(now)
    needs_spans = {"header", "orders", "enrolment"} & set(names)
    spans = monitorings(person) if needs_spans else []
    readers = {
        "header": lambda: header(person, spans, user=user, today=today),
        "escalations": lambda: escalations(person, user=user, now=now),
        "orders": lambda: orders(spans, user=user, now=now),
        "details": lambda: details(person, user=user),
        "enrolment": lambda: enrolment(person, spans, user=user, now=now),
        "calls": lambda: calls(person, user=user),
        "comments": lambda: comments(person, user=user),
        "history": lambda: history(person),
    }
    context: dict[str, Any] = {"person": person, "today": today}
    return context | {name: readers[name]() for name in names}
