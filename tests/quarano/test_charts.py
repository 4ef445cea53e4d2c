"""The drawings: what they show and what they say to readers. No database."""

from datetime import date
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
from django.utils import translation

from quarano.charts.bars import day_bar, share_bar
from quarano.charts.temperature import Reading, table, temperature_chart

LIMIT = Decimal("37.9")
DAYS = {"first_day": date(2026, 11, 12), "last_day": date(2026, 11, 21)}


def reading(day, half, celsius=None, **more):
    value = None if celsius is None else Decimal(celsius)
    return Reading(date(2026, 11, day), half, value, **more)


def draw(series, **more):
    options = DAYS | {"today": date(2026, 11, 17), "threshold": LIMIT} | more
    return str(temperature_chart(series, **options))


def parts(drawing, name):
    root = ET.fromstring(drawing)  # noqa: S314 - our own drawing
    return [one for one in root.iter() if name in one.get("class", "").split()]


def test_temperature_chart_marks_what_reaches_the_limit():
    drawing = draw([reading(12, 0, "37.8"), reading(12, 1, "37.9")])
    assert len(parts(drawing, "chart__point")) == 1
    assert len(parts(drawing, "chart__above")) == 1


def test_temperature_chart_dots_the_line_over_a_gap():
    drawing = draw(
        [
            reading(12, 0, "36.6"),
            reading(12, 1, "36.7"),
            reading(13, 0, missed=True, entered=False),
            reading(13, 1, "36.8"),
        ]
    )
    assert len(parts(drawing, "chart__curve")) == 1
    assert len(parts(drawing, "chart__gap")) == 1
    assert len(parts(drawing, "chart__missed")) == 1


def test_temperature_chart_joins_evening_and_morning():
    drawing = draw([reading(12, 1, "36.6"), reading(13, 0, "36.7")])
    assert len(parts(drawing, "chart__curve")) == 1


def test_temperature_chart_with_one_slot_a_day_joins_days():
    drawing = draw([reading(12, 0, "36.6"), reading(13, 0, "36.7")], slots_per_day=1)
    assert len(parts(drawing, "chart__curve")) == 1
    assert not parts(drawing, "chart__gap")


def test_temperature_chart_shows_severity_by_height():
    slots = {(date(2026, 11, 12), half): half + 1 for half in (0, 1)}
    slots[date(2026, 11, 13), 0] = 3
    series = [reading(12, 0, "36.6"), reading(12, 1, "36.6"), reading(13, 0, "36.6")]
    drawing = draw(series, symptoms={"Cough": slots}, medicine=set())
    heights = [float(bar.get("height")) for bar in parts(drawing, "chart__severity")]
    assert heights == sorted(set(heights))
    assert len(heights) == 3


def test_temperature_chart_says_nothing_of_symptoms_where_nothing_was_entered():
    series = [reading(12, 0, missed=True, entered=False), reading(12, 1, "36.6")]
    drawing = draw(series, symptoms={"Cough": {}})
    assert len(parts(drawing, "chart__none")) == 1


def test_temperature_chart_ticks_medicine_only_within_the_days():
    taken = {(date(2026, 11, 12), 0), (date(2026, 11, 30), 0)}
    drawing = draw([reading(12, 0, "36.6")], symptoms={}, medicine=taken)
    assert len(parts(drawing, "chart__medicine")) == 1


def test_temperature_chart_lays_the_band_on_today_only_within_the_days():
    assert len(parts(draw([]), "chart__band")) == 1
    assert not parts(draw([], today=date(2026, 12, 1)), "chart__band")


def test_temperature_chart_leaves_out_what_lies_outside():
    drawing = draw([reading(11, 0, "39.0"), reading(22, 0, "39.0")])
    assert not parts(drawing, "chart__above")
    assert "No temperature" in drawing


def test_temperature_chart_describes_itself():
    root = ET.fromstring(draw([reading(12, 0, "36.6"), reading(17, 0, "38.9")]))  # noqa: S314 - our own drawing
    said = root.findtext("desc")
    assert "2 measurements" in said
    assert "38.9" in said
    assert root.get("role") == "img"


def test_temperature_chart_has_no_style_and_escapes_names():
    drawing = draw([reading(12, 0, "36.6")], symptoms={"<script>": {}})
    assert "style=" not in drawing
    assert "<script>" not in drawing


@pytest.mark.parametrize("celsius", ["33.0", "43.0"])
def test_temperature_chart_keeps_every_value_on_the_sheet(celsius):
    drawing = draw([reading(12, 0, celsius)], wide=False)
    root = ET.fromstring(drawing)  # noqa: S314 - our own drawing
    height = float(root.get("viewBox").split()[3])
    for point in parts(drawing, "chart__point"):
        assert 0 < float(point.get("cy")) < height
    for mark in parts(drawing, "chart__above"):
        assert 0 < float(mark.get("d").split()[1].split("l")[0]) < height


def test_temperature_chart_of_a_long_monitoring_does_not_crowd_its_days():
    drawing = draw([], last_day=date(2026, 12, 31), wide=False)
    assert len(parts(drawing, "chart__day")) <= 20


def test_table_holds_the_numbers_of_the_chart_in_order():
    day = date(2026, 11, 12)
    rows = table(
        [reading(12, 1, "38.0"), reading(12, 0, "37.8")],
        threshold=LIMIT,
        symptoms={"Cough": {(day, 1): 2}},
        medicine={(day, 0)},
    )
    assert [row.celsius for row in rows] == [Decimal("37.8"), Decimal("38.0")]
    assert [row.above for row in rows] == [False, True]
    assert [row.medicine for row in rows] == [True, False]
    assert rows[1].symptoms == [("Cough", 2)]


def test_day_bar_splits_past_today_and_coming():
    drawing = str(day_bar(6, 10))
    assert len(parts(drawing, "daybar__past")) == 5
    assert len(parts(drawing, "daybar__today")) == 1
    assert len(parts(drawing, "daybar__coming")) == 4
    assert "Day 6 of 10" in drawing


def test_day_bar_before_and_after_its_days():
    assert len(parts(str(day_bar(0, 10)), "daybar__coming")) == 10
    assert len(parts(str(day_bar(12, 10)), "daybar__past")) == 10


def test_share_bar_leaves_out_what_is_nought():
    drawing = str(share_bar(9, 0, 1))
    assert [bar.get("width") for bar in parts(drawing, "bar__fine")] == ["90.0"]
    assert not parts(drawing, "bar__running")
    assert [bar.get("x") for bar in parts(drawing, "bar__late")] == ["90.0"]


def test_share_bar_of_nobody_is_empty():
    assert "<rect" not in str(share_bar(0, 0, 0))


@pytest.mark.parametrize(
    ("language", "day"), [("en", "13 November"), ("de", "13. November")]
)
def test_temperature_chart_says_the_latest_day_as_the_language_does(language, day):
    with translation.override(language):
        assert f"{day}." in draw([reading(13, 0, "36.6")])
