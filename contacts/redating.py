"""A case is revised: its exposures at events over several days move, before they are
weighed again; connected first, in contacts.apps."""

from collections.abc import Collection
from typing import Any

from django.dispatch import receiver

from cases.models import Case
from cases.signals import case_revised
from contacts import events

DATED = {"onset", "onset_kind", "specimen_date", "infectious_until"}


@receiver(case_revised)
def move(
    sender: type[Case], *, case: Case, what: Collection[str], **kwargs: Any
) -> None:
    if DATED & set(what):
        events.redate_all(case)
