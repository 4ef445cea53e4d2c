"""Where a case came from: found by query, said by an official; clusters are raised."""

import pytest

from cases.models import Escalation
from contacts import sources
from contacts.models import SourceLink
from contacts.transmission import graph
from quarano.audit.models import Event
from tests import factories
from tests.contacts.transmission.conftest import Outbreak
from tests.factories import DAY, NOW


@pytest.fixture
def outbreak(authority):
    return Outbreak()


def said(outbreak, case):
    found = sources.investigate(case, now=NOW)
    return {(one.kind, one.name): one for one in found.candidates}


def test_people_and_events_of_the_incubation_period_are_found(outbreak):
    early, other = outbreak.case(3), outbreak.case(8)
    case = outbreak.case(9)
    outbreak.met(early, case.person, 5)
    outbreak.met(outbreak.case(20), case.person, 20)
    outbreak.choir(4, early, other, case)
    outbreak.choir(27, case)
    found = sources.investigate(case, now=NOW)
    assert (found.since, found.until) == (outbreak.day(-5), outbreak.day(9))
    kinds = [(one.kind, one.pk, one.others) for one in found.candidates]
    assert ("case", early.pk) in {one[:2] for one in kinds}
    (event,) = [one for one in found.candidates if one.kind == "event"]
    assert event.others == 2
    assert len(kinds) == 2


def test_four_cases_at_the_same_place_in_the_same_week_are_counted(outbreak):
    case = outbreak.case(9)
    guests = [outbreak.case(8 + number) for number in range(4)]
    for guest, place in zip([case, *guests], ["Zum Löwen", "zum löwen "] * 3,
                            strict=False):  # fmt: skip
        outbreak.met(guest, factories.PersonFactory(), 6, place=place, setting="other")
    elsewhere = outbreak.case(10)
    outbreak.met(elsewhere, factories.PersonFactory(), 27, place="Zum Löwen")
    found = said(outbreak, case)["place", "zum löwen"]
    assert found.others == 4


def test_whoever_lives_there_too_is_offered(outbreak):
    home = {"street": "Uferweg 3", "postal_code": "70001"}
    first = outbreak.case(3, person=factories.PersonFactory(**home))
    second = outbreak.case(8, person=factories.PersonFactory(**home))
    (found,) = sources.investigate(second, now=NOW).candidates
    assert (found.kind, found.pk, found.strength) == ("home", first.pk, "guessed")


def test_without_a_day_there_is_no_period(outbreak):
    assert sources.investigate(outbreak.case(None), now=NOW) is None


def test_an_official_calls_one_likely_and_another_takes_its_place(outbreak):
    first, second, case = outbreak.case(1), outbreak.case(2), outbreak.case(6)
    sources.link(case, source=first, by=outbreak.anna, now=NOW)
    sources.link(case, source=second, by=outbreak.anna, now=NOW)
    assert SourceLink.objects.get(likely=True).source == second
    assert SourceLink.objects.count() == 2
    event = outbreak.choir(3, first)
    sources.link(case, event=event, by=outbreak.anna, now=NOW)
    assert SourceLink.objects.get(likely=True).event == event
    assert sources.investigate(case, now=NOW).likely.pk == event.pk
    verbs = Event.objects.filter(verb="source.linked", person=case.person_id)
    assert verbs.count() == 3


def test_a_rejected_source_is_gone_and_can_come_back(outbreak):
    first, case = outbreak.case(1), outbreak.case(5)
    outbreak.met(first, case.person, 2)
    sources.reject(case, source=first, by=outbreak.anna, now=NOW)
    sources.reject(case, source=first, by=outbreak.anna, now=NOW)
    assert not graph.read(outbreak.wanted()).links
    assert [one.said for one in said(outbreak, case).values()] == ["rejected"]
    assert Event.objects.filter(verb="source.rejected").count() == 1
    sources.link(case, source=first, by=outbreak.anna, now=NOW)
    assert len(graph.read(outbreak.wanted()).links) == 1


def test_a_loop_of_sources_is_refused_with_the_code_that_closes_it(outbreak):
    first, second, third = outbreak.case(5), outbreak.case(5), outbreak.case(5)
    sources.link(second, source=first, by=outbreak.anna, now=NOW)
    sources.link(third, source=second, by=outbreak.anna, now=NOW)
    with pytest.raises(sources.Loop) as refused:
        sources.link(first, source=third, by=outbreak.anna, now=NOW)
    assert "loop" in str(refused.value)
    event = outbreak.choir(4, first)
    sources.link(second, event=event, by=outbreak.anna, now=NOW)
    with pytest.raises(sources.Loop):
        sources.link(first, source=second, by=outbreak.anna, now=NOW)
    assert not SourceLink.objects.filter(case=first).exists()


def test_what_cannot_be_a_source_is_refused(outbreak):
    case = outbreak.case(5)
    discarded = outbreak.case(2, classification="discarded")
    for why, fields in (
        (sources.Itself, {"source": case}),
        (sources.NotACase, {"source": discarded}),
        (sources.AfterOnset, {"event": outbreak.choir(8)}),
        (sources.AfterOnset, {"source": outbreak.case(4), "day": outbreak.day(9)}),
    ):
        with pytest.raises(why):
            sources.link(case, **fields, by=outbreak.anna, now=NOW)
    assert not SourceLink.objects.exists()


def test_a_cluster_is_raised_once_and_again_when_it_has_doubled(outbreak):
    singers = [outbreak.case(day) for day in (12, 16, 17)]
    event = outbreak.choir(12, *singers)
    (found,) = sources.find_clusters(now=NOW)
    assert found.cases == 3
    assert not sources.find_clusters(now=NOW)
    raised = Escalation.objects.get(reason="possible_cluster")
    assert raised.subject_id == singers[0].pk
    assert raised.facts == {"cases": 3, "kind": "event"}
    for day in (18, 19, 20):
        factories.EventCaseFactory(event=event, case=outbreak.case(day))
    (found,) = sources.find_clusters(now=NOW + DAY)
    assert found.cases == 6


def test_a_family_of_three_is_no_cluster_to_raise(outbreak):
    home = {"street": "Uferweg 3", "postal_code": "70001"}
    for day in (12, 14, 16, 18, 19):
        outbreak.case(day, person=factories.PersonFactory(**home))
    assert not sources.find_clusters(now=NOW)
    outbreak.case(20, person=factories.PersonFactory(**home))
    (found,) = sources.find_clusters(now=NOW)
    assert found.kind == "household"
