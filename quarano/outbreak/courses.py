"""How invented people fare: what each writes on day n after the anchor, or nothing."""

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random


@dataclass(frozen=True)
class Report:
    """What somebody would enter: °C, symptom codes with severity 1 to 3."""

    temperature: str | None
    symptoms: dict[str, int] = field(default_factory=dict)
    medicine: bool = False
    oxygen: int | None = None
    note: str = ""
    # Where the evening is worse than the morning.
    oxygen_evening: int | None = None


# Per course: rising and falling degrees above 36.6, by day since onset.
FEVER = {0: 0.6, 1: 1.4, 2: 1.9, 3: 2.2, 4: 1.6, 5: 0.9, 6: 0.4}
MILD = {0: 0.3, 1: 0.6, 2: 0.8, 3: 0.5, 4: 0.2}
HIGH = {0: 0.9, 1: 1.8, 2: 2.4, 3: 3.0, 4: 2.6, 5: 1.9, 6: 1.1, 7: 0.5}


def celsius(base: float, random: Random) -> str:
    return str(
        Decimal(str(36.6 + base + random.uniform(-0.2, 0.2))).quantize(Decimal("0.1"))
    )


def mild(n: int, random: Random) -> Report:
    symptoms = {}
    if n < 6:
        symptoms = {"cough": 1, "runny_nose": 1}
    if n < 3:
        symptoms["sore_throat"] = 1
    if n < 10 and random.random() < 0.5:
        symptoms["weakness"] = 1
    return Report(celsius(MILD.get(n, 0), random), symptoms)


def moderate(n: int, random: Random) -> Report:
    symptoms = {}
    if n < 8:
        symptoms = {"cough": 2 if n < 5 else 1, "fever": 1} if n < 5 else {"cough": 1}
        symptoms["weakness"] = 2 if n < 5 else 1
    if 2 <= n < 14:
        symptoms["loss_of_smell"] = 2
    return Report(celsius(FEVER.get(n, 0), random), symptoms, medicine=n in (2, 3))


def hard(n: int, random: Random) -> Report:
    symptoms = {"cough": 2, "weakness": 3 if n < 6 else 2}
    if n >= 3:
        symptoms["shortness_of_breath"] = 2 if n < 8 else 1
    if n > 9:
        symptoms.pop("cough")
    oxygen = {3: 95, 4: 94, 5: 93, 6: 93}.get(n, 96)
    return Report(
        celsius(HIGH.get(n, 0), random),
        symptoms,
        medicine=n in (1, 2, 3, 4),
        oxygen=oxygen,
        # An emergency sign after the office has closed.
        oxygen_evening=92 if n == 5 else None,
    )


def lingering(n: int, random: Random) -> Report:
    """Still coughs on the last day."""
    return Report(celsius(FEVER.get(n, 0.1), random), {"cough": 2 if n < 6 else 1})


def well(n: int, random: Random) -> Report:
    return Report(celsius(0, random))


def falls_ill(n: int, random: Random) -> Report:
    """A contact whose first symptom comes on day 5 after the exposure."""
    if n < 5:
        return well(n, random)
    return Report(
        celsius({5: 0.9, 6: 1.6, 7: 2.0}.get(n, 1.0), random),
        {"sore_throat": 1, "cough": 2} if n > 5 else {"sore_throat": 1},
    )


def no_thermometer(n: int, random: Random) -> Report:
    return Report(None, {"runny_nose": 1} if n < 6 else {})


COURSES = {
    "mild": mild,
    "moderate": moderate,
    "hard": hard,
    "lingering": lingering,
    "well": well,
    "falls_ill": falls_ill,
    "no_thermometer": no_thermometer,
}
