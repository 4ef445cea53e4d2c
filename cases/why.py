"""Why a rule put somebody on the worklist: rule, version, facts and source.

Sentences with the numbers of the version that held when the rule fired.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from cases import words
from cases.models import Escalation, Monitoring, Policy, Routine
from health_authorities.memory import remembered
from health_authorities.models import current

Reason = Escalation.Reason
BY_OFFICIAL = "official"
BY_ENTRY = "entry"
BY_CALL = "call"
BY_ACCOUNT = "account"
BY_DETAILS = "details"
BY_DECISION = "decision"
BY_MESSAGE = "message"
# How each reason ends (PRODUCT: medical reasons never by themselves).
ENDS = {
    **dict.fromkeys(Escalation.MEDICAL, BY_OFFICIAL),
    Reason.ENTRY_MISSING.value: BY_ENTRY,
    Reason.SILENT.value: BY_ENTRY,
    Reason.NOT_REGISTERED.value: BY_ACCOUNT,
    Reason.FIRST_CALL.value: BY_CALL,
    Reason.FIRST_CALL_OVERDUE.value: BY_CALL,
    Reason.DETAILS_MISSING.value: BY_DETAILS,
    Reason.ONSET_DIFFERS.value: BY_DECISION,
    Reason.ENDS.value: BY_DECISION,
    Reason.ENDS_WITH_SYMPTOMS.value: BY_DECISION,
    Reason.LAPSED_UNDECIDED.value: BY_DECISION,
    Reason.MESSAGE_FAILED.value: BY_MESSAGE,
    Reason.POSSIBLE_DUPLICATE.value: BY_DECISION,
    Reason.QUARANTINE_MISFIT.value: BY_DECISION,
    Reason.CONTACTS_NAMED.value: BY_DECISION,
    Reason.MET_IN_QUARANTINE.value: BY_DECISION,
    Reason.STEP_DISPUTED.value: BY_DECISION,
    Reason.POSSIBLE_CLUSTER.value: BY_DECISION,
}
# Rules of the disease; all others are the routine's.
OF_POLICY = frozenset(
    {
        *Escalation.MEDICAL,
        Reason.ONSET_DIFFERS.value,
        Reason.ENDS_WITH_SYMPTOMS.value,
        Reason.QUARANTINE_MISFIT.value,
        Reason.POSSIBLE_CLUSTER.value,
    }
)


@dataclass(frozen=True)
class Why:
    """One rule's result, explained."""

    rule: str
    facts: str
    raised_at: dt.datetime
    worsened_at: dt.datetime | None
    version: str
    ends: str
    source: str


def routines() -> list[Routine]:
    """Return all versions of the routine, newest first; perhaps half a minute old."""
    return remembered(
        ("routines",), lambda: list(Routine.objects.order_by("-valid_from"))
    )


def why(escalation: Escalation, *, symptoms: Mapping[str, str] | None = None) -> Why:
    """Explain an escalation; its policy with the disease and its monitoring should be
    read already. Where it names no policy, the sentence stands without numbers."""
    raised_on = current().localdate(escalation.raised_at)
    routine = _routine(routines(), raised_on)
    policy = escalation.policy
    is_of_policy = escalation.reason in OF_POLICY
    rule = _RULES[escalation.reason](
        _Read(escalation, policy or Policy(valid_from=raised_on), routine)
    )
    return Why(
        rule=rule,
        facts=words.fact_in_words(escalation, symptoms=symptoms),
        raised_at=escalation.raised_at,
        worsened_at=escalation.worsened_at,
        version=_version(policy if is_of_policy else None, routine),
        ends=_ends(escalation.reason),
        source=(policy.source if policy and is_of_policy else "") or "",
    )


def _routine(versions: Sequence[Routine], on: dt.date) -> Routine:
    """The version of a day, or the defaults where none held yet."""
    held = (one for one in versions if one.valid_from <= on)
    return next(held, None) or Routine(valid_from=on)


def _version(policy: Policy | None, routine: Routine) -> str:
    if policy is not None:
        return _("%(disease)s, rules of %(day)s") % {
            "disease": policy.disease,
            "day": formats.date_format(policy.valid_from, "SHORT_DATE_FORMAT"),
        }
    return _("routine of %(day)s") % {
        "day": formats.date_format(routine.valid_from, "SHORT_DATE_FORMAT")
    }


def _ends(reason: str) -> str:
    ways = {
        BY_OFFICIAL: _(
            "Stays until an official settles it. A better entry only makes it less "
            "urgent."
        ),
        BY_ENTRY: _("Goes away with the next entry, or a call that reaches somebody."),
        BY_CALL: _("Goes away when the person is reached, or completes the enrolment."),
        BY_ACCOUNT: _("Goes away when the person registers."),
        BY_DETAILS: _("Goes away when the details are filled in."),
        BY_DECISION: _("Goes away when an official has decided."),
        BY_MESSAGE: _("Goes away when the person is told in another way."),
    }
    return ways[ENDS[reason]]


@dataclass(frozen=True)
class _Read:
    escalation: Escalation
    policy: Policy
    routine: Routine

    @property
    def is_case(self) -> bool:
        monitoring = self.escalation.monitoring
        return monitoring is not None and monitoring.kind == Monitoring.Kind.ISOLATION

    @property
    def facts(self) -> dict[str, Any]:
        return self.escalation.facts or {}


def _emergency(read: _Read) -> str:
    return _(
        "An entry names an emergency sign, or SpO₂ is %(oxygen)s %% or less, or a "
        "child under %(months)s months has %(degrees)s or more."
    ) % {
        "oxygen": read.policy.oxygen_emergency,
        "months": read.policy.infant_months,
        "degrees": words.celsius(read.policy.fever_infants),
    }


def _fever(read: _Read) -> str:
    own = read.policy.fever_cases if read.is_case else read.policy.fever_contacts
    limit = words.celsius(read.facts.get("limit", own))
    if read.is_case:
        return _("An entry of a case has %(limit)s or more.") % {"limit": limit}
    return _("An entry of a contact has %(limit)s or more.") % {"limit": limit}


def _worsening(read: _Read) -> str:
    return _(
        "Temperature or a symptom rises over %(n)s entries, or SpO₂ is under "
        "%(oxygen)s %%."
    ) % {"n": read.policy.worsening_entries, "oxygen": read.policy.oxygen_worsening}


def _group(read: _Read) -> str:
    rules = _(" or ").join(
        _("%(n)s of group %(group)s") % {"n": one["count"], "group": one["group"]}
        for one in read.policy.groups
    )
    if not rules:
        return _("Enough symptoms of one group are there at once.")
    return _("Enough symptoms are there at once: %(rules)s.") % {"rules": rules}


def _missing(read: _Read) -> str:
    return _(
        "%(n)s slots in a row ended without an entry; %(few)s is enough after an "
        "abnormal entry, over %(age)s years, or for somebody who lives alone."
    ) % {
        "n": read.routine.missing_after,
        "few": read.routine.missing_after_if_at_risk,
        "age": read.routine.old_age,
    }


def _silent(read: _Read) -> str:
    return _("Nothing was heard for %(n)s hours, in spite of reminders.") % {
        "n": read.routine.silent_after_hours
    }


def _not_registered(read: _Read) -> str:
    return _("Invited %(n)s hours ago and no account yet, or the code has run out.") % {
        "n": read.routine.not_registered_hours
    }


def _first_call(read: _Read) -> str:
    return _("Newly followed, and nobody has spoken to the person: due in %(n)s h.") % {
        "n": read.routine.first_call_hours
    }


def _overdue(read: _Read) -> str:
    return _("Nobody has spoken to the person for more than %(n)s hours.") % {
        "n": read.routine.first_call_hours
    }


def _near_end(read: _Read) -> str:
    return _(
        "The last day is near: shown %(n)s day before it, and to be decided by "
        "%(time)s of that day."
    ) % {
        "n": read.routine.end_warning_days,
        "time": formats.time_format(read.routine.ending_decided_by, "G:i"),
    }


def _ends_ill(read: _Read) -> str:
    return _(
        "Symptoms in the last %(hours)s hours before the end, or too few entries to "
        "tell: %(needed)s of %(looked)s slots are needed."
    ) % {
        "hours": read.policy.symptom_free_hours,
        "needed": read.policy.slots_needed,
        "looked": read.policy.slots_considered,
    }


_RULES: dict[str, Callable[[_Read], str]] = {
    Reason.EMERGENCY.value: _emergency,
    Reason.FEVER.value: _fever,
    Reason.FIRST_SYMPTOM.value: lambda _read: _(
        "A contact reports a characteristic symptom for the first time, and may be "
        "turning into a case."
    ),
    Reason.SUSPICIOUS_SYMPTOM.value: lambda _read: _(
        "The entry has a symptom that your catalogue marks as suspicious."
    ),
    Reason.WORSENING.value: _worsening,
    Reason.GROUP.value: _group,
    Reason.ENTRY_MISSING.value: _missing,
    Reason.SILENT.value: _silent,
    Reason.NOT_REGISTERED.value: _not_registered,
    Reason.FIRST_CALL.value: _first_call,
    Reason.FIRST_CALL_OVERDUE.value: _overdue,
    Reason.DETAILS_MISSING.value: lambda _read: _(
        "There is no working way to reach the person, no birth date, or no day to "
        "count from."
    ),
    Reason.ONSET_DIFFERS.value: lambda _read: _(
        "The diary shows a first symptom that counts, and the case has no onset or a "
        "later one."
    ),
    Reason.ENDS.value: _near_end,
    Reason.ENDS_WITH_SYMPTOMS.value: _ends_ill,
    Reason.LAPSED_UNDECIDED.value: lambda _read: _(
        "The last day is over and nobody has decided. The order ended by itself at "
        "24:00."
    ),
    Reason.MESSAGE_FAILED.value: lambda _read: _(
        "A message was refused for good, and no second way to the person is left."
    ),
    Reason.POSSIBLE_DUPLICATE.value: lambda _read: _(
        "Two records look like one person: same birth date and a similar name, or the "
        "same telephone or e-mail."
    ),
    Reason.QUARANTINE_MISFIT.value: lambda _read: _(
        "What the quarantine rests on has changed: dates of a case, an exposure or an "
        "immunity. By the rules it would end on another day than ordered."
    ),
    Reason.CONTACTS_NAMED.value: lambda _read: _(
        "The case named people, or changed what was said of them, and no official has "
        "looked at it. Nobody is told before."
    ),
    Reason.MET_IN_QUARANTINE.value: lambda _read: _(
        "Somebody in quarantine says that they met somebody."
    ),
    Reason.STEP_DISPUTED.value: lambda _read: _(
        "The person says that a step of the sum behind their date is wrong."
    ),
    Reason.POSSIBLE_CLUSTER.value: lambda read: (
        _(
            "From %(n)s cases on that were in one place in the days before they fell "
            "ill."
        )
        % {"n": read.policy.cluster_from}
    ),
}
