"""The words of the field, and why somebody is on the list, where one looks for them."""

import re
from pathlib import Path

from quarano.glossary import BY_CODE, WORDS
from tests.desk.conftest import raise_for

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


def test_each_word_stands_on_the_page_once(desk):
    html = desk.get("/help/words/").content.decode()
    for word in WORDS:
        assert html.count(f'id="{word.code}"') == 1, word.code
    assert len(BY_CODE) == len(WORDS)


def test_a_question_mark_leads_to_a_word_that_is_there(desk, follow):
    html = desk.get(f"/people/{follow().pk}/").content.decode()
    codes = re.findall(r'href="/help/words/#([\w-]+)"', html)
    assert len(codes) >= 3
    assert set(codes) <= set(BY_CODE)


def test_every_question_mark_of_a_template_names_a_known_word():
    used = {
        code
        for path in TEMPLATES.rglob("*.html")
        for code in re.findall(r'{% what "([\w-]+)" %}', path.read_text())
    }
    assert used
    assert used <= set(BY_CODE)


def test_panel_and_file_say_why_the_rule_fired(desk, follow):
    kolja = follow()
    raise_for(kolja)
    for address in (f"/worklist/panel/{kolja.pk}/", f"/people/{kolja.pk}/"):
        html = desk.get(address, headers={"HX-Request": "true"}).content.decode()
        assert "Why do I see this" in html, address
        assert "An entry of a contact has 37.9" in html, address
        assert "38.9" in html, address
        assert "Stays until an official settles it" in html, address


def test_the_ladder_says_by_which_hours_it_goes(desk, follow):
    html = desk.get(f"/people/{follow(kind='quarantine').pk}/").content.decode()
    assert "Why these steps" in html or "Reminders begin with the enrolment" in html
