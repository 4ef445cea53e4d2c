"""What every template may use: icons, avatars, friendly times, the small bars."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from quarano.charts.bars import day_bar as draw_day_bar
from quarano.charts.bars import share_bar as draw_share_bar
from quarano.glossary import BY_CODE
from quarano.telephones import dialled

register = template.Library()

# Heights of the three degrees of a severity, in a box of 8 × 14.
GRADES = {"mild": 4, "moderate": 9, "severe": 14}
GRADE_NAMES = {1: "mild", 2: "moderate", 3: "severe"}


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """Draw a symbol of `static/icons.svg`; it is for the eye only."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="{}#{}"/></svg>',
        f" {extra}" if extra else "",
        static("icons.svg"),
        name,
    )


@register.simple_tag
def logo() -> SafeString:
    """Draw the mark of Quarano."""
    return format_html(
        '<svg class="brand__logo" viewBox="0 0 32 32" aria-hidden="true">'
        '<use href="{}#logo"/></svg>',
        static("icons.svg"),
    )


@register.simple_tag
def grade(severity: str | int) -> SafeString:
    """Draw a severity as a height: mild, moderate, severe (or 1, 2, 3)."""
    name = GRADE_NAMES.get(severity) if isinstance(severity, int) else str(severity)
    height = GRADES.get(name or "", 4)
    return format_html(
        '<svg class="grade grade--{}" viewBox="0 0 8 14" aria-hidden="true">'
        '<rect y="{}" width="8" height="{}" rx="1"/></svg>',
        name or "mild",
        14 - height,
        height,
    )


@register.simple_tag
def day_bar(day: int, days: int, width: int = 160) -> SafeString:
    """Draw day n of m."""
    return draw_day_bar(day, days, width=width)


@register.simple_tag
def share_bar(fine: int, running: int, late: int) -> SafeString:
    """Draw a clock's counts: in time, running, late."""
    return draw_share_bar(fine, running, late)


@register.inclusion_tag("components/avatar.html")
def avatar(user: object | None, me: object | None = None) -> dict[str, Any]:
    """Show whose a thing is: mine, another's, nobody's."""
    name = str(getattr(user, "name", "") or user or "")
    return {
        "name": name,
        "initials": initials(name),
        "mine": user is not None and user == me,
    }


@register.simple_tag
def what(code: str) -> SafeString:
    """Put a '?' beside a word, which leads to its meaning; `code` of the glossary."""
    word = BY_CODE[code]
    return format_html(
        '<a class="what" href="{}#{}" title="{}"><span aria-hidden="true">?</span>'
        '<span class="sr-only">{}</span></a>',
        reverse("desk:glossary"),
        code,
        word.meaning,
        _("What does “%(word)s” mean?") % {"word": word.word},
    )


@register.filter
def initials(name: object) -> str:
    """First letters of the first and the last word of a name."""
    words = str(name).replace("-", " ").split()
    if not words:
        return ""
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def _local(moment: datetime) -> datetime:
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment


def _span(span: timedelta) -> str:
    """A length of time in one unit: 18 min, 2 h, 3 days."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 60:
        return _("%(n)d min") % {"n": max(minutes, 1)}
    if minutes < 48 * 60:
        return _("%(n)d h") % {"n": minutes // 60}
    days = minutes // (24 * 60)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


@register.filter
def span(length: timedelta) -> str:
    """Say a length of time: '18 min', '52 h', '3 days'."""
    return _span(length)


@register.filter
def short_day(day: date | datetime | None) -> str:
    """Say a day: 'Tue 17 Nov' (an aware moment is taken in the current zone)."""
    if day is None:
        return ""
    if isinstance(day, datetime):
        day = _local(day)
    # Translators: a weekday, a day and a month, as in "Tue 17 Nov"
    return formats.date_format(day, _("D j M"))


@register.filter
def day_and_month(day: date | None) -> str:
    """Say a day beside others of its year: '17 Nov'."""
    return formats.date_format(day, _("j M")) if day else ""


@register.filter
def long_day(day: date | datetime | None) -> str:
    """Say a day in full: 'Tuesday, 17 November'."""
    if day is None:
        return ""
    if isinstance(day, datetime):
        day = _local(day)
    # Translators: as in "Tuesday, 17 November"
    return formats.date_format(day, _("l, j F"))


@register.filter
def clock_time(moment: datetime | None) -> str:
    """Say a time of day: '7:48', in the current zone."""
    # Translators: hours and minutes, as in "7:48"
    return "" if moment is None else formats.date_format(_local(moment), _("G:i"))


@register.simple_tag(takes_context=True)
def due(
    context: template.Context, moment: datetime | None, is_staffed: bool = False
) -> SafeString:
    """Say when a thing is due: 'in 18 min', '2 h late', else 'Tue 17 Nov'.

    On a staffed clock with the hour, and that it is one: 'Mon 9:00, staffed hours'.
    The moment of looking is `now` of the context; no clock is read here.
    """
    now: datetime | None = context.get("now")
    if moment is None or now is None:
        return format_html("{}", short_day(moment))
    machine = moment.isoformat(timespec="minutes")
    if moment < now:
        text = _("%(span)s late") % {"span": _span(now - moment)}
        return format_html('<time class="late" datetime="{}">{}</time>', machine, text)
    if is_staffed:
        near = moment - now < timedelta(days=6)
        day = formats.date_format(_local(moment), "D") if near else short_day(moment)
        text = _("%(moment)s, staffed hours") % {
            "moment": f"{day} {clock_time(moment)}"
        }
        return format_html('<time datetime="{}">{}</time>', machine, text)
    if _local(moment).date() > _local(now).date() and moment - now >= timedelta(
        hours=12
    ):
        tomorrow = _local(now).date() + timedelta(days=1)
        is_tomorrow = _local(moment).date() == tomorrow
        text = _("tomorrow") if is_tomorrow else short_day(moment)
    else:
        text = _("in %(span)s") % {"span": _span(moment - now)}
    return format_html('<time datetime="{}">{}</time>', machine, text)


@register.simple_tag(takes_context=True)
def ago(context: template.Context, moment: datetime | None) -> SafeString:
    """Say when: '7:48' today, 'Mon 9:12' this week, '12 Nov, 10:40' before."""
    if moment is None:
        return SafeString("")
    now: datetime | None = context.get("now")
    local = _local(moment)
    time = clock_time(moment)
    if now is not None and local.date() == _local(now).date():
        text = time
    elif now is not None and timedelta(0) <= now - moment < timedelta(days=6):
        text = f"{formats.date_format(local, 'D')} {time}"
    else:
        # Translators: a day and a month without the weekday, as in "12 Nov"
        day_and_month = _("j M")
        text = f"{formats.date_format(local, day_and_month)}, {time}"
    return format_html(
        '<time datetime="{}">{}</time>', moment.isoformat(timespec="minutes"), text
    )


@register.filter
def celsius(value: Decimal | float | None) -> str:
    """Say a temperature: '38.9 °C', with the language's decimal mark."""
    if value is None:
        return ""
    return f"{formats.number_format(value, decimal_pos=1)}\N{NO-BREAK SPACE}°C"


register.filter("dialled", dialled)


@register.filter
def together(number: object) -> str:
    """Keep the groups of a number on one line, and in their order where one reads
    from right to left: Unicode turns numbers around that a common blank parts."""
    return str(number or "").replace(" ", "\N{NO-BREAK SPACE}")


@register.filter
def telephone(number: object) -> str:
    """Turn a number into the part after `tel:`; anything but digits and + goes."""
    return "".join(ch for ch in str(number or "") if ch.isdigit() or ch == "+")


@register.inclusion_tag("components/who_answers.html", takes_context=True)
def who_answers(context: template.Context) -> dict[str, Any]:
    """Say when somebody answers the authority's telephone, where that is known."""
    return who_reads(context)


@register.inclusion_tag("components/who_reads.html", takes_context=True)
def who_reads(context: template.Context | dict[str, Any]) -> dict[str, Any]:
    """Say when somebody at the authority reads what a citizen entered.

    By `authority` and `now` of the context; 'today' only where somebody is there.
    """
    authority, now = context.get("authority"), context.get("now")
    if authority is None or now is None or not authority.hours.are_known:
        return {"is_known": False}
    hours = authority.hours
    until, opening = hours.staffed_until(now), hours.next_opening(now)
    return {
        "is_known": True,
        "is_always": until is not None and until - now > timedelta(days=7),
        "is_staffed": until is not None,
        "until": until,
        "until_today": until is not None
        and authority.localdate(until) == authority.localdate(now),
        "opening": opening,
        "opens_today": opening is not None
        and authority.localdate(opening) == authority.localdate(now),
    }
