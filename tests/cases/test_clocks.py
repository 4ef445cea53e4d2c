"""The clocks: who counts, where somebody stands, and the list behind each number."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as some

from cases import clocks
from cases.clocks import Clock, Place, Sort, State
from cases.models import Monitoring, ProtectedCircle
from tests import factories as make
from tests.conftest import ON_COCKROACH

NOW = make.NOW
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
pytestmark = pytest.mark.usefixtures("authority")


def monitoring(reported, *, called=None, enrolled=None, over=None, told=None, **fields):
    """One reported that many hours ago; the others are hours after the report."""
    at = NOW - reported * HOUR
    after = {
        "first_called_at": called,
        "enrolled_at": enrolled,
        "concluded_at": over,
        "told_at": told,
    }
    moments = {k: at + v * HOUR for k, v in after.items() if v is not None}
    if over is not None:
        fields = {"status": "concluded", "conclusion": "lapsed", **fields}
    return make.MonitoringFactory(reported_at=at, **moments, **fields)


def clock(name):
    return next(one for one in clocks.read(now=NOW).clocks if one.clock == name)


def counts(name):
    one = clock(name)
    return one.in_time, one.late, one.running


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"reported": 30, "called": 24}, (1, 0, 0)),
        ({"reported": 30, "called": 24.01}, (0, 1, 0)),
        ({"reported": 24}, (0, 0, 1)),
        ({"reported": 24.01}, (0, 1, 0)),
        # Whoever enrolled was reached as well.
        ({"reported": 30, "enrolled": 5}, (1, 0, 0)),
        ({"reported": 60, "called": 40, "enrolled": 5}, (1, 0, 0)),
        # Nobody falls out of the figure by waiting longer than its window.
        ({"reported": 24 * 30}, (0, 1, 0)),
        ({"reported": 24 * 30, "called": 3}, (0, 0, 0)),
        # Released unreached: in time the clock was stopped, later it was too late.
        ({"reported": 60, "over": 20}, (0, 0, 0)),
        ({"reported": 60, "over": 30}, (0, 1, 0)),
    ],
)
def test_a_call_counts_from_the_report_to_the_hour(fields, expected):
    monitoring(**fields)
    assert counts(Clock.CALLED) == expected


def test_what_was_recorded_in_error_is_on_no_clock():
    by = make.UserFactory(roles=["case_worker"])
    monitoring(60, over=50, conclusion="erroneous", concluded_by=by)
    assert clocks.read(now=NOW).is_empty


def test_enrolment_has_its_own_hours_and_none_for_who_is_entered_by_phone():
    monitoring(50, called=1, enrolled=48)
    monitoring(50, called=1, enrolled=49)
    monitoring(50, called=1)
    monitoring(40, called=1)
    monitoring(90, called=1, enrolment="by_phone")
    assert counts(Clock.ENROLLED) == (1, 2, 1)
    assert clock(Clock.ENROLLED).still_late == 1
    assert counts(Clock.CALLED) == (5, 0, 0)


def test_the_hours_are_those_of_the_routine(authority):
    make.RoutineFactory(
        valid_from=authority.localdate(NOW), first_call_hours=6, enrolled_hours=12
    )
    monitoring(20, called=7, enrolled=11)
    assert counts(Clock.CALLED) == (0, 1, 0)
    assert counts(Clock.ENROLLED) == (1, 0, 0)
    assert [one.hours for one in clocks.read(now=NOW).clocks] == [6, 12, 48]


def test_the_median_is_the_middle_of_what_took_how_long():
    for hours in (1, 2, 30):
        monitoring(40, called=hours)
    monitoring(40)  # runs: says nothing yet about how long it takes
    assert clock(Clock.CALLED).median == 2 * HOUR
    # Recorded after the call: it took no time, not less than none.
    Monitoring.objects.all().delete()
    monitoring(1, called=-3)
    assert clock(Clock.CALLED).median == 0 * HOUR


def test_a_share_is_rounded_down_and_missing_before_anything_is_decided():
    monitoring(1)
    assert clock(Clock.CALLED).share is None
    for _ in range(199):
        monitoring(30, called=1)
    monitoring(30)
    assert clock(Clock.CALLED).share == 99


def test_reports_are_counted_by_the_authoritys_own_days(authority):
    midnight = authority.at(authority.localdate(NOW), dt.time.min)
    second = dt.timedelta(seconds=1)
    for at in (midnight, midnight - second, midnight - DAY, midnight - DAY - second):
        make.MonitoringFactory(reported_at=at)
    read = clocks.read(now=NOW)
    assert (read.today, read.yesterday) == (1, 2)


def test_all_clocks_are_read_in_one_statement_whatever_there_is():
    make.RoutineFactory(valid_from=make.TODAY)
    clocks.read(now=NOW)
    for number in range(5):
        monitoring(number * 20, called=number)
    with CaptureQueriesContext(connection) as asked:
        clocks.read(now=NOW)
    assert len(asked) <= 2  # the routine, and all the rest


EVERY_LIST = [(clock, state) for clock in Clock for state in clocks.STATES[clock]]


@pytest.fixture
def many():
    """Everybody anybody could be: reported, called, enrolled, released."""
    for reported in (1, 23, 25, 30, 47, 49, 60, 24 * 9):
        for called in (None, 1, 26):
            for enrolled in (None, 2, 50):
                fits = all(
                    hour is None or hour < reported for hour in (called, enrolled)
                )
                if fits:
                    monitoring(reported, called=called, enrolled=enrolled)
        if reported > 24:
            monitoring(reported, over=reported - 1)
    monitoring(30, enrolment="by_phone")
    monitoring(30, told=2)


@pytest.mark.parametrize(("name", "state"), EVERY_LIST)
def test_each_number_opens_exactly_its_people(many, anna, name, state):
    read = clocks.read(now=NOW)
    numbers = {State.TODAY: read.today, State.YESTERDAY: read.yesterday}
    for one in read.clocks:
        if one.clock == name:
            numbers |= {
                State.LATE: one.late, State.RUNNING: one.running,
                State.IN_TIME: one.in_time,
            }  # fmt: skip
    found = clocks.people(name, state, user=anna, now=NOW)
    assert len(found.rows) == numbers[state]
    if name != Clock.REPORTED:
        assert found.rows, "this list is never empty here"


@pytest.mark.parametrize("sort", Sort.values)
def test_pages_follow_each_other_without_a_gap_or_a_repetition(
    many, anna, sort, monkeypatch
):
    whole = clocks.people("called", "late", user=anna, now=NOW, sort=sort)
    assert whole.next is None
    monkeypatch.setattr(clocks, "PAGE", 3)
    seen, after, now = [], None, NOW
    while True:
        page = clocks.people(
            "called", "late", user=anna, now=now, sort=sort, after=after
        )
        seen += [row.pk for row in page.rows]
        if page.next is None:
            break
        # Clocks run on while somebody reads; the pages stay those of the first.
        now += 5 * HOUR
        after = Place.read(str(page.next), now=now)
    assert seen == [row.pk for row in whole.rows]


def test_who_waits_longest_stands_first_where_that_is_asked_for(anna):
    late = monitoring(60, called=40)
    waiting = monitoring(50)
    found = clocks.people("called", "late", user=anna, now=NOW, sort="longest")
    assert [row.pk for row in found.rows] == [waiting.pk, late.pk]
    assert [row.took for row in found.rows] == [50 * HOUR, 40 * HOUR]


def test_a_protected_person_is_counted_and_named_to_the_circle_only(anna):
    hidden = monitoring(30, person=make.PersonFactory(protected=True)).person
    other = monitoring(30).person
    found = clocks.people("called", "late", user=anna, now=NOW, sort="name")
    assert [row.is_hidden for row in found.rows] == [True, False]
    assert found.shown == [other.pk]
    ProtectedCircle.objects.create(person=hidden, user=anna)
    found = clocks.people("called", "late", user=anna, now=NOW, sort="name")
    assert set(found.shown) == {hidden.pk, other.pk}


@given(some.text(max_size=120))
def test_any_text_as_a_place_is_refused_or_taken_without_an_error(text):
    place = Place.read(text, now=NOW)
    assert place is None or place.at <= NOW


@pytest.mark.parametrize("sort", [Sort.OLDEST, Sort.NEWEST, Sort.LONGEST])
def test_a_place_with_a_value_that_nobody_wrote_shows_nobody(anna, sort):
    pk = monitoring(30).pk
    place = Place(NOW, "9" * 40, pk)
    found = clocks.people("called", "late", user=anna, now=NOW, sort=sort, after=place)
    assert found.rows == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"reported": 3},
            [
                ("called", "running", 3),
                ("enrolled", "running", 3),
                ("told", "running", 3),
            ],
        ),
        (
            {"reported": 60, "called": 2, "enrolled": 50},
            [
                ("called", "in_time", 2),
                ("enrolled", "late", 50),
                ("told", "late", 60),
            ],
        ),
        (
            {"reported": 60, "enrolment": "by_phone"},
            [("called", "late", 60), ("told", "late", 60)],
        ),
        ({"reported": 60, "over": 20}, []),
    ],
)
def test_the_file_says_the_same_of_one_person(fields, expected):
    own = clocks.of(monitoring(**fields), now=NOW)
    assert [(one.clock, one.state, one.took / HOUR) for one in own] == expected


def test_contacts_are_told_so_soon_after_the_report_of_the_case():
    monitoring(10, told=2, case_reported_at=NOW - 40 * HOUR)
    monitoring(10, told=2, case_reported_at=NOW - 60 * HOUR)
    monitoring(10, told=2, kind="isolation")
    assert counts(Clock.TOLD) == (1, 1, 0)


def test_the_file_agrees_with_every_number(many, anna):
    for name, state in EVERY_LIST:
        if name == Clock.REPORTED:
            continue
        for row in clocks.people(name, state, user=anna, now=NOW).rows:
            own = {one.clock: one for one in clocks.of(row, now=NOW)}
            assert own[name].state == state
            assert own[name].took == row.took


@pytest.mark.skipif(ON_COCKROACH, reason="its plans read otherwise")
def test_nobody_is_sought_by_reading_the_whole_table():
    """At 100,000 people only the last week and who still waits are read."""
    with connection.cursor() as cursor:
        # A handful of rows is always read as a whole.
        cursor.execute("SET LOCAL enable_seqscan = off")
        sql, values = clocks._on_clocks(NOW).query.sql_with_params()
        cursor.execute(f"EXPLAIN {sql}", values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "monitoring_reported" in plan
    assert "monitoring_waits" in plan
