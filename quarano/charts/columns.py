"""Columns over days or over numbers, and a line with its band; numbers in, SVG out."""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import formats
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

HEIGHT, FOOT, HEAD = 118, 24, 14


@dataclass(frozen=True)
class Column:
    """One column: its label, its height, and the dark part of it (counts)."""

    label: str
    count: int
    part: int = 0


def scale(highest: float) -> list[int]:
    """Return whole numbers for an axis from 0 up to at least `highest`."""
    steps = [10**n * one for n in range(7) for one in (1, 2, 5)]
    step = next(one for one in steps if highest / one <= 4)
    return list(range(0, max(1, math.ceil(highest / step)) * step + 1, step))


def day_columns(
    days: Sequence[tuple[dt.date, int]],
    *,
    parts: dict[dt.date, int],
    incomplete_from: dt.date,
    incomplete: str,
    left: float,
    width: float,
    top: float = 0,
) -> SafeString:
    """Draw counts of consecutive days between `left` and `width`, from `top` down.

    `parts` is the dark part of each day; from `incomplete_from` on a note says that
    more will come. A fragment of a picture, `HEIGHT + FOOT + HEAD` high.
    """
    inner = (width - left) / max(len(days), 1)
    axis = scale(max([count for _day, count in days] or [0]))
    base = top + HEAD + HEIGHT

    def y(count: float) -> float:
        return round(base - HEIGHT * count / axis[-1], 1)

    marks = [
        format_html(
            '<line class="chart__grid" x1="{}" y1="{}" x2="{}" y2="{}"/>'
            '<text class="chart__day" x="{}" y="{}" text-anchor="end">{}</text>',
            left,
            y(count),
            width,
            y(count),
            left - 8,
            y(count) + 4,
            count,
        )
        for count in axis
    ]
    first = next(
        (n for n, (day, _c) in enumerate(days) if day >= incomplete_from), None
    )
    if first is not None:
        x = round(left + inner * first, 1)
        marks.append(
            format_html(
                '<rect class="chart__incomplete" x="{}" y="{}" width="{}" height="{}"/>'
                '<text class="chart__day" x="{}" y="{}" text-anchor="end">{}</text>',
                x,
                top,
                round(width - x, 1),
                base - top,
                width,
                top + 11,
                incomplete,
            )
        )
    bars = []
    for n, (day, count) in enumerate(days):
        x = round(left + inner * n + min(1.5, inner / 6), 2)
        wide = round(max(inner - 2 * min(1.5, inner / 6), 0.6), 2)
        for name, high in (("whole", count), ("part", parts.get(day, 0))):
            if high:
                bars.append((name, x, y(high), wide, round(base - y(high), 1)))
    step = max(1, math.ceil(56 / inner)) if inner else 1
    labels = [
        (
            round(left + inner * (n + 0.5), 1),
            base + 16,
            formats.date_format(day, _("j M")),
        )
        for n, (day, _count) in enumerate(days)
        if n % step == step // 2
    ]
    return format_html(
        "{}{}{}",
        format_html_join("", "{}", ((one,) for one in marks)),
        format_html_join(
            "",
            '<rect class="chart__column chart__column--{}" x="{}" y="{}" width="{}"'
            ' height="{}"/>',
            bars,
        ),
        format_html_join(
            "",
            '<text class="chart__day" x="{}" y="{}" text-anchor="middle">{}</text>',
            labels,
        ),
    )


def columns(
    shown: Sequence[Column], *, title: str, width: float = 460, describe: str = ""
) -> SafeString:
    """Draw labelled columns, such as serial intervals by days."""
    left, base = 36.0, HEAD + HEIGHT
    axis = scale(max([one.count for one in shown] or [0]))
    inner = (width - left - 4) / max(len(shown), 1)

    def y(count: float) -> float:
        return round(base - HEIGHT * count / axis[-1], 1)

    grid = format_html_join(
        "",
        '<line class="chart__grid" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        '<text class="chart__day" x="{}" y="{}" text-anchor="end">{}</text>',
        ((left, y(n), width, y(n), left - 8, y(n) + 4, n) for n in axis),
    )
    bars = format_html_join(
        "",
        '<rect class="chart__column chart__column--whole" x="{}" y="{}" width="{}"'
        ' height="{}"><title>{}: {}</title></rect>',
        (
            (
                round(left + inner * n + inner * 0.12, 1),
                y(one.count),
                round(inner * 0.76, 1),
                round(base - y(one.count), 1),
                one.label,
                one.count,
            )
            for n, one in enumerate(shown)
            if one.count
        ),
    )
    step = max(1, math.ceil(26 / inner)) if inner else 1
    labels = format_html_join(
        "",
        '<text class="chart__day" x="{}" y="{}" text-anchor="middle">{}</text>',
        (
            (round(left + inner * (n + 0.5), 1), base + 16, one.label)
            for n, one in enumerate(shown)
            if n % step == 0
        ),
    )
    return _picture(title, describe, width, format_html("{}{}{}", grid, bars, labels))


def line_with_band(
    points: Sequence[tuple[dt.date, float, float, float]],
    *,
    title: str,
    limit: float,
    limit_label: str,
    width: float = 460,
    describe: str = "",
) -> SafeString:
    """Draw a figure by day with its interval: (day, value, low, high)."""
    left, base = 36.0, HEAD + HEIGHT
    axis = scale(max([high for _d, _v, _l, high in points] + [limit]))
    first, last = points[0][0], points[-1][0]
    span = max((last - first).days, 1)

    def x(day: dt.date) -> float:
        return round(left + 6 + (width - left - 16) * (day - first).days / span, 1)

    def y(value: float) -> float:
        return round(base - HEIGHT * min(value, axis[-1]) / axis[-1], 1)

    upper = " ".join(f"{x(day)},{y(high)}" for day, _v, _l, high in points)
    lower = " ".join(f"{x(day)},{y(low)}" for day, _v, low, _h in reversed(points))
    line = " ".join(f"{x(day)},{y(value)}" for day, value, _l, _h in points)
    drawn = format_html(
        '{}<polygon class="chart__interval" points="{} {}"/>'
        '<line class="chart__limit" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        '<line class="chart__limit" x1="{}" y1="6" x2="{}" y2="6"/>'
        '<text class="chart__day" x="{}" y="10">{}</text>'
        '<polyline class="chart__curve" points="{}"/>{}',
        format_html_join(
            "",
            '<line class="chart__grid" x1="{}" y1="{}" x2="{}" y2="{}"/>'
            '<text class="chart__day" x="{}" y="{}" text-anchor="end">{}</text>',
            ((left, y(n), width, y(n), left - 8, y(n) + 4, n) for n in axis),
        ),
        upper, lower,
        left, y(limit), width, y(limit), left, left + 20, left + 26, limit_label,
        line,
        format_html_join(
            "",
            '<text class="chart__day" x="{}" y="{}" text-anchor="{}">{}</text>',
            (
                (x(day), base + 16, anchor, formats.date_format(day, _("j M")))
                for day, anchor in ((first, "start"), (last, "end"))
            ),
        ),
    )  # fmt: skip
    return _picture(title, describe, width, drawn)


def _picture(title: str, describe: str, width: float, inside: SafeString) -> SafeString:
    return format_html(
        '<svg class="chart chart--columns" xmlns="http://www.w3.org/2000/svg"'
        ' viewBox="0 0 {} {}" role="img"><title>{}</title><desc>{}</desc>{}</svg>',
        round(width),
        HEAD + HEIGHT + FOOT,
        title,
        describe,
        inside,
    )
