"""The included fragments, rendered with plain values. No database."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.template.loader import render_to_string


def test_sum_shows_each_step_its_source_and_what_does_not_apply():
    page = render_to_string(
        "components/sum.html",
        {
            "steps": [
                {"label": "Last exposure", "value": "Wed 11 Nov", "source": "work"},
                {"label": "Household rule", "value": "does not apply", "off": True},
            ],
            "total": {"label": "Ends", "value": "Sat 21 Nov, 24:00"},
        },
    )
    assert page.count("sum__step--off") == 1
    assert "work" in page
    assert "Sat 21 Nov, 24:00" in page


def test_ladder_marks_every_rung_by_its_state():
    rungs = [{"name": state, "state": state} for state in ("sent", "skipped", "todo")]
    page = render_to_string("components/ladder.html", {"rungs": rungs})
    for state in ("sent", "skipped", "todo"):
        assert f"rung--{state}" in page


def test_timeline_escapes_what_people_wrote():
    event = {
        "what": "Comment",
        "who": "<script>alert(1)</script>",
        "at": datetime(2026, 11, 17, 6, 48, tzinfo=UTC),
        "icon": "comment",
    }
    page = render_to_string("components/timeline.html", {"events": [event]})
    assert "<script>" not in page
    assert "2026-11-17T06:48" in page


def test_tabs_name_the_chosen_one_once():
    tabs = [
        {"url": "?a", "label": "Mine", "count": 0, "active": True},
        {"url": "?b", "label": "Everybody"},
    ]
    page = render_to_string("components/tabs.html", {"tabs": tabs, "label": "Whose"})
    assert page.count('aria-current="page"') == 1
    assert page.count("tabs__count") == 1


def test_chip_that_is_on_can_be_taken_off():
    on = render_to_string(
        "components/chip.html", {"url": "?", "label": "x", "on": True}
    )
    off = render_to_string("components/chip.html", {"url": "?", "label": "x"})
    assert "remove this filter" in on
    assert "remove this filter" not in off


def test_status_is_a_word_and_a_sign():
    page = render_to_string("components/status.html", {"tone": "due", "word": "open"})
    assert "icons.svg#due" in page
    assert "open" in page


def test_avatar_of_nobody_says_so():
    page = render_to_string("components/avatar.html", {"name": ""})
    assert "nobody" in page


@pytest.mark.parametrize("sheet", ["citizen.css", "quarano.css"])
def test_letters_are_as_large_as_the_reader_wants_them(sheet):
    """Sizes in px do not follow the setting of a browser or telephone."""
    text = (Path(__file__).resolve().parents[2] / "static" / sheet).read_text()
    fixed = re.findall(r"(?:font-size|line-height):\s*[\d.]+px", text)
    fixed += re.findall(r"font:[^;}]*?[\d.]+px[^;}]*", text)
    # A chart is drawn in units of its own.
    assert fixed == [one for one in fixed if one.startswith("font: 400 12px/1 ")]
