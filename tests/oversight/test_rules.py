"""Each rule over invented readings: where it begins to speak, where it is silent."""

import datetime as dt
import uuid
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from cases.models import Routine
from quarano.oversight import rules
from quarano.oversight.rules import Reading

ZONE = ZoneInfo("Europe/Berlin")
NOON = dt.datetime(2026, 11, 24, 11, tzinfo=dt.UTC)
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
ROUTINE = Routine()


def reading(at=NOON, kind="opened", **fields):
    return Reading(at, kind, fields.pop("person", uuid.uuid4()), **fields)


def found(readings, **more):
    told = rules.findings(readings, ROUTINE, zone=ZONE, **more)
    return [str(one.rule) for one in told]


def every(step, count, **fields):
    return [reading(NOON + n * step, **fields) for n in range(count)]


@pytest.mark.parametrize(
    ("street", "same"),
    [
        ("Uferweg 1", "uferweg 12 b"),
        ("Hauptstraße 3", "Hauptstr. 7"),
        ("Haupt Straße 3", "HAUPTSTRASSE 9a"),
    ],
)
def test_a_street_is_the_same_however_it_is_written(street, same):
    assert rules.street_of(street, "70001") == rules.street_of(same, "70001")
    assert rules.house_of(street, "70001") != rules.house_of(same, "70001")


def test_another_town_has_another_street():
    assert rules.street_of("Uferweg 1", "70001") != rules.street_of("Uferweg 1", "1")
    assert rules.street_of("", "70001") == rules.house_of("Uferweg", "70001") == ""


def test_somebody_of_the_own_name_is_unusual_without_a_reason():
    assert found([reading(shares_name=True)]) == ["own"]
    assert found([reading(shares_name=True, has_reason=True)]) == []
    assert found([reading(is_own=True, has_reason=True)]) == ["own"]


def test_three_houses_of_a_street_are_neighbours():
    houses = [reading(NOON + n * HOUR, street="s", house=f"s {n}") for n in range(3)]
    assert found(houses) == ["neighbours"]
    assert found(houses[:2]) == []
    assert found([replace(one, house="s 1") for one in houses]) == [], "one household"
    assert found([replace(one, has_reason=True) for one in houses]) == []
    assert found([replace(houses[n], at=NOON + n * 13 * HOUR) for n in range(3)]) == []


def test_searches_that_open_nobody_add_up():
    twelve = every(MINUTE, 12, kind="searched")
    assert found(twelve) == ["searches"]
    assert found(twelve[:11]) == []
    opened = [reading(one.at + MINUTE / 2) for one in twelve]
    assert found(twelve + opened) == []
    assert found(every(3 * MINUTE, 12, kind="searched")) == []


def test_an_hour_of_very_many_people():
    assert found(every(MINUTE, 60)) == ["mass"]
    assert found(every(MINUTE, 59)) == []
    assert found(every(MINUTE, 60, person=uuid.uuid4())) == [], "one person, over again"
    assert found(every(HOUR / 12, 250, has_reason=True)) == ["mass"], "a day of them"


def test_the_night_begins_and_ends_on_the_authoritys_clock():
    night = dt.datetime(2026, 11, 24, 21, tzinfo=dt.UTC)  # 22:00 in Germany
    assert found([reading(night + n * MINUTE) for n in range(5)]) == ["night"]
    assert found([reading(night + n * MINUTE) for n in range(4)]) == []
    assert found([reading(night + (n - 5) * MINUTE) for n in range(5)]) == []
    assert found([reading(night + n * MINUTE, has_reason=True) for n in range(5)]) == []
    morning = dt.datetime(2026, 11, 25, 4, tzinfo=dt.UTC)  # 5:00
    assert found([reading(morning + n * MINUTE) for n in range(5)]) == []


def test_one_export_at_night_is_enough():
    night = dt.datetime(2026, 11, 24, 23, tzinfo=dt.UTC)
    assert found([reading(night, kind="exported")]) == ["night"]
    assert found([reading(kind="exported")]) == []


def test_a_night_within_one_day_is_a_night_too():
    routine = Routine(alarm_night_from=dt.time(0), alarm_night_until=dt.time(6))
    assert rules.is_night(dt.time(5, 59), routine)
    assert not rules.is_night(dt.time(6), routine)
    assert not rules.is_night(dt.time(23), routine)


def test_people_of_others_are_unusual_but_for_who_supervises():
    ten = every(10 * MINUTE, 10, is_of_others=True)
    assert found(ten) == ["others"]
    assert found(ten[:9]) == []
    assert found(ten, supervises=True) == []
    assert found([replace(one, has_reason=True) for one in ten]) == []


def test_an_ended_account_that_tries_is_unusual():
    assert found([reading(kind="refused", person=None)]) == ["ended"]


def test_a_day_has_one_alarm_of_a_rule_and_the_next_another():
    two_days = [
        reading(NOON + day * 24 * HOUR + n * MINUTE)
        for day in range(2)
        for n in range(70)
    ]
    assert found(two_days) == ["mass", "mass"]


def test_very_many_people_in_lists_are_unusual_by_day():
    shown = every(dt.timedelta(seconds=5), 500, kind="listed")
    assert found(shown) == ["lists"]
    assert found(shown[:499]) == []
    again = every(dt.timedelta(seconds=5), 500, kind="listed", person=uuid.uuid4())
    assert found(again) == [], "the same person, poll after poll"


def test_print_runs_and_exports_add_up_by_day():
    runs = every(HOUR, 8, kind="exported", has_reason=True)
    assert found(runs) == ["exports"]
    assert found(runs[:7]) == []
