"""What a revised case changes for those who were exposed to it, in the same
transaction."""

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.dispatch import receiver

from cases.models import Case
from cases.signals import TAKEN_UP, case_revised
from contacts import events, tracing
from quarano.accounts.models import User

# What exposures are weighed by.
WEIGHED = {"onset", "onset_kind", "specimen_date", "classification", "infectious_until"}
# What moves exposures at events over several days.
DATED = WEIGHED - {"classification"}


@receiver(case_revised)
def weigh_again(
    sender: type[Case],
    *,
    case: Case,
    what: Collection[str],
    by: User | None,
    now: dt.datetime,
    **kwargs: Any,
) -> None:
    if DATED & set(what):
        events.redate_all(case)  # before they are weighed on their days
    if set(TAKEN_UP) & set(what):
        tracing.take_up_case(case, by=by, now=now)
    if WEIGHED & set(what):
        tracing.weigh_case(case, by=by, now=now)
        if "classification" in what:
            # Discarded: what was left of the person's own quarantine counts again.
            tracing.weigh_person(case.person, by=by, now=now)
