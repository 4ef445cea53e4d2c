"""Escalations of one person as the rules raise, join, ease and clear them, in memory.

The rules of `cases.escalation` on unsaved rows: it is what `manage.py synthesize` can
do a million times, and a test compares both.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from cases.escalation import EASING, FOR_SUPERVISORS, URGENCY, due
from cases.models import Case, Escalation, EscalationOccasion, Monitoring, Person
from cases.models import Policy as PolicyRow
from quarano.synthetic.bulk import row_of

Reason = Escalation.Reason
Band = Escalation.Band
Subject = Monitoring | Case | Person


class Book:
    """The escalations of one person, open and settled, with their occasions."""

    def __init__(
        self,
        person: Person,
        policy: PolicyRow,
        new_id: Callable[[], UUID],
        record: Callable[..., None],
    ) -> None:
        self.person = person
        self.policy = policy
        self.new_id = new_id
        self.record = record
        self.open: dict[tuple[UUID, str], Escalation] = {}
        self.settled: list[Escalation] = []
        self.occasions: dict[tuple[UUID, str, str], EscalationOccasion] = {}

    def raise_(
        self,
        subject: Subject,
        reason: str,
        *,
        occasion: str,
        facts: dict[str, Any],
        now: dt.datetime,
        assigned_to: UUID | None = None,
        due_at: dt.datetime | None = None,
        band: int | None = None,
        worse: bool = False,
        with_policy: bool = True,
    ) -> Escalation | None:
        """Raise a new occasion or let it join; None where it is known."""
        reason = str(reason)
        place = (subject.pk, reason, occasion)
        if place in self.occasions:
            return None
        urgency = URGENCY[Reason(reason)]
        band = int(urgency.band if band is None else band)
        due_at = due_at or due(reason, band, urgency.within, now=now)
        found = self.open.get((subject.pk, reason))
        if found is None:
            found = self.open[subject.pk, reason] = row_of(
                Escalation,
                id=self.new_id(),
                person_id=self.person.pk,
                monitoring_id=subject.pk if isinstance(subject, Monitoring) else None,
                subject_kind=subject._meta.model_name or "",
                subject_id=subject.pk,
                reason=reason,
                band=band,
                rank=urgency.rank + worse,
                for_supervisor=reason in FOR_SUPERVISORS,
                raised_at=now,
                policy_id=self.policy.pk if with_policy else None,
                facts=facts,
                due_at=due_at,
                assigned_to_id=assigned_to,
            )
        else:
            _join(found, facts=facts, band=band, due_at=due_at, worse=worse, now=now)
        self.record("escalation.raised", found, at=now, codes={"reason": reason})
        self.occasions[place] = row_of(
            EscalationOccasion,
            id=self.new_id(),
            escalation_id=found.pk,
            subject_id=subject.pk,
            reason=reason,
            occasion=occasion,
            facts=facts,
            happened_at=now,
        )
        return found

    def ease(
        self, subject: Subject, reasons: Iterable[str], *, now: dt.datetime
    ) -> None:
        """Mark medical reasons of the subject as eased, one band down, once."""
        for reason in set(map(str, reasons)) & EASING:
            found = self.open.get((subject.pk, reason))
            if found is None or found.eased_at is not None:
                continue
            found.eased_at = now
            found.band = min(found.band + 1, Band.CAN_WAIT)
            within = URGENCY[Reason.SUSPICIOUS_SYMPTOM].within
            later = due(reason, found.band, within, now=now)
            found.due_at = max(found.due_at, later)

    def clear(self, reasons: Iterable[str], *, now: dt.datetime) -> None:
        """Let go by rule whatever of these is open."""
        wanted = {str(reason) for reason in reasons}
        for place in [place for place in self.open if place[1] in wanted]:
            self._close(place, at=now, by=None, outcome=Escalation.Outcome.CLEARED)

    def settle(
        self, found: Escalation, *, at: dt.datetime, by: UUID, outcome: str
    ) -> None:
        """Close one as an official does."""
        self._close((found.subject_id, found.reason), at=at, by=by, outcome=outcome)

    def _close(
        self,
        place: tuple[UUID, str],
        *,
        at: dt.datetime,
        by: UUID | None,
        outcome: str,
    ) -> None:
        found = self.open.pop(place)
        found.settled_at = at
        found.settled_by_id = by
        found.outcome = outcome
        self.settled.append(found)
        self.record(
            "escalation.settled", found, at=at, by=by, codes={"reason": place[1]}
        )

    def rows(self) -> Iterable[Escalation | EscalationOccasion]:
        yield from self.settled
        yield from self.open.values()
        yield from self.occasions.values()


def _join(
    found: Escalation,
    *,
    facts: dict[str, Any],
    band: int,
    due_at: dt.datetime,
    worse: bool,
    now: dt.datetime,
) -> None:
    before = found.band
    found.facts = facts
    if worse or band < before:
        found.band = max(min(before - worse, band), Band.ACT_NOW)
        found.rank += worse
        found.due_at = min(found.due_at, due_at)
        found.eased_at = None
        found.worsened_at = now
