"""What exposures mean for a contact: pure arithmetic on facts, with its reasons.

Needs no database. The result rests on the set of facts alone: in which order they
became known changes nothing.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from cases.arithmetic import Category, Immune
from cases.containment import Basis
from cases.models import Monitoring, Policy

Anchor = Monitoring.Anchor
NotOrdered = Monitoring.NotOrdered


@dataclass(frozen=True)
class Fact:
    """One exposure that an official accepted, and what is known of its case."""

    key: UUID
    day: dt.date
    setting: str
    distance: str = "unknown"
    minutes: int | None = None
    masks: str = "unknown"
    # Onset or first specimen of the case, and until when a physician says longer.
    onset: dt.date | None = None
    specimen: dt.date | None = None
    infectious_until: dt.date | None = None
    is_discarded: bool = False

    @property
    def anchor(self) -> dt.date | None:
        return self.onset if self.onset is not None else self.specimen


@dataclass(frozen=True)
class Verdict:
    """What one exposure is worth. None: no day of the case is known yet."""

    is_infectious_day: bool | None
    category: str


@dataclass(frozen=True)
class Weighed:
    """What a quarantine would be counted from, and each exposure's verdict."""

    basis: Basis
    verdicts: dict[UUID, Verdict]

    @property
    def is_ordered(self) -> bool:
        """Whether a quarantine is to be proposed at all."""
        return not self.basis.not_ordered


@dataclass(frozen=True)
class Circumstances:
    """What is known of the contact: at risk, immune, ill since which day; what an
    official typed as the anchor before any exposure was known."""

    is_vulnerable: bool = False
    immunities: Sequence[Immune] = ()
    symptoms_since: dt.date | None = None
    stated: Basis | None = None


def is_infectious_day(fact: Fact, policy: Policy) -> bool | None:
    """Whether the case was infectious on the day of the exposure; None: no onset and
    no specimen is known. A case that was discarded infects nobody."""
    if fact.is_discarded:
        return False
    period = policy.infectious_period(
        onset=fact.onset,
        specimen=fact.specimen,
        until_override=fact.infectious_until,
    )
    if period is None:
        return None
    return period[0] <= fact.day <= period[1]


def weigh(facts: Iterable[Fact], *, of: Circumstances, policy: Policy) -> Weighed:
    """Weigh all exposures of one contact together.

    An exposure counts if its day lies in the infectious period of its case; how, the
    policy's categories say. Of several the one that lasts longest holds. In the
    household the onset of the first case counts, with that of the latest further one.
    Who is immune as the policy names it is exempt, until symptoms.
    Source: RKI, Kontaktpersonen-Nachverfolgung (KP-N) bei SARS-CoV-2, as of 2021.
    """
    verdicts: dict[UUID, Verdict] = {}
    counting: list[tuple[Fact, Category]] = []
    is_distant = False
    for fact in facts:
        category = policy.category_of(
            setting=fact.setting,
            distance=fact.distance,
            minutes=fact.minutes,
            masks=fact.masks,
            vulnerable=of.is_vulnerable,
        )
        infectious = is_infectious_day(fact, policy)
        verdicts[fact.key] = Verdict(infectious, category.code)
        if infectious and category.counted:
            counting.append((fact, category))
        is_distant = is_distant or bool(infectious)
    bases = [*_bases(counting, policy), *_stated(of)]
    if not bases:
        why = NotOrdered.NOT_COUNTED if is_distant else NotOrdered.UNEXPOSED
        return Weighed(Basis(not_ordered=why), verdicts)
    days = [fact.day for fact, _category in counting]
    if days and _is_exempt(days, of=of, policy=policy):
        return Weighed(Basis(not_ordered=NotOrdered.EXEMPT), verdicts)
    return Weighed(max(bases, key=lambda one: _order(one, policy)), verdicts)


def _bases(
    counting: Sequence[tuple[Fact, Category]], policy: Policy
) -> Iterable[Basis]:
    for fact, category in counting:
        if category.counted == "quarantine":
            yield Basis(Anchor.LAST_EXPOSURE, fact.day, None, category.code)
    codes = {one.code for _fact, one in counting if one.counted == "household"}
    for code in codes:
        onsets = sorted(
            {
                fact.anchor
                for fact, category in counting
                if category.code == code and fact.anchor is not None
            }
        )
        yield from _household(onsets, code, policy)


def _household(onsets: Sequence[dt.date], code: str, policy: Policy) -> Iterable[Basis]:
    """One basis for each outbreak at home: who falls ill after the cap of the first
    begins another one."""
    cap = dt.timedelta(days=policy.household_cap_days)
    while onsets:
        first = onsets[0]
        outbreak = [day for day in onsets if day <= first + cap]
        further = outbreak[-1] if outbreak[-1] > first else None
        yield Basis(Anchor.HOUSEHOLD, first, further, code)
        onsets = [day for day in onsets if day > first + cap]


def _stated(of: Circumstances) -> Iterable[Basis]:
    if of.stated is not None:
        yield of.stated


def _is_exempt(days: Sequence[dt.date], *, of: Circumstances, policy: Policy) -> bool:
    """Immune on every day of a counting exposure, and without symptoms since."""
    if of.symptoms_since is not None and of.symptoms_since >= min(days):
        return False
    return all(policy.exempting(of.immunities, on=day) for day in set(days))


def _order(basis: Basis, policy: Policy) -> tuple[object, ...]:
    """Which of two bases holds: the later end, then a fixed order."""
    return (
        basis.sum(policy).until or dt.date.min,
        basis.anchor_kind,
        basis.anchor_day,
        basis.further_day or dt.date.min,
        basis.category,
    )
