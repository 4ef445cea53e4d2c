"""What an entry means under a policy, and what it means that one is missing."""

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import get_language

from cases import due_times, escalation
from cases.arithmetic import SlotFacts
from cases.models import (
    Escalation,
    EscalationOccasion,
    Monitoring,
    Person,
    Policy,
    Routine,
)
from diaries import owed
from diaries.models import Entry, Symptom
from diaries.slots import Slot
from health_authorities.memory import remembered
from health_authorities.models import current

Reason = Escalation.Reason
Catalogue = Mapping[str, Symptom]
TOGETHER = 1_000  # people whose silence is looked at together


@dataclass(frozen=True)
class Finding:
    """A reason that an entry gives, with codes and numbers; `worse` than before."""

    reason: str
    facts: dict[str, Any]
    worse: bool = False


def catalogue() -> dict[str, Symptom]:
    """Return the authority's symptoms by code, in the order in which they are offered;
    perhaps half a minute old."""
    return remembered(("symptoms",), lambda: Symptom.objects.in_bulk())


def names() -> dict[str, str]:
    """Return {code: name in the active language}, perhaps half a minute old."""
    return remembered(
        ("symptom names", get_language()),
        lambda: {code: str(symptom) for code, symptom in catalogue().items()},
    )


# --- About one entry, pure -----------------------------------------------------------


def slot_of(entry: Entry) -> Slot:
    return Slot(entry.day, entry.half)


def counting(entry: Entry, symptoms: Catalogue) -> list[str]:
    """Return the codes of its symptoms that count against release."""
    return [code for code in entry.symptoms if _flag(symptoms, code, "counts")]


def facts_of(entry: Entry | None, symptoms: Catalogue) -> SlotFacts:
    """Return what one slot says about being well; no entry is a gap."""
    if entry is None:
        return SlotFacts(entered=False)
    return SlotFacts(
        entered=True,
        temperature=entry.temperature,
        counting_symptom=bool(counting(entry, symptoms)),
        fever_medicine=entry.fever_medicine,
    )


def speaks_against_release(entry: Entry, policy: Policy, symptoms: Catalogue) -> bool:
    """Whether it tells of a symptom that counts, fever, or medicine against it."""
    fever = entry.temperature is not None and policy.is_fever(entry.temperature)
    return bool(counting(entry, symptoms)) or fever or entry.fever_medicine


def is_abnormal(entry: Entry, policy: Policy, symptoms: Catalogue) -> bool:
    """Whether silence after this entry is worse than after a good one."""
    low = entry.oxygen is not None and entry.oxygen < policy.oxygen_worsening
    return low or speaks_against_release(entry, policy, symptoms)


def findings(
    entry: Entry,
    history: Sequence[Entry],
    policy: Policy,
    symptoms: Catalogue,
    *,
    kind: str,
    person: Person,
) -> list[Finding]:
    """Return why an official must look at this entry; needs no database.

    `history` are the entries of earlier slots, oldest first; `kind` is of
    `Monitoring.Kind`. Limits are the policy's. Sources of the defaults: RKI,
    Kontaktpersonen-Nachverfolgung, as of 2021 (fever of contacts); NEWS2 (SpO₂);
    AWMF 048-013 (infants).
    """
    found = [
        _emergency(entry, policy, symptoms, person),
        _fever(entry, history, policy, kind),
        _suspicious(entry, history, symptoms, kind),
        _worsening(entry, history, policy),
    ]
    if kind == Monitoring.Kind.QUARANTINE:
        found += [
            _first_symptom(entry, history, symptoms),
            _group(entry, history, policy, symptoms),
        ]
    return [finding for finding in found if finding is not None]


def _flag(symptoms: Catalogue, code: str, name: str) -> bool:
    symptom = symptoms.get(code)
    # A symptom that nobody knows counts: silence would be the wrong side.
    return name == "counts" if symptom is None else bool(getattr(symptom, name))


def _emergency(
    entry: Entry, policy: Policy, symptoms: Catalogue, person: Person
) -> Finding | None:
    facts: dict[str, Any] = {}
    signs = [code for code in entry.symptoms if _flag(symptoms, code, "emergency")]
    if signs:
        facts["signs"] = signs
    if entry.oxygen is not None and entry.oxygen <= policy.oxygen_emergency:
        facts["oxygen"] = entry.oxygen
    months = person.age_in_months(entry.day)
    is_infant = months is not None and months < policy.infant_months
    if (
        is_infant
        and entry.temperature is not None
        and entry.temperature >= policy.fever_infants
    ):
        facts["temperature"] = str(entry.temperature)
    return Finding(Reason.EMERGENCY, facts, worse=True) if facts else None


def _fever(
    entry: Entry, history: Sequence[Entry], policy: Policy, kind: str
) -> Finding | None:
    limit = policy.fever_limit(kind)
    if entry.temperature is None or entry.temperature < limit:
        return None
    facts = {"temperature": str(entry.temperature), "limit": str(limit)}
    before = next(
        (one.temperature for one in reversed(history) if one.temperature), None
    )
    if before is not None:
        facts["before"] = str(before)
    worse = before is not None and before >= limit and entry.temperature > before
    return Finding(Reason.FEVER, facts, worse=worse)


def _suspicious(
    entry: Entry, history: Sequence[Entry], symptoms: Catalogue, kind: str
) -> Finding | None:
    """Flagged suspicious for this kind, and new or more severe than in the entry
    before: what lasts was looked at when it came. One more beside it is worse."""
    flag = (
        "suspicious_for_cases"
        if kind == Monitoring.Kind.ISOLATION
        else "suspicious_for_contacts"
    )
    before = history[-1].symptoms if history else {}
    news = {
        code: severity
        for code, severity in entry.symptoms.items()
        if _flag(symptoms, code, flag) and severity > before.get(code, 0)
    }
    if not news:
        return None
    worse = any(
        code in before and _flag(symptoms, code, flag) for code in entry.symptoms
    )
    return Finding(Reason.SUSPICIOUS_SYMPTOM, {"symptoms": news}, worse=worse)


def _first_symptom(
    entry: Entry, history: Sequence[Entry], symptoms: Catalogue
) -> Finding | None:
    def characteristic(one: Entry) -> dict[str, int]:
        return {
            code: severity
            for code, severity in one.symptoms.items()
            if _flag(symptoms, code, "characteristic")
        }

    news = characteristic(entry)
    if not news or any(characteristic(one) for one in history):
        return None
    return Finding(Reason.FIRST_SYMPTOM, {"symptoms": news})


def _worsening(
    entry: Entry, history: Sequence[Entry], policy: Policy
) -> Finding | None:
    facts: dict[str, Any] = {}
    before = next((one.oxygen for one in reversed(history) if one.oxygen), None)
    if entry.oxygen is not None and entry.oxygen < policy.oxygen_worsening:
        facts["oxygen"] = entry.oxygen
        if before is not None:
            facts["oxygen_before"] = before
    last = [*history, entry][-policy.worsening_entries :]
    if len(last) == policy.worsening_entries:
        facts |= _rising(last, policy)
    # Low and not lower than before is no news for whoever has looked at it.
    lasts = set(facts) == {"oxygen", "oxygen_before"} and (
        facts["oxygen"] >= facts["oxygen_before"]
    )
    return Finding(Reason.WORSENING, facts, worse=not lasts) if facts else None


def _rising(last: Sequence[Entry], policy: Policy) -> dict[str, Any]:
    """The temperatures or the symptom that rose from entry to entry."""
    degrees = [one.temperature for one in last if one.temperature is not None]
    if (
        len(degrees) == len(last)
        and all(low < high for low, high in itertools.pairwise(degrees))
        and degrees[-1] >= policy.worsening_from
    ):
        return {"temperatures": [str(value) for value in degrees]}
    for code in last[-1].symptoms:
        grades = [one.symptoms.get(code, 0) for one in last]
        if all(low < high for low, high in itertools.pairwise(grades)):
            return {"symptom": code, "severities": [grade for grade in grades if grade]}
    return {}


def _met(
    entry: Entry, policy: Policy, symptoms: Catalogue
) -> tuple[dict[str, Any], list[str]] | None:
    for rule in policy.groups:
        present = [
            code
            for code in entry.symptoms
            if code in symptoms and symptoms[code].group == rule["group"]
        ]
        if len(present) >= rule["count"]:
            return rule, present
    return None


def _group(
    entry: Entry, history: Sequence[Entry], policy: Policy, symptoms: Catalogue
) -> Finding | None:
    """n of a group, where the entry before did not meet the rule already."""
    met = _met(entry, policy, symptoms)
    if met is None or (history and _met(history[-1], policy, symptoms)):
        return None
    rule, present = met
    facts = {"group": rule["group"], "count": len(present), "symptoms": present}
    return Finding(Reason.GROUP, facts)


def eases(
    entry: Entry,
    history: Sequence[Entry],
    policy: Policy,
    symptoms: Catalogue,
    *,
    kind: str,
    person: Person,
) -> set[str]:
    """Return the medical reasons that this entry, the latest, makes less pressing.

    An entry with medicine against fever eases nothing, and what was not measured
    eases no fever.
    """
    if entry.fever_medicine:
        return set()
    current_reasons = {
        one.reason
        for one in findings(entry, history, policy, symptoms, kind=kind, person=person)
    }
    flag = (
        "suspicious_for_cases"
        if kind == Monitoring.Kind.ISOLATION
        else "suspicious_for_contacts"
    )
    better = set()
    measured = entry.temperature is not None
    if measured and Reason.FEVER not in current_reasons:
        better.add(Reason.FEVER.value)
    if not any(_flag(symptoms, code, "characteristic") for code in entry.symptoms):
        better.add(Reason.FIRST_SYMPTOM.value)
    if not any(_flag(symptoms, code, flag) for code in entry.symptoms):
        better.add(Reason.SUSPICIOUS_SYMPTOM.value)
    if measured and history and _is_better(entry, history, policy, symptoms):
        better.add(Reason.WORSENING.value)
    if _met(entry, policy, symptoms) is None:
        better.add(Reason.GROUP.value)
    return better


def _is_better(
    entry: Entry, history: Sequence[Entry], policy: Policy, symptoms: Catalogue
) -> bool:
    """Whether nothing is worse than before and something is better, or all is well.

    Compared with the entry before, for what was not measured there with the last one
    that was; a temperature under medicine is none to compare with.
    """
    assert entry.temperature is not None
    breaths = (one.oxygen for one in reversed(history) if one.oxygen is not None)
    degrees = (
        one.temperature
        for one in reversed(history)
        if one.temperature is not None and not one.fever_medicine
    )
    oxygen, celsius = next(breaths, None), next(degrees, None)
    latest = oxygen if entry.oxygen is None else entry.oxygen
    if latest is not None and latest < policy.oxygen_worsening:
        return False
    rose = celsius is not None and entry.temperature > celsius
    if rose and entry.temperature >= policy.worsening_from:
        return False
    before = history[-1].symptoms
    if any(grade > before.get(code, 0) for code, grade in entry.symptoms.items()):
        return False
    return (
        (celsius is not None and entry.temperature < celsius)
        or any(entry.symptoms.get(code, 0) < grade for code, grade in before.items())
        or (oxygen is not None and entry.oxygen is not None and entry.oxygen > oxygen)
        or not is_abnormal(entry, policy, symptoms)
    )


# --- About those who write nothing ---------------------------------------------------


def escalate_missed(*, now: dt.datetime) -> None:
    """Raise 'entry missing' and 'silent' for whom the routine's numbers say so.

    Two slots in a row overdue; one where the last entry was abnormal, or the person is
    old or lives alone. 24 h silent: due now. 48 h: supervisors are told. A call that
    reached the person counts as a sign of life; hospital rests it.
    """
    today = current().localdate(now)
    routine = Routine.objects.in_force(on=today)
    _rest_in_hospital(today, now=now)
    people = owed.who_may_owe(routine, now=now)
    for start in range(0, len(people), TOGETHER):
        some = people[start : start + TOGETHER]
        debts = owed.debts(routine, now=now, people=some)
        known = _known_silence([debt.monitoring.pk for debt in debts])
        for debt in debts:
            _entry_missing(debt, routine, known, now=now)
            _silent(debt, routine, known, now=now)


def _silent(
    debt: "owed.Debt",
    routine: Routine,
    known: set[tuple[UUID, str, str]],
    *,
    now: dt.datetime,
) -> None:
    occasion = f"{debt.since:%Y-%m-%dT%H:%M}"
    is_silent = debt.silence >= dt.timedelta(hours=routine.silent_after_hours)
    if is_silent and (debt.monitoring.pk, Reason.SILENT, occasion) not in known:
        escalation.raise_(
            debt.monitoring,
            Reason.SILENT,
            occasion=occasion,
            facts={
                "since": debt.since.isoformat(),
                "lives_alone": debt.person.lives_alone,
            },
            now=now,
        )


def _rest_in_hospital(today: dt.date, *, now: dt.datetime) -> None:
    """Whoever is in hospital owes nothing: what was raised for silence goes."""
    silent = (
        Escalation.objects.open()
        .filter(
            reason__in=[Reason.ENTRY_MISSING, Reason.SILENT],
            person__cases__in_hospital_since__lte=today,
        )
        .filter(
            Q(person__cases__in_hospital_until__isnull=True)
            | Q(person__cases__in_hospital_until__gte=today)
        )
    )
    escalation.clear_all(silent.values_list("pk", flat=True), now=now)


def _known_silence(subjects: Iterable[UUID]) -> set[tuple[UUID, str, str]]:
    """What was told of already, asked once for all."""
    found = EscalationOccasion.objects.filter(
        subject_id__in=list(subjects),
        reason__in=[Reason.ENTRY_MISSING, Reason.SILENT],
    )
    return set(found.values_list("subject_id", "reason", "occasion"))


def _entry_missing(
    debt: "owed.Debt",
    routine: Routine,
    known: set[tuple[UUID, str, str]],
    *,
    now: dt.datetime,
) -> None:
    person = debt.person
    today = current().localdate(now)
    if len(debt.slots) < owed.slots_to_miss(person, routine, on=today):
        return
    is_call_task = debt.silence >= dt.timedelta(hours=routine.call_after_hours)
    occasion = debt.slots[-1].key
    if is_call_task:
        # The same gap, now a call to be made: an occasion of its own.
        occasion = f"{debt.since:%Y-%m-%dT%H:%M}{owed.CALL}"
    if (debt.monitoring.pk, Reason.ENTRY_MISSING, occasion) in known:
        return
    escalation.raise_(
        debt.monitoring,
        Reason.ENTRY_MISSING,
        occasion=occasion,
        facts={
            "slots": len(debt.slots),
            "lives_alone": person.lives_alone,
            "abnormal": person.last_entry_abnormal,
        },
        band=Escalation.Band.DUE_TODAY if is_call_task else None,
        due_at=due_times.not_before(Reason.ENTRY_MISSING, now, now=now)
        if is_call_task
        else None,
        now=now,
    )


def raised_by(entry: Entry, subjects: Iterable[UUID]) -> list[tuple[UUID, str]]:
    """Return (subject, reason) of what this entry raised and is still open."""
    found = EscalationOccasion.objects.filter(
        subject_id__in=list(subjects),
        reason__in=Escalation.MEDICAL,
        occasion=slot_of(entry).key,
        escalation__settled_at__isnull=True,
    )
    return list(found.values_list("subject_id", "reason"))
