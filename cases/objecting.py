"""'This step is wrong': the citizen names another day, it is weighed, and an official
finds it as a ready proposal. Nothing changes by the claim alone."""

import datetime as dt

from django.utils.translation import gettext_lazy as _

from cases import containment, escalation, history, intake
from cases.arithmetic import Sum
from cases.models import Case, Escalation, Monitoring, Policy
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.cockroach.transactions import retrying_transaction

Reason = Escalation.Reason
# The steps whose day somebody knows better than the authority.
STEPS = ("onset", "specimen", "last_exposure")


class NothingToObject(containment.Refused):
    message = _("There is no such step in the sum behind this date.")


class SameDay(containment.Refused):
    message = _("That is the day which counts already.")


def disputable(steps: list[dict[str, str]]) -> dict[str, str] | None:
    """Return the step of a sum whose day can be said to be wrong, None without one."""
    return next((step for step in steps if step["code"] in STEPS), None)


def weigh(monitoring: Monitoring, *, step: str, day: dt.date, now: dt.datetime) -> Sum:
    """Return the sum with another day in one of its steps; changes nothing."""
    policy = Policy.objects.in_force(monitoring.disease, on=current().localdate(now))
    case = monitoring.case
    if monitoring.is_isolation:
        return policy.isolation(
            onset=day if step == "onset" or case is None else case.onset,
            specimen=day if step == "specimen" else None,
            symptom_free_since=containment.symptom_free_since(monitoring.person),
        )
    return policy.quarantine(last_exposure=day, category=monitoring.risk_category)


@retrying_transaction(repeatable=True)
def object_to(
    monitoring: Monitoring, *, step: str, day: dt.date, by: User, now: dt.datetime
) -> Escalation | None:
    """Keep that the person says another day, with the end it would make.

    The same claim twice is once. Raises NothingToObject, SameDay,
    containment.DayToCome, AlreadyConcluded.
    """
    monitoring = history.locked(monitoring)
    if not monitoring.is_open:
        raise containment.AlreadyConcluded
    if day > current().localdate(now):
        raise containment.DayToCome
    order = containment.proposal(monitoring) or containment.in_force(monitoring)
    there = disputable(order.steps if order is not None else [])
    if there is None or there["code"] != step:
        raise NothingToObject
    if there["day"] == day.isoformat():
        raise SameDay
    until = weigh(monitoring, step=step, day=day, now=now).until
    return escalation.raise_(
        monitoring,
        Reason.STEP_DISPUTED,
        occasion=f"{step}:{day.isoformat()}",
        facts={
            "step": step,
            "recorded": there["day"],
            "claimed": day.isoformat(),
            "proposed": until.isoformat() if until is not None else None,
        },
        now=now,
    )


def carry_out(settled: Escalation, *, by: User, now: dt.datetime) -> None:
    """Make the claim what is recorded; the proposal is computed anew from it.

    Of a quarantine that rests on exposures the day is theirs: an official changes the
    exposure, and all that rests on it is weighed again.
    """
    day = dt.date.fromisoformat(settled.facts["claimed"])
    monitoring = Monitoring.objects.get(pk=settled.subject_id)
    if not monitoring.is_open:
        return
    if monitoring.case_id is not None:
        changes = {"onset": day, "onset_kind": Case.Onset.DATE}
        if settled.facts["step"] == "specimen":
            changes = {"specimen_date": day}
        intake.revise_case(
            Case.objects.get(pk=monitoring.case_id), changes, by=by, now=now
        )
    elif monitoring.stated_day is not None:
        containment.restate(monitoring, day, by=by, now=now)
