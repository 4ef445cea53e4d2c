"""Isolation and quarantine: proposed by rule, ordered by a named official.

An order once issued stands; extending, shortening and lifting are new orders that
replace it. `Monitoring.until` is written here only. Monitoring and order end
separately.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cases import due_times, escalation, history, on_call
from cases.arithmetic import Step, Sum
from cases.models import (
    Case,
    Disease,
    EnrolmentCode,
    Escalation,
    Monitoring,
    Order,
    Person,
    Policy,
    Service,
    Test,
)
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction
from quarano.notifications import outbox

Reason = Escalation.Reason
Conclusion = Monitoring.Conclusion
DAY = dt.timedelta(days=1)
# What waits for a decision about the end.
ENDINGS = (Reason.ENDS, Reason.ENDS_WITH_SYMPTOMS, Reason.LAPSED_UNDECIDED)
# Codes of a sum after which nothing is to be ordered.
NOTHING_ORDERED = {"discarded", *Monitoring.NotOrdered.values}
NOT_MEDICAL = tuple(
    reason.value for reason in Reason if reason.value not in Escalation.MEDICAL
)
# What a diary and its reminders bring about; void once nobody is followed any more.
UNSENT = ("diary:", "invitation:")


class Refused(Exception):
    """A step that the rules do not allow; its text may be shown to the official.

    `field` is where it was typed, None where it is about no field.
    """

    message: Any = ""
    field: str | None = None

    def __str__(self) -> str:
        return str(self.message)


class NoProposal(Refused):
    message = _("There is no proposal to issue.")


class ProposalChanged(Refused):
    message = _("The proposal has changed meanwhile. Please look at it once more.")


class AlreadyConcluded(Refused):
    message = _("This monitoring is already concluded.")


class NotConcluded(Refused):
    message = _("This monitoring is not concluded.")


class AlreadyFollowed(Refused):
    """One open monitoring per person, disease and kind; `monitoring` is that one."""

    message = _("This person is already followed for this reason.")

    def __init__(self, monitoring: Monitoring) -> None:
        super().__init__()
        self.monitoring = monitoring


class Deceased(Refused):
    message = _("This person has died.")


class EndNeeded(Refused):
    message = _("No end is computed: a physician must name one.")


class NotAPhysician(Refused):
    message = _("Only a physician decides this.")


class ReasonsNeeded(Refused):
    message = _("Please give the reasons.")


class EndPast(Refused):
    message = _("This end is in the past.")


class DayToCome(Refused):
    message = _("This day has not come yet.")


class NotLater(Refused):
    message = _("The new end must be later than the one ordered.")


class NotEarlier(Refused):
    message = _("The new end must be earlier than the one ordered.")


class NotOrdered(Refused):
    message = _("Nothing is ordered yet.")


class NotIssued(Refused):
    message = _("Only an issued order is served.")


class NotServedYet(Refused):
    message = _("An order has no effect before it is served.")


class OrderRunning(Refused):
    message = _("The order still runs. Lift or shorten it first.")


class CannotLapse(Refused):
    message = _("This monitoring cannot end by itself.")


@dataclass(frozen=True)
class Basis:
    """What a quarantine is counted from, as exposures say it.

    `anchor_day` is the last exposure, or the onset of the first case at home with
    `further_day` that of the latest one; `category` is a code of the policy. Nothing
    is ordered for a reason of Monitoring.NotOrdered, where `not_ordered` gives one.
    """

    anchor_kind: str = ""
    anchor_day: dt.date | None = None
    further_day: dt.date | None = None
    category: str = ""
    not_ordered: str = ""

    def sum(self, policy: Policy) -> Sum:
        """Return until when, and why, by the policy's numbers; no end where nothing
        is to be ordered."""
        if self.not_ordered:
            return Sum(None, (Step(self.not_ordered),))
        if self.anchor_day is None:
            return Sum(None, (Step("anchor_missing"),))
        return policy.quarantine(
            last_exposure=self.anchor_day,
            household=self.anchor_kind == Monitoring.Anchor.HOUSEHOLD,
            further=self.further_day,
            category=self.category,
        )


# --- Reading ------------------------------------------------------------------------


def in_force(monitoring: Monitoring) -> Order | None:
    """Return the newest issued order, the one that no other replaces; also after its
    end, and a lifting as well."""
    issued = monitoring.orders.issued()
    replaced = issued.filter(replaces__isnull=False).order_by().values("replaces")
    return issued.exclude(pk__in=replaced).order_by("-issued_at").first()


def proposal(monitoring: Monitoring) -> Order | None:
    """Return what is proposed and not issued yet."""
    return monitoring.orders.proposed().first()


def compute(monitoring: Monitoring, *, policy: Policy, now: dt.datetime) -> Sum:
    """Return the end that the policy computes for a monitoring today, and why."""
    today = current().localdate(now)
    if monitoring.is_isolation and monitoring.case is not None:
        case = monitoring.case
        if case.classification == Case.Classification.DISCARDED:
            return Sum(today, (Step("discarded"),))
        return policy.isolation(
            onset=case.onset,
            specimen=case.specimen_date,
            symptom_free_since=symptom_free_since(monitoring.person),
            needs_physician=case.needs_physician(today),
            onset_source=case.onset_source,
        )
    if monitoring.is_isolation:
        if monitoring.anchor_day is None:
            return Sum(None, (Step("anchor_missing"),))
        return policy.compute(
            anchor_kind=monitoring.anchor_kind, anchor_day=monitoring.anchor_day
        )
    total = basis_of(monitoring).sum(policy)
    return Sum(today, total.steps) if monitoring.not_ordered else total


def basis_of(monitoring: Monitoring) -> Basis:
    """Return what a quarantine is counted from, as it stands in the row."""
    return Basis(
        anchor_kind=monitoring.anchor_kind,
        anchor_day=monitoring.anchor_day,
        further_day=monitoring.further_day,
        category=monitoring.risk_category,
        not_ordered=monitoring.not_ordered,
    )


def symptom_free_since(person: Person) -> dt.date | None:
    """Return the first whole local day after the last symptom that counts, as far as
    the diary says; None where it tells of none."""
    if person.last_counting_symptom_at is None:
        return None
    return current().localdate(person.last_counting_symptom_at) + DAY


def _day(steps: Iterable[dict[str, Any]], *codes: str) -> dt.date | None:
    """The day of the last step with one of these codes."""
    found = None
    for step in steps:
        if step["code"] in codes:
            found = dt.date.fromisoformat(step["day"])
    return found


# --- Opening and proposing ----------------------------------------------------------


@retrying_transaction
def open_monitoring(
    person: Person,
    *,
    kind: str,
    disease: Disease,
    case: Case | None = None,
    anchor_kind: str = "",
    anchor_day: dt.date | None = None,
    further_day: dt.date | None = None,
    risk_category: str = "",
    is_stated: bool = False,
    reported_at: dt.datetime,
    by: User | None,
    now: dt.datetime,
) -> Monitoring | None:
    """Follow a person from today, with its proposal and the first call asked for.

    `is_stated`: an official typed the anchor; it counts beside exposures named later.
    None: the computed end is past already, nothing is opened. Somebody who is enrolled
    stays so, the diary goes on without a break. Raises AlreadyFollowed, Deceased,
    Policy.DoesNotExist.
    """
    person = history.locked(person)
    if person.died_on is not None:
        raise Deceased
    there = person.monitorings.open().filter(disease=disease, kind=kind).first()
    if there is not None:
        raise AlreadyFollowed(there)
    today = current().localdate(now)
    monitoring = Monitoring(
        person=person,
        disease=disease,
        case=case,
        kind=kind,
        start=today,
        anchor_kind=anchor_kind,
        anchor_day=anchor_day,
        further_day=further_day,
        risk_category=risk_category,
        stated_kind=anchor_kind if is_stated else "",
        stated_day=anchor_day if is_stated else None,
        opened_at=now,
        opened_by=by,
        reported_at=reported_at,
        **_enrolment(person, now=now),
    )
    policy = Policy.objects.in_force(disease, on=today)
    until = compute(monitoring, policy=policy, now=now).until
    if until is not None and until < today:
        return None
    monitoring.save(force_insert=True)
    audit.record("monitoring.opened", monitoring, by=by, now=now, codes={"kind": kind})
    _propose(monitoring, now=now)
    routine = due_times.routine_on(today)
    escalation.raise_(
        monitoring,
        Reason.FIRST_CALL,
        occasion="first_call",
        facts={
            "reported_at": reported_at.isoformat(),
            "has_phone": bool(person.telephone),
        },
        due_at=due_times.after(
            Reason.FIRST_CALL,
            now,
            dt.timedelta(hours=routine.first_call_hours),
            now=now,
        ),
        policy=policy,
        now=now,
    )
    return monitoring


def _enrolment(person: Person, *, now: dt.datetime) -> dict[str, Any]:
    """Where a new monitoring starts: where the person's diary stands."""
    running = person.monitorings.open().order_by("-opened_at").first()
    if running is not None:
        return {
            name: getattr(running, name)
            for name in (
                "enrolment",
                "invited_at",
                "registered_at",
                "enrolled_at",
                "told_at",
                "assigned_to_id",
            )
        }
    if person.user_id is not None:
        return {"enrolment": Monitoring.Enrolment.REGISTERED, "registered_at": now}
    return {}


@retrying_transaction(repeatable=True)
def propose(monitoring: Monitoring, *, now: dt.datetime) -> Order | None:
    """Recompute the proposal in place; None where nothing is to be proposed.

    What was issued is left alone: a proposal beside it arises only where the sum has
    changed since. Raises AlreadyConcluded.
    """
    monitoring = _locked_open(monitoring)
    return _propose(monitoring, now=now)


def _locked_open(monitoring: Monitoring) -> Monitoring:
    monitoring = history.locked(monitoring)
    if not monitoring.is_open:
        raise AlreadyConcluded
    return monitoring


def _propose(monitoring: Monitoring, *, now: dt.datetime) -> Order | None:
    """Write or drop the proposal of a locked monitoring, and its `until`."""
    today = current().localdate(now)
    policy = Policy.objects.in_force(monitoring.disease, on=today)
    total = compute(monitoring, policy=policy, now=now)
    ordered = in_force(monitoring)
    asked_for = wanted(total, ordered, monitoring=monitoring, today=today)
    there = proposal(monitoring)
    if asked_for is None:
        if there is not None:
            there.delete()
        there = None
    else:
        effect, until = asked_for
        fields = {
            "effect": effect,
            "start": _start(monitoring, ordered, today=today),
            "until": until,
            "steps": total.as_json(),
            "policy": policy,
            "legal_basis": _legal_basis(policy, monitoring),
            "remedies": policy.remedies,
        }
        there = _write_proposal(monitoring, there, fields, now=now)
    _write_end(monitoring, ordered, there)
    return there


def wanted(
    total: Sum, ordered: Order | None, *, monitoring: Monitoring, today: dt.date
) -> tuple[str, dt.date | None] | None:
    """Return effect and last day of what is to be proposed; None where what is ordered
    fits. `today` is the authority's local day."""
    effect = Order.Effect
    nothing = any(step.code in NOTHING_ORDERED for step in total.steps)
    until = total.until
    if ordered is None:
        lifts = nothing or (until is not None and until < monitoring.start)
        return (effect.LIFT if lifts else effect.START), until
    if nothing:
        return None if ordered.effect == effect.LIFT else (effect.LIFT, today)
    steps = total.as_json()
    base_moved = _day(steps, "sum") != _day(ordered.steps, "sum")
    computed = ("sum", "later_for_symptoms")
    moved = base_moved or _day(steps, *computed) != _day(ordered.steps, *computed)
    if ordered.effect == effect.LIFT:
        again = base_moved and until is not None and until >= today
        return (effect.START, until) if again else None
    if until is None:
        return (effect.EXTEND, None) if base_moved else None
    assert ordered.until is not None
    if moved and until > ordered.until:
        # Nobody is ordered to have stayed at home.
        return (effect.EXTEND, until) if until >= today else None
    if base_moved and until < ordered.until:
        # An end that has passed is no end to be ordered: free at once.
        return (effect.SHORTEN, until) if until >= today else (effect.LIFT, today)
    return None


def _start(monitoring: Monitoring, ordered: Order | None, *, today: dt.date) -> dt.date:
    if ordered is None:
        return monitoring.start
    assert ordered.until is not None
    if ordered.effect == Order.Effect.LIFT or ordered.until < today:
        return today  # nothing is ordered for the days between
    return ordered.start


def _legal_basis(policy: Policy, monitoring: Monitoring) -> str:
    if monitoring.is_isolation:
        return policy.legal_basis_isolation
    return policy.legal_basis_quarantine


def _write_proposal(
    monitoring: Monitoring,
    there: Order | None,
    fields: dict[str, Any],
    *,
    now: dt.datetime,
) -> Order:
    if there is None:
        there = Order.objects.create(monitoring=monitoring, proposed_at=now, **fields)
    else:
        changed = [
            name for name, value in fields.items() if getattr(there, name) != value
        ]
        if not changed:
            return there
        for name in changed:
            setattr(there, name, fields[name])
        there.proposed_at = now
        there.save(update_fields=[*changed, "proposed_at"])
    audit.record(
        "order.proposed",
        there,
        by=None,
        now=now,
        person=monitoring.person_id,
        codes={"effect": there.effect},
    )
    return there


def _write_end(
    monitoring: Monitoring, ordered: Order | None, proposed: Order | None
) -> bool:
    """`until`: of the newest issued order, else of the proposal. Whether it changed."""
    source = ordered or proposed
    until = source.until if source is not None else None
    if until is not None:
        until = max(until, monitoring.start)
    kind, day = monitoring.anchor_kind, monitoring.anchor_day
    if monitoring.is_isolation and monitoring.case is not None:
        kind, day = monitoring.case.anchor or ("", None)
    before = (monitoring.until, monitoring.anchor_kind, monitoring.anchor_day)
    if before == (until, kind, day):
        return False
    monitoring.until, monitoring.anchor_kind, monitoring.anchor_day = until, kind, day
    monitoring.version += 1
    monitoring.save(update_fields=["until", "anchor_kind", "anchor_day", "version"])
    return True


@retrying_transaction(repeatable=True)
def rebuild_end(monitoring: Monitoring) -> bool:
    """Write `until` and the anchor anew from what they rest on; whether they changed.

    What was concluded without an order has nothing left to rest on and stays.
    """
    monitoring = history.locked(monitoring)
    ordered, proposed = in_force(monitoring), proposal(monitoring)
    if ordered is None and proposed is None:
        return False
    return _write_end(monitoring, ordered, proposed)


@retrying_transaction(repeatable=True)
def expose_again(
    monitoring: Monitoring, *, last_exposure: dt.date, by: User | None, now: dt.datetime
) -> Order | None:
    """A new exposure during quarantine: propose the later end, never an earlier one.

    In the household `last_exposure` is the onset of a further case at home. Returns
    the proposal, None where the end stays. Raises AlreadyConcluded.
    """
    monitoring = _locked_open(monitoring)
    known = monitoring.further_day or monitoring.anchor_day
    if known is not None and last_exposure <= known:
        return proposal(monitoring)
    audit.record("monitoring.exposed_again", monitoring, by=by, now=now)
    if monitoring.anchor_kind == Monitoring.Anchor.HOUSEHOLD:
        # The anchor stays the first case's onset.
        monitoring.further_day = last_exposure
    else:
        monitoring.anchor_day = last_exposure
        monitoring.anchor_kind = Monitoring.Anchor.LAST_EXPOSURE
    monitoring.stated_kind = monitoring.anchor_kind
    monitoring.stated_day = monitoring.anchor_day
    monitoring.stated_further = monitoring.further_day
    monitoring.save(update_fields=["anchor_day", "anchor_kind", "further_day", *STATED])
    return _propose(monitoring, now=now)


@retrying_transaction(repeatable=True)
def restate(
    monitoring: Monitoring, last_exposure: dt.date, *, by: User | None, now: dt.datetime
) -> Order | None:
    """Correct the last exposure that an official typed, earlier or later; return the
    proposal. Raises AlreadyConcluded."""
    monitoring = _locked_open(monitoring)
    if monitoring.stated_day != last_exposure:
        audit.record("monitoring.restated", monitoring, by=by, now=now)
        monitoring.anchor_day = monitoring.stated_day = last_exposure
        monitoring.version += 1
        monitoring.save(update_fields=["anchor_day", "stated_day", "version"])
    return _propose(monitoring, now=now)


STATED = ["stated_kind", "stated_day", "stated_further"]
RESTS_ON = ["anchor_kind", "anchor_day", "further_day", "risk_category", "not_ordered"]


@retrying_transaction(repeatable=True)
def rest_on(
    monitoring: Monitoring, basis: Basis, *, by: User | None, now: dt.datetime
) -> Order | None:
    """Count an open quarantine from what its exposures say now; return the proposal.

    None where what is ordered still fits. Where nothing is to be ordered the anchor
    stays, so that the days are counted on. Raises AlreadyConcluded.
    """
    monitoring = _locked_open(monitoring)
    if basis.not_ordered or basis.anchor_day is None:
        here = basis_of(monitoring)
        why = basis.not_ordered or Monitoring.NotOrdered.UNEXPOSED
        basis = replace(here, not_ordered=why)
    if basis != basis_of(monitoring):
        monitoring.anchor_kind, monitoring.anchor_day = (
            basis.anchor_kind,
            basis.anchor_day,
        )
        monitoring.further_day = basis.further_day
        monitoring.risk_category = basis.category
        monitoring.not_ordered = basis.not_ordered
        monitoring.version += 1
        monitoring.save(update_fields=[*RESTS_ON, "version"])
        audit.record("monitoring.weighed", monitoring, by=by, now=now)
    return _propose(monitoring, now=now)


# --- Orders -------------------------------------------------------------------------


def issue(
    monitoring: Monitoring,
    *,
    by: User,
    now: dt.datetime,
    until: dt.date | None = None,
    reasons: str = "",
) -> Order:
    """Issue the proposal: from now on it is frozen.

    `until` is an end typed by a physician: needed where none is computed, with reasons
    where another one is. The sum is made anew under today's policy first; an end that
    nobody has seen is not issued: ProposalChanged. Raises AlreadyConcluded, NoProposal,
    EndNeeded, NotAPhysician, ReasonsNeeded, EndPast, NotOrdered (nothing to lift).
    """
    seen, found = _look_again(monitoring, now=now)
    if found is None:
        raise NoProposal
    if seen is not None and (seen.until, seen.effect) != (found.until, found.effect):
        raise ProposalChanged
    return _issue(monitoring, by=by, now=now, until=until, reasons=reasons)


@retrying_transaction  # not repeatable: it answers what stood before
def _look_again(
    monitoring: Monitoring, *, now: dt.datetime
) -> tuple[Order | None, Order | None]:
    """The proposal as it stood and as it is today. A transaction of its own: what is
    new stays on the page, also where issuing it is refused."""
    return proposal(monitoring), propose(monitoring, now=now)


@retrying_transaction
def _issue(
    monitoring: Monitoring,
    *,
    by: User,
    now: dt.datetime,
    until: dt.date | None,
    reasons: str,
) -> Order:
    monitoring = _locked_open(monitoring)
    order = monitoring.orders.proposed().select_for_update().first()
    if order is None:
        raise NoProposal
    ordered = in_force(monitoring)
    today = current().localdate(now)
    if order.effect == Order.Effect.LIFT:
        if ordered is None:
            raise NotOrdered
        end = today
    else:
        end = _end_to_issue(order, until=until, reasons=reasons, by=by)
        if end < max(today, monitoring.start):
            raise EndPast
    if end != order.until:
        code = "lifted" if order.effect == Order.Effect.LIFT else "decided"
        order.steps = [*order.steps, Step(code, {"day": end.isoformat()}).as_json()]
    order.effect = _effect(order.effect, ordered, end)
    order.until = end
    order.reasons = reasons
    order.replaces = ordered
    _freeze(order, by=by, now=now)
    _write_end(monitoring, order, None)
    _after_order(monitoring, order, now=now)
    return order


def _end_to_issue(
    order: Order, *, until: dt.date | None, reasons: str, by: User
) -> dt.date:
    end = until or order.until
    if end is None:
        raise EndNeeded
    if end != order.until:
        if not by.may("cases.decide"):
            raise NotAPhysician
        if order.until is not None and not reasons.strip():
            raise ReasonsNeeded
    return end


def _effect(effect: str, ordered: Order | None, end: dt.date) -> str:
    if ordered is None or Order.Effect.LIFT in (effect, ordered.effect):
        return effect if effect != Order.Effect.EXTEND else Order.Effect.START
    assert ordered.until is not None
    shorter = end < ordered.until
    return Order.Effect.SHORTEN if shorter else Order.Effect.EXTEND


def _freeze(order: Order, *, by: User, now: dt.datetime) -> None:
    order.issued_at = now
    order.issued_by = by
    order.save()
    verb = {
        Order.Effect.EXTEND: "order.extended",
        Order.Effect.SHORTEN: "order.shortened",
        Order.Effect.LIFT: "order.lifted",
    }.get(Order.Effect(order.effect), "order.issued")
    audit.record(
        verb,
        order,
        by=by,
        now=now,
        person=order.monitoring.person_id,
        codes={"effect": order.effect},
    )


def _after_order(monitoring: Monitoring, order: Order, *, now: dt.datetime) -> None:
    """An end in the future decides what waited for a decision about the old one."""
    escalation.clear(monitoring, [Reason.QUARANTINE_MISFIT], now=now)
    if order.until is not None and order.until > current().localdate(now):
        escalation.clear(monitoring, ENDINGS, now=now)


@retrying_transaction
def extend(
    monitoring: Monitoring,
    *,
    until: dt.date,
    reasons: str,
    by: User,
    now: dt.datetime,
) -> Order:
    """Order a later end, by a new order that replaces the one in force.

    After a lifting, or after the order has lapsed, it orders anew from today. Raises
    AlreadyConcluded, NotOrdered, NotLater, EndPast, ReasonsNeeded, NotAPhysician.
    """
    return _replace(
        monitoring, Order.Effect.EXTEND, until=until, reasons=reasons, by=by, now=now
    )


@retrying_transaction
def shorten(
    monitoring: Monitoring,
    *,
    until: dt.date,
    reasons: str,
    by: User,
    now: dt.datetime,
) -> Order:
    """Order an earlier end, today at the earliest; raises as `extend`, NotEarlier."""
    return _replace(
        monitoring, Order.Effect.SHORTEN, until=until, reasons=reasons, by=by, now=now
    )


@retrying_transaction
def lift(monitoring: Monitoring, *, reasons: str, by: User, now: dt.datetime) -> Order:
    """Lift what is ordered, from now; the monitoring stays open until concluded.

    Raises AlreadyConcluded, NotOrdered, ReasonsNeeded, NotAPhysician.
    """
    today = current().localdate(now)
    return _replace(
        monitoring, Order.Effect.LIFT, until=today, reasons=reasons, by=by, now=now
    )


def _replace(
    monitoring: Monitoring,
    effect: Order.Effect,
    *,
    until: dt.date,
    reasons: str,
    by: User,
    now: dt.datetime,
) -> Order:
    monitoring = _locked_open(monitoring)
    ordered = in_force(monitoring)
    if ordered is None:
        raise NotOrdered
    if not reasons.strip():
        raise ReasonsNeeded
    today = current().localdate(now)
    policy = Policy.objects.in_force(monitoring.disease, on=today)
    total = compute(monitoring, policy=policy, now=now)
    _check_replacing(monitoring, ordered, effect, until=until, today=today)
    medical = _needs_physician(monitoring, total, effect, today=today)
    if medical and not by.may("cases.decide"):
        raise NotAPhysician
    code = "lifted" if effect == Order.Effect.LIFT else "decided"
    order = Order(
        monitoring=monitoring,
        effect=_effect(effect, ordered, until),
        start=_start(monitoring, ordered, today=today),
        until=until,
        legal_basis=_legal_basis(policy, monitoring),
        remedies=policy.remedies,
        steps=[*total.as_json(), Step(code, {"day": until.isoformat()}).as_json()],
        reasons=reasons,
        policy=policy,
        proposed_at=now,
        replaces=ordered,
    )
    _freeze(order, by=by, now=now)
    _after_order(monitoring, order, now=now)
    _propose(monitoring, now=now)  # what was proposed beside it is settled by this
    return order


def _check_replacing(
    monitoring: Monitoring,
    ordered: Order,
    effect: Order.Effect,
    *,
    until: dt.date,
    today: dt.date,
) -> None:
    lifted = ordered.effect == Order.Effect.LIFT
    assert ordered.until is not None
    runs = not lifted and ordered.until >= today
    if not runs and effect != Order.Effect.EXTEND:
        raise NotOrdered  # what has lapsed or was lifted already
    if effect != Order.Effect.LIFT and until < max(today, monitoring.start):
        raise EndPast
    if effect == Order.Effect.EXTEND and not lifted and until <= ordered.until:
        raise NotLater
    if effect == Order.Effect.SHORTEN and until >= ordered.until:
        raise NotEarlier


def _needs_physician(
    monitoring: Monitoring, total: Sum, effect: Order.Effect, *, today: dt.date
) -> bool:
    """An end where none is computed is a physician's; so is lifting such an order."""
    if effect != Order.Effect.LIFT:
        return total.until is None
    case = monitoring.case
    return (
        case is not None
        and case.classification != Case.Classification.DISCARDED
        and case.needs_physician(today)
    )


@retrying_transaction
def serve(
    order: Order,
    *,
    way: str,
    effective_on: dt.date,
    by: User | None,
    now: dt.datetime,
    note: str = "",
) -> Service:
    """Note an attempt of service; the order's duties begin on `effective_on`.

    `by` is None where the portal noted that the person opened the page. Raises
    NotIssued, NotServedYet (a day before the service).
    """
    order = history.locked(order)
    if not order.is_issued:
        raise NotIssued
    if effective_on < current().localdate(now):
        raise NotServedYet
    service = Service.objects.create(
        order=order,
        way=way,
        served_at=now,
        served_by=by,
        effective_on=effective_on,
        note=note,
    )
    monitoring = history.locked(order.monitoring)
    if monitoring.told_at is None and way != Service.Way.POST:
        monitoring.told_at = now
    monitoring.version += 1
    monitoring.save(update_fields=["told_at", "version"])
    audit.record(
        "order.served",
        order,
        by=by,
        now=now,
        person=monitoring.person_id,
        codes={"way": way},
    )
    return service


# --- Ending -------------------------------------------------------------------------


@retrying_transaction
def conclude(
    monitoring: Monitoring, *, conclusion: str, by: User, now: dt.datetime
) -> Monitoring:
    """Conclude a monitoring with a reason; the diary closes with the last one.

    Raises AlreadyConcluded; OrderRunning where an order of a released or erroneous
    monitoring runs beyond today; NotAPhysician for a release with symptoms in the last
    48 h, or where no end is computed; CannotLapse for 'lapsed' before the end.
    """
    monitoring = _locked_open(monitoring)
    today = current().localdate(now)
    ends = conclusion in (Conclusion.RELEASED, Conclusion.ERRONEOUS)
    if ends and _runs_beyond(monitoring, today):
        raise OrderRunning
    if (
        conclusion == Conclusion.RELEASED
        and _release_is_medical(monitoring, now=now)
        and not by.may("cases.decide")
    ):
        raise NotAPhysician
    if conclusion == Conclusion.LAPSED and not _is_over(monitoring, today):
        raise CannotLapse
    _conclude(monitoring, conclusion=conclusion, by=by, now=now)
    return monitoring


def _runs_beyond(monitoring: Monitoring, today: dt.date) -> bool:
    ordered = in_force(monitoring)
    return (
        ordered is not None
        and ordered.effect != Order.Effect.LIFT
        and ordered.until is not None
        and ordered.until > today
    )


def _is_over(monitoring: Monitoring, today: dt.date) -> bool:
    return monitoring.until is not None and monitoring.until < today


def _release_is_medical(monitoring: Monitoring, *, now: dt.datetime) -> bool:
    """Whether releasing goes against the rule: symptoms in the last 48 h, or a case
    whose end a physician decides.

    Source: RKI, Entlassungskriterien aus der Isolierung, as of 2021.
    """
    case = monitoring.case
    if not monitoring.is_isolation or case is None:
        return False
    if case.classification == Case.Classification.DISCARDED:
        return False
    today = current().localdate(now)
    last = monitoring.person.last_counting_symptom_at
    policy = Policy.objects.in_force(monitoring.disease, on=today)
    hours = dt.timedelta(hours=policy.symptom_free_hours)
    return case.needs_physician(today) or (last is not None and last > now - hours)


def _conclude(
    monitoring: Monitoring, *, conclusion: str, by: User | None, now: dt.datetime
) -> None:
    monitoring.status = Monitoring.Status.CONCLUDED
    monitoring.conclusion = conclusion
    monitoring.concluded_at = now
    monitoring.concluded_by = by
    monitoring.version += 1
    monitoring.save(
        update_fields=[
            "status",
            "conclusion",
            "concluded_at",
            "concluded_by",
            "version",
        ]
    )
    monitoring.orders.proposed().delete()
    audit.record(
        "monitoring.concluded",
        monitoring,
        by=by,
        now=now,
        codes={"conclusion": conclusion},
    )
    escalation.clear(monitoring, NOT_MEDICAL, now=now)
    person = monitoring.person
    if conclusion == Conclusion.ERRONEOUS:
        _settle_duplicates(person, now=now)
    if not person.monitorings.open().exists():
        _stop_following(person, now=now)


def _settle_duplicates(person: Person, *, now: dt.datetime) -> None:
    """Concluding one of both as erroneous settles the question, on either side."""
    escalation.clear(person, [Reason.POSSIBLE_DUPLICATE], now=now)
    others = Person.objects.filter(
        escalations__reason=Reason.POSSIBLE_DUPLICATE,
        escalations__settled_at__isnull=True,
        escalations__occasions__occasion=str(person.pk),
    ).order_by("pk")
    for other in others.distinct():
        escalation.clear(other, [Reason.POSSIBLE_DUPLICATE], now=now)


def _stop_following(person: Person, *, now: dt.datetime) -> None:
    """Nobody asks for a diary any more: reminders, invitations and codes are void."""
    for prefix in UNSENT:
        outbox.void(now=now, about=person.pk, prefix=prefix)
    _void_codes(person, now=now)
    escalation.clear(person, [Reason.DETAILS_MISSING, Reason.MESSAGE_FAILED], now=now)


def _void_codes(person: Person, *, now: dt.datetime) -> None:
    unused: QuerySet[EnrolmentCode] = person.enrolment_codes.filter(
        used_at__isnull=True, voided_at__isnull=True
    )
    unused.update(voided_at=now)


def may_lapse(monitoring: Monitoring, *, now: dt.datetime) -> bool:
    """Whether the job may conclude it as 'lapsed as ordered', as far as this app
    knows: ordered and over, no test and no medical escalation open, no physician's
    decision. Whether the person is free of symptoms, the diary says."""
    ordered = in_force(monitoring)
    today = current().localdate(now)
    case = monitoring.case
    return (
        monitoring.is_open
        and ordered is not None
        and _is_over(monitoring, today)
        and (case is None or not case.needs_physician(today))
        and not monitoring.person.tests.filter(result=Test.Result.PENDING).exists()
        and not Escalation.objects.open()
        .filter(person=monitoring.person, reason__in=Escalation.MEDICAL)
        .exists()
    )


@retrying_transaction
def lapse(monitoring: Monitoring, *, now: dt.datetime) -> Monitoring:
    """Conclude a monitoring by the rule, 'lapsed as ordered'.

    The caller has found that the person was free of symptoms for 48 h at the end.
    Raises AlreadyConcluded; CannotLapse, see `may_lapse`.
    """
    monitoring = _locked_open(monitoring)
    if not may_lapse(monitoring, now=now):
        raise CannotLapse
    _conclude(monitoring, conclusion=Conclusion.LAPSED, by=None, now=now)
    return monitoring


@retrying_transaction
def reopen(monitoring: Monitoring, *, by: User, now: dt.datetime) -> Monitoring:
    """Follow a concluded monitoring further, for a supervisor.

    One that was concluded by a death takes that back. Raises NotConcluded,
    AlreadyFollowed where another one of the kind is open, Deceased.
    """
    person = history.locked(monitoring.person)
    monitoring = history.locked(monitoring)
    if monitoring.is_open:
        raise NotConcluded
    if person.died_on is not None:
        if monitoring.conclusion != Conclusion.DECEASED:
            raise Deceased
        history.revise(
            person,
            {"died_on": None},
            person=person,
            by=by,
            now=now,
            verb="person.death_withdrawn",
        )
    there = (
        person.monitorings.open()
        .filter(disease=monitoring.disease_id, kind=monitoring.kind)
        .first()
    )
    if there is not None:
        raise AlreadyFollowed(there)
    monitoring.status = Monitoring.Status.OPEN
    monitoring.conclusion = ""
    monitoring.concluded_at = None
    monitoring.concluded_by = None
    monitoring.save(
        update_fields=["status", "conclusion", "concluded_at", "concluded_by"]
    )
    monitoring.person = person
    audit.record("monitoring.reopened", monitoring, by=by, now=now)
    _propose(monitoring, now=now)
    return monitoring


@retrying_transaction
def record_death(
    person: Person, *, died_on: dt.date, by: User, now: dt.datetime
) -> Person:
    """Record a death; in the same transaction everything to the person stops.

    Every unsent message, code and call task is void, every monitoring concluded, the
    diary closed with them. Medical escalations stay for an official to settle. Raises
    Deceased where it is recorded already; DayToCome.
    """
    person = history.locked(person)
    if person.died_on is not None:
        raise Deceased
    if died_on > current().localdate(now):
        raise DayToCome
    history.revise(
        person, {"died_on": died_on}, person=person, by=by, now=now, verb="person.died"
    )
    outbox.void(now=now, about=person.pk)
    _void_codes(person, now=now)
    for monitoring in person.monitorings.open().select_for_update().order_by("pk"):
        monitoring.person = person
        _conclude(monitoring, conclusion=Conclusion.DECEASED, by=by, now=now)
    escalation.clear(person, NOT_MEDICAL, now=now)
    on_call.stop(person, by=by, now=now)
    return person


@retrying_transaction(repeatable=True)
def set_hospital(
    case: Case,
    since: dt.date | None,
    until: dt.date | None,
    *,
    by: User,
    now: dt.datetime,
    version: int | None = None,
) -> Case:
    """Note from when until when a case is in hospital; no end is computed then.

    What is ordered stands until a physician orders another end; reminders rest.
    Raises history.ChangedMeanwhile.
    """
    case = history.locked(case)
    changed = history.revise(
        case,
        {"in_hospital_since": since, "in_hospital_until": until},
        person=case.person,
        by=by,
        now=now,
        verb="case.hospital",
        version=version,
    )
    if changed:
        repropose(case, now=now)
        today = current().localdate(now)
        if case.is_in_hospital(today):
            outbox.void(now=now, about=case.person_id, prefix="diary:")
    return case


def repropose(case: Case, *, now: dt.datetime) -> None:
    """Compute the proposals of a revised case anew."""
    for monitoring in case.monitorings.open().select_for_update().order_by("pk"):
        _propose(monitoring, now=now)
