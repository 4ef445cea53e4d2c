import html

import pytest

from cases import search
from quarano.audit.models import Event
from tests.desk.conftest import official, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(follow):
    found = [
        follow("Leyla Aydın", city="Neckarstadt"),
        follow("Zofia Łukaszewska", kind="isolation"),
    ]
    for person in found:
        search.index(person)
    return found


def text(response):
    return html.unescape(response.content.decode())


def test_people_are_found_by_words_in_any_order_without_accents(desk, people):
    page = text(desk.get("/people/", {"q": "aydin leyla"}))
    assert "Leyla Aydın" in page
    assert "Neckarstadt" in page
    assert "Zofia" not in page
    assert f"/people/{people[0].pk}/" in page


def test_showing_results_is_recorded(desk, people):
    desk.get("/people/", {"q": "zofia"})
    event = Event.objects.get(verb="search.viewed")
    assert event.shown == [people[1].pk]


def test_without_a_word_the_newest_are_shown(desk, people):
    page = text(desk.get("/people/"))
    assert "Recorded last" in page
    assert "Leyla Aydın" in page
    assert "Zofia Łukaszewska" in page


def test_nobody_found_says_so(desk, people):
    assert "Nobody found for “Nemo”" in text(desk.get("/people/", {"q": "Nemo"}))
    # That somebody searched is an event too; what was typed is in none.
    event = Event.objects.get(verb="search.viewed")
    assert (event.shown, event.codes) == ([], {"words": 1})


def test_figures_alone_open_no_search(roles, now):
    assert sign_in(official("Epi", "epidemiologist")).get("/people/").status_code == 403
