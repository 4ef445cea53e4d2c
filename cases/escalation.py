"""Why somebody must look: raised once per occasion, settled by an official.

What raises each reason, and what lets it go, stands where it is raised; here is how.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from cases import due_times, on_call
from cases.models import (
    Case,
    Escalation,
    EscalationOccasion,
    Monitoring,
    Person,
    Policy,
)
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction

Reason = Escalation.Reason
Band = Escalation.Band
Subject = Monitoring | Case | Person

# "Due today" that nobody gave an hour; "can wait" is due on the next day at this time.
NOON = dt.time(12)


class AlreadySettled(Exception):
    """Somebody else has settled it meanwhile."""


class NotSettled(Exception):
    """It is open, or a rule closed it: there is nothing of an official to undo."""


class MedicalInBulk(Exception):
    """Medical reasons are settled one by one, each with its own outcome."""


class OnlyByRule(Exception):
    """'Resolved by itself' is said by a rule, never by an official."""


class NotInFuture(Exception):
    """Snoozed until a moment that has passed."""


@dataclass(frozen=True)
class Urgency:
    """How urgent a reason is when nobody says otherwise.

    `within`: time until it is due; None: at noon of the next local day.
    """

    band: Escalation.Band
    within: dt.timedelta | None
    rank: int = 0


def _hours(hours: float) -> dt.timedelta:
    return dt.timedelta(hours=hours)


URGENCY = {
    Reason.EMERGENCY: Urgency(Band.ACT_NOW, _hours(0.25), rank=9),
    Reason.WORSENING: Urgency(Band.ACT_NOW, _hours(0.5), rank=5),
    Reason.FEVER: Urgency(Band.ACT_NOW, _hours(1), rank=4),
    Reason.FIRST_SYMPTOM: Urgency(Band.ACT_NOW, _hours(2), rank=3),
    Reason.GROUP: Urgency(Band.DUE_TODAY, _hours(4), rank=3),
    Reason.SUSPICIOUS_SYMPTOM: Urgency(Band.DUE_TODAY, _hours(4), rank=2),
    Reason.SILENT: Urgency(Band.DUE_TODAY, _hours(1), rank=2),
    Reason.ENTRY_MISSING: Urgency(Band.CAN_WAIT, None),
    Reason.NOT_REGISTERED: Urgency(Band.CAN_WAIT, None),
    Reason.FIRST_CALL: Urgency(Band.DUE_TODAY, _hours(24), rank=1),
    Reason.FIRST_CALL_OVERDUE: Urgency(Band.ACT_NOW, _hours(0), rank=2),
    Reason.DETAILS_MISSING: Urgency(Band.CAN_WAIT, None),
    Reason.ONSET_DIFFERS: Urgency(Band.DUE_TODAY, _hours(8), rank=1),
    Reason.ENDS: Urgency(Band.CAN_WAIT, None),
    Reason.ENDS_WITH_SYMPTOMS: Urgency(Band.DUE_TODAY, _hours(4), rank=2),
    Reason.LAPSED_UNDECIDED: Urgency(Band.ACT_NOW, _hours(0), rank=3),
    Reason.MESSAGE_FAILED: Urgency(Band.DUE_TODAY, _hours(8)),
    Reason.POSSIBLE_DUPLICATE: Urgency(Band.CAN_WAIT, None),
    Reason.QUARANTINE_MISFIT: Urgency(Band.DUE_TODAY, _hours(8), rank=1),
    Reason.CONTACTS_NAMED: Urgency(Band.DUE_TODAY, _hours(8), rank=1),
    Reason.MET_IN_QUARANTINE: Urgency(Band.DUE_TODAY, _hours(8)),
    Reason.STEP_DISPUTED: Urgency(Band.DUE_TODAY, _hours(8)),
    Reason.POSSIBLE_CLUSTER: Urgency(Band.DUE_TODAY, _hours(8)),
}
FOR_SUPERVISORS = {Reason.SILENT.value, Reason.LAPSED_UNDECIDED.value}
# An emergency sign stays where it is, whatever the next entry says.
EASING = Escalation.MEDICAL - {Reason.EMERGENCY.value}
# Facts of the circumstances: they may change without anything new being said.
COMPARED = {"before", "limit", "oxygen_before"}
# These tell of a state, not of an event: once it has gone it may come back.
STATES = {
    Reason.DETAILS_MISSING.value,
    Reason.QUARANTINE_MISFIT.value,
    Reason.CONTACTS_NAMED.value,
}


@retrying_transaction(repeatable=True)
def raise_(
    subject: Subject,
    reason: str,
    *,
    occasion: str,
    facts: dict[str, Any],
    now: dt.datetime,
    policy: Policy | None = None,
    due_at: dt.datetime | None = None,
    band: int | None = None,
    worse: bool = False,
) -> Escalation | None:
    """Say that somebody must look at the subject; twice is once.

    `occasion` is what exactly raised it (a slot, an entry, a day …; at most 60
    characters): a known one returns None, so that what was settled does not come back.
    With other facts it corrects an escalation that is still open; a medical one that
    was settled is raised anew. A new occasion joins
    the open escalation of the same subject and reason. One that is worse, or more
    urgent, raises its priority, ends its snooze and moves `worsened_at`.
    """
    known = (
        EscalationOccasion.objects.select_related("escalation")
        .filter(subject_id=subject.pk, reason=reason, occasion=occasion)
        .first()
    )
    if known is not None:
        return _alarmed(_correct(known, facts, worse=worse, now=now), now=now)
    urgency = URGENCY[Reason(reason)]
    band = int(urgency.band if band is None else band)
    due_at = due_at or due(reason, band, urgency.within, now=now)
    open_one = (
        Escalation.objects.open()
        .select_for_update()
        .filter(subject_id=subject.pk, reason=reason)
        .first()
    )
    if open_one is None:
        # Two at once: the constraint one_open_escalation sends the loser round again.
        escalation = _open(
            subject,
            reason,
            facts=facts,
            band=band,
            rank=urgency.rank + worse,
            due_at=due_at,
            policy=policy,
            now=now,
        )
    else:
        escalation = _join(
            open_one, facts=facts, band=band, due_at=due_at, worse=worse, now=now
        )
    EscalationOccasion.objects.create(
        escalation=escalation,
        subject_id=subject.pk,
        reason=reason,
        occasion=occasion,
        facts=facts,
        happened_at=now,
    )
    return _alarmed(escalation, now=now)


def _alarmed(found: Escalation | None, *, now: dt.datetime) -> Escalation | None:
    """Tell whoever is on call of an emergency sign, where nobody is there."""
    if found is not None and found.reason == Reason.EMERGENCY:
        on_call.alert(found, now=now)
    return found


def due(
    reason: str, band: int, within: dt.timedelta | None, *, now: dt.datetime
) -> dt.datetime:
    """Return when a reason of this band is due, an instant in UTC, by its clock."""
    if within is None or band == Band.CAN_WAIT:
        authority = current()
        noon = authority.at(authority.localdate(now) + dt.timedelta(days=1), NOON)
        return due_times.not_before(reason, noon, now=now)
    return due_times.after(reason, now, within, now=now)


def _open(
    subject: Subject,
    reason: str,
    *,
    facts: dict[str, Any],
    band: int,
    rank: int,
    due_at: dt.datetime,
    policy: Policy | None,
    now: dt.datetime,
) -> Escalation:
    person_id = subject.pk if isinstance(subject, Person) else subject.person_id
    escalation = Escalation.objects.create(
        person_id=person_id,
        monitoring=subject if isinstance(subject, Monitoring) else None,
        subject_kind=subject._meta.model_name or "",
        subject_id=subject.pk,
        reason=reason,
        band=band,
        rank=rank,
        for_supervisor=reason in FOR_SUPERVISORS,
        raised_at=now,
        policy=policy,
        facts=facts,
        due_at=due_at,
        assigned_to_id=_whose(subject, person_id),
    )
    audit.record(
        "escalation.raised",
        escalation,
        by=None,
        now=now,
        person=person_id,
        codes={"reason": reason, "band": band},
    )
    return escalation


def _whose(subject: Subject, person_id: UUID) -> UUID | None:
    """Whoever looks after the monitoring, or has another escalation of the person."""
    if isinstance(subject, Monitoring):
        found = subject.assigned_to_id
    else:
        found = (
            Monitoring.objects.open()
            .filter(person_id=person_id, assigned_to__isnull=False)
            .order_by("opened_at")
            .values_list("assigned_to", flat=True)
            .first()
        )
    return found or (
        Escalation.objects.open()
        .filter(person_id=person_id, assigned_to__isnull=False)
        .order_by("raised_at")
        .values_list("assigned_to", flat=True)
        .first()
    )


def _join(
    escalation: Escalation,
    *,
    facts: dict[str, Any],
    band: int,
    due_at: dt.datetime,
    worse: bool,
    now: dt.datetime,
) -> Escalation:
    before = escalation.band
    escalation.facts = facts
    escalation.withdrawn_at = None
    fields = ["facts", "withdrawn_at"]
    if worse or band < before:
        escalation.band = min(before - worse, band)
        escalation.band = max(escalation.band, Band.ACT_NOW)
        escalation.rank += worse
        escalation.due_at = min(escalation.due_at, due_at)
        escalation.eased_at = None
        escalation.snoozed_until = None
        escalation.worsened_at = now
        fields += ["band", "rank", "due_at", "eased_at", "snoozed_until", "worsened_at"]
    escalation.save(update_fields=fields)
    audit.record(
        "escalation.raised",
        escalation,
        by=None,
        now=now,
        fields=fields,
        codes={
            "reason": escalation.reason,
            "band": escalation.band,
            "joined": True,
            "worse": worse or band < before,
        },
    )
    return escalation


def _correct(
    known: EscalationOccasion, facts: dict[str, Any], *, worse: bool, now: dt.datetime
) -> Escalation | None:
    """The same occasion again: news only where its facts have changed."""
    escalation = Escalation.objects.select_for_update().get(pk=known.escalation_id)
    is_changed = _core(known.facts) != _core(facts)
    if escalation.settled_at is not None:
        if not (is_changed and escalation.is_medical):
            return None
        # An entry corrected after somebody had settled what it said before.
        return _raise_corrected(known, escalation, facts, now=now)
    was_withdrawn = escalation.withdrawn_at is not None
    if known.facts != facts:
        known.facts = facts
        known.save(update_fields=["facts"])
    if was_withdrawn or (worse and is_changed):
        return _join(
            escalation,
            facts=facts,
            band=escalation.band,
            due_at=escalation.due_at,
            worse=worse,
            now=now,
        )
    is_latest = not escalation.occasions.filter(happened_at__gt=known.happened_at)
    if is_latest and escalation.facts != facts:
        # Hours that grow while nobody looks: shown, but no event.
        escalation.facts = facts
        escalation.save(update_fields=["facts"])
        return escalation if is_changed and escalation.is_medical else None
    return None


def _core(facts: dict[str, Any]) -> dict[str, Any]:
    """What was found, without what it is compared with."""
    return {key: value for key, value in facts.items() if key not in COMPARED}


def _raise_corrected(
    known: EscalationOccasion,
    settled: Escalation,
    facts: dict[str, Any],
    *,
    now: dt.datetime,
) -> Escalation:
    urgency = URGENCY[Reason(settled.reason)]
    due_at = due(settled.reason, urgency.band, urgency.within, now=now)
    open_one = (
        Escalation.objects.open()
        .select_for_update()
        .filter(subject_id=settled.subject_id, reason=settled.reason)
        .first()
    )
    if open_one is not None:
        escalation = _join(
            open_one,
            facts=facts,
            band=urgency.band,
            due_at=due_at,
            worse=False,
            now=now,
        )
    else:
        subject = settled.monitoring or settled.person
        assert subject is not None  # medical reasons are about a monitoring or person
        escalation = _open(
            subject,
            settled.reason,
            facts=facts,
            band=urgency.band,
            rank=urgency.rank,
            due_at=due_at,
            policy=settled.policy,
            now=now,
        )
    known.escalation = escalation
    known.facts = facts
    known.save(update_fields=["escalation", "facts"])
    return escalation


@retrying_transaction(repeatable=True)
def ease(subject: Subject, reasons: Iterable[str], *, now: dt.datetime) -> int:
    """Mark medical reasons as eased, one band down, once; return how many.

    Nothing medical goes away by itself, and an emergency sign does not ease.
    """
    eased = 0
    wanted = set(map(str, reasons)) & EASING
    for escalation in (
        _of(subject, wanted).filter(eased_at__isnull=True).select_for_update()
    ):
        escalation.eased_at = now
        escalation.band = min(escalation.band + 1, Band.CAN_WAIT)
        within = URGENCY[Reason.SUSPICIOUS_SYMPTOM].within
        escalation.due_at = max(
            escalation.due_at,
            due(escalation.reason, escalation.band, within, now=now),
        )
        escalation.save(update_fields=["eased_at", "band", "due_at"])
        audit.record(
            "escalation.eased",
            escalation,
            by=None,
            now=now,
            codes={"reason": escalation.reason, "band": escalation.band},
        )
        eased += 1
    return eased


def _of(subject: Subject, reasons: Iterable[str]) -> QuerySet[Escalation]:
    """The open ones; of a person: those on its monitorings and cases too."""
    found = Escalation.objects.open().filter(reason__in=list(reasons)).order_by("pk")
    if isinstance(subject, Person):
        return found.filter(person_id=subject.pk)
    return found.filter(subject_id=subject.pk)


@retrying_transaction
def withdraw(
    subject: Subject, reason: str, *, occasion: str, now: dt.datetime
) -> Escalation | None:
    """Take back an occasion that was corrected away.

    Other occasions keep the escalation up, with the facts of the latest. A medical one
    that stood on this alone stays open, marked 'withdrawn by the citizen', for an
    official to review; any other is cleared.
    """
    known = EscalationOccasion.objects.filter(
        subject_id=subject.pk,
        reason=reason,
        occasion=occasion,
        escalation__settled_at__isnull=True,
    ).first()
    if known is None:
        return None
    escalation = Escalation.objects.select_for_update().get(pk=known.escalation_id)
    others = escalation.occasions.exclude(pk=known.pk).order_by("-happened_at")
    latest = others.first()
    if latest is not None:
        known.delete()
        escalation.facts = latest.facts
        escalation.save(update_fields=["facts"])
    elif not escalation.is_medical:
        _clear_one(escalation, now=now)
        return escalation
    else:
        escalation.withdrawn_at = now
        escalation.save(update_fields=["withdrawn_at"])
    audit.record(
        "escalation.withdrawn",
        escalation,
        by=None,
        now=now,
        codes={"reason": reason},
    )
    return escalation


@retrying_transaction(repeatable=True)
def clear(subject: Subject, reasons: Iterable[str], *, now: dt.datetime) -> int:
    """Close what has gone away by itself; return how many. Medical reasons stay.

    With a person as subject, those on its monitorings and cases go as well.
    """
    wanted = set(map(str, reasons)) - Escalation.MEDICAL
    found = list(_of(subject, wanted).select_for_update())
    for escalation in found:
        _clear_one(escalation, now=now)
    return len(found)


@retrying_transaction(repeatable=True)
def clear_all(keys: Iterable[UUID], *, now: dt.datetime) -> int:
    """Close those whose cause a rule no longer finds; medical reasons stay."""
    found = Escalation.objects.open().filter(pk__in=list(keys)).order_by("pk")
    rows = list(found.exclude(reason__in=Escalation.MEDICAL).select_for_update())
    for escalation in rows:
        _clear_one(escalation, now=now)
    return len(rows)


def _clear_one(escalation: Escalation, *, now: dt.datetime) -> None:
    escalation.settled_at = now
    escalation.outcome = Escalation.Outcome.CLEARED
    escalation.save(update_fields=["settled_at", "outcome"])
    if escalation.reason in STATES:
        free(escalation.occasions.all(), now=now)
    audit.record(
        "escalation.cleared",
        escalation,
        by=None,
        now=now,
        codes={"reason": escalation.reason},
    )


def free(occasions: Iterable[EscalationOccasion], *, now: dt.datetime) -> None:
    """Let a state raise anew that has gone meanwhile: its occasion gets an end."""
    for occasion in occasions:
        if "~" not in occasion.occasion:
            ended = f"{occasion.occasion[:35]}~{now:%Y%m%dT%H%M%S%f}"
            occasion.occasion = ended
            occasion.save(update_fields=["occasion"])


@retrying_transaction
def settle(
    escalation: Escalation, *, outcome: str, word: str = "", by: User, now: dt.datetime
) -> Escalation:
    """Settle one with an outcome; raises AlreadySettled, OnlyByRule."""
    if outcome == Escalation.Outcome.CLEARED:
        raise OnlyByRule
    found = Escalation.objects.select_for_update().get(pk=escalation.pk)
    if found.settled_at is not None:
        raise AlreadySettled
    found.settled_at = now
    found.settled_by = by
    found.outcome = Escalation.Outcome(outcome)
    found.word = word
    found.save(update_fields=["settled_at", "settled_by", "outcome", "word"])
    _note(found, "escalation.settled", by=by, now=now, outcome=outcome)
    return found


@retrying_transaction(repeatable=True)
def settle_many(
    escalations: Iterable[Escalation],
    *,
    outcome: str,
    word: str,
    by: User,
    now: dt.datetime,
) -> int:
    """Settle all with one comment, those settled meanwhile left; return how many.

    Raises MedicalInBulk, and settles none, where one is medical; OnlyByRule.
    """
    if outcome == Escalation.Outcome.CLEARED:
        raise OnlyByRule
    found = list(_lock(escalations))
    if any(escalation.is_medical for escalation in found):
        raise MedicalInBulk
    Escalation.objects.filter(pk__in=[escalation.pk for escalation in found]).update(
        settled_at=now,
        settled_by=by,
        outcome=Escalation.Outcome(outcome),
        word=word,
    )
    for escalation in found:
        _note(escalation, "escalation.settled", by=by, now=now, outcome=outcome)
    return len(found)


def _lock(escalations: Iterable[Escalation]) -> QuerySet[Escalation]:
    keys = [escalation.pk for escalation in escalations]
    return (
        Escalation.objects.open().select_for_update().filter(pk__in=keys).order_by("pk")
    )


def _note(
    escalation: Escalation, verb: str, *, by: User, now: dt.datetime, **codes: str
) -> None:
    audit.record(
        verb, escalation, by=by, now=now, codes={"reason": escalation.reason, **codes}
    )


@retrying_transaction
def snooze(
    escalation: Escalation, *, until: dt.datetime | None, by: User, now: dt.datetime
) -> Escalation:
    """Let it sleep until then; None wakes it. Raises NotInFuture, AlreadySettled."""
    if until is not None and until <= now:
        raise NotInFuture
    found = Escalation.objects.select_for_update().get(pk=escalation.pk)
    if found.settled_at is not None:
        raise AlreadySettled
    found.snoozed_until = until
    found.save(update_fields=["snoozed_until"])
    verb = "escalation.woken" if until is None else "escalation.snoozed"
    _note(found, verb, by=by, now=now)
    return found


@retrying_transaction(repeatable=True)
def assign(
    escalations: Iterable[Escalation], *, to: User | None, by: User, now: dt.datetime
) -> int:
    """Give them to an official, or with None to nobody; return how many changed."""
    given = list(_lock(escalations))
    found = [one for one in given if one.assigned_to_id != getattr(to, "pk", None)]
    for escalation in found:
        escalation.assigned_to = to
        escalation.save(update_fields=["assigned_to"])
        _note(escalation, "escalation.assigned", by=by, now=now)
    for escalation in given:
        if to is not None and escalation.reason == Reason.EMERGENCY:
            on_call.took_over(escalation, by=by, now=now)
    # Whoever has somebody's escalation looks after them: what comes later goes there.
    people = {one.person_id for one in given}
    Monitoring.objects.open().filter(person__in=people).update(assigned_to=to)
    return len(found)


@retrying_transaction
def undo(escalation: Escalation, *, by: User, now: dt.datetime) -> Escalation:
    """Open again what an official settled; raises NotSettled.

    Where the same subject and reason is open anew, both become one: the open one takes
    over the occasions, the earlier due time and the more urgent band.
    """
    found = Escalation.objects.select_for_update().get(pk=escalation.pk)
    if found.settled_at is None or found.settled_by_id is None:
        raise NotSettled
    other = (
        Escalation.objects.open()
        .select_for_update()
        .filter(subject_id=found.subject_id, reason=found.reason)
        .first()
    )
    if other is not None:
        return _merge(found, into=other, by=by, now=now)
    found.settled_at = None
    found.settled_by = None
    found.outcome = ""
    found.word = ""
    found.snoozed_until = None
    found.save(
        update_fields=["settled_at", "settled_by", "outcome", "word", "snoozed_until"]
    )
    _note(found, "escalation.undone", by=by, now=now)
    return found


def _merge(
    settled: Escalation, *, into: Escalation, by: User, now: dt.datetime
) -> Escalation:
    settled.occasions.update(escalation=into)
    into.band = min(into.band, settled.band)
    into.rank = max(into.rank, settled.rank)
    into.due_at = min(into.due_at, settled.due_at)
    into.raised_at = min(into.raised_at, settled.raised_at)
    into.save(update_fields=["band", "rank", "due_at", "raised_at"])
    _note(settled, "escalation.undone", by=by, now=now, merged_into=str(into.pk))
    settled.delete()
    return into
