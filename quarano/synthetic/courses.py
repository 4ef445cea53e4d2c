"""How an infection runs from day to day: temperature, symptoms, SpO₂."""

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random


@dataclass(frozen=True)
class State:
    """What somebody would enter on one day."""

    celsius: Decimal | None
    symptoms: dict[str, int] = field(default_factory=dict)
    medicine: bool = False
    oxygen: int | None = None
    pulse: int | None = None


# Days with the symptom, per course; and degrees above 36.6 by day since onset.
FEVER = {
    "mild": (0.3, 0.6, 0.7, 0.5, 0.2),
    "moderate": (0.6, 1.4, 1.9, 2.1, 1.6, 0.9, 0.4),
    "hard": (0.9, 1.8, 2.4, 2.9, 2.6, 1.9, 1.1, 0.6, 0.4),
    "lingering": (0.5, 1.2, 1.6, 1.4, 1.0, 0.6, 0.4, 0.3),
}
# How long each symptom lasts on average, its share of the ill, and its severity.
SYMPTOMS = (
    ("cough", 8, 0.62, 2), ("fever", 4, 0.35, 2), ("runny_nose", 5, 0.42, 1),
    ("sore_throat", 4, 0.38, 1), ("weakness", 9, 0.44, 2), ("headache", 4, 0.36, 1),
    ("muscle_pain", 4, 0.22, 1), ("loss_of_smell", 14, 0.21, 2),
    ("shortness_of_breath", 6, 0.05, 2), ("diarrhoea", 3, 0.08, 1),
    ("chills", 2, 0.12, 1), ("loss_of_appetite", 5, 0.1, 1),
    ("nausea", 2, 0.07, 1), ("dizziness", 2, 0.04, 1), ("chest_pain", 1, 0.004, 2),
)  # fmt: skip
LONGER = {"mild": 0.7, "moderate": 1.0, "hard": 1.3, "lingering": 2.6}
DEGREES = [Decimal(n) / 10 for n in range(340, 426)]


class Course:
    """The course of one person; `onset` is the day of the first symptom, None: well."""

    def __init__(self, kind: str, random: Random) -> None:
        self.kind = kind
        self.random = random
        self.measures = random.random() < 0.93
        self.has_oximeter = random.random() < (0.5 if kind == "hard" else 0.04)
        self.spans: list[tuple[str, int, int, int]] = []
        if kind != "well":
            for code, days, share, grade in SYMPTOMS:
                if random.random() < share:
                    long = random.gauss(days, days / 4) * LONGER[kind]
                    first = random.choice((0, 0, 0, 1, 2))
                    severe = min(3, max(1, grade + (kind == "hard") - (kind == "mild")))
                    self.spans.append((code, first, first + round(long), severe))

    def on(self, day: int) -> State:
        """Return how somebody fares on that day since onset (negative: before)."""
        random = self.random
        rise = 0.0
        symptoms: dict[str, int] = {}
        if day >= 0 and self.kind != "well":
            curve = FEVER[self.kind]
            rise = curve[day] if day < len(curve) else 0.1
            for code, first, last, grade in self.spans:
                if first <= day <= last:
                    symptoms[code] = grade if day < last - 2 else max(1, grade - 1)
        degrees = 36.55 + rise + random.gauss(0, 0.17)
        celsius = DEGREES[min(85, max(0, round(degrees * 10) - 340))]
        oxygen = pulse = None
        if self.has_oximeter:
            low = 3 if self.kind == "hard" and 3 <= day <= 9 else 0
            oxygen = min(100, round(random.gauss(97 - low, 1)))
            pulse = round(random.gauss(72 + 8 * rise, 7))
        return State(
            celsius if self.measures else None,
            symptoms,
            medicine=rise > 1.3 and random.random() < 0.35,
            oxygen=oxygen,
            pulse=pulse,
        )
