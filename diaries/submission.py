"""An entry is made, or amended; and what follows from it in the same transaction."""

import datetime as dt
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from cases import containment, escalation, history
from cases.models import Case, Escalation, Monitoring, Person, Policy, Routine
from diaries import escalation as rules
from diaries import owed
from diaries.models import Entry
from diaries.slots import Slot
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction
from quarano.notifications import outbox

Reason = Escalation.Reason


class Refused(Exception):
    """An entry that the rules of slots do not take; the message is for the page."""

    message: Any = ""

    def __str__(self) -> str:
        return str(self.message)


class NotOpenYet(Refused):
    message = _("This half of the day has not begun yet.")


class TooLate(Refused):
    message = _("This entry can no longer be made or changed.")


class DiaryClosed(Refused):
    message = _("The diary is closed: nobody follows this person at present.")


class NotOwed(Refused):
    message = _("No entry is asked for this half of the day.")


class AlreadyEntered(Refused):
    """The slot has another entry by now; `entry` is the one that stands."""

    message = _("There is an entry for this half of the day by now.")

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self.entry = entry


@dataclass(frozen=True)
class Answers:
    """What somebody says about one slot. Temperature in °C, None: not measured."""

    temperature: Decimal | None = None
    symptoms: dict[str, int] = field(default_factory=dict)
    fever_medicine: bool = False
    oxygen: int | None = None
    pulse: int | None = None
    note: str = ""

    def as_fields(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def equal(self, entry: Entry) -> bool:
        return all(
            getattr(entry, name) == value for name, value in self.as_fields().items()
        )


@dataclass(frozen=True)
class Window:
    """When an entry for a slot can be made, as instants in UTC."""

    opens: dt.datetime
    ends: dt.datetime
    deadline: dt.datetime


def window(slot: Slot, routine: Routine, *, last_day: dt.date | None) -> Window:
    """Return when the slot opens and ends, and until when it can be entered."""
    zone = current().zone
    return Window(
        opens=slot.opens(zone, routine),
        ends=slot.ends(zone, routine, last_day=last_day),
        deadline=slot.deadline(zone, routine, last_day=last_day),
    )


def editable_until(entry: Entry, routine: Routine) -> dt.datetime:
    """Return until when a citizen may change the entry: its deadline or 15 minutes
    after it was sent, whichever is later."""
    grace = dt.timedelta(minutes=routine.edit_minutes)
    return max(entry.deadline, entry.reported_at + grace)


@retrying_transaction(repeatable=True)
def submit(
    person: Person,
    slot: Slot,
    *,
    answers: Answers,
    by: User,
    via: str,
    now: dt.datetime,
) -> Entry:
    """Make the entry of a slot; the same answers sent twice are one entry.

    Raises DiaryClosed, NotOwed, NotOpenYet, TooLate (not for officials, who may enter
    later) and AlreadyEntered, where other answers stand there by now.
    """
    person = history.locked(person)
    standing = _standing(person)
    existing = standing.entry(slot)
    if existing is not None:
        if answers.equal(existing):
            return existing
        raise AlreadyEntered(existing)
    standing.check_open()
    routine = Routine.objects.in_force(on=slot.day)
    times = _check(slot, standing, routine, via=via, now=now)
    entry = Entry.objects.create(
        person=person,
        day=slot.day,
        half=slot.half,
        opens=times.opens,
        ends=times.ends,
        deadline=times.deadline,
        reported_at=now,
        reported_by=by,
        via=via,
        **answers.as_fields(),
    )
    audit.record(
        "entry.submitted", entry, by=by, now=now, codes={"slot": slot.key, "via": via}
    )
    standing.enter(entry)
    _follow_up(entry, standing, routine, now=now)
    if standing.is_open(Reason.ENTRY_MISSING) or standing.is_open(Reason.SILENT):
        escalation.clear(person, [Reason.ENTRY_MISSING, Reason.SILENT], now=now)
    # Any entry stops the ladder. A change of an older one says nothing of the slots
    # that are owed, and does not.
    outbox.void(now=now, prefix=f"diary:{person.pk}:")
    return entry


@retrying_transaction(repeatable=True)
def amend(
    entry: Entry,
    *,
    answers: Answers,
    by: User,
    now: dt.datetime,
    version: int | None = None,
) -> Entry:
    """Change an entry; what it raised before and does not raise now is withdrawn.

    Raises DiaryClosed, TooLate (not for officials), cases.history.ChangedMeanwhile.
    """
    person = history.locked(entry.person)
    entry = history.locked(entry)
    standing = _standing(person)
    standing.check_open()
    routine = Routine.objects.in_force(on=entry.day)
    if not by.is_staff and now >= editable_until(entry, routine):
        raise TooLate
    changed = history.revise(
        entry,
        answers.as_fields(),
        person=person,
        by=by,
        now=now,
        verb="entry.amended",
        version=version,
    )
    if changed:
        entry.amended_at, entry.amended_by = now, by
        entry.save(update_fields=["amended_at", "amended_by"])
        standing.enter(entry)
        _follow_up(entry, standing, routine, now=now)
    return entry


@dataclass
class _Standing:
    """What is known of a locked person, read once for all that an entry brings."""

    person: Person
    known: list[Monitoring]  # all of them, concluded ones too
    entries: list[Entry]  # in the order of their slots
    open_reasons: set[tuple[UUID, str]]  # (subject, reason) of open escalations

    @property
    def monitorings(self) -> list[Monitoring]:
        """The open ones, which an entry is for, the oldest first."""
        return [one for one in self.known if one.is_open]

    def check_open(self) -> None:
        """Raise DiaryClosed where nobody follows the person."""
        if not self.monitorings or self.person.died_on is not None:
            raise DiaryClosed

    def entry(self, slot: Slot) -> Entry | None:
        return next((one for one in self.entries if rules.slot_of(one) == slot), None)

    def enter(self, entry: Entry) -> None:
        """Put the entry at its place, for the one that was there before."""
        others = [one for one in self.entries if one.pk != entry.pk]
        self.entries = sorted([*others, entry], key=lambda one: one.opens)

    def is_open(self, reason: str, *, subject: UUID | None = None) -> bool:
        """Whether something of that reason was open before this entry."""
        return any(
            code == reason and subject in (None, pk) for pk, code in self.open_reasons
        )

    def beginning(self, routine: Routine) -> Slot:
        return owed.beginning(self.monitorings, routine, known=self.known)


def _standing(person: Person) -> _Standing:
    known = list(
        person.monitorings.select_related("disease", "case").order_by("opened_at")
    )
    for monitoring in known:
        monitoring.person = person
    # What was noted in words is no matter of rules.
    entries = list(person.entries.defer("note").order_by("opens"))
    reasons = Escalation.objects.open().filter(person=person)
    open_reasons = set(reasons.values_list("subject_id", "reason"))
    return _Standing(person, known, entries, open_reasons)


def _check(
    slot: Slot,
    standing: _Standing,
    routine: Routine,
    *,
    via: str,
    now: dt.datetime,
) -> Window:
    last = owed.last_slot(standing.monitorings, routine)
    first = standing.beginning(routine)
    times = window(slot, routine, last_day=last.day if last else None)
    if now < times.opens:
        raise NotOpenYet
    if slot < first or (last is not None and slot > last):
        raise NotOwed
    known_halves = {Slot.first_of(slot.day, routine), Slot.last_of(slot.day, routine)}
    if slot not in known_halves:
        raise NotOwed
    if via != Entry.Via.OFFICIAL and now >= times.deadline:
        raise TooLate
    return times


# --- What follows --------------------------------------------------------------------


def _follow_up(
    entry: Entry,
    standing: _Standing,
    routine: Routine,
    *,
    now: dt.datetime,
) -> None:
    person, monitorings = standing.person, standing.monitorings
    today = current().localdate(now)
    symptoms = rules.catalogue()
    # What somebody wrote in an earlier diary, months ago, belongs to another episode.
    first = standing.beginning(routine)
    entries = [one for one in standing.entries if rules.slot_of(one) >= first]
    policies = {
        one.pk: Policy.objects.in_force(one.disease, on=today) for one in monitorings
    }
    for monitoring in monitorings:
        policy = policies[monitoring.pk]
        _judge(entry, entries, monitoring, policy, symptoms, standing, now=now)
        _look_again(entry, entries, monitoring, policy, symptoms, now=now)
    policy = policies[monitorings[0].pk]
    before = person.last_counting_symptom_at
    remember(person, standing.entries, policy, symptoms)
    if person.last_counting_symptom_at != before:
        for monitoring in monitorings:
            if monitoring.is_isolation:
                containment.propose(monitoring, now=now)
    _compare_onset(entries, standing, policy, symptoms, now=now)


def _look_again(
    entry: Entry,
    entries: list[Entry],
    monitoring: Monitoring,
    policy: Policy,
    symptoms: rules.Catalogue,
    *,
    now: dt.datetime,
) -> None:
    """Raise what later entries say only now, such as a symptom that has become the
    first because an earlier entry was corrected. Takes nothing back."""
    for place, later in enumerate(entries):
        if later.opens <= entry.opens:
            continue
        for one in rules.findings(
            later,
            entries[:place],
            policy,
            symptoms,
            kind=monitoring.kind,
            person=monitoring.person,
        ):
            escalation.raise_(
                monitoring,
                one.reason,
                occasion=rules.slot_of(later).key,
                facts=one.facts,
                now=now,
                policy=policy,
            )


def _judge(
    entry: Entry,
    entries: list[Entry],
    monitoring: Monitoring,
    policy: Policy,
    symptoms: rules.Catalogue,
    standing: _Standing,
    *,
    now: dt.datetime,
) -> None:
    """Raise what the entry says for one monitoring, withdraw what it no longer says,
    ease what it makes less pressing."""
    occasion = rules.slot_of(entry).key
    earlier = [one for one in entries if one.opens < entry.opens]
    context: dict[str, Any] = {"kind": monitoring.kind, "person": monitoring.person}
    found = rules.findings(entry, earlier, policy, symptoms, **context)
    mine = {reason for pk, reason in standing.open_reasons if pk == monitoring.pk}
    raised: set[str] = set()
    if mine & Escalation.MEDICAL:
        raised = {reason for _pk, reason in rules.raised_by(entry, [monitoring.pk])}
    for reason in raised - {str(one.reason) for one in found}:
        escalation.withdraw(monitoring, reason, occasion=occasion, now=now)
    for one in found:
        escalation.raise_(
            monitoring,
            one.reason,
            occasion=occasion,
            facts=one.facts,
            now=now,
            policy=policy,
            worse=one.worse,
        )
    is_latest = all(one.opens <= entry.opens for one in entries)
    if is_latest and mine & Escalation.MEDICAL:
        better = rules.eases(entry, earlier, policy, symptoms, **context)
        if better & mine:
            escalation.ease(monitoring, better, now=now)


def remember(
    person: Person, entries: list[Entry], policy: Policy, symptoms: rules.Catalogue
) -> None:
    """Keep on the person what others often ask; rebuildable from the entries."""
    for name, value in what_to_remember(entries, policy, symptoms).items():
        setattr(person, name, value)
    person.save(update_fields=REMEMBERED)


REMEMBERED = ["last_entry_at", "last_entry_abnormal", "last_counting_symptom_at"]


def what_to_remember(
    entries: list[Entry], policy: Policy, symptoms: rules.Catalogue
) -> dict[str, Any]:
    """Return the columns of REMEMBERED for a person with these entries, in the order
    of their slots."""
    against = [
        one for one in entries if rules.speaks_against_release(one, policy, symptoms)
    ]
    return {
        "last_entry_at": max((one.reported_at for one in entries), default=None),
        "last_entry_abnormal": bool(entries)
        and rules.is_abnormal(entries[-1], policy, symptoms),
        # The slot's own time: an evening counts for the day it began.
        "last_counting_symptom_at": against[-1].opens if against else None,
    }


def _compare_onset(
    entries: list[Entry],
    standing: _Standing,
    policy: Policy,
    symptoms: rules.Catalogue,
    *,
    now: dt.datetime,
) -> None:
    """The diary shows a first symptom that counts while the case has no onset or a
    later one: an official confirms it or keeps what was recorded."""
    cases = (one.case for one in standing.monitorings if one.case)
    case: Case | None = next(cases, None)
    if case is None:
        return
    first = next((one for one in entries if rules.counting(one, symptoms)), None)
    agrees = first is None or (case.onset is not None and case.onset <= first.day)
    if first is None or agrees:
        if standing.is_open(Reason.ONSET_DIFFERS, subject=case.pk):
            escalation.clear(case, [Reason.ONSET_DIFFERS], now=now)
        return
    escalation.raise_(
        case,
        Reason.ONSET_DIFFERS,
        occasion=first.day.isoformat(),
        facts={
            "diary": first.day.isoformat(),
            "case": case.onset.isoformat() if case.onset else None,
            "symptoms": rules.counting(first, symptoms),
        },
        policy=policy,
        now=now,
    )
