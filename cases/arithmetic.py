"""The guideline's arithmetic on a policy's numbers; needs no database.

Defaults and sources: see the docstrings; each authority checks them for itself. Days
are days in the authority's time zone. The anchor is day 0; 'until' includes all of
its day, so that somebody is free from 00:00 of the day after.
"""

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cases.models import Policy, PolicyExample


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


@dataclass(frozen=True)
class SlotFacts:
    """What one slot of the diary says about being well. Not entered: a gap."""

    entered: bool
    temperature: Decimal | None = None  # °C; None: not measured
    counting_symptom: bool = False  # a symptom that counts against release
    fever_medicine: bool = False


@dataclass(frozen=True)
class Category:
    """Which contact somebody was: a code of the policy, and how it is counted."""

    code: str
    counted: str  # as 'quarantine', as 'household', or '': nothing is ordered
    days: int | None = None  # instead of the policy's own


@dataclass(frozen=True)
class Immune:
    """A dose of a vaccine or a past infection, whose proof was seen."""

    kind: str  # 'vaccination' or 'infection'
    day: dt.date
    dose: int | None = None


@dataclass(frozen=True)
class Problem:
    """A worked example that does not compute as written."""

    title: str
    expected: dt.date | None
    computed: dt.date | None


class Guideline:
    """Methods of `Policy`; mixed in so that the arithmetic can be read on its own."""

    valid_from: Any
    isolation_days: Any
    symptom_free_hours: Any
    slots_considered: Any
    slots_needed: Any
    infectious_days_before: Any
    infectious_days_after: Any
    quarantine_days: Any
    household_days: Any
    household_cap_days: Any
    contact_categories: Any
    immunity: Any
    contact_days_asked: Any
    fever_cases: Any
    fever_contacts: Any

    def isolation(
        self,
        *,
        onset: dt.date | None,
        specimen: dt.date | None,
        symptom_free_since: dt.date | None = None,
        needs_physician: bool = False,
        onset_source: str = "",
    ) -> Sum:
        """Return until when a case is isolated, and why.

        Onset, or the first positive specimen where there is none, + 10 days, not
        before 48 h free of symptoms. `symptom_free_since` is the first whole day
        without a symptom that counts, as far as the diary says. Hospital, severe
        course or immune suppression: no end is computed, a physician decides.
        Source: RKI, Entlassungskriterien aus der Isolierung, as of 2021.
        """
        if needs_physician:
            return Sum(None, (Step("physician_decides"),))
        if onset is not None:
            numbers = {"day": onset.isoformat()}
            if onset_source:
                numbers["source"] = onset_source
            anchor, first = onset, Step("onset", numbers)
        elif specimen is not None:
            anchor = specimen
            first = Step("specimen", {"day": specimen.isoformat()})
        else:
            return Sum(None, (Step("anchor_missing"),))
        base = anchor + dt.timedelta(days=self.isolation_days)
        steps = [
            first,
            self._plus("isolation_days", self.isolation_days),
            Step("sum", {"day": base.isoformat()}),
            Step("symptom_free", self._dated({"hours": self.symptom_free_hours})),
        ]
        until = base
        if symptom_free_since is not None:
            earliest = self.symptom_free_until(symptom_free_since)
            if earliest > until:
                until = earliest
                steps.append(
                    Step(
                        "later_for_symptoms",
                        {
                            "since": symptom_free_since.isoformat(),
                            "day": until.isoformat(),
                        },
                    )
                )
        return Sum(until, tuple(steps))

    def symptom_free_until(self, since: dt.date) -> dt.date:
        """Return the day at whose end somebody well since 00:00 of `since` has been
        free of symptoms long enough (48 h: the day after)."""
        return since + dt.timedelta(days=math.ceil(self.symptom_free_hours / 24) - 1)

    def quarantine(
        self,
        *,
        last_exposure: dt.date,
        household: bool = False,
        further: dt.date | None = None,
        category: str = "",
    ) -> Sum:
        """Return until when a contact is in quarantine, and why.

        Last exposure + 10 days. `household`: `last_exposure` is the onset of the
        first case at home, + 14 days; a later case there, `further`, counts anew, but
        never beyond 20 days after the first. `category` is the code of the policy's
        category, which may have a number of days of its own.
        Source: RKI, Kontaktpersonen-Nachverfolgung (KP-N) bei SARS-CoV-2, as of 2021.
        """
        named = (Step("category", {"category": category}),) if category else ()
        own = self._own_days(category)
        if not household:
            days = self.quarantine_days if own is None else own
            until = last_exposure + dt.timedelta(days=days)
            return Sum(
                until,
                (
                    *named,
                    Step("last_exposure", {"day": last_exposure.isoformat()}),
                    self._plus("quarantine_days", days),
                    Step("sum", {"day": until.isoformat()}),
                ),
            )
        days = self.household_days if own is None else own
        until = last_exposure + dt.timedelta(days=days)
        steps = [
            *named,
            Step("household", {"day": last_exposure.isoformat()}),
            self._plus("household_days", days),
        ]
        if further is not None and further > last_exposure:
            steps.append(Step("further_case", {"day": further.isoformat()}))
            cap = last_exposure + dt.timedelta(days=self.household_cap_days)
            wanted = further + dt.timedelta(days=days)
            until = max(until, min(wanted, cap))
            if wanted > cap:
                steps.append(self._plus("household_cap", self.household_cap_days))
        steps.append(Step("sum", {"day": until.isoformat()}))
        return Sum(until, tuple(steps))

    def _own_days(self, category: str) -> int | None:
        """The days of a category that has its own number."""
        for rule in self.contact_categories:
            if rule["code"] == category and rule.get("days") is not None:
                return int(rule["days"])
        return None

    def category_of(
        self,
        *,
        setting: str,
        distance: str = "unknown",
        minutes: int | None = None,
        masks: str = "unknown",
        vulnerable: bool = False,
    ) -> Category:
        """Return the first category that fits an exposure.

        From setting, closeness, duration, masks, and whether the contact is
        particularly at risk; a duration that nobody knows is long enough. What fits
        none is not counted.
        Source: RKI, Kontaktpersonen-Nachverfolgung (KP-N) bei SARS-CoV-2, as of 2021.
        """
        for rule in self.contact_categories:
            long_enough = minutes is None or minutes >= rule.get("minutes", 0)
            if (
                setting in rule.get("settings", [setting])
                and distance in rule.get("distance", [distance])
                and masks in rule.get("masks", [masks])
                and long_enough
                and (vulnerable or not rule.get("vulnerable"))
            ):
                return Category(rule["code"], rule["counted"], rule.get("days"))
        return Category("", "")

    def exempting(self, immunities: Iterable[Immune], *, on: dt.date) -> str:
        """Return the kind of immunity that exempts a contact met on that day, or ''.

        Vaccinated: 14 days after the second dose; recovered: from 28 days after the
        specimen for half a year.
        Source: RKI, Kontaktpersonen-Nachverfolgung (KP-N) bei SARS-CoV-2, as of 2021.
        """
        for immune in sorted(immunities, key=lambda one: (one.kind, one.day)):
            rule = self.immunity.get(immune.kind)
            if rule is None or (immune.dose or 0) < rule.get("doses", 0):
                continue
            days = (on - immune.day).days
            if rule["after_days"] <= days <= rule.get("for_days", days):
                return immune.kind
        return ""

    def asked_from(self, *, today: dt.date, anchor: dt.date | None = None) -> dt.date:
        """Return the first day for which somebody is asked whom they met.

        From today back to 2 days before the onset, at least 8 days with today.
        Source: RKI, Kontaktpersonen-Nachverfolgung (KP-N) bei SARS-CoV-2, as of 2021.
        """
        first = today - dt.timedelta(days=max(self.contact_days_asked - 1, 0))
        if anchor is None:
            return first
        return min(first, anchor - dt.timedelta(days=self.infectious_days_before))

    def infectious_period(
        self,
        *,
        onset: dt.date | None,
        specimen: dt.date | None,
        until_override: dt.date | None = None,
    ) -> tuple[dt.date, dt.date] | None:
        """Return the first and the last day on which a case infects others.

        From 2 days before onset (else the first positive specimen) to 10 days after;
        longer only by a physician's entry, `until_override`, never shorter. None
        where neither day is known. Independent of orders.
        Source: RKI, Epidemiologischer Steckbrief zu SARS-CoV-2, as of 2021.
        """
        anchor = onset if onset is not None else specimen
        if anchor is None:
            return None
        first = anchor - dt.timedelta(days=self.infectious_days_before)
        last = anchor + dt.timedelta(days=self.infectious_days_after)
        if until_override is not None:
            last = max(last, until_override)
        return first, last

    def fever_limit(self, kind: str) -> Decimal:
        """Return from how many °C an entry raises fever, by kind of monitoring."""
        limit = self.fever_cases if kind == "isolation" else self.fever_contacts
        return Decimal(limit)

    def is_fever(self, temperature: Decimal) -> bool:
        """Whether that many °C stand against release, in cases as in contacts.

        The lower of both limits: 38.5 °C alarm nobody in a case, but are not well.
        """
        return temperature >= min(Decimal(self.fever_cases), self.fever_contacts)

    def slots_for_release(self, slots_per_day: int = 2) -> tuple[int, int]:
        """Return how many of the last slots are looked at, and how many need an entry.

        With one slot a day, both of the last 2.
        """
        if slots_per_day == 1:
            days = math.ceil(self.slots_considered / 2)
            return days, days
        return self.slots_considered, self.slots_needed

    def is_symptom_free(
        self, slots: Sequence[SlotFacts], *, slots_per_day: int = 2
    ) -> bool | None:
        """Whether somebody was free of symptoms for 48 h; None where nobody knows.

        `slots` are the last ones that have begun, oldest first. Entries in at least
        3 of the last 4, none with a symptom that counts, fever or medicine against
        it. A gap is unknown, not well, and so is an entry without a temperature:
        nobody can say that it was free of fever.
        Source: RKI, Entlassungskriterien aus der Isolierung, as of 2021.
        """
        considered, needed = self.slots_for_release(slots_per_day)
        last = list(slots)[-considered:] if considered else []
        entered = [slot for slot in last if slot.entered]
        for slot in entered:
            if slot.counting_symptom or slot.fever_medicine:
                return False
            if slot.temperature is not None and self.is_fever(slot.temperature):
                return False
        measured = [slot for slot in entered if slot.temperature is not None]
        return True if len(measured) >= needed else None

    def compute(
        self,
        *,
        anchor_kind: str,
        anchor_day: dt.date,
        circumstances: dict[str, Any] | None = None,
    ) -> Sum:
        """Return the sum from an anchor of `Monitoring.Anchor` alone, or from the
        circumstances of an exposure on that day as a worked example writes them:
        setting, distance, minutes, masks, vulnerable, immunity (kind, day, dose)."""
        if circumstances:
            return self._exposed(anchor_day, circumstances)
        if anchor_kind == "onset":
            return self.isolation(onset=anchor_day, specimen=None)
        if anchor_kind == "specimen":
            return self.isolation(onset=None, specimen=anchor_day)
        return self.quarantine(
            last_exposure=anchor_day, household=anchor_kind == "household"
        )

    def _exposed(self, day: dt.date, circumstances: dict[str, Any]) -> Sum:
        told = dict(circumstances)
        immunity = told.pop("immunity", None)
        category = self.category_of(**told)
        if not category.counted:
            return Sum(None, (Step("not_counted", {"category": category.code}),))
        if immunity:
            had = dt.date.fromisoformat(immunity["day"])
            immune = Immune(immunity["kind"], had, immunity.get("dose"))
            if kind := self.exempting([immune], on=day):
                return Sum(None, (Step("exempt", {"immunity": kind}),))
        return self.quarantine(
            last_exposure=day,
            household=category.counted == "household",
            category=category.code,
        )

    def _plus(self, code: str, days: int) -> Step:
        return Step(code, self._dated({"days": days}))

    def _dated(self, numbers: dict[str, Any]) -> dict[str, Any]:
        """The numbers, and which version of the policy they are from."""
        if self.valid_from is not None:
            numbers["policy"] = self.valid_from.isoformat()
        return numbers


def check_examples(
    policy: "Policy", examples: "Iterable[PolicyExample] | None" = None
) -> list[Problem]:
    """Return the worked examples that the policy does not compute as written.

    `examples` may be unsaved; without them the policy's own are read.
    """
    problems = []
    for example in policy.examples.all() if examples is None else examples:
        until = policy.compute(
            anchor_kind=example.anchor_kind,
            anchor_day=example.anchor_day,
            circumstances=example.circumstances,
        ).until
        if until != example.until:
            problems.append(Problem(example.title, example.until, until))
    return problems
