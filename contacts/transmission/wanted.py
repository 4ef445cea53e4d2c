"""Which cases a graph or a figure is about."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection

from cases.models import Case, Disease, Policy
from contacts.models import Setting
from health_authorities.models import current

# A case may be reported so long after its onset, or so long before it.
LATE, EARLY = dt.timedelta(days=60), dt.timedelta(days=21)
WINDOW = dt.timedelta(days=42)
BASES = ("onset", "specimen", "report")


@dataclass(frozen=True)
class Wanted:
    """Cases whose day lies from `since` to `until` (local days, both included).

    `by` is the day that counts: 'onset', 'specimen' or 'report'. `district` is how the
    postal code begins, `setting` one of Setting; empty for all.
    """

    disease: Disease
    policy: Policy
    since: dt.date
    until: dt.date
    today: dt.date
    by: str = "onset"
    district: str = ""
    setting: str = ""

    def parameters(self) -> dict[str, Any]:
        """Return what the statements of this package ask for."""
        authority = current()
        midnight = dt.time()
        return {
            "disease": self.disease.pk,
            "zone": authority.time_zone,
            "reported_from": authority.at(self.since - EARLY, midnight),
            "reported_to": authority.at(self.until + LATE, midnight),
            "since": self.since,
            "until": self.until,
            "district": f"{self.district}%",
            "setting": self.setting,
            "incubation": self.policy.incubation_days,
            "infectious_after": self.policy.infectious_days_after,
        }


def wanted(
    *,
    today: dt.date,
    since: dt.date | None = None,
    until: dt.date | None = None,
    by: str = "onset",
    district: str = "",
    setting: str = "",
    disease: Disease | None = None,
) -> Wanted | None:
    """Return what is wanted, six weeks up to today where no day is said; None where no
    disease is followed. What nobody knows is left out."""
    disease = disease or Disease.objects.order_by("code").first()
    if disease is None:
        return None
    until = until or today
    return Wanted(
        disease=disease,
        policy=Policy.objects.in_force(disease, on=today),
        since=since or until - WINDOW,
        until=until,
        today=today,
        by=by if by in BASES else "onset",
        district=district,
        setting=setting if setting in Setting.values else "",
    )


def rows(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement of this package."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def code_of(pk: object) -> str:
    """Return the code that stands for a case or contact in pictures and tables."""
    text = str(pk).replace("-", "").upper()
    return f"{text[:4]}-{text[4:8]}"


def case_of(code: str) -> Case | None:
    """Return the case that a code stands for; None for an unknown or ambiguous one."""
    text = code.replace("-", "").lower()
    if len(text) != len("00000000") or not set(text) <= set("0123456789abcdef"):
        return None
    first = f"{text}-0000-0000-0000-000000000000"
    last = f"{text}-ffff-ffff-ffff-ffffffffffff"
    found = list(
        Case.objects.filter(pk__range=(first, last)).select_related("person")[:2]
    )
    return found[0] if len(found) == 1 else None
