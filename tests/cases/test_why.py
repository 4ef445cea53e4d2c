"""Why somebody is on the worklist: every reason has a rule, a version and an end."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases.models import Escalation, Routine
from cases.why import ENDS, why
from tests import factories as make

NOW, DAY = make.NOW, make.DAY
Reason = Escalation.Reason
pytestmark = pytest.mark.usefixtures("authority")


def raised(reason, **fields):
    monitoring = fields.pop("monitoring", None) or make.MonitoringFactory()
    return make.EscalationFactory(
        reason=reason, person=monitoring.person, monitoring=monitoring, **fields
    )


@pytest.mark.parametrize("reason", Reason.values)
def test_every_reason_is_explained(reason):
    told = why(raised(reason))
    assert told.rule.endswith(".")
    assert told.ends.endswith(".")
    assert told.version


@pytest.mark.parametrize("reason", sorted(Escalation.MEDICAL))
def test_a_medical_reason_never_says_that_it_goes_by_itself(reason):
    assert ENDS[reason] == "official"
    assert "official settles" in why(raised(reason)).ends


@pytest.fixture
def policy():
    return make.PolicyFactory(
        valid_from=dt.date(2026, 3, 1), fever_cases="39.1", fever_contacts="37.7",
        source="Guideline of March", groups=[{"group": "A", "count": 1},
                                             {"group": "B", "count": 2}],
        oxygen_emergency=91,
    )  # fmt: skip


def test_the_numbers_are_those_of_the_version_that_raised_it(policy):
    told = why(raised("emergency", policy=policy))
    assert "91" in told.rule
    assert told.version == "COVID-19, rules of 1 Mar 2026"
    assert told.source == "Guideline of March"
    assert "1 of group A or 2 of group B" in why(raised("group", policy=policy)).rule


def test_fever_has_one_limit_for_cases_and_one_for_contacts(policy):
    case = make.MonitoringFactory(kind="isolation", case=make.CaseFactory())
    assert "39.1" in why(raised("fever", policy=policy, monitoring=case)).rule
    assert "37.7" in why(raised("fever", policy=policy)).rule
    # What was the limit then is what the sentence says.
    facts = {"limit": "37.5", "temperature": "38.0"}
    told = why(raised("fever", policy=policy, facts=facts))
    assert "37.5" in told.rule
    assert "38.0" in told.facts


def test_the_routine_is_that_of_the_day_it_was_raised():
    Routine.objects.all().delete()
    for day, hours in ((make.TODAY - 10 * DAY, 20), (make.TODAY, 30)):
        make.RoutineFactory(valid_from=day, silent_after_hours=hours)
    before = why(raised("silent", raised_at=NOW - DAY))
    today = why(raised("silent", raised_at=NOW))
    assert "20 hours" in before.rule
    assert "30 hours" in today.rule
    assert before.version != today.version
    assert before.source == ""


def test_explaining_many_asks_for_the_routines_once(settings):
    settings.AUTHORITY_CACHE_SECONDS = 30
    from health_authorities import memory

    memory.forget()
    found = list(
        Escalation.objects.filter(
            pk__in=[raised(reason).pk for reason in ("silent", "ends", "first_call")]
        ).select_related("policy__disease", "monitoring")
    )
    with CaptureQueriesContext(connection) as asked:
        for one in found:
            why(one, symptoms={})
    memory.forget()
    assert len(asked) <= 1
