"""The clocks on the worklist, and the page of the people behind a number."""

import datetime as dt

import pytest

from quarano.audit.models import Event
from tests.desk.conftest import official, sign_in

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def late(follow, now):
    """Kolja, reported 30 hours ago and called by nobody."""
    person = follow()
    person.monitorings.update(reported_at=now - 30 * HOUR)
    return person


def test_the_worklist_shows_each_clock_and_where_its_numbers_lead(desk, late):
    html = desk.get("/worklist/").content.decode()
    assert "Called in 24 h" in html
    assert "1 late" in html
    assert '/worklist/clocks/?clock=called&amp;state=late"' in html
    # Nothing is decided yet about the enrolment: no share is made up.
    assert "not decided yet" in html
    assert "1 running" in html


def test_the_clocks_come_with_every_poll(desk, late):
    region = desk.get(
        "/worklist/", headers={"HX-Request": "true", "HX-Target": "worklist"}
    )
    assert "Called in 24 h" in region.content.decode()


def test_before_the_first_report_there_are_no_clocks(desk):
    assert "Called in" not in desk.get("/worklist/").content.decode()


def test_a_number_opens_its_people_and_that_is_recorded(desk, anna, late):
    response = desk.get("/worklist/clocks/?clock=called&state=late")
    html = response.content.decode()
    assert "Kolja Busch" in html
    assert f'href="/people/{late.pk}/"' in html
    assert "30 h" in html
    seen = Event.objects.get(verb="clocks.viewed")
    assert (seen.actor, seen.shown) == (anna.pk, [late.pk])
    assert seen.codes == {"clock": "called", "state": "late"}


def test_a_list_can_be_narrowed_and_says_what_it_lacks(desk, late):
    html = desk.get("/worklist/clocks/?state=late&kind=isolation").content.decode()
    assert "Kolja" not in html
    assert "Nobody stands behind this number" in html
    assert "Take the filter off" in html
    assert not Event.objects.filter(verb="clocks.viewed").exists()


def test_a_protected_person_of_others_is_counted_without_a_name(desk, late, oemer):
    late.protected = True
    late.save(update_fields=["protected"])
    # Anna of these tests may see protected people; a plain case worker may not.
    from quarano.accounts.models import Role

    Role.objects.create(code="plain", name="plain", permissions=["cases.view"])
    html = (
        sign_in(official("Paul", "plain"))
        .get("/worklist/clocks/?clock=called&state=late")
        .content.decode()
    )
    assert "a protected person" in html
    assert "Kolja" not in html
    assert str(late.pk) not in html
    assert not Event.objects.filter(verb="clocks.viewed").exists()


@pytest.mark.parametrize(
    "query",
    ["", "clock=x&state=y&kind=z&sort=q&after=%00", "clock=reported&state=late"],
)
def test_any_address_is_answered_with_a_list(desk, late, query):
    assert desk.get(f"/worklist/clocks/?{query}").status_code == 200


def test_the_list_has_pages(desk, follow, now, monkeypatch):
    from cases import clocks

    monkeypatch.setattr(clocks, "PAGE", 2)
    names = ["Ada A", "Bo B", "Cem C"]
    for number, name in enumerate(names):
        follow(name).monitorings.update(reported_at=now - (40 - number) * HOUR)
    first = desk.get("/worklist/clocks/?state=late")
    assert [row.person.name for row in first.context["found"].rows] == names[:2]
    second = desk.get(f"/worklist/clocks/?{first.context['next']}")
    assert [row.person.name for row in second.context["found"].rows] == names[2:]
    assert "First page" in second.content.decode()


def test_the_file_shows_the_persons_own_clocks(desk, late):
    html = desk.get(f"/people/{late.pk}/").content.decode()
    assert "waits for 30 h of 24 h" in html
    assert "waits for 30 h of 48 h" in html
