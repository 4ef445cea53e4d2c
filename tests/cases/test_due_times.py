import datetime as dt

import pytest
from django.core.exceptions import ValidationError

from cases import containment, daily_rules, due_times, escalation
from cases.models import Disease, Escalation, Routine
from tests import factories as make

Reason = Escalation.Reason
HOUR = dt.timedelta(hours=1)
FRIDAY = dt.datetime(2026, 11, 27, 14, 0, tzinfo=dt.UTC)  # 15:00
MONDAY = dt.datetime(2026, 11, 30, 7, 0, tzinfo=dt.UTC)  # 8:00


@pytest.fixture
def office(authority):
    """Staffed Monday to Friday from 8:00 to 16:00."""
    authority.staffed_hours = [[["08:00", "16:00"]]] * 5 + [[], []]
    yield authority
    authority.staffed_hours = []


@pytest.fixture
def monitoring(office):
    return make.MonitoringFactory()


def due_of(monitoring, reason, now=FRIDAY):
    found = escalation.raise_(monitoring, reason, occasion="x", facts={}, now=now)
    return found.due_at


def test_a_medical_reason_never_waits_for_monday(monitoring):
    for reason in Escalation.MEDICAL:
        assert due_of(monitoring, reason) <= FRIDAY + 4 * HOUR
        assert not due_times.runs_in_staffed_hours(reason, now=FRIDAY)


def test_no_authority_can_let_a_medical_clock_stand():
    assert not set(due_times.MAY_STAND) & Escalation.MEDICAL
    assert not set(due_times.MAY_STAND) & {
        Reason.ENDS, Reason.ENDS_WITH_SYMPTOMS, Reason.LAPSED_UNDECIDED,
    }  # fmt: skip
    Routine.objects.all()
    routine = Routine(valid_from=make.TODAY, staffed_clock=["emergency"])
    with pytest.raises(ValidationError):
        routine.clean()


def test_a_detail_that_is_missing_can_wait_until_somebody_is_there(monitoring):
    assert due_of(monitoring, Reason.DETAILS_MISSING) == MONDAY
    # On a Monday it is the noon of Tuesday, as ever.
    assert due_of(monitoring, Reason.NOT_REGISTERED, MONDAY) == MONDAY + 28 * HOUR


def test_eight_hours_are_staffed_hours(monitoring):
    # One on Friday, seven on Monday.
    assert due_of(monitoring, Reason.MESSAGE_FAILED) == MONDAY + 7 * HOUR


def test_over_christmas_nothing_of_that_is_due(monitoring):
    eve = dt.datetime(2026, 12, 24, 14, 0, tzinfo=dt.UTC)
    monday = dt.datetime(2026, 12, 28, 7, 0, tzinfo=dt.UTC)
    assert due_of(monitoring, Reason.MESSAGE_FAILED, eve) == monday + 7 * HOUR


def test_where_nobody_said_the_hours_every_clock_runs(monitoring, office):
    office.staffed_hours = []
    assert due_of(monitoring, Reason.MESSAGE_FAILED) == FRIDAY + 8 * HOUR


def first_call(office, now):
    monitoring = containment.open_monitoring(
        make.PersonFactory(),
        kind="quarantine",
        disease=Disease.objects.get(),
        anchor_kind="last_exposure",
        anchor_day=office.localdate(now),
        reported_at=now,
        by=make.AnnaFactory(),
        now=now,
    )
    return Escalation.objects.get(monitoring=monitoring, reason=Reason.FIRST_CALL)


def test_the_first_call_is_due_in_24_hours_of_any_kind(office):
    assert first_call(office, FRIDAY).due_at == FRIDAY + 24 * HOUR


def test_an_authority_may_count_the_first_call_in_staffed_hours(office):
    Routine.objects.update(staffed_clock=["first_call"], first_call_hours=4)
    found = first_call(office, FRIDAY)
    assert found.due_at == MONDAY + 3 * HOUR
    # Nor is it overdue at the weekend.
    daily_rules.run(FRIDAY + 24 * HOUR)
    found.refresh_from_db()
    assert found.settled_at is None
    daily_rules.run(MONDAY + 4 * HOUR)
    late = Escalation.objects.get(reason=Reason.FIRST_CALL_OVERDUE)
    assert late.due_at == MONDAY + 3 * HOUR
    assert due_times.runs_in_staffed_hours(late.reason, now=MONDAY)
