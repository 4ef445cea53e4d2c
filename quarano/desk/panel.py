"""The side panel of the worklist: one person, why somebody must look, how to reach."""

import datetime as dt
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import F, Q
from django.utils import formats
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from cases import calls, due_times, on_call, words
from cases import worklist as cases_worklist
from cases.forms import CallForm, SettleForm, SnoozeForm
from cases.models import Escalation, Monitoring, Person
from cases.why import why
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.desk.charts import narrow_chart
from quarano.desk.forms import AssignForm
from quarano.telephones import dialled

UNDOABLE = dt.timedelta(hours=24)


def read(
    person: Person,
    *,
    user: User,
    now: dt.datetime,
    do: str = "",
    on: UUID | None = None,
    form: forms.Form | None = None,
) -> dict[str, Any]:
    """Return what the panel shows of a person.

    `do` ('settle', 'snooze', 'assign', 'call') is the form that is open, `on` the
    escalation it is for (else the chief one), `form` a bound one that was refused.
    """
    today = current().localdate(now)
    every = list(
        Escalation.objects.filter(person=person)
        .filter(
            Q(settled_at__isnull=True)
            | Q(settled_by__isnull=False, settled_at__gt=now - UNDOABLE)
        )
        .select_related("assigned_to", "settled_by", "policy__disease", "monitoring")
        .order_by(F("settled_at").desc(nulls_first=True), "band", "-rank", "due_at")
    )
    open_ones = [one for one in every if one.settled_at is None]
    row = cases_worklist.place_of(person, user, now=now) if open_ones else None
    if row is not None:
        order = [light.pk for light in row.lights]
        open_ones.sort(key=lambda one: order.index(one.pk) if one.pk in order else 99)
    monitoring = (
        Monitoring.objects.open().filter(person=person).order_by("kind").first()
    )
    names = words.symptom_names()
    chosen = next((one for one in open_ones if one.pk == on), None)
    chosen = chosen or (open_ones[0] if open_ones else None)
    alarms = on_call.told(open_ones)
    may_call = user.may("cases.call")
    shown = [
        {
            **_shown(
                one,
                names,
                user=user,
                now=now,
                do=do if one == chosen else "",
                form=form,
            ),
            "is_staffed": due_times.runs_in_staffed_hours(one.reason, now=now),
            "alarms": alarms.get(one.pk, []),
        }
        for one in open_ones
    ]
    return {
        "person": person,
        "age": person.age(today),
        "monitoring": monitoring,
        "day": monitoring.day(today) if monitoring else None,
        "open": shown,
        "settled": [
            {"escalation": one, "fact": words.fact_in_words(one, symptoms=names)}
            for one in every
            if one.settled_at is not None
        ],
        "row": row,
        "score": round(row.score, 1) if row else None,
        "assigned_to": next((one.assigned_to for one in open_ones), None),
        "assign_form": _assign_form(user, form) if do == "assign" else None,
        "call_form": _call_form(person, form) if do == "call" and may_call else None,
        "may_call": may_call,
        "number": dialled(person.mobile or person.phone),
        "needs_letter": bool(person.telephone) and calls.needs_letter(person, now=now),
        "may_write": monitoring is not None
        and user.may("cases.invite")
        and bool(person.postal_address(today)),
        "facts": _facts(person, monitoring),
        "chart": narrow_chart(person, now=now),
        "may_settle": user.may("cases.settle"),
        "may_assign": user.may("cases.assign"),
        "words": {
            "settle": _("Settle"),
            "snooze": _("Snooze"),
            "assign": _("Assign"),
            "call": _("Record a call"),
        },
    }


def _facts(person: Person, monitoring: Monitoring | None) -> list[tuple[str, str]]:
    """What one wants to know before the call; label and value."""
    rows = []
    if monitoring is not None:
        until = _("no computed end")
        if monitoring.until is not None:
            day = words.day_in_words(monitoring.until)
            until = _("%(day)s, end of day") % {"day": day}
        rows.append((_("Until"), until))
        rows.append((_("Enrolment"), monitoring.get_enrolment_display()))
    speaks = str(person.get_language_display())
    if person.interpreter_needed:
        speaks = _("%(language)s, interpreter needed") % {"language": speaks}
    rows.append((_("Speaks"), speaks))
    if person.hard_of_hearing:
        rows.append((_("Mind"), _("hard of hearing")))
    if person.last_entry_at is not None:
        rows.append((_("Last entry"), _moment(person.last_entry_at)))
    last_call = person.calls.order_by("-called_at").first()
    if last_call is not None:
        outcome = last_call.get_outcome_display()
        rows.append((_("Last call"), f"{_moment(last_call.called_at)}, {outcome}"))
    return rows


def _moment(moment: dt.datetime) -> str:
    # Translators: weekday, day, month and time, as in "Mon 16 Nov, 9:12"
    return formats.date_format(localtime(moment), _("D j M, G:i"))


def _assign_form(user: User, form: forms.Form | None) -> forms.Form:
    return form if isinstance(form, AssignForm) else AssignForm(me=user)


def _call_form(person: Person, form: forms.Form | None) -> forms.Form:
    return form if isinstance(form, CallForm) else CallForm(person=person)


def _shown(
    escalation: Escalation,
    names: words.Names,
    *,
    user: User,
    now: dt.datetime,
    do: str,
    form: forms.Form | None,
) -> dict[str, Any]:
    is_asleep = escalation.snoozed_until is not None and escalation.snoozed_until > now
    shown = {
        "escalation": escalation,
        "icon": words.ICONS[escalation.reason],
        "tone": words.TONES[escalation.band],
        "fact": words.fact_in_words(escalation, now=now, symptoms=names),
        "why": why(escalation, symptoms=names),
        "is_asleep": is_asleep,
    }
    if do == "settle" and user.may("cases.settle"):
        is_bound = isinstance(form, SettleForm)
        shown["settle"] = form if is_bound else SettleForm(escalation=escalation)
    elif do == "snooze" and user.may("cases.settle"):
        is_bound = isinstance(form, SnoozeForm)
        shown["snooze"] = form if is_bound else SnoozeForm(now=now)
    return shown
