"""Only the authorities that have work now are given a task."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import schema_context

from cases.models import Escalation, Monitoring, Routine
from diaries import tasks
from diaries.endings import end_due
from health_authorities.models import HealthAuthority
from health_authorities.tasks import in_authorities_with, local
from tests.diaries.conftest import DAY, ENDS, MONDAY, TUESDAY, at, monitoring_of, write

pytestmark = pytest.mark.django_db


def asked(query, now):
    given = []

    class Task:
        def apply_async(self, args):
            given.append(args[0])

    in_authorities_with(lambda schema: query(schema, now), Task())
    return given


@pytest.mark.parametrize(
    ("quiet", "awake_at", "asleep_at"),
    [
        ((dt.time(21), dt.time(8)), [8, 12, 20], [21, 0, 7]),
        ((dt.time(13), dt.time(15)), [12, 15, 0], [13, 14]),
    ],
)
def test_nobody_is_asked_for_reminders_in_quiet_hours(
    kolja, other_authority, quiet, awake_at, asleep_at
):
    Routine.objects.update(quiet_from=quiet[0], quiet_until=quiet[1])
    for hour in awake_at:
        assert asked(tasks.awake, at(TUESDAY, hour)) == ["neckartal"], hour
    for hour in asleep_at:
        assert asked(tasks.awake, at(TUESDAY, hour)) == [], hour


def test_quiet_hours_are_those_of_the_routine_in_force(kolja):
    Routine.objects.create(
        valid_from=TUESDAY + DAY,
        quiet_from=dt.time(12),
        quiet_until=dt.time(13),
        drafted_at=at(MONDAY, 8),
    )
    assert asked(tasks.awake, at(TUESDAY, 12)) == ["neckartal"]
    assert asked(tasks.awake, at(TUESDAY + DAY, 12)) == []


def test_the_hour_is_the_authoritys_own(authority, kolja):
    with schema_context("public"):
        mine = HealthAuthority.objects.filter(pk=authority.pk)
        mine.update(time_zone="Asia/Tokyo")
    assert asked(tasks.awake, at(TUESDAY, 12)) == ["neckartal"]  # 20:00 there
    assert asked(tasks.awake, at(TUESDAY, 13)) == []
    shown, values = local("neckartal", at(TUESDAY, 13))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {shown}", values)
        assert cursor.fetchone() == (dt.datetime.combine(TUESDAY, dt.time(21)),)


def test_only_who_keeps_a_diary_counts(kolja):
    assert asked(tasks.keeping, at(TUESDAY, 12)) == ["neckartal"]
    Monitoring.objects.update(enrolment="invited")
    assert asked(tasks.keeping, at(TUESDAY, 12)) == []


def test_endings_are_looked_for_from_the_last_day_on(kolja):
    assert asked(tasks.ending, at(ENDS - DAY, 23, 59)) == []
    assert asked(tasks.ending, at(ENDS, 0)) == ["neckartal"]


def test_what_was_said_of_an_end_that_moved_is_cleared(kolja, anna):
    end_due(now=at(ENDS, 8))
    assert Escalation.objects.open().filter(reason="ends_with_symptoms").exists()
    Monitoring.objects.update(until=ENDS + 3 * DAY)
    assert asked(tasks.ending, at(ENDS, 9)) == ["neckartal"]
    end_due(now=at(ENDS, 9))
    assert asked(tasks.ending, at(ENDS, 9)) == []


def test_an_ending_that_was_told_of_costs_nothing_more(kolja):
    end_due(now=at(ENDS, 8))
    found = Escalation.objects.get(reason="ends_with_symptoms")
    assert found.facts["unknown"] is True
    with CaptureQueriesContext(connection) as asked:
        end_due(now=at(ENDS, 8, 15))
    wrote = ("INSERT", "UPDATE", "DELETE")
    assert not [one for one in asked if one["sql"].startswith(wrote)]
    # What comes to be known is news again.
    write(kolja, ENDS, "morning", now=at(ENDS, 9), symptoms={"cough": 1})
    end_due(now=at(ENDS, 9, 15))
    found.refresh_from_db()
    assert found.facts["symptoms"] == ["cough"]
    assert monitoring_of(kolja).is_open


@time_machine.travel(at(TUESDAY, 23), tick=False)
def test_no_reminders_task_at_night(kolja, jobs_at_once, monkeypatch):
    given = []
    monkeypatch.setattr(tasks.remind, "apply_async", lambda args: given.append(args))
    tasks.remind_all()
    assert given == []
