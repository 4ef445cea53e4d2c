"""The order of the worklist, its filters and its sum."""

import datetime as dt

import pytest
from django.http import QueryDict

from cases import escalation, worklist
from cases.models import Escalation, Person
from cases.worklist import Filters
from tests.desk.conftest import NOW, raise_for

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def read(user, query="", now=NOW):
    return worklist.worklist(user, now=now, filters=Filters.read(QueryDict(query)))


def names(found):
    return [row.person.given_name for row in found.rows]


def old(years):
    return {"birth_date": dt.date(NOW.year - years, 1, 1)}


def test_one_row_per_person_led_by_the_most_urgent_reason(anna, now, follow):
    kolja = follow("Kolja Busch")
    raise_for(kolja, "entry_missing", facts={"slots": 2})
    raise_for(kolja, "fever")
    (row,) = read(anna).rows
    assert (row.lead.reason, row.others) == ("fever", 1)
    assert row.fact == "38.9\xa0°C, limit 37.9\xa0°C"
    assert row.band == Escalation.Band.ACT_NOW


def test_an_emergency_sign_comes_first_whatever_the_sum_says(anna, now, follow):
    raise_for(follow("Old Alone", lives_alone=True, **old(85)), "worsening", worse=True)
    raise_for(follow("Young Breathless", **old(25)), "emergency")
    assert names(read(anna)) == ["Young", "Old"]


def test_bands_come_before_the_sum(anna, now, follow):
    raise_for(follow("Waits Long", lives_alone=True, **old(85)), "entry_missing")
    raise_for(follow("Young Fever", **old(25)), "fever")
    found = read(anna)
    assert names(found) == ["Young", "Waits"]
    assert [(band.band, band.count) for band in found.bands] == [(1, 1), (3, 1)]


def test_an_old_and_silent_one_comes_before_a_first_call_due_in_hours(
    anna, now, follow
):
    raise_for(follow("First Call", **old(40)), "first_call", due_at=NOW + 4 * HOUR)
    zofia = follow("Zofia Ł", lives_alone=True, **old(81))
    Person.objects.filter(pk=zofia.pk).update(last_entry_at=NOW - 52 * HOUR)
    zofia.monitorings.update(opened_at=NOW - 5 * DAY)
    raise_for(zofia, "silent", due_at=NOW + 5 * HOUR)
    assert names(read(anna)) == ["Zofia", "First"]


@pytest.mark.parametrize(
    ("factor", "value", "reason", "person", "raised"),
    [
        ("Risk", 1, "first_call", {"birth_date": dt.date(1990, 1, 1)}, {}),
        ("Risk", 2, "first_call", {"birth_date": dt.date(1950, 1, 1)}, {}),
        ("Risk", 1.5, "first_call", {"lives_alone": True}, {}),
        ("Risk", 2, "fever", {}, {}),
        ("Trend", 1, "first_call", {}, {}),
        ("Trend", 1.5, "fever", {}, {}),
        ("Trend", 2, "worsening", {}, {}),
        ("Due", 3, "first_call", {}, {"due_at": NOW - 5 * HOUR}),
        ("Due", 2, "first_call", {}, {"due_at": NOW - HOUR}),
        ("Due", 1.5, "first_call", {}, {"due_at": NOW + HOUR / 2}),
        ("Due", 1, "first_call", {}, {"due_at": NOW + 3 * HOUR}),
        ("Due", 0.5, "first_call", {}, {"due_at": NOW + 24 * HOUR}),
        ("Silence", 1, "first_call", {}, {}),
        ("Silence", 1.5, "first_call", {"last_entry_at": NOW - 24 * HOUR}, {}),
        ("Silence", 2, "first_call", {"last_entry_at": NOW - 48 * HOUR}, {}),
    ],
)
def test_the_sum_has_four_factors(
    anna, now, follow, factor, value, reason, person, raised
):
    kolja = follow(**person)
    if "last_entry_at" in person:
        kolja.monitorings.update(opened_at=NOW - 9 * DAY)
    raise_for(kolja, reason, **raised)
    (row,) = read(anna).rows
    found = {one.label: one.value for one in row.factors}
    assert list(found) == ["Risk", "Trend", "Silence", "Due"]
    assert found[factor] == value
    assert row.score == pytest.approx(
        found["Risk"] * found["Trend"] * found["Silence"] * found["Due"]
    )


def test_an_eased_fever_weighs_less(anna, now, follow):
    kolja = follow()
    raise_for(kolja)
    escalation.ease(kolja, ["fever"], now=NOW)
    (row,) = read(anna).rows
    assert {one.label: one.value for one in row.factors}["Trend"] == 0.5
    assert row.band == Escalation.Band.DUE_TODAY


def test_what_is_late_moves_up_a_band(anna, now, follow):
    raise_for(follow(), "first_call", due_at=NOW + HOUR)
    assert read(anna).rows[0].band == Escalation.Band.DUE_TODAY
    assert read(anna, now=NOW + 2 * HOUR).rows[0].band == Escalation.Band.ACT_NOW


def test_tabs_show_mine_everybodys_and_what_sleeps(anna, oemer, now, follow):
    mine, other, asleep = (raise_for(follow(name)) for name in ("M M", "O O", "S S"))
    escalation.assign([mine], to=anna, by=anna, now=NOW)
    escalation.assign([other], to=oemer, by=anna, now=NOW)
    escalation.snooze(asleep, until=NOW + HOUR, by=anna, now=NOW)
    assert names(read(anna)) == ["M"]
    assert set(names(read(anna, "tab=all"))) == {"M", "O"}
    assert names(read(anna, "tab=snoozed")) == ["S"]
    assert set(names(read(anna, "tab=all", now=NOW + HOUR))) == {"M", "O", "S"}
    counts = {tab["label"]: tab["count"] for tab in read(anna).tabs}
    assert counts == {"Assigned to me": 1, "Everybody": 2, "Snoozed": 1}


def test_with_nothing_of_mine_everybody_is_shown(anna, now, follow):
    raise_for(follow())
    assert read(anna).filters.tab == "all"
    assert names(read(anna, "tab=mine")) == []


def test_supervisors_see_who_is_silent(anna, oemer, now, follow):
    raise_for(follow("Silent S"), "silent", facts={"hours": 50})
    raise_for(follow("Fever F"))
    assert names(read(oemer, "tab=supervisor")) == ["Silent"]
    assert "For supervisors" not in [tab["label"] for tab in read(anna).tabs]
    assert read(anna, "tab=supervisor").filters.tab == "all"


def test_chips_count_people_and_filter(anna, now, follow):
    both = follow("Both B")
    raise_for(both)
    raise_for(both, "silent")
    raise_for(follow("Silent S"), "silent")
    raise_for(follow("Ill I", kind="isolation"), "ends")
    found = read(anna)
    assert {chip.reason: chip.count for chip in found.chips} == {
        "fever": 1,
        "silent": 2,
        "ends": 1,
    }
    assert names(read(anna, "reason=fever")) == ["Both"]
    assert set(names(read(anna, "reason=fever&reason=ends"))) == {"Both", "Ill"}
    assert names(read(anna, "kind=isolation")) == ["Ill"]


def test_a_chip_that_is_on_is_taken_off_by_its_address(anna, now, follow):
    raise_for(follow())
    (chip,) = read(anna, "tab=all&reason=fever").chips
    assert chip.is_on
    assert chip.query == "tab=all"


def test_nonsense_in_the_address_is_left_out():
    filters = Filters.read(QueryDict("tab=x&reason=y&kind=z&page=-1"))
    assert filters == Filters()


def test_protected_people_are_shown_to_their_circle_only(anna, now, follow, roles):
    from quarano.accounts.models import Role

    Role.objects.filter(code="case_worker").update(
        permissions=["cases.view", "cases.settle"]
    )
    raise_for(follow("Secret S", protected=True))
    raise_for(follow("Open O"))
    assert names(read(anna)) == ["Open"]


def test_the_dead_wait_for_nobody(anna, now, follow):
    kolja = follow()
    raise_for(kolja)
    Person.objects.filter(pk=kolja.pk).update(died_on=NOW.date())
    assert read(anna).rows == []


def test_a_long_list_comes_in_pages(anna, now, follow, monkeypatch):
    monkeypatch.setattr(worklist, "PAGE", 2)
    for number in range(3):
        raise_for(follow(f"P{number} Q"), due_at=NOW + HOUR + HOUR * number)
    first, second = read(anna), read(anna, "page=2")
    assert names(first) + names(second) == ["P0", "P1", "P2"]
    assert (first.has_next, second.has_next) == (True, False)
    assert first.bands[0].count == 3


@pytest.mark.undisturbed
def test_many_rows_ask_no_more_than_one(anna, now, follow, django_assert_num_queries):
    anna.permissions  # noqa: B018 - read with the request
    raise_for(follow())
    with django_assert_num_queries(3):  # the routine is remembered in production
        read(anna)
    for number in range(12):
        kolja = follow(f"P{number} Q")
        raise_for(kolja)
        raise_for(kolja, "silent")
    with django_assert_num_queries(3):
        assert len(read(anna).rows) == 13


def test_a_file_knows_its_neighbours_in_the_list_that_led_to_it(anna, now, follow):
    first, second, third = (follow(f"{name} Busch") for name in ("Ada", "Ben", "Cem"))
    raise_for(first, "emergency")
    raise_for(second, "fever")
    raise_for(third, "entry_missing", facts={"slots": 2})

    def around(person, query="tab=all"):
        filters = Filters.read(QueryDict(query))
        return worklist.neighbours(person, anna, now=NOW, filters=filters)

    assert around(second) == worklist.Neighbours(2, 3, first.pk, third.pk)
    assert around(first) == worklist.Neighbours(1, 3, None, second.pk)
    assert around(third) == worklist.Neighbours(3, 3, second.pk, None)
    # A filter is another list; whoever is settled is in none, and the first comes next.
    assert around(second, "tab=all&reason=fever").total == 1
    assert around(third, "tab=all&reason=fever") == worklist.Neighbours(
        None, 1, None, second.pk
    )
