"""The pages on transmission: who sees what, what a file says."""

import pytest
import time_machine

from quarano.audit.models import Event
from tests import factories
from tests import world as worlds
from tests.contacts.transmission.conftest import Outbreak


@pytest.fixture
def world(authority):
    with time_machine.travel(worlds.NOW, tick=False):
        made = worlds.build()
        made.outbreak = Outbreak()
        made.ada = made.outbreak.case(2)
        made.ben = made.outbreak.case(7)
        made.outbreak.met(made.ada, made.ben.person, 3)
        made.contact = made.outbreak.met(made.ben, factories.PersonFactory(), 9)
        yield made


def inside(world):
    from django.db import connection

    connection.set_tenant(world.authority)


def code(case):
    from contacts.transmission.wanted import code_of

    return code_of(case.pk)


def test_the_picture_and_its_table_say_codes_and_no_names(world):
    page = world.client(world.staff["case_worker"]).get("/transmission/")
    html = page.content.decode()
    inside(world)
    assert code(world.ada) in html
    assert world.ada.person.family_name not in html
    assert "<svg" in html
    assert 'class="tx__node--case"' in html
    assert not Event.objects.filter(verb="transmission.opened")


def test_weeks_before_the_first_case_are_not_drawn(world):
    from quarano.transmission import pages

    inside(world)
    asked = pages.asked({}, now=worlds.NOW)
    read = pages.read(asked)
    placed = pages.laid_out(read, asked.wanted)
    first = min(node.day for node in read.nodes.values())
    assert asked.wanted.since < placed.since == first - worlds.DAY
    assert placed.until == asked.wanted.until


def test_days_are_said_in_the_language_of_the_page(world):
    inside(world)
    day = world.ben.onset
    client = world.client(world.staff["case_worker"])
    client.post("/language/", {"language": "de"})
    page = client.get("/transmission/").content.decode()
    assert 'lang="de"' in page
    months = ["", "Jan", "Feb", "März", "Apr", "Mai", "Juni",
              "Juli", "Aug", "Sept", "Okt", "Nov", "Dez"]  # fmt: skip
    assert f"{day.day}. {months[day.month]}" in page
    assert f"{day.day} {months[day.month]}" not in page


def test_names_come_with_a_click_and_are_recorded(world):
    inside(world)
    where = f"/transmission/?node={code(world.ben)}"
    names = {world.ada.person.name, world.ben.person.name}
    html = world.client(world.staff["case_worker"]).get(where).content.decode()
    assert all(name in html for name in names)
    inside(world)
    event = Event.objects.get(verb="transmission.opened")
    assert {world.ada.person_id, world.ben.person_id} <= set(event.shown)
    html = world.client(world.staff["epidemiologist"]).get(where).content.decode()
    assert code(world.ben) in html
    assert not any(name in html for name in names)


def test_a_protected_person_stays_a_code(world):
    inside(world)
    world.ada.person.protected = True
    world.ada.person.save(update_fields=["protected"])
    where = f"/transmission/?node={code(world.ben)}"
    html = world.client(world.staff["case_worker"]).get(where).content.decode()
    assert world.ben.person.name in html
    assert world.ada.person.name not in html


def test_files_are_handed_out_with_codes_and_recorded(world):
    client = world.client(world.staff["epidemiologist"])
    answer = client.post("/transmission/export/", {"as": "table"})
    text = answer.content.decode()
    assert answer["Content-Disposition"] == 'attachment; filename="transmission.csv"'
    inside(world)
    assert text.startswith("\ufeff")
    assert code(world.ben) in text
    assert world.ben.person.family_name not in text
    picture = client.post("/transmission/export/", {"as": "picture"}).content.decode()
    assert picture.startswith("<svg")
    assert "<a " not in picture
    inside(world)
    assert Event.objects.filter(verb="transmission.exported").count() == 2


def test_small_counts_are_hidden_in_files_and_not_on_the_page(world):
    client = world.client(world.staff["epidemiologist"])
    html = client.get("/figures/").content.decode()
    assert "<td>household</td><td>2</td><td>1</td><td>50.0</td>" in html
    text = client.post("/figures/attack/export/", {"as": "table"}).content.decode()
    assert "household;<5;<5;;;" in text
    for name in ("curve", "reproduction", "serial", "offspring", "clusters"):
        for kind in ("table", "picture"):
            answer = client.post(f"/figures/{name}/export/", {"as": kind})
            assert answer.status_code == 200, name
    assert client.post("/figures/other/export/").status_code == 302


def test_a_wrong_filter_is_said_at_its_field(world):
    client = world.client(world.staff["epidemiologist"])
    answer = client.get("/transmission/?since=2027-01-01")
    assert answer.status_code == 422
    assert "This is after the last day." in answer.content.decode()
    assert client.get("/transmission/?district=abc").status_code == 422
    answer = client.get("/transmission/?since=2026-09-01&setting=work&by=report")
    assert answer.status_code == 200


def test_a_large_graph_is_drawn_by_the_browser(world, monkeypatch):
    from quarano.transmission import pages

    monkeypatch.setattr(pages, "DRAWN", 1)
    client = world.client(world.staff["case_worker"])
    html = client.get("/transmission/").content.decode()
    assert "cytoscape.min.js" in html
    found = client.get("/transmission/elements/").json()
    inside(world)
    assert code(world.ada) in " ".join(one["name"] for one in found["nodes"])
    assert "named" in {link[2] for link in found["links"]}
    html = client.get("/transmission/?draw=plain").content.decode()
    assert "cytoscape.min.js" not in html
    assert '<svg class="tx"' in html


def test_an_official_says_where_a_case_came_from(world):
    inside(world)
    case, where = world.ben, f"/transmission/cases/{world.ben.pk}/source/"
    world.outbreak.choir(3, world.ada, case)
    anna = world.client(world.staff["case_worker"])
    html = anna.get(where).content.decode()
    assert world.ada.person.name in html
    assert "1 further case was there" in html
    inside(world)
    seen = Event.objects.get(verb="source.viewed")
    assert {world.ada.person_id, case.person_id} == set(seen.shown)
    typed = {"kind": "case", "candidate": world.ada.pk}
    assert anna.post(f"{where}link/", typed).status_code == 302
    assert "likely source" in anna.get(where).content.decode()
    anna.post(f"{where}reject/", typed)
    assert "not from there" in anna.get(where).content.decode()
    inside(world)
    itself = {"kind": "case", "candidate": case.pk}
    answer = anna.post(f"{where}link/", itself, follow=True)
    assert "not its own source" in answer.content.decode()
    assert anna.post(f"{where}link/", {"candidate": "x"}).status_code == 404
    assert world.client(world.staff["epidemiologist"]).get(where).status_code == 403


def test_another_case_is_found_by_name(world):
    inside(world)
    where = f"/transmission/cases/{world.ben.pk}/source/"
    html = world.client(world.staff["case_worker"]).get(f"{where}?q=Lena").content
    assert b"Lena Winter" in html
    inside(world)
    assert world.lena.pk in Event.objects.get(verb="source.viewed").shown
