"""Bar 48: no order of steps leads a monitoring where it must not be."""

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from cases import containment, history, intake
from cases.models import Case, Escalation, Monitoring, Order
from quarano.audit.models import Event
from tests import factories
from tests.longer.report import measured, tries

pytestmark = [pytest.mark.undisturbed, pytest.mark.bar(48)]
NOW = factories.NOW
DAY = dt.timedelta(days=1)
days = st.integers(-20, 25)
REFUSALS = (containment.Refused, history.ChangedMeanwhile, ObjectDoesNotExist)


class Course(RuleBasedStateMachine):
    """One person with an isolation and a quarantine, and officials of three kinds."""

    steps = refused = 0

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.now = NOW
        case = factories.CaseFactory(onset=NOW.date() - 3 * DAY)
        self.case, self.person = case, case.person
        self.anna, self.oemer = factories.AnnaFactory(), factories.OemerFactory()
        self.doctor = factories.PhysicianFactory()
        containment.open_monitoring(
            self.person, kind="isolation", disease=case.disease, case=case,
            anchor_kind="onset", anchor_day=case.onset, reported_at=NOW,
            by=self.anna, now=NOW,
        )  # fmt: skip
        containment.open_monitoring(
            self.person, kind="quarantine", disease=case.disease,
            anchor_kind="last_exposure", anchor_day=NOW.date() - DAY,
            reported_at=NOW, by=self.anna, now=NOW,
        )  # fmt: skip
        self.issued: dict[Any, tuple[Any, ...]] = {}
        self.events = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    def one(self, kind: str) -> Monitoring:
        return Monitoring.objects.get(person=self.person, kind=kind)

    def try_(self, process: Any, *args: Any, **kwargs: Any) -> None:
        """A step is taken whole, or refused by name and leaves nothing behind."""
        Course.steps += 1
        before = self.picture()
        try:
            with transaction.atomic():
                process(*args, by=self.by, now=self.now, **kwargs)
        except REFUSALS:
            Course.refused += 1
            assert self.picture() == before

    @property
    def by(self) -> Any:
        return (self.anna, self.oemer, self.doctor)[self.steps % 3]

    def picture(self) -> tuple[Any, ...]:
        return (
            sorted(Monitoring.objects.filter(person=self.person).values_list()),
            Order.objects.filter(monitoring__person=self.person).count(),
            Escalation.objects.filter(person=self.person).open().count(),
        )

    # --- Steps ------------------------------------------------------------------

    @rule(hours=st.integers(1, 72))
    def later(self, hours: int) -> None:
        self.now += dt.timedelta(hours=hours)

    @rule(kind=st.sampled_from(["isolation", "quarantine"]), until=st.none() | days)
    def issue(self, kind: str, until: int | None) -> None:
        end = None if until is None else self.now.date() + until * DAY
        reasons = "" if until is None else "typed"
        self.try_(containment.issue, self.one(kind), until=end, reasons=reasons)

    @rule(kind=st.sampled_from(["isolation", "quarantine"]), until=days)
    def extend(self, kind: str, until: int) -> None:
        end = self.now.date() + until * DAY
        self.try_(containment.extend, self.one(kind), until=end, reasons="longer")

    @rule(kind=st.sampled_from(["isolation", "quarantine"]), until=days)
    def shorten(self, kind: str, until: int) -> None:
        end = self.now.date() + until * DAY
        self.try_(containment.shorten, self.one(kind), until=end, reasons="shorter")

    @rule(kind=st.sampled_from(["isolation", "quarantine"]))
    def lift(self, kind: str) -> None:
        self.try_(containment.lift, self.one(kind), reasons="over")

    @rule(way=st.sampled_from(["oral", "post", "hand"]), on=st.integers(-5, 2))
    def serve(self, way: str, on: int) -> None:
        order = Order.objects.filter(monitoring__person=self.person).last()
        if order is not None:
            day = self.now.date() + on * DAY
            self.try_(containment.serve, order, way=way, effective_on=day)

    @rule(
        kind=st.sampled_from(["isolation", "quarantine"]),
        conclusion=st.sampled_from(["released", "lapsed", "moved", "erroneous"]),
    )
    def conclude(self, kind: str, conclusion: str) -> None:
        self.try_(containment.conclude, self.one(kind), conclusion=conclusion)

    @rule(kind=st.sampled_from(["isolation", "quarantine"]))
    def reopen(self, kind: str) -> None:
        self.try_(containment.reopen, self.one(kind))

    @rule(onset=st.integers(-15, 0))
    def revise(self, onset: int) -> None:
        changes = {
            "onset_kind": Case.Onset.DATE, "onset": self.now.date() + onset * DAY,
        }  # fmt: skip
        self.try_(intake.revise_case, self.case, changes=changes)

    # --- What always holds ------------------------------------------------------

    @invariant()
    def one_open_of_a_kind(self) -> None:
        for kind in ("isolation", "quarantine"):
            found = Monitoring.objects.open().filter(person=self.person, kind=kind)
            assert found.count() <= 1

    @invariant()
    def concluded_says_why_and_open_does_not(self) -> None:
        for one in Monitoring.objects.filter(person=self.person):
            assert one.is_open == (one.conclusion == "") == (one.concluded_at is None)

    @invariant()
    def the_end_is_that_of_the_newest_order(self) -> None:
        for one in Monitoring.objects.open().filter(person=self.person):
            ordered = containment.in_force(one)
            if ordered is not None:
                assert one.until == ordered.until

    @invariant()
    def what_was_issued_stays_as_it_was(self) -> None:
        orders = Order.objects.filter(
            monitoring__person=self.person, issued_at__isnull=False
        )
        found = {
            one.pk: (one.until, one.effect, one.reasons, str(one.steps), one.issued_at)
            for one in orders
        }
        for pk, frozen in self.issued.items():
            assert found[pk] == frozen
        self.issued = found

    @invariant()
    def there_is_one_proposal_at_most(self) -> None:
        for one in Monitoring.objects.filter(person=self.person):
            assert one.orders.filter(issued_at__isnull=True).count() <= 1
            if not one.is_open:
                assert not Escalation.objects.open().filter(monitoring=one).exists()

    @invariant()
    def the_audit_only_grows(self) -> None:
        count = Event.objects.count()
        assert count >= self.events
        self.events = count


def test_bar_48_no_course_breaks_a_rule(authority):
    Course.steps = Course.refused = 0
    run_state_machine_as_test(
        seed(48)(Course),
        settings=settings(
            max_examples=tries(2000),
            stateful_step_count=50,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    measured(
        48,
        f"{tries(2000)} courses, {Course.steps} steps, {Course.refused} of them "
        "refused by name",
    )
    assert Course.steps
