"""Constraints that many models share."""

from django.db import models


def who_and_when(
    name: str, at: str, by: str, *, rule_may: bool = False
) -> models.CheckConstraint:
    """Return the constraint that a moment and who did it stand together.

    With `rule_may`, the moment may stand alone: then a rule did it.
    """
    both = models.Q(**{f"{at}__isnull": False, f"{by}__isnull": False})
    neither = models.Q(**{f"{at}__isnull": True, f"{by}__isnull": True})
    if rule_may:
        both = models.Q(**{f"{at}__isnull": False})
    return models.CheckConstraint(name=name, condition=both | neither)
