"""Times as people say them. No database; the moment of looking is in the context."""

from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone

NOW = datetime(2026, 11, 17, 9, 42, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_berlin():
    with timezone.override("Europe/Berlin"):
        yield


def said(source, **context):
    page = Template(source).render(Context({"now": NOW} | context))
    return page.split(">", 1)[1].split("<")[0] if page.startswith("<") else page


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(minutes=18), "in 18 min"),
        (timedelta(seconds=20), "in 1 min"),
        (timedelta(hours=5), "in 5 h"),
        (timedelta(minutes=-12), "12 min late"),
        (timedelta(hours=-2, minutes=-10), "2 h late"),
        (timedelta(hours=-52), "2 days late"),
        (timedelta(hours=26), "tomorrow"),
        (timedelta(days=4), "Sat 21 Nov"),
    ],
)
def test_due_says_how_long_or_which_day(away, words):
    assert said("{% due moment %}", moment=NOW + away) == words


def test_due_marks_only_what_is_late():
    template = Template("{% due moment %}")
    late = template.render(Context({"now": NOW, "moment": NOW - timedelta(hours=1)}))
    soon = template.render(Context({"now": NOW, "moment": NOW + timedelta(hours=1)}))
    assert 'class="late"' in late
    assert 'class="late"' not in soon


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 11, 17, 6, 48, tzinfo=UTC), "7:48"),
        (datetime(2026, 11, 16, 8, 12, tzinfo=UTC), "Mon 9:12"),
        (datetime(2026, 11, 1, 9, 40, tzinfo=UTC), "1 Nov, 10:40"),
    ],
)
def test_ago_is_short_when_it_is_near(moment, words):
    assert said("{% ago moment %}", moment=moment) == words


def test_span_counts_hours_up_to_two_days():
    page = Template("{{ a|span }} {{ b|span }}").render(
        Context({"a": timedelta(hours=47), "b": timedelta(hours=72)})
    )
    assert page == "47 h 3 days"


def test_icon_is_for_the_eye_only():
    page = Template('{% icon "thermometer" %}').render(Context())
    assert 'aria-hidden="true"' in page
    assert "icons.svg#thermometer" in page
