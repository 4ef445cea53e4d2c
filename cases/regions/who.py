"""Who somebody is, how to reach them, and how far they have come."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _

from cases import clocks
from cases.models import Case, EnrolmentCode, Monitoring, Person
from cases.regions.spans import Way, is_lapsed, issued_ones
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.telephones import dialled


def header(
    person: Person,
    spans: Sequence[Monitoring],
    *,
    user: User,
    today: dt.date,
    assigned_to: User | None,
) -> dict[str, Any]:
    """Who, what, which day, until when, how to reach, who sees to it."""
    open_ones = [one for one in spans if one.is_open]
    # Who is ill is isolated; a quarantine beside it says nothing more.
    chief = next((one for one in open_ones if one.is_isolation), None)
    chief = chief or (open_ones[0] if open_ones else None)
    number = person.mobile or person.phone
    risks = [
        (chief is not None and _needs_physician(chief, today), _("physician decides")),
        (person.lives_alone, _("lives alone")),
        (person.interpreter_needed, _("interpreter needed")),
        (person.hard_of_hearing, _("hard of hearing")),
        (person.no_internet, _("no internet")),
    ]
    return {
        "age": person.age(today),
        "monitoring": chief,
        "last": spans[0] if spans else None,
        "kind": _kind(chief) if chief else "",
        "day": chief.day(today) if chief else None,
        "days": chief.days if chief else None,
        "is_lapsed": is_lapsed(chief, today) if chief else False,
        "is_proposed": chief is not None and not issued_ones(chief),
        "number": dialled(number),
        "risks": ", ".join(risk for is_so, risk in risks if is_so),
        "may_record": user.may("diaries.record"),
        # Without a telephone the letter is the way, while the diary is not open yet.
        "may_write": chief is not None
        and chief.enrolment == Monitoring.Enrolment.NOT_INVITED
        and user.may("cases.invite")
        and bool(person.postal_address(today)),
        "assigned_to": assigned_to or (chief.assigned_to if chief else None),
        "ways": _ways_of_person(person, user=user),
    }


def _needs_physician(monitoring: Monitoring, today: dt.date) -> bool:
    return monitoring.case is not None and monitoring.case.needs_physician(today)


def _kind(monitoring: Monitoring) -> str:
    if monitoring.is_isolation:
        return _("Index case in isolation")
    return _("Contact in quarantine")


def _ways_of_person(person: Person, *, user: User) -> list[Way]:
    ways = []
    if user.may("cases.take_up") and person.died_on is None:
        key = {"pk": person.pk}
        ways += [
            Way(reverse("cases:take_up_person", kwargs=key), _("Take up a case")),
            Way(
                reverse("cases:open_quarantine_person", kwargs=key),
                _("Open a quarantine"),
            ),
        ]
    return ways


def details(person: Person, *, user: User) -> dict[str, Any]:
    """Contact data and circumstances, and the person's cases."""
    cases = Case.objects.filter(person=person).select_related("disease")
    return {
        "facts": _facts(person),
        "cases": [
            {"case": case, "facts": _case_facts(case)}
            for case in cases.order_by("-reported_at")
        ],
        "may_edit": user.may("cases.edit"),
        "may_take_up": user.may("cases.take_up"),
        "may_conclude": user.may("cases.conclude"),
    }


def _facts(person: Person) -> list[tuple[str, str]]:
    """Return label and value of what is known, in the order of the page."""
    needs = [
        (person.interpreter_needed, _("interpreter needed")),
        (person.hard_of_hearing, _("hard of hearing")),
        (person.no_internet, _("no internet")),
        (person.lives_alone, _("lives alone")),
    ]
    stay = _address(person.stay_street, person.stay_postal_code, person.stay_city)
    hours = [
        formats.time_format(hour, "G:i")
        for hour in (person.preferred_morning, person.preferred_evening)
        if hour is not None
    ]
    wishes = [person.get_preferred_channel_display(), " / ".join(hours)]
    rows = [
        (_("Mobile"), dialled(person.mobile)),
        (_("Phone"), dialled(person.phone)),
        (_("E-mail"), person.email),
        (_("Address"), _address(person.street, person.postal_code, person.city)),
        (_("Stays at"), stay),
        (_("Speaks"), person.get_language_display()),
        (_("Sex"), person.get_sex_display()),
        (_("Prefers"), ", ".join(wish for wish in wishes if wish)),
        (_("Mind"), ", ".join(word for is_so, word in needs if is_so)),
        (_("Remarks"), person.remarks),
    ]
    return [(label, str(value)) for label, value in rows if value]


def _case_facts(case: Case) -> list[tuple[str, str]]:
    """Return what is recorded of a case beside onset and specimen."""
    mind = [
        (case.severe_course, _("severe course")),
        (case.immune_suppressed, _("immune suppressed")),
    ]
    rows = [
        (_("Variant"), case.variant),
        (_("Laboratory's reference"), case.laboratory_reference),
        (_("Register's reference"), case.register_reference),
        (_("Occupation"), case.occupation),
        (_("Lives or works in"), case.get_sensitive_setting_display()),
        (_("Mind"), ", ".join(word for is_so, word in mind if is_so)),
    ]
    return [(label, str(value)) for label, value in rows if value]


def _address(street: str, postal_code: str, city: str) -> str:
    town = f"{postal_code} {city}".strip()
    return ", ".join(part for part in (street, town) if part)


def enrolment(
    person: Person,
    spans: Sequence[Monitoring],
    *,
    user: User,
    now: dt.datetime,
) -> dict[str, Any]:
    """How far the person has come, which code is alive, what can be done."""
    chief = next((one for one in spans if one.is_open), None)
    code = None
    if chief is not None and chief.enrolment == Monitoring.Enrolment.INVITED:
        code = EnrolmentCode.objects.filter(
            person=person, used_at__isnull=True, voided_at__isnull=True
        ).first()
    return {
        "monitoring": chief,
        "stages": _stages(chief, code) if chief else [],
        "clocks": clocks.of(chief, now=now) if chief else [],
        "is_run_out": code is not None and code.expires_at <= now,
        "ways": _ways_in(person, chief, user=user) if chief else [],
    }


def _stages(monitoring: Monitoring, code: EnrolmentCode | None) -> list[dict[str, Any]]:
    stages: list[dict[str, Any]] = []
    for label, moment in (
        (_("Invited"), monitoring.invited_at),
        (_("Registered"), monitoring.registered_at),
        (_("Enrolled"), monitoring.enrolled_at),
    ):
        if moment is not None:
            stages.append(
                {"what": label, "at": moment, "icon": "tick", "state": "fine"}
            )
    if code is not None and stages:
        expires_at = current().localtime(code.expires_at)
        until = formats.date_format(expires_at, _("D j M, G:i"))
        stages[0]["who"] = _("the code lives until %(moment)s") % {"moment": until}
    return stages


def _ways_in(person: Person, monitoring: Monitoring, *, user: User) -> list[Way]:
    stages = Monitoring.Enrolment
    if not user.may("cases.invite"):
        return []
    key = {"pk": person.pk}
    is_first = monitoring.enrolment == stages.NOT_INVITED
    invite = _("Invite") if is_first else _("Invite again")
    if person.user_id is not None:
        invite = _("New way in")
    ways = [Way(reverse("cases:invite", kwargs=key), invite)]
    if monitoring.enrolment != stages.BY_PHONE:
        ways.append(Way(reverse("cases:by_phone", kwargs=key), _("By phone")))
    return ways
