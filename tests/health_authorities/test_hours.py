import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health_authorities.hours import (
    Hours,
    NoHours,
    holidays_of,
    loaded,
    parse,
    stored,
    written,
)

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
OFFICE = (dt.time(8), dt.time(16))
WORKDAYS = Hours(BERLIN, [[OFFICE]] * 5 + [[], []], "BW")
MONDAY = dt.date(2026, 11, 23)
FRIDAY, SATURDAY = MONDAY + 4 * DAY, MONDAY + 5 * DAY


def at(day, hour, minute=0):
    return dt.datetime.combine(day, dt.time(hour, minute), BERLIN).astimezone(dt.UTC)


# --- Days and nights -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "staffed"),
    [
        (at(MONDAY, 7, 59), False),
        (at(MONDAY, 8), True),
        (at(MONDAY, 15, 59), True),
        (at(MONDAY, 16), False),  # half-open
        (at(SATURDAY, 10), False),
    ],
)
def test_somebody_is_there_from_opening_until_closing(moment, staffed):
    assert WORKDAYS.is_staffed(moment) is staffed


def test_after_friday_comes_monday():
    assert WORKDAYS.next_opening(at(FRIDAY, 18)) == at(FRIDAY + 3 * DAY, 8)
    assert WORKDAYS.next_opening(at(FRIDAY, 7)) == at(FRIDAY, 8)
    assert WORKDAYS.next_opening(at(FRIDAY, 10)) == at(FRIDAY + 3 * DAY, 8)


def test_staffed_time_of_a_weekend_is_what_lies_beside_it():
    assert WORKDAYS.between(at(FRIDAY, 15), at(FRIDAY + 3 * DAY, 9)) == 2 * HOUR
    assert WORKDAYS.add(at(FRIDAY, 15), 2 * HOUR) == at(FRIDAY + 3 * DAY, 9)


def test_what_is_due_at_once_is_due_when_somebody_comes():
    assert WORKDAYS.add(at(SATURDAY, 3), dt.timedelta()) == at(FRIDAY + 3 * DAY, 8)
    assert WORKDAYS.add(at(MONDAY, 9), dt.timedelta()) == at(MONDAY, 9)


def test_what_fits_before_closing_is_due_at_closing():
    assert WORKDAYS.add(at(MONDAY, 15), HOUR) == at(MONDAY, 16)


def test_a_day_may_have_a_break():
    split = Hours(BERLIN, [parse("8-12, 13-16")] * 5 + [[], []])
    assert not split.is_staffed(at(MONDAY, 12, 30))
    assert split.staffed_until(at(MONDAY, 9)) == at(MONDAY, 12)
    assert split.next_opening(at(MONDAY, 12, 30)) == at(MONDAY, 13)
    assert split.between(at(MONDAY, 0), at(MONDAY + DAY, 0)) == 7 * HOUR


def test_a_night_shift_belongs_to_the_day_it_began():
    nights = Hours(BERLIN, [[], [], [], [], parse("22-6"), [], []])
    assert nights.is_staffed(at(SATURDAY, 5, 59))
    assert not nights.is_staffed(at(SATURDAY, 6))
    assert nights.next_opening(at(SATURDAY, 5)) == at(FRIDAY + 7 * DAY, 22)


def test_spans_that_meet_are_one_stretch():
    always = Hours(BERLIN, [parse("0-24")] * 7)
    assert always.is_staffed(at(MONDAY, 0))
    assert always.is_staffed(at(MONDAY, 23, 59))
    assert always.between(at(MONDAY, 0), at(MONDAY, 0) + 7 * DAY) == 7 * DAY
    late = Hours(BERLIN, [parse("16-24")] + [parse("0-4")] + [[]] * 5)
    assert late.staffed_until(at(MONDAY, 17)) == at(MONDAY + DAY, 4)


def test_nobody_knows_hours_that_nobody_has_said():
    unknown = Hours(BERLIN)
    assert not unknown.are_known
    assert not unknown.is_staffed(at(MONDAY, 10))
    assert unknown.next_opening(at(MONDAY, 10)) is None
    assert unknown.add(at(MONDAY, 10), HOUR) is None


# --- Holidays ------------------------------------------------------------------------


def of_state(subdivision):
    return Hours(BERLIN, [[OFFICE]] * 5 + [[], []], subdivision)


def test_a_holiday_of_one_state_is_a_day_like_others_in_the_next():
    # Corpus Christi, a Thursday: Baden-Württemberg yes, Brandenburg no.
    corpus = dt.date(2026, 6, 4)
    assert not of_state("BW").is_staffed(at(corpus, 10))
    assert of_state("BB").is_staffed(at(corpus, 10))
    # Reformation day 2025, a Friday: the other way round.
    reformation = dt.date(2025, 10, 31)
    assert of_state("BW").is_staffed(at(reformation, 10))
    assert not of_state("BB").is_staffed(at(reformation, 10))


def test_over_christmas_the_clock_stands():
    # 25 December 2026 is a Friday; Saturday is the second holiday.
    eve = dt.date(2026, 12, 24)
    assert WORKDAYS.next_opening(at(eve, 17)) == at(eve + 4 * DAY, 8)
    assert WORKDAYS.add(at(eve, 15), 2 * HOUR) == at(eve + 4 * DAY, 9)


def test_a_special_day_has_the_last_word():
    eve, christmas = dt.date(2026, 12, 24), dt.date(2026, 12, 25)
    hours = Hours(
        BERLIN, WORKDAYS.weekly, "BW", {eve: (), christmas: (parse("9-11")[0],)}
    )
    assert not hours.is_staffed(at(eve, 10))
    assert hours.is_staffed(at(christmas, 10))
    assert not hours.is_staffed(at(christmas, 12))


def test_holidays_have_names_in_both_languages():
    day = dt.date(2026, 10, 3)
    assert holidays_of("BW", 2026)[day] == "Tag der Deutschen Einheit"
    assert holidays_of("BW", 2026, "en")[day] == "German Unity Day"


# --- Clock changes -------------------------------------------------------------------

SPRING, AUTUMN = dt.date(2026, 3, 29), dt.date(2026, 10, 25)
ROUND = Hours(BERLIN, [parse("0-24")] * 7)


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (MONDAY, 24)])
def test_a_whole_day_has_its_hours(day, hours):
    assert ROUND.between(at(day, 0), at(day + DAY, 0)) == hours * HOUR


def test_a_night_over_the_clock_change_is_shorter_or_longer():
    nights = Hours(BERLIN, [parse("22-6")] * 7)
    assert nights.between(at(SPRING - DAY, 20), at(SPRING, 8)) == 7 * HOUR
    assert nights.between(at(AUTUMN - DAY, 20), at(AUTUMN, 8)) == 9 * HOUR
    assert nights.add(at(SPRING - DAY, 22), 7 * HOUR) == at(SPRING, 6)


def test_hours_that_spring_skips_are_no_time():
    gone = Hours(BERLIN, [parse("2:15-2:45")] * 7)
    day = at(SPRING, 0), at(SPRING + DAY, 0)
    assert gone.between(*day) == dt.timedelta(minutes=30)
    over = Hours(BERLIN, [parse("2:30-3:00")] * 7)
    assert over.between(*day) == dt.timedelta()


# --- For any hours -------------------------------------------------------------------

times = st.builds(dt.time, st.integers(0, 23), st.sampled_from([0, 15, 30]))


@st.composite
def days(draw):
    marks = sorted(draw(st.lists(times, max_size=4, unique=True)))
    pairs = list(zip(marks[::2], marks[1::2], strict=False))
    if pairs and draw(st.booleans()):
        # The last goes on past midnight, at most until the first of any day.
        pairs[-1] = (pairs[-1][0], dt.time(0))
    return pairs


any_hours = st.builds(
    Hours,
    zone=st.sampled_from([BERLIN, ZoneInfo("UTC"), ZoneInfo("America/St_Johns")]),
    weekly=st.lists(days(), min_size=7, max_size=7),
    subdivision=st.sampled_from(["", "BW", "BB"]),
    special=st.dictionaries(
        st.dates(dt.date(2026, 3, 20), dt.date(2026, 4, 10)), days(), max_size=3
    ),
)
moments = st.datetimes(
    dt.datetime(2026, 3, 20), dt.datetime(2026, 11, 10), timezones=st.just(dt.UTC)
)
spans = st.timedeltas(dt.timedelta(), 60 * HOUR)
PROPERTY = settings(max_examples=150, deadline=None, derandomize=True)


@PROPERTY
@given(any_hours, moments, spans, spans)
def test_staffed_time_adds_up(hours, start, first, second):
    middle, end = start + first, start + first + second
    whole = hours.between(start, end)
    assert whole == hours.between(start, middle) + hours.between(middle, end)
    assert dt.timedelta() <= whole <= end - start


@PROPERTY
@given(any_hours, moments, spans)
def test_adding_staffed_time_is_the_way_back_of_counting_it(hours, start, duration):
    end = hours.add(start, duration)
    if end is None:
        assert not hours.are_known or not hours.next_staffed(start) or duration > HOUR
        return
    assert end >= start
    assert hours.between(start, end) == duration
    # And no earlier instant will do.
    if duration:
        assert hours.between(start, end - dt.timedelta(seconds=1)) < duration


@PROPERTY
@given(any_hours, moments)
def test_opening_and_closing_agree_with_being_there(hours, moment):
    until, opening = hours.staffed_until(moment), hours.next_opening(moment)
    if until is not None:
        assert hours.is_staffed(until - dt.timedelta(seconds=1))
        assert not hours.is_staffed(until)
    if opening is not None:
        assert opening >= moment
        assert hours.is_staffed(opening)
        assert not hours.is_staffed(opening - dt.timedelta(seconds=1))
    if until is None and opening is not None:
        assert hours.between(moment, opening) == dt.timedelta()
        assert hours.next_staffed(moment) == opening


@PROPERTY
@given(days())
def test_hours_are_read_as_they_are_written(day):
    assert parse(written(day)) == sorted(day)
    assert loaded(stored(day)) == tuple(day)


# --- As people write them ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("8-16", "8:00-16:00"),
        ("8:00–12:00, 13.30 bis 16.45", "8:00-12:00, 13:30-16:45"),
        ("13-16; 8-12", "8:00-12:00, 13:00-16:00"),
        ("0-24", "0:00-24:00"),
        ("22-6", "22:00-6:00"),
        ("22-0:30", "22:00-0:30"),
        (" ", ""),
    ],
)
def test_hours_are_understood(text, found):
    assert written(parse(text)) == found


@pytest.mark.parametrize(
    "text",
    ["8", "8-25", "24-8", "8-8", "8-12, 11-16", "20-4, 22-23", "morning", "8-24:30"],
)
def test_what_is_no_hours_is_refused(text):
    with pytest.raises(NoHours):
        parse(text)
