import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diaries.slots import DAY, EVENING, MORNING, Slot, between

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Times:
    slots_per_day: int = 2
    morning_from: dt.time = dt.time(6)
    evening_from: dt.time = dt.time(17)
    entry_open_hours: int = 24


TWO, ONE = Times(), Times(slots_per_day=1)
# Twenty years, with forty changes of the clock.
moments = st.datetimes(
    dt.datetime(2015, 1, 1), dt.datetime(2035, 12, 31), timezones=st.just(dt.UTC)
)
changes = st.sampled_from(
    [
        dt.datetime(2026, 3, 29, 1, tzinfo=dt.UTC),
        dt.datetime(2026, 10, 25, 1, tzinfo=dt.UTC),
        dt.datetime(2027, 3, 28, 1, tzinfo=dt.UTC),
        dt.datetime(2027, 10, 31, 1, tzinfo=dt.UTC),
    ]
)
near_changes = st.builds(
    lambda change, minutes: change + dt.timedelta(minutes=minutes),
    changes,
    st.integers(-36 * 60, 36 * 60),
)
# Beginnings also in the hours that a change skips or repeats.
routines = st.builds(
    Times,
    st.sampled_from([1, 2]),
    st.times(dt.time(0), dt.time(10)).map(lambda t: t.replace(second=0, microsecond=0)),
    st.times(dt.time(13), dt.time(23)).map(
        lambda t: t.replace(second=0, microsecond=0)
    ),
)


def around(slot):
    return between(slot.previous.previous, slot.next.next)


@pytest.mark.bar(49)
@given(st.one_of(moments, near_changes), routines)
def test_every_instant_lies_in_exactly_one_slot(moment, times):
    slot = Slot.at(BERLIN, moment, times)
    holding = [
        one
        for one in around(slot)
        if one.opens(BERLIN, times) <= moment < one.ends(BERLIN, times)
    ]
    assert holding == [slot]


@pytest.mark.bar(49)
@given(st.one_of(moments, near_changes), st.sampled_from([ONE, TWO]))
def test_slots_follow_each_other_without_gap_or_overlap(moment, times):
    slot = Slot.at(BERLIN, moment, times)
    assert slot.ends(BERLIN, times) == slot.next.opens(BERLIN, times)
    assert slot.next.previous == slot == slot.previous.next
    assert slot.previous < slot < slot.next


@given(moments, st.sampled_from([ONE, TWO]))
def test_the_boundary_belongs_to_the_slot_that_begins(moment, times):
    slot = Slot.at(BERLIN, moment, times)
    opens = slot.opens(BERLIN, times)
    assert Slot.at(BERLIN, opens, times) == slot
    before = opens - dt.timedelta(microseconds=1)
    assert Slot.at(BERLIN, before, times) == slot.previous


@pytest.mark.bar(49)
@pytest.mark.parametrize("times", [TWO, ONE])
@pytest.mark.parametrize(
    "day",
    [(2026, 3, 28), (2026, 3, 29), (2026, 10, 24), (2026, 10, 25), (2026, 11, 17)],
)
@pytest.mark.parametrize("hour", [6, 17])
def test_a_microsecond_at_each_boundary(times, day, hour):
    boundary = dt.datetime(*day, hour, tzinfo=BERLIN).astimezone(dt.UTC)
    tick = dt.timedelta(microseconds=1)
    day = dt.date(*day)
    if times is ONE:
        here = Slot(day, DAY)
        before = here.previous if hour == 6 else here
    else:
        here = Slot(day, MORNING if hour == 6 else EVENING)
        before = here.previous
    assert Slot.at(BERLIN, boundary - tick, times) == before
    assert Slot.at(BERLIN, boundary, times) == here
    assert Slot.at(BERLIN, boundary + tick, times) == here


@given(
    st.dates(dt.date(2000, 1, 1), dt.date(2200, 1, 1)),
    st.sampled_from([MORNING, EVENING, DAY]),
)
def test_a_key_names_its_slot(day, half):
    assert Slot.from_key(Slot(day, half).key) == Slot(day, half)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "morning",
        "2026-11-17-noon",
        "2026-13-01-day",
        "9999-12-31-evening",
        "1999-12-31-day",
    ],
)
def test_what_is_no_key_is_refused(key):
    with pytest.raises(ValueError, match=r".*"):
        Slot.from_key(key)


def test_an_evening_counts_for_the_day_it_began():
    night = dt.datetime(2026, 11, 18, 3, tzinfo=BERLIN)
    assert Slot.at(BERLIN, night, TWO) == Slot(dt.date(2026, 11, 17), EVENING)


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 10, 24), 14), ((2026, 3, 28), 12), ((2026, 11, 17), 13)]
)
def test_an_evening_is_as_long_as_the_clock_makes_it(day, hours):
    slot = Slot(dt.date(*day), EVENING)
    length = slot.ends(BERLIN, TWO) - slot.opens(BERLIN, TWO)
    assert length == hours * HOUR


def test_an_entry_is_open_until_24_hours_after_its_slot():
    slot = Slot(dt.date(2026, 11, 17), MORNING)
    deadline = slot.deadline(BERLIN, TWO)
    assert deadline == dt.datetime(2026, 11, 18, 17, tzinfo=BERLIN)


@pytest.mark.parametrize(("half", "times"), [(EVENING, TWO), (DAY, ONE)])
def test_the_last_slot_ends_at_midnight_for_entry_and_judgement(half, times):
    day = dt.date(2026, 11, 21)
    midnight = dt.datetime(2026, 11, 22, tzinfo=BERLIN)
    slot = Slot(day, half)
    assert slot.ends(BERLIN, times, last_day=day) == midnight
    assert slot.deadline(BERLIN, times, last_day=day) == midnight
    assert slot.previous.deadline(BERLIN, times, last_day=day) > slot.previous.ends(
        BERLIN, times
    )
