"""The arithmetic of spread on counts: no database, no clock."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Days from onset to onset, mean and standard deviation: Nishiura, Linton, Akhmetzhanov,
# Serial interval of novel coronavirus (COVID-19) infections, IJID 2020;93:284-286.
SERIAL_MEAN, SERIAL_SD = 4.7, 2.9
LONGEST = 20  # days of the serial interval that are looked at
WINDOW = 7  # days over which R is held constant
# Prior of R: Cori et al., American Journal of Epidemiology 2013;178:1505-1512.
PRIOR_SHAPE, PRIOR_SCALE = 1.0, 5.0
# Fewer cases in a window make no figure (Cori: a coefficient of variation of 0.3).
FEWEST = 11
Z = 1.959964
# Lloyd-Smith et al., Nature 2005: below this many cases k is no more than noise.
FAIR = 30


def quantile(counts: Mapping[int, int], share: float) -> int:
    """Return the smallest value that `share` of the counted ones do not exceed."""
    total, seen = sum(counts.values()), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= share * total:
            return value
    return 0


def median(counts: Mapping[int, int]) -> float | None:
    """Return the median of values given by their counts; None of nothing."""
    total = sum(counts.values())
    if not total:
        return None
    ordered: list[int] = []
    for value in sorted(counts):
        ordered += [value] * counts[value]
    middle = total // 2
    if total % 2:
        return float(ordered[middle])
    return (ordered[middle - 1] + ordered[middle]) / 2


def wilson(cases: int, exposed: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, from 0 to 1 (Wilson, JASA 1927)."""
    if not exposed:
        return 0.0, 1.0
    share = cases / exposed
    below = 1 + Z**2 / exposed
    middle = share + Z**2 / (2 * exposed)
    width = Z * math.sqrt(share * (1 - share) / exposed + Z**2 / (4 * exposed**2))
    return max(0.0, (middle - width) / below), min(1.0, (middle + width) / below)


def serial_weights(mean: float = SERIAL_MEAN, sd: float = SERIAL_SD) -> list[float]:
    """Return the share of serial intervals of 1, 2, … LONGEST days: a gamma
    distribution cut into days and scaled to a sum of 1."""
    shape, scale = (mean / sd) ** 2, sd**2 / mean
    steps = 100

    def density(at: float) -> float:
        log = (shape - 1) * math.log(at) - at / scale
        return math.exp(log - math.lgamma(shape) - shape * math.log(scale))

    weights = [
        sum(density(day - 0.5 + (n + 0.5) / steps) for n in range(steps)) / steps
        for day in range(1, LONGEST + 1)
    ]
    total = sum(weights)
    return [weight / total for weight in weights]


@dataclass(frozen=True)
class Reproduction:
    """R over the seven days that end with `day`, with its 95 % credible interval."""

    day: dt.date
    mean: float
    low: float
    high: float


def reproduction(
    days: Sequence[tuple[dt.date, int]], *, until: dt.date
) -> list[Reproduction]:
    """Estimate how many others a case infects, by day of onset up to `until`.

    `days` are consecutive, with the count of onsets each. Method: Cori, Ferguson,
    Fraser, Cauchemez, A new framework and software to estimate time-varying
    reproduction numbers during epidemics, Am J Epidemiol 2013: the posterior of R is a
    gamma distribution of shape 1 + cases and scale 1 / (1/5 + infection pressure), with
    the serial interval of `serial_weights`. Windows with fewer than 11 cases give none,
    nor do the first days, before a whole serial interval has been seen.
    """
    weights = serial_weights()
    counts = [count for _day, count in days]
    pressure = [
        sum(
            weights[back - 1] * counts[at - back]
            for back in range(1, min(at, LONGEST) + 1)
        )
        for at in range(len(counts))
    ]
    first = next((at for at, count in enumerate(counts) if count), len(counts))
    found = []
    for at in range(first + WINDOW + math.ceil(SERIAL_MEAN), len(counts)):
        if days[at][0] > until:
            break
        window = range(at - WINDOW + 1, at + 1)
        cases = sum(counts[day] for day in window)
        pressed = sum(pressure[day] for day in window)
        if cases < FEWEST or not pressed:
            continue
        shape = PRIOR_SHAPE + cases
        scale = 1 / (1 / PRIOR_SCALE + pressed)
        found.append(
            Reproduction(
                days[at][0],
                shape * scale,
                _gamma_quantile(shape, scale, -Z),
                _gamma_quantile(shape, scale, Z),
            )
        )
    return found


def _gamma_quantile(shape: float, scale: float, z: float) -> float:
    """Wilson and Hilferty, PNAS 1931: within 1 % for shapes from 12 on."""
    return shape * scale * (1 - 1 / (9 * shape) + z / (3 * math.sqrt(shape))) ** 3


def dispersion(counts: Mapping[int, int]) -> float | None:
    """Return k of the negative binomial that fits best: below 1 a few cases infect
    most others. None where it would not be fair: too few cases, or nobody infected.

    `counts`: cases by how many others each infected. Maximum likelihood, searched from
    0.01 to 100 (Lloyd-Smith et al., Nature 2005).
    """
    total = sum(counts.values())
    infected = sum(value * count for value, count in counts.items())
    if total < FAIR or not infected:
        return None
    mean = infected / total

    def likelihood(log_k: float) -> float:
        k = math.exp(log_k)
        return sum(
            count
            * (
                math.lgamma(value + k)
                - math.lgamma(k)
                + k * math.log(k / (k + mean))
                + value * math.log(mean / (k + mean))
            )
            for value, count in counts.items()
        )

    low, high = math.log(0.01), math.log(100)
    for _step in range(60):
        third = (high - low) / 3
        if likelihood(low + third) < likelihood(high - third):
            low += third
        else:
            high -= third
    return round(math.exp((low + high) / 2), 2)
