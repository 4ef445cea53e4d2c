"""What a row of the benchmark says, and the arithmetic of times."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """One figure with its yardstick. `met` is None where it could not be judged."""

    row: int
    name: str
    value: float | None
    unit: str
    dataset: str
    yardstick: float | None = None  # same unit, measured in the same run
    target: float | None = None
    met: bool | None = None
    why: str = ""  # where `met` is None, or what the yardstick is

    @property
    def ratio(self) -> float | None:
        if self.value is None or not self.yardstick:
            return None
        return round(self.value / self.yardstick, 2)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def table(results: Sequence[Result]) -> str:
    """Return the results as lines for the eye."""
    head = (
        f"{'row':>3}  {'what':<52} {'value':>10} {'beside':>10} {'ratio':>6} "
        f"{'target':>8}  met"
    )
    lines = [head]
    lines += [
        f"{one.row:>3}  {one.name:<52} {_number(one.value):>10} "
        f"{_number(one.yardstick):>10} {_number(one.ratio):>6} "
        f"{_number(one.target):>8}  {_met(one)}"
        for one in results
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _met(one: Result) -> str:
    said = {True: "yes", False: "NO", None: "-"}[one.met]
    return f"{said} {one.unit}{f' ({one.why})' if one.why else ''}"
