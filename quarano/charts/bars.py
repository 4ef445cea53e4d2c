"""Two small bars: days of a monitoring, and shares of a clock."""

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

GAP = 4


def day_bar(day: int, days: int, *, width: int = 160, height: int = 10) -> SafeString:
    """Draw day `day` of `days` (whole days, counted from the anchor as day 0).

    A long monitoring gets narrower days, never a wider bar. Day 0 draws none as past.
    """
    days = max(days, 1)
    gap = GAP if days <= 20 else 1
    each = (width - gap * (days - 1)) / days
    rects = format_html_join(
        "",
        '<rect class="daybar__{}" x="{}" y="0.5" width="{}" height="{}" rx="2"/>',
        (
            (
                "past" if n < day else "today" if n == day else "coming",
                round((n - 1) * (each + gap), 2),
                round(each, 2),
                height - 1,
            )
            for n in range(1, days + 1)
        ),
    )
    return format_html(
        '<svg class="daybar" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}</svg>',
        width,
        height,
        _("Day %(day)d of %(days)d") % {"day": day, "days": days},
        rects,
    )


def share_bar(fine: int, running: int, late: int) -> SafeString:
    """Draw how many were in time, are still running, and are late (counts)."""
    total = max(fine + running + late, 1)
    rects = []
    x = 0.0
    for name, count in (("fine", fine), ("running", running), ("late", late)):
        share = 100 * count / total
        if share:
            rects.append((name, round(x, 2), round(max(share, 0.8), 2)))
        x += share
    return format_html(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none"'
        ' aria-hidden="true">{}</svg>',
        format_html_join(
            "",
            '<rect class="bar__{}" x="{}" y="0.5" width="{}" height="7"/>',
            rects,
        ),
    )
