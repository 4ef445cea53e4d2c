"""Who owes an entry, for which slots, and since when nobody has heard of them."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import DateTimeField, Exists, OuterRef, Q, Value
from django.db.models.functions import Coalesce

from cases.models import Escalation, EscalationOccasion, Monitoring, Person, Routine
from diaries.models import Entry
from diaries.slots import EARLIEST, ONE_DAY, Slot, instant
from health_authorities.models import current

Enrolment = Monitoring.Enrolment
Reason = Escalation.Reason
EARLIEST_MOMENT = dt.datetime.combine(EARLIEST, dt.time.min, dt.UTC)
# How the occasion ends by which silence became a call to be made.
CALL = "-call"
# Before they are registered, 'not registered' looks after them.
KEEPING = (
    Enrolment.REGISTERED.value,
    Enrolment.ENROLLED.value,
    Enrolment.BY_PHONE.value,
)
# Further back than this nobody counts slots; silence was told long before.
LOOK_BACK = dt.timedelta(days=8)


@dataclass
class Keeper:
    """A person who keeps a diary now: the open monitorings and the slots they span."""

    person: Person
    monitorings: list[Monitoring]
    first: Slot
    last: Slot | None  # None: no computed end
    entered: set[Slot] = field(default_factory=set)

    @property
    def monitoring(self) -> Monitoring:
        """The one that escalations are raised on: isolation before quarantine."""
        return min(self.monitorings, key=lambda one: (not one.is_isolation, one.pk))

    @property
    def last_day(self) -> dt.date | None:
        return self.last.day if self.last else None

    def owes(self, slot: Slot) -> bool:
        """Whether the slot lies in the monitoring and has no entry."""
        within = self.first <= slot and (self.last is None or slot <= self.last)
        return within and slot not in self.entered

    def is_in_hospital(self, on: dt.date) -> bool:
        return any(one.case and one.case.is_in_hospital(on) for one in self.monitorings)

    def sign_of_life(
        self, zone: dt.tzinfo, routine: Routine, *, now: dt.datetime
    ) -> dt.datetime:
        """Return the last moment at which anybody heard of the person: an entry, a
        call that reached them, else the beginning of the first slot. Days in hospital
        are no silence."""
        begun = max(
            self.first.opens(zone, routine),
            max(one.registered_at or one.opened_at for one in self.monitorings),
        )
        heard = [self.person.last_entry_at, self.person.last_reached_at]
        heard += [
            instant(zone, one.case.in_hospital_until + ONE_DAY, dt.time.min)
            for one in self.monitorings
            if one.case and one.case.in_hospital_until
        ]
        return max([begun, *(one for one in heard if one and one <= now)])


@dataclass(frozen=True)
class Debt:
    """Slots in a row that ended without an entry, oldest first, up to the last one."""

    keeper: Keeper
    slots: list[Slot]
    since: dt.datetime
    silence: dt.timedelta

    @property
    def person(self) -> Person:
        return self.keeper.person

    @property
    def monitoring(self) -> Monitoring:
        return self.keeper.monitoring


def keepers(
    routine: Routine, *, now: dt.datetime, people: Iterable[UUID] | None = None
) -> list[Keeper]:
    """Return everybody who keeps a diary at this moment; two queries for all."""
    authority = current()
    found = (
        Monitoring.objects.open()
        .filter(
            enrolment__in=KEEPING,
            person__died_on__isnull=True,
            start__lte=authority.localdate(now),
        )
        .select_related("person", "case")
        .order_by("person_id", "opened_at")
    )
    if people is not None:
        found = found.filter(person_id__in=list(people))
    by_person: dict[UUID, list[Monitoring]] = defaultdict(list)
    for monitoring in found:
        by_person[monitoring.person_id].append(monitoring)
    result = {pk: _keeper(rows, routine) for pk, rows in by_person.items()}
    recent = Entry.objects.filter(
        person_id__in=list(result), day__gte=authority.localdate(now - LOOK_BACK)
    )
    for person_id, day, half in recent.values_list("person_id", "day", "half"):
        result[person_id].entered.add(Slot(day, half))
    return list(result.values())


def _keeper(monitorings: list[Monitoring], routine: Routine) -> Keeper:
    zone = current().zone
    first = min(first_slot(one, zone, routine) for one in monitorings)
    return Keeper(monitorings[0].person, monitorings, first, last_slot(
        monitorings, routine
    ))  # fmt: skip


def first_slot(monitoring: Monitoring, zone: dt.tzinfo, routine: Routine) -> Slot:
    """Return the slot in which the monitoring opened, not before its first day."""
    opened = Slot.at(zone, monitoring.opened_at, routine)
    return max(opened, Slot.first_of(monitoring.start, routine))


def beginning(
    monitorings: list[Monitoring],
    routine: Routine,
    *,
    known: Iterable[Monitoring] | None = None,
) -> Slot:
    """Return the first slot of the diary that these open monitorings are part of.

    A contact that turned case keeps one diary without a break: what was concluded when
    these opened counts with them. `known` are all of the person, where read already.
    """
    zone = current().zone
    spans = list(monitorings)
    if known is None:
        known = Monitoring.objects.filter(person=monitorings[0].person_id)
    concluded = [
        one
        for one in known
        if one.status == Monitoring.Status.CONCLUDED
        and one.conclusion != Monitoring.Conclusion.ERRONEOUS
    ]
    for before in sorted(concluded, key=lambda one: one.opened_at, reverse=True):
        opened = min(one.opened_at for one in spans)
        if before.concluded_at is not None and before.concluded_at >= opened:
            spans.append(before)
    return min(first_slot(one, zone, routine) for one in spans)


def last_slot(monitorings: Iterable[Monitoring], routine: Routine) -> Slot | None:
    """Return the last slot of the last day, None where one has no computed end."""
    ends = [one.until for one in monitorings]
    latest = max((end for end in ends if end is not None), default=None)
    if None in ends or latest is None:
        return None
    return Slot.last_of(latest, routine)


def who_may_owe(routine: Routine, *, now: dt.datetime) -> list[UUID]:
    """Return everybody of whom a slot that passed may have to be told.

    One statement. Left out is who entered the slot that ended last, and of whom, since
    anybody heard of them, a call to be made and their silence were told already.
    """
    authority = current()
    running = Slot.at(authority.zone, now, routine)
    ended = last_ended(authority.zone, routine, now=now)
    entered = Entry.objects.filter(
        person=OuterRef("person"), day=ended.day, half=ended.half
    )
    found = (
        Monitoring.objects.open()
        .filter(
            # Of a diary that is over by this day other slots are the last ones.
            ~Exists(entered) | Q(until__lte=running.day),
            enrolment__in=KEEPING,
            person__died_on__isnull=True,
            start__lte=authority.localdate(now),
        )
        .order_by("person_id")
    )
    if routine.call_after_hours <= routine.silent_after_hours:
        told = EscalationOccasion.objects.filter(
            subject_id=OuterRef("pk"),
            happened_at__gt=Coalesce(OuterRef("registered_at"), OuterRef("opened_at")),
        )
        for sign in ("last_entry_at", "last_reached_at"):
            long_ago = Value(EARLIEST_MOMENT, output_field=DateTimeField())
            told = told.filter(
                happened_at__gt=Coalesce(OuterRef(f"person__{sign}"), long_ago)
            )
        found = found.exclude(
            Q(case__isnull=True) | Q(case__in_hospital_until__isnull=True),
            Exists(told.filter(reason=Reason.SILENT)),
            Exists(told.filter(reason=Reason.ENTRY_MISSING, occasion__endswith=CALL)),
        )
    return list(dict.fromkeys(found.values_list("person_id", flat=True)))


def debts(
    routine: Routine, *, now: dt.datetime, people: Iterable[UUID] | None = None
) -> list[Debt]:
    """Return who of them has let slots pass without an entry, hospital and calls
    considered."""
    authority = current()
    today = authority.localdate(now)
    found = []
    for keeper in keepers(routine, now=now, people=people):
        if keeper.is_in_hospital(today):
            continue
        debt = debt_of(keeper, authority.zone, routine, now=now)
        if debt.slots:
            found.append(debt)
    return found


def debt_of(
    keeper: Keeper, zone: dt.tzinfo, routine: Routine, *, now: dt.datetime
) -> Debt:
    """Return the slots in a row that this person lets pass, up to the last ended."""
    since = keeper.sign_of_life(zone, routine, now=now)
    slots: list[Slot] = []
    slot = last_ended(zone, routine, now=now, last_day=keeper.last_day)
    if keeper.last is not None:
        slot = min(slot, keeper.last)
    earliest = (now - LOOK_BACK).astimezone(zone).date()
    while keeper.owes(slot) and slot.day >= earliest:
        if slot.ends(zone, routine, last_day=keeper.last_day) <= since:
            # A call reached the person after this slot had ended.
            break
        slots.insert(0, slot)
        slot = slot.previous
    return Debt(keeper, slots, since, now - since)


def slots_to_miss(person: Person, routine: Routine, *, on: dt.date) -> int:
    """Return after how many slots in a row without an entry somebody must look."""
    at_risk = person.last_entry_abnormal or person.is_at_risk(
        on, old_age=routine.old_age
    )
    return routine.missing_after_if_at_risk if at_risk else routine.missing_after


def last_ended(
    zone: dt.tzinfo,
    routine: Routine,
    *,
    now: dt.datetime,
    last_day: dt.date | None = None,
) -> Slot:
    """Return the latest slot that has ended at that moment."""
    slot = Slot.at(zone, now, routine)
    while slot.ends(zone, routine, last_day=last_day) > now:
        slot = slot.previous
    return slot
