"""Figures on outbreaks computed by hand."""

import datetime as dt

import pytest

from contacts.transmission import figures, spread
from tests import factories
from tests.factories import DAY, TODAY


def test_the_curve_counts_by_the_day_that_is_asked_for(outbreak):
    outbreak.case(4)
    outbreak.case(4)
    outbreak.case(None, specimen_date=outbreak.day(6))
    found = figures.curve(outbreak.wanted())
    assert [(day, n) for day, n in found.days if n] == [(outbreak.day(4), 2)]
    assert found.undated == 1
    assert found.incomplete_from == TODAY - 2 * DAY
    found = figures.curve(outbreak.wanted(by="specimen"))
    assert [(day, n) for day, n in found.days if n] == [(outbreak.day(6), 1)]


def test_secondary_attack_is_cases_among_exposed(outbreak):
    index = outbreak.case(2)
    ill = outbreak.case(6)
    outbreak.met(index, ill.person, 3)
    outbreak.met(index, factories.PersonFactory(), 3)
    outbreak.met(index, factories.PersonFactory(), 3, setting="work")
    later = outbreak.case(25)
    outbreak.met(index, later.person, 4)  # after the incubation period: no case of it
    found = {one.setting: one for one in figures.secondary_attack(outbreak.wanted())}
    assert (found["household"].exposed, found["household"].cases) == (3, 1)
    assert (found["work"].exposed, found["work"].cases) == (1, 0)
    low, high = found["household"].interval
    assert 0 < low < 1 / 3 < high < 1


def test_serial_intervals_and_offspring_come_from_the_likeliest_pairs(outbreak):
    first, second, third = outbreak.case(1), outbreak.case(5), outbreak.case(7)
    outbreak.met(first, second.person, 2)
    outbreak.met(first, third.person, 3)
    outbreak.met(second, third.person, 3)
    link = factories.SourceLinkFactory(
        case=third, source=first, likely=True, found_by=outbreak.anna
    )
    assert link.likely
    assert figures.serial_intervals(outbreak.wanted()) == {4: 1, 6: 1}
    assert figures.offspring(outbreak.wanted()) == {0: 2, 2: 1}


def test_clusters_are_by_event_household_and_place(outbreak):
    home = {"street": "Uferweg 3", "postal_code": "70001"}
    family = [
        outbreak.case(day, person=factories.PersonFactory(**home)) for day in (3, 7, 9)
    ]
    singers = [outbreak.case(2), outbreak.case(7), outbreak.case(8)]
    outbreak.choir(3, *singers)
    for number in range(3):
        guest = outbreak.case(10 + number)
        outbreak.met(guest, factories.PersonFactory(), 9, place="Zum Löwen ",
                     setting="other")  # fmt: skip
    found = {one.kind: one for one in figures.clusters(outbreak.wanted())}
    assert found["household"].cases == 3
    assert found["household"].first_case == family[0].pk
    assert (found["event"].cases, found["event"].name) == (3, "Choir")
    assert (found["place"].cases, found["place"].name) == (3, "Zum Löwen")
    assert not figures.clusters(outbreak.wanted(), at_least=4)


def test_the_weights_of_the_serial_interval_have_its_mean():
    weights = spread.serial_weights()
    assert sum(weights) == pytest.approx(1)
    mean = sum((day + 1) * weight for day, weight in enumerate(weights))
    assert mean == pytest.approx(4.7, abs=0.15)


def series(growth, count=35):
    start = dt.date(2026, 10, 1)
    return [(start + n * DAY, round(20 * growth**n)) for n in range(count)]


def test_r_is_one_where_nothing_changes_and_more_where_it_grows():
    until = dt.date(2026, 12, 31)
    level = spread.reproduction(series(1.0), until=until)[-1]
    assert level.low < 1 < level.high
    assert level.mean == pytest.approx(1, abs=0.03)
    # Growth of 10 % a day: R = 1 / Σ w(s)·1.1^-s (Wallinga, Lipsitch 2007).
    exact = 1 / sum(
        weight * 1.1 ** -(day + 1) for day, weight in enumerate(spread.serial_weights())
    )
    growing = spread.reproduction(series(1.1), until=until)[-1]
    assert growing.mean == pytest.approx(exact, abs=0.03)
    assert growing.low > 1
    assert not spread.reproduction(series(1.0)[:8], until=until)
    few = [(day, 1 if n % 7 == 0 else 0) for n, (day, _c) in enumerate(series(1.0))]
    assert not spread.reproduction(few, until=until)


def test_k_is_small_where_few_infect_most():
    even = {1: 40}
    spreading = {0: 35, 1: 3, 12: 2}
    assert spread.dispersion(even) == pytest.approx(100, rel=0.01)
    assert spread.dispersion(spreading) < 0.2
    assert spread.dispersion({0: 5, 2: 3}) is None  # too few to be fair
    assert spread.dispersion({0: 50}) is None


def test_median_and_quantile_of_counts():
    assert spread.median({}) is None
    assert spread.median({2: 1, 4: 1}) == 3
    assert spread.median({2: 1, 4: 2}) == 4
    assert spread.quantile({1: 9, 7: 1}, 0.9) == 1
