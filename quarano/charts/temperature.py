"""The temperature curve and the symptoms under it, on one axis of slots.

Severity is height, not only colour; a slot without a measurement is a dotted gap, a
missed one a cross. Every drawing has a list of the same numbers for a table beside it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from django.utils import formats
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

HEAD = 24
ROW = 25
HEIGHTS = {1: 4, 2: 9, 3: 15}


@dataclass(frozen=True)
class Reading:
    """What one slot says: temperature in °C, or None with `missed` or without.

    `half` is 0 for morning (or the only slot of a day) and 1 for evening. `entered` is
    false where no entry exists: nothing is then known about symptoms either.
    """

    day: date
    half: int = 0
    celsius: Decimal | None = None
    missed: bool = False
    entered: bool = True


@dataclass(frozen=True)
class Row:
    """A line of the table beside the chart."""

    day: date
    half: int
    celsius: Decimal | None
    above: bool
    missed: bool
    symptoms: list[tuple[str, int]]
    medicine: bool


Slot = tuple[date, int]
Across = Callable[[date, int], float]
Down = Callable[[Decimal | int], float]
Symptoms = Mapping[str, Mapping[Slot, int]]


def table(
    series: Iterable[Reading],
    *,
    threshold: Decimal,
    symptoms: Symptoms | None = None,
    medicine: Iterable[Slot] = (),
) -> list[Row]:
    """Give what the chart shows as rows, oldest first; `threshold` in °C."""
    taken = set(medicine)
    return [
        Row(
            day=reading.day,
            half=reading.half,
            celsius=reading.celsius,
            above=reading.celsius is not None and reading.celsius >= threshold,
            missed=reading.missed,
            symptoms=[
                (name, slots[reading.day, reading.half])
                for name, slots in (symptoms or {}).items()
                if slots.get((reading.day, reading.half))
            ],
            medicine=(reading.day, reading.half) in taken,
        )
        for reading in sorted(series, key=lambda one: (one.day, one.half))
    ]


def temperature_chart(
    series: Sequence[Reading],
    *,
    first_day: date,
    last_day: date,
    today: date,
    threshold: Decimal,
    slots_per_day: int = 2,
    symptoms: Symptoms | None = None,
    medicine: Iterable[Slot] | None = None,
    wide: bool = True,
    title: str = "",
    threshold_label: str = "",
    medicine_label: str = "",
) -> SafeString:
    """Draw the curve from `first_day` to `last_day` (local days, both included).

    `threshold` is the limit of fever in °C for this kind of person. `symptoms` maps a
    name to its severity (1 mild, 2 moderate, 3 severe) by slot. A reading outside the
    days is left out. `wide` is the file's chart with weekdays and rows of symptoms, the
    other fits a phone and the panel.
    """
    days = max((last_day - first_day).days + 1, 1)
    left, width = (114, 688) if wide else (42, 304)
    inner = width - left - 2
    per_day = inner / days
    top, plot = HEAD + 8, 118 if wide else 92
    shown = sorted(
        (one for one in series if first_day <= one.day <= last_day),
        key=lambda one: (one.day, one.half),
    )
    values = [one.celsius for one in shown if one.celsius is not None]
    low = min([36, *(int(value) for value in values)])
    high = max([39, *(int(value + Decimal("0.99")) for value in values)])

    def x(day: date, half: int) -> float:
        offset = (day - first_day).days
        return round(left + per_day * (offset + (half + 0.5) / slots_per_day), 1)

    def y(celsius: Decimal | int) -> float:
        span = high + 0.5 - (low - 0.3)
        return round(top + plot * (high + 0.5 - float(celsius)) / span, 1)

    names = list(symptoms or {}) if wide else []
    with_medicine = wide and medicine is not None
    rows = len(names) + with_medicine
    height = top + plot + 10 + rows * ROW + (6 if rows else 0)

    parts: list[SafeString] = []
    if first_day <= today <= last_day:
        parts.append(
            format_html(
                '<rect class="chart__band" x="{}" y="0" width="{}" height="{}"/>',
                round(left + per_day * (today - first_day).days, 1),
                round(per_day, 1),
                height,
            )
        )
    parts.append(_days(first_day, days, today, left, per_day, wide, top + plot))
    parts.append(_scale(low, high, left, width, y))
    parts.append(_limit(threshold, threshold_label, left, width, y))
    parts.append(_curve(shown, slots_per_day, x, y))
    parts.append(_points(shown, threshold, x, y, y(low), width))
    bottom = top + plot + 12
    if names or with_medicine:
        parts.append(_rows(names, symptoms or {}, shown, x, bottom, width))
    if with_medicine:
        parts.append(
            _medicine(
                medicine_label or _("Fever medicine"),
                set(medicine or ()),
                x,
                bottom + len(names) * ROW,
                (first_day, last_day),
            )
        )
    if wide:
        parts.append(
            format_html(
                '<text class="chart__name" x="0" y="{}">{}</text>',
                HEAD + 10,
                _("Temperature"),
            )
        )
    return format_html(
        '<svg class="chart{}" viewBox="0 0 {} {}" role="img">'
        "<title>{}</title><desc>{}</desc>{}</svg>",
        " chart--wide" if wide else "",
        width,
        height,
        title or _("Temperature"),
        _description(shown, threshold),
        format_html_join("", "{}", ((part,) for part in parts)),
    )


def _number(celsius: Decimal | float) -> str:
    return formats.number_format(celsius, decimal_pos=1)


def _description(shown: Sequence[Reading], threshold: Decimal) -> str:
    measured = [one for one in shown if one.celsius is not None]
    if not measured:
        return _("No temperature has been entered.")
    latest = measured[-1]
    above = sum(1 for one in measured if (one.celsius or 0) >= threshold)
    return _(
        "%(count)d measurements, %(above)d at or above %(limit)s °C, "
        "%(missed)d slots missed; the latest is %(latest)s °C on %(day)s."
    ) % {
        "count": len(measured),
        "above": above,
        "limit": _number(threshold),
        "missed": sum(one.missed for one in shown),
        "latest": _number(latest.celsius or Decimal(0)),
        "day": formats.date_format(latest.day, "MONTH_DAY_FORMAT"),
    }


def _days(
    first_day: date,
    days: int,
    today: date,
    left: int,
    per_day: float,
    wide: bool,
    bottom: float,
) -> SafeString:
    step = 1 if per_day >= (48 if wide else 20) else 2 if per_day >= 22 else 3
    lines = format_html_join(
        "",
        '<line class="chart__grid" x1="{0}" y1="{1}" x2="{0}" y2="{2}"/>',
        (
            (round(left + per_day * n, 1), HEAD + 4, bottom + 4)
            for n in range(1, days)
            if per_day >= 8
        ),
    )
    labels = []
    for n in range(days):
        day = first_day + timedelta(days=n)
        nearest = abs((day - today).days)
        if day != today and (n % step or nearest < step):
            continue
        text = formats.date_format(day, "D j") if wide and step == 1 else str(day.day)
        labels.append(
            (
                " chart__today-label" if day == today else "",
                round(left + per_day * (n + 0.5), 1),
                text,
            )
        )
    return format_html(
        "{}{}",
        lines,
        format_html_join(
            "",
            '<text class="chart__day{}" x="{}" y="14" text-anchor="middle">{}</text>',
            labels,
        ),
    )


def _scale(low: int, high: int, left: int, width: int, y: Down) -> SafeString:
    return format_html_join(
        "",
        '<line class="chart__grid" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        '<text x="{}" y="{}" text-anchor="end">{}</text>',
        (
            (
                left - 6,
                y(degree),
                width,
                y(degree),
                left - 10,
                y(degree) + 4,
                f"{degree} °C" if degree == high else degree,
            )
            for degree in range(low, high + 1)
        ),
    )


def _limit(
    threshold: Decimal, label: str, left: int, width: int, y: Down
) -> SafeString:
    text = label or _("fever from %(limit)s") % {"limit": _number(threshold)}
    return format_html(
        '<line class="chart__limit" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        '<text x="{}" y="{}" text-anchor="end">{}</text>',
        left - 6,
        y(threshold),
        width,
        y(threshold),
        width,
        y(threshold) - 6,
        text,
    )


def _curve(
    shown: Sequence[Reading], slots_per_day: int, x: Across, y: Down
) -> SafeString:
    measured = [(one, one.celsius) for one in shown if one.celsius is not None]
    lines = []
    for (before, was), (after, is_now) in pairwise(measured):
        apart = (after.day - before.day).days * slots_per_day
        apart += after.half - before.half
        lines.append(
            (
                "curve" if apart == 1 else "gap",
                x(before.day, before.half),
                y(was),
                x(after.day, after.half),
                y(is_now),
            )
        )
    return format_html_join("", '<path class="chart__{}" d="M{} {}L{} {}"/>', lines)


def _points(
    shown: Sequence[Reading],
    threshold: Decimal,
    x: Across,
    y: Down,
    floor: float,
    width: int,
) -> SafeString:
    out: list[SafeString] = []
    above: list[tuple[float, Decimal]] = []
    for one in shown:
        at = x(one.day, one.half)
        if one.celsius is None:
            if one.missed:
                mark = '<path class="chart__missed" d="M{} {}l8 8m0-8l-8 8"/>'
                out.append(format_html(mark, round(at - 4, 1), round(floor - 8, 1)))
        elif one.celsius >= threshold:
            above.append((at, one.celsius))
            mark = '<path class="chart__above" d="M{} {}l6 6-6 6-6-6z"/>'
            out.append(format_html(mark, at, round(y(one.celsius) - 6, 1)))
        else:
            mark = '<circle class="chart__point" cx="{}" cy="{}" r="3.5"/>'
            out.append(format_html(mark, at, y(one.celsius)))
    out.extend(_values(above, y, width))
    return format_html_join("", "{}", ((one,) for one in out))


def _values(
    above: Sequence[tuple[float, Decimal]], y: Down, width: int
) -> list[SafeString]:
    """Write the number at the highest and at the latest diamond."""
    if not above:
        return []
    latest = above[-1]
    highest = max(above, key=lambda one: one[1])
    label = '<text class="chart__above-label" x="{}" y="{}" text-anchor="{}">{}</text>'
    out = []
    for at, celsius in sorted({latest, highest}):
        beside = (at, celsius) == latest and at < width - 40
        out.append(
            format_html(
                label,
                round(at + 9 if beside else at, 1),
                round(y(celsius) - (4 if beside else 10), 1),
                "start" if beside else "middle" if at < width - 16 else "end",
                _number(celsius),
            )
        )
    return out


def _rows(
    names: Sequence[str],
    symptoms: Symptoms,
    shown: Sequence[Reading],
    x: Across,
    top: float,
    width: int,
) -> SafeString:
    out: list[SafeString] = []
    for number, name in enumerate(names):
        base = top + number * ROW + ROW - 5
        out.append(
            format_html(
                '<text class="chart__name" x="0" y="{}">{}</text>'
                '<line class="chart__grid" x1="0" y1="{}" x2="{}" y2="{}"/>',
                base - 4,
                name if len(name) <= 17 else name[:16] + "…",
                base + 5,
                width,
                base + 5,
            )
        )
        for one in shown:
            severity = symptoms[name].get((one.day, one.half), 0)
            at = x(one.day, one.half)
            if severity:
                out.append(
                    format_html(
                        '<rect class="chart__severity chart__severity--{}" x="{}"'
                        ' y="{}" width="8" height="{}" rx="1"/>',
                        severity,
                        at - 4,
                        base - HEIGHTS[severity] + 2,
                        HEIGHTS[severity],
                    )
                )
            elif one.entered and not one.missed:
                dot = '<circle class="chart__none" cx="{}" cy="{}" r="1.5"/>'
                out.append(format_html(dot, at, base))
    return format_html_join("", "{}", ((one,) for one in out))


def _medicine(
    label: str, taken: set[Slot], x: Across, top: float, days: tuple[date, date]
) -> SafeString:
    base = top + ROW - 5
    return format_html(
        '<text class="chart__name" x="0" y="{}">{}</text>{}',
        base - 4,
        label,
        format_html_join(
            "",
            '<path class="chart__medicine" d="M{} {}l3.5 3.5 6-7"/>',
            (
                (x(day, half) - 5, base - 4)
                for day, half in sorted(taken)
                if days[0] <= day <= days[1]
            ),
        ),
    )
