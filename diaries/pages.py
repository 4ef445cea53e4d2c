"""What the pages of a diary show: slots with their state, dates, the curve."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from cases import objecting, on_call, steps, words
from cases.models import Escalation, Monitoring, Order, Person, Policy, Routine
from diaries import endings, owed, reminders
from diaries import escalation as rules
from diaries.models import Entry, Symptom
from diaries.slots import Slot, between
from diaries.submission import editable_until, window
from health_authorities.models import current
from quarano.charts.temperature import Reading, table, temperature_chart
from quarano.notifications.models import Message

SHOWN_DAYS = 16


@dataclass(frozen=True)
class SlotRow:
    """One slot of the list of days. State: sent, open, missed or later."""

    slot: Slot
    label: str
    state: str
    entry: Entry | None
    opens: dt.datetime
    deadline: dt.datetime
    may_change: bool = False


@dataclass(frozen=True)
class Diary:
    """A person's diary as it stands: open monitorings, slots, entries."""

    person: Person
    monitorings: list[Monitoring]
    routine: Routine
    entries: dict[Slot, Entry]
    current_slot: Slot
    first: Slot
    last: Slot | None
    now: dt.datetime

    @property
    def monitoring(self) -> Monitoring:
        return min(self.monitorings, key=lambda one: (not one.is_isolation, one.pk))

    @property
    def last_day(self) -> dt.date | None:
        return self.last.day if self.last else None

    @property
    def is_over(self) -> bool:
        return self.last is not None and self.current_slot > self.last

    def row(self, slot: Slot) -> SlotRow:
        entry = self.entries.get(slot)
        times = window(slot, self.routine, last_day=self.last_day)
        if entry is not None:
            state = "sent"
        elif self.now < times.opens:
            state = "later"
        else:
            state = "open" if self.now < times.deadline else "missed"
        return SlotRow(
            slot,
            slot_label(slot, self.now),
            state,
            entry,
            times.opens,
            times.deadline,
            entry is not None and self.now < editable_until(entry, self.routine),
        )

    def rows(self) -> list[SlotRow]:
        """Return the slots from the next one back to the first, newest first."""
        newest = self.current_slot if self.is_over else self.current_slot.next
        if self.last is not None:
            newest = min(newest, self.last)
        earliest = Slot.first_of(
            newest.day - dt.timedelta(days=SHOWN_DAYS), self.routine
        )
        slots = between(max(self.first, earliest), newest)
        return [self.row(slot) for slot in reversed(slots)]


def read(
    person: Person, *, now: dt.datetime, known: Sequence[Monitoring] | None = None
) -> Diary | None:
    """Return the running diary of a person, None where nobody follows them.

    `known` are all monitorings of the person, where they are read already.
    """
    if known is None:
        known = list(person.monitorings.select_related("disease", "case"))
    monitorings = sorted(
        (one for one in known if one.is_open), key=lambda one: str(one.pk)
    )
    if not monitorings or person.died_on is not None:
        return None
    authority = current()
    routine = Routine.objects.in_force(on=authority.localdate(now))
    first = owed.beginning(monitorings, routine, known=known)
    entries = person.entries.order_by("opens")
    return Diary(
        person,
        monitorings,
        routine,
        {rules.slot_of(entry): entry for entry in entries},
        Slot.at(authority.zone, now, routine),
        first,
        owed.last_slot(monitorings, routine),
        now,
    )


def slot_label(slot: Slot, now: dt.datetime) -> str:
    """'This morning', 'Yesterday evening', 'Saturday morning'."""
    today = current().localdate(now)
    ago = (today - slot.day).days
    names = {
        (0, "morning"): _("This morning"),
        (0, "evening"): _("This evening"),
        (0, "day"): _("Today"),
        (1, "morning"): _("Yesterday morning"),
        (1, "evening"): _("Yesterday evening"),
        (1, "day"): _("Yesterday"),
    }
    if (ago, slot.half) in names:
        return names[ago, slot.half]
    day = date_format(slot.day, "l")
    if ago > 6 or ago < 0:
        day = date_format(slot.day, _("D j M"))
    return {
        "morning": _("%(day)s morning"),
        "evening": _("%(day)s evening"),
        "day": "%(day)s",
    }[slot.half] % {"day": day}


def navigation(person: Person, active: str) -> list[dict[str, Any]]:
    """Return the five ways at the bottom of a citizen's page."""
    ways = [
        ("diaries:today", _("Today"), "pencil"),
        ("diaries:days", _("Days"), "calendar"),
        ("contacts:own", _("Contacts"), "people"),
        ("diaries:dates", _("My dates"), "shield"),
        ("diaries:help", _("Help"), "message"),
    ]
    return [
        {
            "url": reverse(name, args=[person.pk]),
            "label": label,
            "icon": icon,
            "active": name.partition(":")[2] == active,
        }
        for name, label, icon in ways
    ]


# --- The curve -----------------------------------------------------------------------


def chart(diary: Diary, *, wide: bool) -> dict[str, Any]:
    """Return the drawing and the rows of the table beside it."""
    policy = Policy.objects.in_force(
        diary.monitoring.disease, on=current().localdate(diary.now)
    )
    threshold = policy.fever_limit(diary.monitoring.kind)
    today = current().localdate(diary.now)
    last = diary.last_day or today
    first = max(diary.first.day, today - dt.timedelta(days=SHOWN_DAYS))
    entries = [one for one in diary.entries.values() if one.day >= first]
    names = rules.names()
    symptoms = _by_symptom(entries, names) if wide else None
    medicine = [_place(one) for one in entries if one.fever_medicine]
    readings = _readings(diary, first)
    drawing: SafeString = temperature_chart(
        readings,
        first_day=first,
        last_day=max(last, today),
        today=today,
        threshold=threshold,
        slots_per_day=diary.routine.slots_per_day,
        symptoms=symptoms,
        medicine=medicine if wide else None,
        wide=wide,
        title=_("Temperature of the last days"),
    )
    rows = table(
        readings,
        threshold=threshold,
        symptoms=_by_symptom(entries, names),
        medicine=medicine,
    )
    return {"drawing": drawing, "rows": list(reversed(rows))}


def _place(entry: Entry) -> tuple[dt.date, int]:
    return entry.day, int(entry.half == Entry.Half.EVENING)


def _readings(diary: Diary, first: dt.date) -> list[Reading]:
    found = []
    for row in diary.rows():
        if row.slot.day < first or row.state == "later":
            continue
        celsius: Decimal | None = row.entry.temperature if row.entry else None
        found.append(
            Reading(
                day=row.slot.day,
                half=int(row.slot.half == Entry.Half.EVENING),
                celsius=celsius,
                missed=row.state == "missed",
                entered=row.entry is not None,
            )
        )
    return sorted(found, key=lambda one: (one.day, one.half))


def _by_symptom(
    entries: Sequence[Entry], names: dict[str, str]
) -> dict[str, dict[tuple[dt.date, int], int]]:
    found: dict[str, dict[tuple[dt.date, int], int]] = {}
    for entry in entries:
        for code, severity in entry.symptoms.items():
            row = found.setdefault(names.get(code, code), {})
            row[_place(entry)] = severity
    return found


def in_words(entry: Entry) -> str:
    """'38.4 °C, Cough (moderate)': one entry in a line."""
    named = rules.names()
    parts = [words.celsius(entry.temperature) if entry.temperature else ""]
    parts += [
        f"{named.get(code, code)} ({words.severity(grade)})"
        for code, grade in entry.symptoms.items()
    ]
    return ", ".join(part for part in parts if part) or _("not measured, no symptom")


# --- What was sent, and what follows -------------------------------------------------


def raised(entry: Entry) -> list[Escalation]:
    """Return the open medical escalations that this entry gives reason for.

    What was corrected away waits for an official's review, and is no promise of a call.
    """
    return list(
        Escalation.objects.open()
        .filter(
            person=entry.person_id,
            reason__in=Escalation.MEDICAL,
            occasions__occasion=rules.slot_of(entry).key,
            withdrawn_at__isnull=True,
        )
        .order_by("band", "pk")
        .distinct()
    )


def sent(diary: Diary, entry: Entry) -> dict[str, Any]:
    """Return what the page after sending says: what happens next."""
    reasons = raised(entry)
    emergencies = [one for one in reasons if one.reason == Escalation.Reason.EMERGENCY]
    hours = current().hours
    is_staffed = hours.is_staffed(diary.now)
    return {
        "entry": entry,
        "row": diary.row(rules.slot_of(entry)),
        "is_emergency": bool(emergencies),
        "is_on_call": bool(emergencies) and on_call.rings_for(emergencies),
        "is_told": bool(reasons),
        "is_called_today": calls_today(reasons, now=diary.now),
        "opening": None if is_staffed else hours.next_opening(diary.now),
        "change_until": editable_until(entry, diary.routine),
        "chart": chart(diary, wide=False),
    }


def calls_today(reasons: Sequence[Escalation], *, now: dt.datetime) -> bool:
    """Whether a call today can be promised: a rule asked for one that is due today,
    and somebody is still there to make it."""
    authority = current()
    midnight = authority.end_of(authority.localdate(now))
    return any(
        one.band <= Escalation.Band.DUE_TODAY and one.due_at < midnight
        for one in reasons
    ) and bool(authority.hours.between(now, midnight))


def emergency_values(diary: Diary) -> dict[str, Any]:
    """Return from which values on the form says 'Call 112 now', offline too: SpO₂ in %
    for everybody, °C for an infant."""
    today = current().localdate(diary.now)
    policy = Policy.objects.in_force(diary.monitoring.disease, on=today)
    months = diary.person.age_in_months(today)
    is_infant = months is not None and months < policy.infant_months
    return {
        "oxygen": policy.oxygen_emergency,
        "fever": policy.fever_infants if is_infant else None,
    }


def offered_first(diary: Diary, slot: Slot) -> list[str]:
    """Return the symptoms of the latest entry before the slot: they come first."""
    earlier = [one for one in diary.entries if one < slot]
    return list(diary.entries[max(earlier)].symptoms) if earlier else []


# --- My dates ------------------------------------------------------------------------


@dataclass(frozen=True)
class Dates:
    """Until when, and why, of one monitoring."""

    monitoring: Monitoring
    order: Order | None
    until: dt.date | None
    is_ordered: bool
    is_final: bool  # nothing is open that could move the end
    day: int | None
    days: int | None
    rows: list[dict[str, str]]
    is_read: bool
    has_lapsed: bool
    # The step that the person may say is wrong.
    disputable: dict[str, str] | None = None


def dates(person: Person, *, now: dt.datetime) -> list[Dates]:
    """Return the dates of what runs; of the latest, where nothing runs any more."""
    found = list(
        person.monitorings.select_related("disease", "case")
        .prefetch_related("orders__services")
        .order_by("-opened_at")
    )
    routine = Routine.objects.in_force(on=current().localdate(now))
    readable = now - dt.timedelta(days=routine.readable_days)
    shown = [one for one in found if one.is_open] or [
        one for one in found[:1] if one.concluded_at and one.concluded_at > readable
    ]
    return [_dates(one, now=now) for one in shown]


def _dates(monitoring: Monitoring, *, now: dt.datetime) -> Dates:
    today = current().localdate(now)
    orders = list(monitoring.orders.all())
    replaced = {one.replaces_id for one in orders if one.is_issued}
    issued = [one for one in orders if one.is_issued and one.pk not in replaced]
    order = issued[0] if issued else None
    basis = order or next(iter(orders), None)
    rows = [
        {"label": label, "value": value, "source": source}
        for label, value, source in steps.in_words(_for_the_person(basis))
    ]
    return Dates(
        monitoring,
        order,
        monitoring.until,
        order is not None,
        _is_final(monitoring, now=now),
        monitoring.day(today),
        monitoring.days,
        rows,
        order is not None and any(s.way == "portal" for s in order.services.all()),
        monitoring.until is not None and monitoring.until < today,
        objecting.disputable(basis.steps) if basis else None,
    )


def _for_the_person(order: Order | None) -> list[dict[str, Any]]:
    """The steps of a sum, without what would tell in which setting one was met."""
    every = order.steps if order is not None else []
    return [step for step in every if step["code"] != "category"]


def _is_final(monitoring: Monitoring, *, now: dt.datetime) -> bool:
    """Whether no symptom and no test is open that could still move the end."""
    if not monitoring.is_open:
        return True
    person = monitoring.person
    if person.tests.filter(result="pending").exists():
        return False
    today = current().localdate(now)
    policy = Policy.objects.in_force(monitoring.disease, on=today)
    routine = Routine.objects.in_force(on=today)
    free = endings.is_symptom_free(person, policy=policy, routine=routine, now=now)
    # A gap is unknown, not well: a case's end is final only with a good diary.
    return free is True if monitoring.is_isolation else free is not False


# --- Regions of the file -------------------------------------------------------------


def file_diary(
    person: Person, *, now: dt.datetime, diary: Diary | None = None
) -> dict[str, Any]:
    """Return the diary region of a person's file: chart, table, how many entered."""
    diary = diary or read(person, now=now)
    if diary is None:
        entries = list(person.entries.order_by("-opens")[:40])
        return {"chart": None, "entries": entries, "names": rules.names()}
    past = [row for row in diary.rows() if row.state != "later"]
    return {
        "chart": chart(diary, wide=True),
        "entered": sum(row.entry is not None for row in past),
        "slots": len(past),
        "notes": [
            row.entry for row in past if row.entry is not None and row.entry.note
        ][:5],
    }


def file_ladder(
    person: Person, *, now: dt.datetime, diary: Diary | None = None
) -> dict[str, Any]:
    """Return the region of messages and reminders: the ladder of the slot that is
    owed, and what was sent last."""
    diary = diary or read(person, now=now)
    sent = list(Message.objects.filter(about=person.pk).order_by("-written_at")[:60])
    if diary is None:
        return {"rungs": [], "messages": sent[:8], "slot": ""}
    slot = diary.current_slot
    if diary.last is not None:
        slot = min(slot, diary.last)
    previous = slot.previous
    if previous >= diary.first and previous not in diary.entries:
        slot = previous
    return {
        "rungs": _ladder(diary, slot, sent),
        "messages": sent[:8],
        "slot": slot_label(slot, now),
        "routine": diary.routine,
    }


def _ladder(diary: Diary, slot: Slot, sent: list[Message]) -> list[reminders.Rung]:
    """The ladder of a slot, from what the page has read already."""
    kept = [one for one in diary.monitorings if one.enrolment in owed.KEEPING]
    if not kept:
        return []
    for one in kept:
        one.person = diary.person
    keeper = owed.Keeper(
        diary.person, kept, diary.first, diary.last, set(diary.entries)
    )
    return reminders.rungs(
        keeper,
        slot,
        entry=diary.entries.get(slot),
        messages=sent,
        routine=diary.routine,
        now=diary.now,
    )


def recordable(diary: Diary) -> list[SlotRow]:
    """Return the slots that an official can still enter for, newest first."""
    return [row for row in diary.rows() if row.state in ("open", "missed", "sent")]


def symptoms() -> list[Symptom]:
    return list(rules.catalogue().values())
