"""How monitorings end: with symptoms or unknown, lapsed as ordered, or undecided."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from cases import containment, escalation
from cases.models import (
    Escalation,
    EscalationOccasion,
    Monitoring,
    Person,
    Policy,
    Routine,
)
from diaries import escalation as rules
from diaries import owed
from diaries.models import Entry
from diaries.slots import Slot
from health_authorities.models import current
from quarano.cockroach.transactions import retrying_transaction

Reason = Escalation.Reason
# Further back than the slots that a policy looks at.
SOME_DAYS = 14
TALKED_OF = [Reason.ENDS_WITH_SYMPTOMS.value, Reason.LAPSED_UNDECIDED.value]


def slots_before(
    moment: dt.datetime, routine: Routine, *, count: int, last: Slot | None
) -> list[Slot]:
    """Return the last `count` slots that have begun at that moment, oldest first."""
    slot = Slot.at(current().zone, moment, routine)
    if last is not None:
        slot = min(slot, last)
    found: list[Slot] = []
    while len(found) < count:
        found.insert(0, slot)
        slot = slot.previous
    return found


def is_symptom_free(
    person: Person,
    *,
    policy: Policy,
    routine: Routine,
    now: dt.datetime,
    last: Slot | None = None,
    entries: Iterable[Entry] | None = None,
    symptoms: rules.Catalogue | None = None,
) -> bool | None:
    """Whether the diary shows 48 h free of symptoms at that moment; None: unknown.

    See `Guideline.is_symptom_free`; `last` is the last slot that is looked at.
    """
    considered, _needed = policy.slots_for_release(routine.slots_per_day)
    slots = slots_before(now, routine, count=considered, last=last)
    if entries is None:
        entries = person.entries.filter(day__gte=slots[0].day)
    if symptoms is None:
        symptoms = rules.catalogue()
    by_slot = {rules.slot_of(entry): entry for entry in entries}
    facts = [rules.facts_of(by_slot.get(slot), symptoms) for slot in slots]
    return policy.is_symptom_free(facts, slots_per_day=routine.slots_per_day)


def end_due(*, now: dt.datetime) -> None:
    """Look at every monitoring whose last day has come or gone.

    On the last day 'ends with symptoms' where the last 48 h show symptoms or too
    little. After 24:00 the job concludes what lapsed as ordered with a complete, good
    diary; what nobody decided is raised as such.
    """
    today = current().localdate(now)
    routine = Routine.objects.in_force(on=today)
    ending = list(
        Monitoring.objects.open()
        .filter(until__lte=today, person__died_on__isnull=True)
        .select_related("person", "disease", "case")
        .order_by("pk")
    )
    _clear_outdated(ending, now=now)
    if not ending:
        return
    symptoms = rules.catalogue()
    told = _Told(ending)
    policies: dict[Any, Policy] = {}
    for monitoring in ending:
        if monitoring.disease_id not in policies:
            policies[monitoring.disease_id] = Policy.objects.in_force(
                monitoring.disease, on=today
            )
        policy = policies[monitoring.disease_id]
        considered, _needed = policy.slots_for_release(routine.slots_per_day)
        entries = told.entries[monitoring.person_id]
        judged = _freedom(
            monitoring,
            policy,
            routine,
            symptoms,
            now=now,
            entries=entries if considered <= SOME_DAYS else None,
        )
        if not told.is_news(monitoring, judged, today=today):
            continue
        if monitoring.until == today:
            _ends_today(monitoring, policy, routine, symptoms, now=now)
        else:
            _lapsed(monitoring, policy, routine, symptoms, now=now)


# Free of symptoms or unknown, the codes of the symptoms, whether there was fever.
Judgement = tuple[bool | None, list[str], bool]


class _Told:
    """What is known of many endings, read at once, so that only news costs more."""

    def __init__(self, ending: list[Monitoring]) -> None:
        keys = [one.pk for one in ending]
        since = min(one.until for one in ending if one.until)
        self.entries: defaultdict[UUID, list[Entry]] = defaultdict(list)
        people = [one.person_id for one in ending]
        for entry in (
            Entry.objects.filter(
                person__in=people, day__gte=since - dt.timedelta(days=SOME_DAYS)
            )
            .defer("note")
            .order_by("opens")
        ):
            self.entries[entry.person_id].append(entry)
        self.open: set[tuple[UUID, str]] = set(
            Escalation.objects.open()
            .filter(subject_id__in=keys)
            .values_list("subject_id", "reason")
        )
        self.known = {
            (one.subject_id, one.reason, one.occasion): one
            for one in EscalationOccasion.objects.filter(
                subject_id__in=keys, reason__in=TALKED_OF
            ).select_related("escalation")
        }

    def is_news(
        self, monitoring: Monitoring, judged: Judgement, *, today: dt.date
    ) -> bool:
        """Whether the judgement asks for anything that was not done already."""
        ends_today = monitoring.until == today
        reason = Reason.ENDS_WITH_SYMPTOMS if ends_today else Reason.LAPSED_UNDECIDED
        if judged[0]:
            is_said = (monitoring.pk, reason.value) in self.open
            return is_said or not ends_today
        if not ends_today and not self.open.isdisjoint(
            (monitoring.pk, one.value)
            for one in (Reason.ENDS_WITH_SYMPTOMS, Reason.ENDS)
        ):
            return True
        assert monitoring.until is not None
        known = self.known.get((monitoring.pk, reason, monitoring.until.isoformat()))
        if known is None:
            return True
        escalation, facts = known.escalation, _facts(monitoring, judged)
        if escalation.settled_at is not None:
            return False
        is_withdrawn = escalation.withdrawn_at is not None
        return is_withdrawn or not facts == known.facts == escalation.facts


def _facts(monitoring: Monitoring, judged: Judgement) -> dict[str, Any]:
    assert monitoring.until is not None
    free, codes, fever = judged
    return {
        "until": monitoring.until.isoformat(),
        "symptoms": codes,
        "fever": fever,
        "unknown": free is None,
    }


def _clear_outdated(ending: list[Monitoring], *, now: dt.datetime) -> None:
    """Those that were extended meanwhile, or concluded, need no word any more."""
    subjects = [one.pk for one in ending]
    stale = (
        Escalation.objects.open()
        .filter(reason__in=TALKED_OF)
        .exclude(subject_id__in=subjects)
    )
    escalation.clear_all(stale.values_list("pk", flat=True), now=now)


def _freedom(
    monitoring: Monitoring,
    policy: Policy,
    routine: Routine,
    symptoms: rules.Catalogue,
    *,
    now: dt.datetime,
    entries: Iterable[Entry] | None = None,
) -> Judgement:
    """Whether free of symptoms, the codes of the symptoms, whether there was fever;
    `entries` are the person's of these days, oldest first, where read already."""
    person = monitoring.person
    last = owed.last_slot([monitoring], routine)
    considered, _needed = policy.slots_for_release(routine.slots_per_day)
    slots = slots_before(now, routine, count=considered, last=last)
    if entries is None:
        entries = person.entries.filter(day__gte=slots[0].day).order_by("opens")
    entries = [entry for entry in entries if rules.slot_of(entry) in slots]
    free = is_symptom_free(
        person,
        policy=policy,
        routine=routine,
        now=now,
        last=last,
        entries=entries,
        symptoms=symptoms,
    )
    codes = {code for one in entries for code in rules.counting(one, symptoms)}
    fever = any(
        one.fever_medicine
        or (one.temperature is not None and policy.is_fever(one.temperature))
        for one in entries
    )
    return free, sorted(codes), fever


def _ends_today(
    monitoring: Monitoring,
    policy: Policy,
    routine: Routine,
    symptoms: rules.Catalogue,
    *,
    now: dt.datetime,
) -> None:
    judged = _freedom(monitoring, policy, routine, symptoms, now=now)
    if judged[0]:
        escalation.clear(monitoring, [Reason.ENDS_WITH_SYMPTOMS], now=now)
        return
    assert monitoring.until is not None
    escalation.raise_(
        monitoring,
        Reason.ENDS_WITH_SYMPTOMS,
        occasion=monitoring.until.isoformat(),
        facts=_facts(monitoring, judged),
        policy=policy,
        due_at=current().at(monitoring.until, routine.ending_decided_by),
        now=now,
    )


@retrying_transaction(repeatable=True)
def _lapsed(
    monitoring: Monitoring,
    policy: Policy,
    routine: Routine,
    symptoms: rules.Catalogue,
    *,
    now: dt.datetime,
) -> None:
    assert monitoring.until is not None
    judged = _freedom(monitoring, policy, routine, symptoms, now=now)
    if judged[0] and containment.may_lapse(monitoring, now=now):
        containment.lapse(monitoring, now=now)
        return
    escalation.raise_(
        monitoring,
        Reason.LAPSED_UNDECIDED,
        occasion=monitoring.until.isoformat(),
        facts=_facts(monitoring, judged),
        policy=policy,
        due_at=current().end_of(monitoring.until),
        now=now,
    )
    # One red row says it.
    escalation.clear(monitoring, [Reason.ENDS_WITH_SYMPTOMS, Reason.ENDS], now=now)
