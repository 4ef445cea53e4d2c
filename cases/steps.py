"""The steps of a sum in words: codes and numbers in, translated lines out."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

Row = tuple[str, str, str]


def in_words(steps: Iterable[dict[str, Any]]) -> list[Row]:
    """Return label, value and source of each step, in the active language.

    'Symptom onset', '1 November 2026', 'recorded by the authority'. An unknown code of
    a later version is left out rather than shown raw.
    """
    return [_WORDS[step["code"]](step) for step in steps if step["code"] in _WORDS]


def day_in_words(value: str | dt.date) -> str:
    """A day in full, 'Sunday, 1 November 2026' in the active language."""
    day = dt.date.fromisoformat(value) if isinstance(value, str) else value
    return date_format(day, "DATE_FORMAT")


def _end(value: str) -> str:
    # Translators: the end of an order; until the end of that day
    return _("%(day)s, 24:00") % {"day": day_in_words(value)}


def _days(days: int) -> str:
    return ngettext("+ %(days)d day", "+ %(days)d days", days) % {"days": days}


def _policy(step: dict[str, Any]) -> str:
    if "policy" not in step:
        return ""
    return _("Policy of %(day)s") % {"day": day_in_words(step["policy"])}


def _onset(step: dict[str, Any]) -> Row:
    sources = {
        "official": _("recorded by the authority"),
        "questionnaire": _("stated by the person"),
        "diary": _("confirmed from the diary"),
    }
    source = sources.get(step.get("source", ""), "")
    return _("Symptom onset (day 0)"), day_in_words(step["day"]), source


def category_in_words(code: str) -> str:
    """The policy's category of a contact; a code of the authority's own as it is."""
    known = {
        "household": _("lives with a case"),
        "close": _("close contact"),
        "distant": _("distant contact"),
    }
    return known.get(code, code)


def _exempt(step: dict[str, Any]) -> Row:
    kinds = {"vaccination": _("vaccinated"), "infection": _("recovered")}
    return _("Immune"), kinds.get(step.get("immunity", ""), _("exempt")), ""


_WORDS: dict[str, Callable[[dict[str, Any]], Row]] = {
    "onset": _onset,
    "specimen": lambda step: (
        _("First positive specimen (day 0)"),
        day_in_words(step["day"]),
        "",
    ),
    "category": lambda step: (
        _("Kind of contact"),
        category_in_words(step["category"]),
        "",
    ),
    "unexposed": lambda step: (
        _("No exposure counts"),
        _("nothing to be ordered"),
        "",
    ),
    "not_counted": lambda step: (
        _("Not close enough"),
        _("nothing to be ordered"),
        "",
    ),
    "exempt": _exempt,
    "last_exposure": lambda step: (
        _("Last exposure (day 0)"),
        day_in_words(step["day"]),
        "",
    ),
    "household": lambda step: (
        _("First case at home fell ill (day 0)"),
        day_in_words(step["day"]),
        "",
    ),
    "further_case": lambda step: (
        _("Further case at home fell ill"),
        day_in_words(step["day"]),
        "",
    ),
    "isolation_days": lambda step: (
        _("Isolation"),
        _days(step["days"]),
        _policy(step),
    ),
    "quarantine_days": lambda step: (
        _("Quarantine"),
        _days(step["days"]),
        _policy(step),
    ),
    "household_days": lambda step: (
        _("Quarantine in the household"),
        _days(step["days"]),
        _policy(step),
    ),
    "household_cap": lambda step: (
        _("At most, however many fall ill at home"),
        _days(step["days"]),
        _policy(step),
    ),
    "sum": lambda step: (_("Makes until"), _end(step["day"]), ""),
    "symptom_free": lambda step: (
        _("Not before free of symptoms for"),
        _("%(hours)d h") % {"hours": step["hours"]},
        _policy(step),
    ),
    "later_for_symptoms": lambda step: (
        _("Free of symptoms since %(day)s at the earliest, so until")
        % {"day": day_in_words(step["since"])},
        _end(step["day"]),
        _("Diary"),
    ),
    "physician_decides": lambda step: (
        _("No end is computed"),
        _("a physician decides"),
        _("Hospital, severe course or immune suppression"),
    ),
    "anchor_missing": lambda step: (
        _("No end is computed"),
        _("neither onset nor specimen date is known"),
        "",
    ),
    "discarded": lambda step: (
        _("The case was discarded"),
        _("nothing to be ordered"),
        "",
    ),
    "decided": lambda step: (
        _("Decided by an official: until"),
        _end(step["day"]),
        "",
    ),
    "lifted": lambda step: (_("Lifted on"), day_in_words(step["day"]), ""),
}
