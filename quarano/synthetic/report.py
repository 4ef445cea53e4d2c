"""How the authority hears of somebody, and what it orders."""

import datetime as dt
from typing import Any
from uuid import UUID

from django.db.models import Model

from cases import containment, daily_rules
from cases.arithmetic import Step, Sum
from cases.models import (
    Case,
    Escalation,
    Monitoring,
    Order,
    Person,
    ProtectedCircle,
    Test,
)
from diaries.models import Entry
from quarano.accounts.models import User
from quarano.audit.models import Event
from quarano.synthetic import people
from quarano.synthetic.book import Book
from quarano.synthetic.bulk import row_of
from quarano.synthetic.world import DAY, HOUR, MINUTE, Arrival, World

Reason = Escalation.Reason
Enrolment = Monitoring.Enrolment


class Reported:
    """One person whom the authority takes up, with the rows that come of it."""

    def __init__(
        self,
        world: World,
        member: people.Member,
        number: int,
        arrival: Arrival,
        parent: User | None = None,
    ) -> None:
        self.world, self.member, self.number = world, member, number
        self.arrival, self.parent = arrival, parent
        self.random, self.now = world.random, world.now
        self.person = people.person(member, number, world.random)
        self.person.id = world.new_id()
        self.person.recorded_at = arrival.opened_at
        self.by = self.person.recorded_by_id = world.official()
        self.rows: list[Model] = []
        self.events: list[Event] = []
        self.book = Book(self.person, world.policy, world.new_id, self.record)
        self.user: User | None = None
        self.case: Case | None = None
        self.orders: list[Order] = []
        self.entries: list[Entry] = []
        self.settle_at: dict[tuple[UUID, str], dt.datetime] = {}
        self.has_told_onset = False

    # --- Writing down ----------------------------------------------------------------

    def record(
        self,
        verb: str,
        subject: Model,
        *,
        at: dt.datetime,
        by: UUID | None = None,
        codes: dict[str, Any] | None = None,
        citizen: bool = False,
    ) -> None:
        kind = Event.Actor.CITIZEN if citizen else Event.Actor.STAFF
        self.events.append(
            row_of(
                Event,
                id=self.world.new_id(),
                at=at,
                actor=by,
                actor_kind=kind if by else Event.Actor.RULE,
                verb=verb,
                subject_kind=subject._meta.label_lower,
                subject=subject.pk,
                person=self.person.pk,
                codes=codes or {},
            )
        )

    def add(self, row: Any) -> Any:
        if row.pk is None or not isinstance(row.pk, UUID):
            row.pk = self.world.new_id()
        self.rows.append(row)
        return row

    # --- The report -------------------------------------------------------------------

    def taken_up(self) -> None:
        world, random, at = self.world, self.random, self.arrival.opened_at
        self.record("person.recorded", self.person, at=at, by=self.by)
        if self.person.protected:
            self.add(
                row_of(
                    ProtectedCircle,
                    id=world.new_id(),
                    person_id=self.person.pk,
                    user_id=self.by,
                )
            )
        if self.arrival.kind == Monitoring.Kind.ISOLATION:
            self.case = self._case()
            anchor_kind, anchor_day = self.case.anchor or ("", None)
        else:
            anchor_kind = "household" if self.arrival.household else "last_exposure"
            anchor_day = self.arrival.anchor
        looked_after = random.random() < 0.7
        self.monitoring = Monitoring(
            id=world.new_id(),
            person=self.person,
            disease_id=world.disease.pk,
            case=self.case,
            kind=self.arrival.kind,
            start=world.authority.localdate(at),
            anchor_kind=anchor_kind,
            anchor_day=anchor_day,
            assigned_to_id=self.by if looked_after else None,
            opened_at=at,
            opened_by_id=self.by,
            reported_at=at - random.randrange(5, 600) * MINUTE,
        )
        self.record("monitoring.opened", self.monitoring, at=at, by=self.by)
        self._propose(at)
        self._raise(
            Reason.FIRST_CALL,
            "first_call",
            at,
            {
                "reported_at": self.monitoring.reported_at.isoformat(),
                "has_phone": bool(self.person.mobile or self.person.phone),
            },
            due_at=at + self.world.routine.first_call_hours * HOUR,
        )
        self._details(at)
        issued_at = at + random.randrange(2, 25) * MINUTE
        soon = (self.now - at) < DAY
        if issued_at <= self.now and random.random() < (0.9 if soon else 0.997):
            self._issue(issued_at)

    def _case(self) -> Case:
        random, at, arrival = self.random, self.arrival.opened_at, self.arrival
        day = self.world.authority.localdate(at)
        onset_kind = random.choices(
            ("date", "none", "unknown", "not_asked"), (78, 10, 6, 6)
        )[0]
        specimen = day - dt.timedelta(days=random.choice((0, 1, 1, 1, 2)))
        has_day = onset_kind == "date"
        tested = random.random() < 0.53
        reference = f"L-{self.number % 97:02d}/{self.number}" if tested else ""
        case = Case(
            id=self.world.new_id(),
            person=self.person,
            disease_id=self.world.disease.pk,
            classification="confirmed" if tested else random.choice(
                ("confirmed", "confirmed", "probable", "suspected")
            ),
            onset_kind=onset_kind,
            onset=arrival.anchor if has_day else None,
            onset_source="" if onset_kind == "not_asked" else "official",
            specimen_date=specimen if tested or random.random() < 0.97 else None,
            laboratory_reference=reference,
            found_by=random.choices(("report", "contact", "self"), (80, 15, 5))[0],
            sensitive_setting=random.choices(
                ("", "care", "hospital", "school", "food"), (88, 4, 3, 4, 1)
            )[0],
            severe_course=random.random() < 0.006,
            immune_suppressed=random.random() < 0.006,
            reported_at=at - random.randrange(5, 300) * MINUTE,
            recorded_at=at,
            recorded_by_id=self.by,
        )  # fmt: skip
        self.add(case)
        self.record("case.taken_up", case, at=at, by=self.by)
        if tested:
            test = row_of(
                Test,
                id=self.world.new_id(),
                person_id=self.person.pk,
                case_id=case.pk,
                kind="pcr",
                specimen_date=specimen,
                result="positive",
                reported_at=case.reported_at,
                laboratory=random.choice(
                    ("Labor Nord", "MVZ Mitte", "Labor am Fluss", "Uniklinik")
                ),
                recorded_at=at,
                recorded_by_id=self.by,
            )
            self.add(test)
            self.record("test.recorded", test, at=at, by=self.by)
        return case

    def _raise(
        self,
        reason: str,
        occasion: str,
        at: dt.datetime,
        facts: dict[str, Any],
        *,
        subject: Monitoring | Case | Person | None = None,
        **how: Any,
    ) -> None:
        self.book.raise_(
            subject or self.monitoring,
            reason,
            occasion=occasion,
            facts=facts,
            now=at,
            assigned_to=self.monitoring.assigned_to_id,
            **how,
        )

    def _details(self, at: dt.datetime) -> None:
        lacking = daily_rules.missing_details([self.monitoring])
        for code in lacking:
            facts = {"missing": lacking}
            self._raise(Reason.DETAILS_MISSING, code, at, facts, subject=self.person)

    # --- Orders -----------------------------------------------------------------------

    def _sum(self, at: dt.datetime) -> Sum:
        return containment.compute(self.monitoring, policy=self.world.policy, now=at)

    @property
    def ordered(self) -> Order | None:
        issued = [one for one in self.orders if one.issued_at is not None]
        return issued[-1] if issued else None

    def _propose(self, at: dt.datetime) -> Order | None:
        """Recompute the proposal in place, as containment does, and the end."""
        total = self._sum(at)
        ordered = self.ordered
        wanted = containment.wanted(
            total,
            ordered,
            monitoring=self.monitoring,
            today=self.world.authority.localdate(at),
        )
        self.orders = [one for one in self.orders if one.issued_at is not None]
        proposed = None
        if wanted is not None:
            effect, until = wanted
            proposed = self._order(effect, until, total.as_json(), at)
            self.orders.append(proposed)
            self.record("order.proposed", proposed, at=at, codes={"effect": effect})
        source = ordered or proposed
        until = source.until if source is not None else None
        start = self.monitoring.start
        self.monitoring.until = max(until, start) if until is not None else None
        return proposed

    def _order(
        self,
        effect: str,
        until: dt.date | None,
        steps: list[dict[str, Any]],
        at: dt.datetime,
    ) -> Order:
        policy = self.world.policy
        is_isolation = self.arrival.kind == Monitoring.Kind.ISOLATION
        return Order(
            id=self.world.new_id(),
            monitoring=self.monitoring,
            effect=effect,
            start=self.ordered.start if self.ordered else self.monitoring.start,
            until=until,
            legal_basis=policy.legal_basis_isolation
            if is_isolation
            else policy.legal_basis_quarantine,
            remedies=policy.remedies,
            steps=steps,
            policy_id=policy.pk,
            proposed_at=at,
        )

    def _issue(self, at: dt.datetime, *, until: dt.date | None = None) -> None:
        """An official issues the proposal; with `until` a physician names the end."""
        order = next((one for one in self.orders if one.issued_at is None), None)
        if order is None or (order.until is None and until is None):
            is_medical = self.case is not None and (
                self.case.severe_course or self.case.immune_suppressed
            )
            if order is None or not is_medical or self.random.random() < 0.3:
                return
            until = self.world.authority.localdate(at) + 14 * DAY
        before, by = self.ordered, self.by
        if until is not None and until != order.until:
            step = Step("decided", {"day": until.isoformat()}).as_json()
            order.steps = [*order.steps, step]
            order.until = until
            order.reasons = "Decided by a physician."
            by = self.random.choice(self.world.physicians)
        order.issued_at, order.issued_by_id = at, by
        order.replaces_id = before.pk if before is not None else None
        assert order.until is not None
        self.monitoring.until = max(order.until, self.monitoring.start)
        self.record("order.issued", order, at=at, by=by, codes={"effect": order.effect})
