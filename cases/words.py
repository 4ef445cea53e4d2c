"""The facts of an escalation in words: codes and numbers in, one short line out.

Facts by reason (temperatures are °C as strings or numbers, moments ISO 8601 with zone,
symptoms codes of the catalogue); what is absent is left out:

    emergency            sign (code) | signs [codes], oxygen, temperature
    fever                temperature, limit, before (°C of the entry before)
    first_symptom,       symptoms [codes] or {code: severity}
    suspicious_symptom
    worsening            temperatures [°C, oldest first], oxygen, oxygen_before,
                         symptom + severities [1..3]
    group                group, count, symptoms
    entry_missing        slots (how many are overdue)
    silent               since (moment of the last sign of life), hours
    not_registered       invited_at, expired
    first_call(_overdue) reported_at, has_phone
    details_missing      missing [reach, birth_date, onset]
    onset_differs        diary (day), case (day or None)
    ends, lapsed_…       until (day)
    ends_with_symptoms   symptoms [codes], unknown (true: too few entries)
    message_failed       channels [mail, sms]
    possible_duplicate   name: never stored; the panel links to the other person
    quarantine_misfit    ordered (day), proposed (day or None), effect (of Order)
    contacts_named       waiting, urgent, changed (how many exposures)
    met_in_quarantine    day
    step_disputed        step (code), recorded, claimed, proposed (days)
    possible_cluster     cases (how many)
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from django.utils import formats
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cases.models import Escalation

Names = Mapping[str, str]
Facts = Mapping[str, Any]


# The catalogue of symptoms lies above this app; it hands down how to read its names.
_read_catalogue: list[Callable[[], Names]] = []


def use_catalogue(read: Callable[[], Names]) -> None:
    """Let symptoms be named by `read`, which returns {code: name in our language}."""
    _read_catalogue[:] = [read]


def symptom_names() -> Names:
    """Return {code: name} in the active language; read once, at the first symptom."""
    return _Catalogue()


class _Catalogue(Mapping[str, str]):
    """The names of all symptoms; one query, and none where nobody asks."""

    @cached_property
    def names(self) -> Names:
        return _read_catalogue[0]() if _read_catalogue else {}

    def __getitem__(self, code: str) -> str:
        return self.names[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def fact_in_words(
    escalation: Escalation,
    *,
    now: dt.datetime | None = None,
    symptoms: Names | None = None,
) -> str:
    """Say the fact, then the number: '39.6 °C, limit 39.4 °C'.

    `symptoms` are the catalogue's names, read once for a list; `now` makes lengths of
    time grow while the escalation waits. Empty where the reason says it all.
    """
    told = _Told(
        escalation.facts or {},
        _Names(symptom_names() if symptoms is None else symptoms),
        now,
        escalation.due_at,
    )
    parts = [part for part in _WORDS[escalation.reason](told) if part]
    if escalation.withdrawn_at is not None:
        parts.insert(0, _("withdrawn by the citizen"))
    elif escalation.eased_at is not None:
        parts.insert(0, _("eased"))
    return ", ".join(parts)


class _Names:
    """Symptoms in words, a code that nobody knows as it is."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def __getitem__(self, code: str) -> str:
        return self.names.get(code) or code.replace("_", " ")

    def all(self, codes: Any) -> str:
        if isinstance(codes, Mapping):
            return ", ".join(
                f"{self[code]} ({severity(grade)})" for code, grade in codes.items()
            )
        if isinstance(codes, str):
            codes = [codes]
        return ", ".join(self[code] for code in codes or [])


def severity(grade: Any) -> str:
    """'mild', 'moderate' or 'severe' for 1, 2, 3."""
    return {1: _("mild"), 2: _("moderate"), 3: _("severe")}.get(grade, str(grade))


def celsius(value: Any, *, unit: bool = True) -> str:
    """'38.9 °C' with the language's decimal mark."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    text = formats.number_format(number, decimal_pos=1)
    return f"{text}\N{NO-BREAK SPACE}°C" if unit else text


def day_in_words(value: Any) -> str:
    """'Tue 17 Nov' for an ISO day."""
    day = dt.date.fromisoformat(value) if isinstance(value, str) else value
    # Translators: a weekday, a day and a month, as in "Tue 17 Nov"
    return formats.date_format(day, _("D j M"))


def length(span: dt.timedelta) -> str:
    """'18 min', '52 h', '4 days'."""
    minutes = max(int(span.total_seconds() // 60), 1)
    if minutes < 60:
        return _("%(n)d min") % {"n": minutes}
    if minutes < 72 * 60:
        return _("%(n)d h") % {"n": minutes // 60}
    days = minutes // (24 * 60)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


@dataclass(frozen=True)
class _Told:
    """The facts, and what it takes to say them."""

    facts: Facts
    names: _Names
    now: dt.datetime | None
    due_at: dt.datetime | None = None

    def get(self, key: str, default: Any = None) -> Any:
        return self.facts.get(key, default)

    def __getitem__(self, key: str) -> Any:
        return self.facts[key]

    def __contains__(self, key: str) -> bool:
        return key in self.facts


def _since(told: _Told, key: str, text: str, plain: str = "") -> str:
    """`text` with the time that has passed since a moment of the facts."""
    if not told.get(key):
        return ""
    moment = dt.datetime.fromisoformat(told[key])
    if told.now is None:
        when = formats.date_format(localtime(moment), _("D j M, G:i"))
        return plain and plain % {"when": when}
    return text % {"span": length(told.now - moment)}


def _oxygen(told: _Told) -> str:
    if told.get("oxygen") is None:
        return ""
    if told.get("oxygen_before") is not None:
        return _("SpO₂ %(now)s %%, was %(before)s %%") % {
            "now": told["oxygen"],
            "before": told["oxygen_before"],
        }
    return _("SpO₂ %(now)s %%") % {"now": told["oxygen"]}


Parts = Iterable[str]


def _emergency(told: _Told) -> Parts:
    yield told.names.all(told.get("signs") or told.get("sign") or told.get("symptoms"))
    yield _oxygen(told)
    if told.get("temperature") is not None:
        yield celsius(told["temperature"])


def _fever(told: _Told) -> Parts:
    if told.get("temperature") is not None:
        yield celsius(told["temperature"])
    if told.get("before") is not None:
        yield _("was %(temperature)s") % {"temperature": celsius(told["before"])}
    if told.get("limit") is not None:
        yield _("limit %(temperature)s") % {"temperature": celsius(told["limit"])}


def _symptoms(told: _Told) -> Parts:
    yield told.names.all(told.get("symptoms") or told.get("symptom"))


def _worsening(told: _Told) -> Parts:
    yield _oxygen(told)
    rising = told.get("temperatures") or []
    if rising:
        steps = " → ".join(celsius(value, unit=False) for value in rising)
        yield f"{steps}\N{NO-BREAK SPACE}°C"
    grades = told.get("severities") or []
    if told.get("symptom"):
        steps = " → ".join(severity(grade) for grade in grades)
        yield (
            f"{told.names[told['symptom']]}: {steps}"
            if steps
            else told.names[told["symptom"]]
        )
    elif not rising and told.get("symptoms"):
        yield told.names.all(told["symptoms"])


def _group(told: _Told) -> Parts:
    if told.get("group"):
        count = int(told.get("count", 1))
        yield ngettext(
            "%(n)d of group %(group)s", "%(n)d of group %(group)s", count
        ) % {"n": count, "group": told["group"]}
    yield told.names.all(told.get("symptoms"))


def _entry_missing(told: _Told) -> Parts:
    slots = told.get("slots")
    if isinstance(slots, list):
        slots = len(slots)
    if slots:
        yield ngettext("%(n)d entry overdue", "%(n)d entries overdue", int(slots)) % {
            "n": int(slots)
        }
    yield from _circumstances(told)


def _silent(told: _Told) -> Parts:
    if told.get("since") and told.now is not None:
        yield _since(told, "since", _("no entry for %(span)s"))
    elif told.get("hours") is not None:
        yield _("no entry for %(n)d h") % {"n": int(told["hours"])}
    yield from _circumstances(told)


def _circumstances(told: _Told) -> Parts:
    if told.get("lives_alone"):
        yield _("lives alone")
    if told.get("abnormal"):
        yield _("last entry abnormal")


def _not_registered(told: _Told) -> Parts:
    if told.get("expired"):
        yield _("code ran out")
    yield _since(told, "invited_at", _("invited %(span)s ago"), _("invited %(when)s"))


def _first_call(told: _Told) -> Parts:
    yield _since(
        told, "reported_at", _("reported %(span)s ago"), _("reported %(when)s")
    )
    if told.get("has_phone") is False:
        yield _("no phone")


def _details(told: _Told) -> Parts:
    words = {
        "reach": _("no way to reach the person"),
        "birth_date": _("no birth date"),
        "onset": _("neither onset nor specimen date"),
    }
    for code in told.get("missing") or []:
        yield words.get(code, str(code))


def _onset(told: _Told) -> Parts:
    if told.get("diary"):
        yield _("diary: %(day)s") % {"day": day_in_words(told["diary"])}
    if told.get("case"):
        yield _("recorded: %(day)s") % {"day": day_in_words(told["case"])}
    elif "case" in told:
        yield _("none recorded")
    yield told.names.all(told.get("symptoms"))


def _ends(told: _Told) -> Parts:
    if told.get("until"):
        yield _("until %(day)s, 24:00") % {"day": day_in_words(told["until"])}
    if told.due_at is not None and told.now is not None:
        due = formats.date_format(localtime(told.due_at), "H:i")
        yield _("decide by %(time)s") % {"time": due}


def _ends_with_symptoms(told: _Told) -> Parts:
    yield told.names.all(told.get("symptoms"))
    if told.get("fever"):
        yield _("fever")
    if told.get("unknown"):
        yield _("too few entries to tell")
    yield from _ends(told)


def _lapsed(told: _Told) -> Parts:
    if told.get("until"):
        yield _("ended %(day)s, 24:00") % {"day": day_in_words(told["until"])}
    yield told.names.all(told.get("symptoms"))


def _message(told: _Told) -> Parts:
    words = {"mail": _("e-mail refused"), "sms": _("text message refused")}
    for channel in told.get("channels") or []:
        yield words.get(channel, str(channel))
    yield _("no other channel")


def _duplicate(told: _Told) -> Parts:
    words = {
        "birth_date": _("same birth date, similar name"),
        "phone": _("same phone"),
        "mobile": _("same mobile"),
        "email": _("same e-mail"),
    }
    same = told.get("same") or []
    for code in [same] if isinstance(same, str) else same:
        yield words.get(code, str(code))


def _misfit(told: _Told) -> Parts:
    if told.get("ordered"):
        yield _("ordered until %(day)s") % {"day": day_in_words(told["ordered"])}
    if told.get("effect") == "lift" or not told.get("proposed"):
        yield _("to be lifted")
    else:
        yield _("should be %(day)s") % {"day": day_in_words(told["proposed"])}


def _contacts(told: _Told) -> Parts:
    waiting, urgent = int(told.get("waiting") or 0), int(told.get("urgent") or 0)
    changed = int(told.get("changed") or 0)
    if waiting:
        yield ngettext("%(n)d not looked at", "%(n)d not looked at", waiting) % {
            "n": waiting
        }
    if urgent:
        yield ngettext("%(n)d urgent", "%(n)d urgent", urgent) % {"n": urgent}
    if changed:
        yield ngettext(
            "%(n)d changed by the person", "%(n)d changed by the person", changed
        ) % {"n": changed}


def _met(told: _Told) -> Parts:
    if told.get("day"):
        yield _("on %(day)s") % {"day": day_in_words(told["day"])}


def _disputed(told: _Told) -> Parts:
    if told.get("claimed"):
        yield _("says %(day)s") % {"day": day_in_words(told["claimed"])}
    if told.get("recorded"):
        yield _("recorded: %(day)s") % {"day": day_in_words(told["recorded"])}
    if told.get("proposed"):
        yield _("would end %(day)s") % {"day": day_in_words(told["proposed"])}


def _cluster(told: _Told) -> Parts:
    cases = int(told.get("cases") or 0)
    if cases:
        yield ngettext("%(n)d case", "%(n)d cases", cases) % {"n": cases}


_WORDS: dict[str, Callable[[_Told], Parts]] = {
    Escalation.Reason.EMERGENCY.value: _emergency,
    Escalation.Reason.FEVER.value: _fever,
    Escalation.Reason.FIRST_SYMPTOM.value: _symptoms,
    Escalation.Reason.SUSPICIOUS_SYMPTOM.value: _symptoms,
    Escalation.Reason.WORSENING.value: _worsening,
    Escalation.Reason.GROUP.value: _group,
    Escalation.Reason.ENTRY_MISSING.value: _entry_missing,
    Escalation.Reason.SILENT.value: _silent,
    Escalation.Reason.NOT_REGISTERED.value: _not_registered,
    Escalation.Reason.FIRST_CALL.value: _first_call,
    Escalation.Reason.FIRST_CALL_OVERDUE.value: _first_call,
    Escalation.Reason.DETAILS_MISSING.value: _details,
    Escalation.Reason.ONSET_DIFFERS.value: _onset,
    Escalation.Reason.ENDS.value: _ends,
    Escalation.Reason.ENDS_WITH_SYMPTOMS.value: _ends_with_symptoms,
    Escalation.Reason.LAPSED_UNDECIDED.value: _lapsed,
    Escalation.Reason.MESSAGE_FAILED.value: _message,
    Escalation.Reason.POSSIBLE_DUPLICATE.value: _duplicate,
    Escalation.Reason.QUARANTINE_MISFIT.value: _misfit,
    Escalation.Reason.CONTACTS_NAMED.value: _contacts,
    Escalation.Reason.MET_IN_QUARANTINE.value: _met,
    Escalation.Reason.STEP_DISPUTED.value: _disputed,
    Escalation.Reason.POSSIBLE_CLUSTER.value: _cluster,
}

ICONS = {
    Escalation.Reason.EMERGENCY.value: "urgent",
    Escalation.Reason.FEVER.value: "thermometer",
    Escalation.Reason.FIRST_SYMPTOM.value: "virus",
    Escalation.Reason.SUSPICIOUS_SYMPTOM.value: "heart",
    Escalation.Reason.WORSENING.value: "trend-up",
    Escalation.Reason.GROUP.value: "shield",
    Escalation.Reason.ENTRY_MISSING.value: "calendar-missed",
    Escalation.Reason.SILENT.value: "silent",
    Escalation.Reason.NOT_REGISTERED.value: "key",
    Escalation.Reason.FIRST_CALL.value: "phone",
    Escalation.Reason.FIRST_CALL_OVERDUE.value: "phone",
    Escalation.Reason.DETAILS_MISSING.value: "card",
    Escalation.Reason.ONSET_DIFFERS.value: "calendar",
    Escalation.Reason.ENDS.value: "flag",
    Escalation.Reason.ENDS_WITH_SYMPTOMS.value: "flag",
    Escalation.Reason.LAPSED_UNDECIDED.value: "stopped",
    Escalation.Reason.MESSAGE_FAILED.value: "mail",
    Escalation.Reason.POSSIBLE_DUPLICATE.value: "duplicate",
    Escalation.Reason.QUARANTINE_MISFIT.value: "calendar",
    Escalation.Reason.CONTACTS_NAMED.value: "people",
    Escalation.Reason.MET_IN_QUARANTINE.value: "people",
    Escalation.Reason.STEP_DISPUTED.value: "calendar",
    Escalation.Reason.POSSIBLE_CLUSTER.value: "virus",
}
# Icon of a band, and the colour that goes with it.
BAND_ICONS = {1: "urgent", 2: "due", 3: "waiting"}
TONES = {1: "urgent", 2: "due", 3: "waiting"}
