"""The graph on an outbreak small enough to draw by hand."""

from itertools import pairwise

import pytest

from contacts.transmission import graph
from contacts.transmission.layout import LEFT, lay_out
from contacts.transmission.wanted import case_of, code_of
from tests import factories
from tests.factories import NOW


@pytest.fixture
def story(outbreak):
    """Ada sang on day 3; Ben and Cem caught it there; Ben gave it to Dora at home."""
    ada, ben, cem = outbreak.case(2), outbreak.case(7), outbreak.case(8)
    event = outbreak.choir(3, ada, ben, cem)
    dora = outbreak.case(12)
    outbreak.met(ben, dora.person, 8)
    stranger = factories.ContactFactory(case=cem)
    factories.ExposureFactory(contact=stranger, day=outbreak.day(9))
    return {"ada": ada, "ben": ben, "cem": cem, "dora": dora, "event": event,
            "stranger": stranger}  # fmt: skip


def generations(found, story):
    return {
        name: found.nodes[one.pk].generation
        for name, one in story.items()
        if one.pk in found.nodes
    }


def test_generations_follow_the_likeliest_source(outbreak, story):
    found = graph.read(outbreak.wanted())
    assert generations(found, story) == {
        "ada": 0, "event": 0, "ben": 1, "cem": 1, "dora": 2, "stranger": 2,
    }  # fmt: skip
    roots = {found.nodes[story[name].pk].root for name in ("ada", "ben", "dora")}
    assert roots == {story["ada"].pk}
    edges = {(one.source, one.target, one.strength) for one in found.links}
    assert (story["event"].pk, story["ben"].pk, "same_event") in edges
    assert (story["ada"].pk, story["event"].pk, "same_event") in edges
    assert (story["ben"].pk, story["dora"].pk, "named") in edges


def test_an_exposure_after_the_onset_or_long_before_it_is_no_source(outbreak):
    early, late = outbreak.case(1), outbreak.case(20)
    outbreak.met(early, late.person, 20)
    outbreak.met(early, late.person, 2)
    found = graph.read(outbreak.wanted())
    assert not found.links
    outbreak.met(early, late.person, 8)
    assert len(graph.read(outbreak.wanted()).links) == 1


def test_an_officials_word_outranks_an_exposure(outbreak):
    first, second, third = outbreak.case(1), outbreak.case(2), outbreak.case(6)
    outbreak.met(first, third.person, 3)
    link = factories.SourceLinkFactory(
        case=third, source=second, strength="guessed", likely=True,
        found_by=outbreak.anna,
    )  # fmt: skip
    found = graph.read(outbreak.wanted())
    best = {one.target: one.source for one in found.links if one.is_best}
    assert best == {third.pk: second.pk}
    assert len(found.links) == 2
    link.likely, link.rejected_at, link.rejected_by = False, NOW, outbreak.anna
    link.save()
    found = graph.read(outbreak.wanted())
    assert [(one.source, one.strength) for one in found.links] == [(first.pk, "named")]


def test_what_was_rejected_is_not_found_again(outbreak):
    first, second = outbreak.case(1), outbreak.case(5)
    outbreak.met(first, second.person, 2)
    factories.SourceLinkFactory(
        case=second, source=first, rejected_at=NOW, rejected_by=outbreak.anna
    )
    assert not graph.read(outbreak.wanted()).links


def test_a_discarded_case_and_a_withdrawn_exposure_are_left_out(outbreak):
    first, second, third = outbreak.case(1), outbreak.case(5), outbreak.case(6)
    outbreak.met(first, third.person, 2)
    outbreak.met(second, third.person, 5, withdrawn_at=NOW, withdrawn_by=outbreak.anna)
    first.classification = "discarded"
    first.save()
    found = graph.read(outbreak.wanted())
    assert set(found.nodes) == {second.pk, third.pk}
    assert not found.links


def test_a_loop_of_links_ends(outbreak):
    first, second = outbreak.case(3), outbreak.case(3)
    for case, source in ((first, second), (second, first)):
        factories.SourceLinkFactory(case=case, source=source, likely=True)
    found = graph.read(outbreak.wanted())
    assert {node.generation for node in found.nodes.values()} == {0}


def test_a_chain_is_what_goes_back_to_the_same_case(outbreak, story):
    other = outbreak.case(9)
    found = graph.read(outbreak.wanted(), chain=story["dora"].pk)
    assert story["ada"].pk in found.nodes
    assert other.pk not in found.nodes
    lit = found.chain_of(story["dora"].pk)
    assert lit == {story[name].pk for name in ("ada", "event", "ben", "dora")}


def test_filters_are_by_day_setting_and_postal_code(outbreak):
    person = factories.PersonFactory(postal_code="68161")
    early = outbreak.case(1, person=person)
    late = outbreak.case(20)
    wanted = outbreak.wanted(since=outbreak.day(10))
    assert set(graph.read(wanted).nodes) == {late.pk}
    assert set(graph.read(outbreak.wanted(district="681")).nodes) == {early.pk}
    next_one = outbreak.case(5)
    outbreak.met(early, next_one.person, 2, setting="work")
    assert graph.read(outbreak.wanted(setting="work")).links
    assert not graph.read(outbreak.wanted(setting="school")).links


def test_the_newest_are_shown_where_there_are_too_many(outbreak):
    cases = [outbreak.case(day) for day in range(1, 7)]
    found = graph.read(outbreak.wanted(), most=4)
    assert set(found.nodes) == {case.pk for case in cases[2:]}
    assert found.left_out == 2


def test_no_two_nodes_cover_each_other(outbreak, story):
    for _number in range(12):
        outbreak.case(7)
    found = graph.read(outbreak.wanted())
    wanted = outbreak.wanted()
    layout = lay_out(found, since=wanted.since, until=wanted.until)
    places = sorted(layout.places.values())
    for (x, y), (other_x, other_y) in pairwise(places):
        assert abs(x - other_x) >= 12 or abs(y - other_y) >= 12
    assert (
        layout.places == lay_out(found, since=wanted.since, until=wanted.until).places
    )


def test_contacts_of_one_day_stand_beside_the_way_to_them(outbreak):
    case = outbreak.case(7)
    for _number in range(6):
        outbreak.met(case, factories.PersonFactory(), 7)
    found, wanted = graph.read(outbreak.wanted()), outbreak.wanted()
    placed = lay_out(found, since=wanted.since, until=wanted.until)
    middle = placed.places[case.pk][0]
    contacts = [placed.places[one.id] for one in found.of_kind("contact")]
    assert len(contacts) == 6
    assert {round(x - middle, 1) for x, _y in contacts} == {-9, 9}
    assert len({y for _x, y in contacts}) == 3


def test_no_node_stands_on_the_label_of_an_event(outbreak):
    brought = outbreak.case(6)
    outbreak.choir(5, brought, outbreak.case(9), outbreak.case(10))
    for number in range(12):
        outbreak.case(5 + number % 4)
    found, wanted = graph.read(outbreak.wanted()), outbreak.wanted()
    for until in (wanted.until, outbreak.day(11)):
        placed = lay_out(found, since=outbreak.day(0), until=until)
        (event,) = found.of_kind("event")
        x, y = placed.places[event.id]
        long = 6 * len(event.label)
        start = x - long if event.id in placed.turned else x
        assert start >= LEFT
        assert start + long <= placed.width
        for pk, (other_x, other_y) in placed.places.items():
            if pk != event.id and other_y == y:
                assert not start - 6 < other_x < start + long + 6


def test_whom_an_order_reached_counts_as_told(outbreak):
    case = outbreak.case(7)
    contact = outbreak.met(case, factories.PersonFactory(), 9).contact
    assert not graph.read(outbreak.wanted()).nodes[contact.person_id].told
    factories.MonitoringFactory(
        person=contact.person, disease=outbreak.disease, kind="quarantine",
        told_at=contact.named_at,
    )  # fmt: skip
    assert graph.read(outbreak.wanted()).nodes[contact.person_id].told


def test_a_code_stands_for_one_case(outbreak):
    case = outbreak.case(1)
    assert case_of(code_of(case.pk)) == case
    assert case_of("0000-0000") is None
    assert case_of("nonsense") is None
