"""The guideline's arithmetic on a policy's numbers; needs no database.

Defaults and sources: see the docstrings; each authority checks them for itself.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """One line of a sum: a code that is put into words where it is shown, numbers."""

    code: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, **self.numbers}


@dataclass(frozen=True)
class Sum:
    """What a rule proposes: the last day (None: no computed end) and why."""

    until: dt.date | None
    steps: tuple[Step, ...]

    def as_json(self) -> list[dict[str, Any]]:
        return [step.as_json() for step in self.steps]


class Guideline:
    """Methods of `Policy`; mixed in so that the arithmetic can be read on its own."""
