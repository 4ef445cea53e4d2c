import datetime as dt

import pytest

from cases import escalation, settling
from cases.models import Case, Escalation
from tests import world as worlds

Reason, Outcome = Escalation.Reason, Escalation.Outcome
EARLIER = worlds.TODAY - 6 * worlds.DAY


@pytest.fixture
def world(authority):
    return worlds.build()


def differing(case):
    return escalation.raise_(
        case,
        Reason.ONSET_DIFFERS,
        occasion=EARLIER.isoformat(),
        facts={"diary": EARLIER.isoformat(), "case": case.onset.isoformat()},
        now=worlds.NOW,
    )


def decide(found, world, outcome):
    by = world.staff["case_worker"]
    return settling.settle(found, outcome=outcome, by=by, now=worlds.NOW)


def test_a_confirmed_onset_moves_the_case_and_its_proposal(world):
    case = Case.objects.get(person=world.ida)
    before = case.onset
    settled = decide(differing(case), world, Outcome.CONFIRMED)
    case.refresh_from_db()
    assert (case.onset, case.onset_source) == (EARLIER, Case.OnsetSource.DIARY)
    assert settled.outcome == Outcome.CONFIRMED
    proposed = case.monitorings.get().orders.proposed().get()
    moved = before - EARLIER
    assert moved > dt.timedelta()
    ordered = case.monitorings.get().orders.issued().get()
    assert proposed.until == ordered.until - moved


def test_a_kept_onset_changes_nothing_and_does_not_come_back(world):
    case = Case.objects.get(person=world.ida)
    before = case.onset
    decide(differing(case), world, Outcome.KEPT)
    case.refresh_from_db()
    assert case.onset == before
    assert differing(case) is None


def test_other_reasons_settle_as_ever(world):
    found = Escalation.objects.open().filter(person=world.ida, reason="fever").get()
    assert decide(found, world, Outcome.DOCTOR).outcome == Outcome.DOCTOR


def test_assigning_gives_the_person_over_even_where_the_escalations_were_mine(world):
    anna, oemer = world.staff["case_worker"], world.staff["supervisor"]
    mine = Escalation.objects.open().filter(person=world.ida)
    mine.update(assigned_to=anna)
    escalation.assign(mine, to=anna, by=oemer, now=worlds.NOW)
    assert world.ida.monitorings.get().assigned_to == anna
