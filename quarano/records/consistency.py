"""Whether what is stored twice still agrees, and follows from the rules.

Columns that are kept for lists, search and rules are computed anew, a few thousand
people at a time, and compared. Differences name rows and columns, never values.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Exists, F, Max, OuterRef, Q, Subquery, TextField
from django.db.models.functions import Cast, Greatest

from cases import containment, history, search
from cases.models import (
    CallAttempt,
    Case,
    EnrolmentCode,
    Escalation,
    EscalationOccasion,
    Monitoring,
    Order,
    Person,
    Policy,
    Reporter,
    Routine,
)
from diaries import escalation as rules
from diaries import owed, submission
from diaries.models import Entry
from diaries.slots import Slot
from health_authorities.models import current
from quarano.audit import log as audit
from quarano.audit.models import Event
from quarano.cockroach.transactions import retrying_transaction
from quarano.notifications.models import Message

TOGETHER = 1_000  # people
Reason = Escalation.Reason
Enrolment = Monitoring.Enrolment


@dataclass(frozen=True)
class Difference:
    """One row that does not agree: what is wrong, of which person, in which row.

    `rebuildable`: `rebuild` of that person mends it.
    """

    what: str
    person: UUID | None
    row: UUID
    rebuildable: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.row} (person {self.person})"


def differences(*, now: dt.datetime, sample: int | None = None) -> Iterator[Difference]:
    """Find everything that does not agree in the authority that is entered.

    What single statements see, they look for in all rows; with `sample` the rules are
    computed anew for so many people only, others each time.
    """
    for check in CHECKS:
        yield from check(now)
    versions = _Versions()
    for people in _by_the_thousand(sample):
        yield from _Thousand(people, versions).differences()


class _Versions:
    """The routine and the policy of each day, read once."""

    def __init__(self) -> None:
        self.routine = cache(lambda day: Routine.objects.in_force(on=day))
        self.window = cache(self._window)
        self._policy = cache(
            lambda disease, day: Policy.objects.in_force(disease, on=day)
        )

    def _window(self, slot: Slot, *, is_last: bool) -> submission.Window:
        last_day = slot.day if is_last else None
        return submission.window(slot, self.routine(slot.day), last_day=last_day)

    def policy(self, monitoring: Monitoring, at: dt.datetime) -> Policy:
        """Return the version in force when something was said."""
        found: Policy = self._policy(monitoring.disease, current().localdate(at))
        return found


def _found(
    what: str, rows: Any, person: str = "person_id", *, rebuildable: bool = False
) -> Iterator[Difference]:
    for pk, person_id in rows.values_list("pk", person).iterator(chunk_size=2_000):
        yield Difference(what, person_id, pk, rebuildable)


# --- One statement each ---------------------------------------------------------------


def _reached(now: dt.datetime) -> Iterator[Difference]:
    latest = (
        CallAttempt.objects.filter(
            person=OuterRef("pk"), outcome=CallAttempt.Outcome.REACHED
        )
        .order_by()
        .values("person")
        .annotate(at=Max("called_at"))
        .values("at")
    )
    wrong = Person.objects.annotate(at=Subquery(latest)).filter(
        ~Q(last_reached_at=F("at")) & ~Q(last_reached_at__isnull=True, at__isnull=True)
    )
    yield from _found("person.last_reached_at", wrong, "pk", rebuildable=True)


def _until(now: dt.datetime) -> Iterator[Difference]:
    """`until` is that of the newest issued order, else of the proposal."""
    orders = Order.objects.filter(monitoring=OuterRef("pk"))
    replaced = Order.objects.filter(replaces=OuterRef("pk"), issued_at__isnull=False)
    heads = orders.filter(issued_at__isnull=False).filter(~Exists(replaced))
    known = Monitoring.objects.annotate(
        ordered=Subquery(heads.order_by("-issued_at").values("until")[:1]),
        proposed=Subquery(orders.filter(issued_at__isnull=True).values("until")[:1]),
        is_ordered=Exists(heads),
        is_proposed=Exists(orders.filter(issued_at__isnull=True)),
    )
    by_order = known.filter(is_ordered=True).filter(
        Q(until__isnull=True) | ~Q(until=Greatest("ordered", "start"))
    )
    by_proposal = known.filter(is_ordered=False, is_proposed=True).filter(
        Q(proposed__isnull=True, until__isnull=False)
        | Q(proposed__isnull=False, until__isnull=True)
        | (
            Q(proposed__isnull=False, until__isnull=False)
            & ~Q(until=Greatest("proposed", "start"))
        )
    )
    yield from _found("monitoring.until", by_order, rebuildable=True)
    yield from _found("monitoring.until", by_proposal, rebuildable=True)
    anchored = Monitoring.objects.filter(
        status__in=Monitoring.OPEN,
        kind=Monitoring.Kind.ISOLATION,
        case__isnull=False,
    )
    wrong_anchor = anchored.exclude(
        Q(case__onset__isnull=False, anchor_kind="onset", anchor_day=F("case__onset"))
        | Q(
            case__onset__isnull=True,
            case__specimen_date__isnull=False,
            anchor_kind="specimen",
            anchor_day=F("case__specimen_date"),
        )
        | Q(
            case__onset__isnull=True,
            case__specimen_date__isnull=True,
            anchor_kind="",
            anchor_day__isnull=True,
        )
    )
    yield from _found("monitoring.anchor_day", wrong_anchor, rebuildable=True)


def _orders(now: dt.datetime) -> Iterator[Difference]:
    foreign = Order.objects.filter(replaces__isnull=False).exclude(
        replaces__monitoring=F("monitoring")
    )
    yield from _found("order.replaces", foreign, "monitoring__person_id")
    replaced = Order.objects.filter(replaces=OuterRef("pk"), issued_at__isnull=False)
    head = Order.objects.filter(issued_at__isnull=False).filter(~Exists(replaced))
    other = head.filter(monitoring=OuterRef("monitoring")).exclude(pk=OuterRef("pk"))
    two = head.filter(Exists(other))
    yield from _found("two orders in force", two, "monitoring__person_id")
    left = Order.objects.filter(
        issued_at__isnull=True, monitoring__status=Monitoring.Status.CONCLUDED
    )
    yield from _found("proposal after the end", left, "monitoring__person_id")


def _enrolment(now: dt.datetime) -> Iterator[Difference]:
    wrong = Monitoring.objects.filter(
        Q(enrolment=Enrolment.ENROLLED, enrolled_at__isnull=True)
        | Q(enrolment=Enrolment.REGISTERED, registered_at__isnull=True)
        | Q(enrolment=Enrolment.INVITED, invited_at__isnull=True)
        | Q(enrolment=Enrolment.INVITED, enrolled_at__isnull=False)
    )
    yield from _found("monitoring.enrolment", wrong)
    reporters = Reporter.objects.filter(person=OuterRef("person"))
    unkept = Monitoring.objects.open().filter(enrolment=Enrolment.ENROLLED)
    yield from _found("enrolled, kept by nobody", unkept.filter(~Exists(reporters)))
    own = Reporter.objects.filter(person=OuterRef("pk"), user=OuterRef("user"))
    without = Person.objects.filter(~Exists(own), user__isnull=False)
    yield from _found("login without its diary", without, "pk")
    followed = Monitoring.objects.open().filter(person=OuterRef("person"))
    codes = EnrolmentCode.objects.filter(
        ~Exists(followed), used_at__isnull=True, voided_at__isnull=True
    )
    yield from _found("code after the end", codes)


def _escalations(now: dt.datetime) -> Iterator[Difference]:
    occasions = EscalationOccasion.objects.filter(escalation=OuterRef("pk"))
    every = Escalation.objects.all()
    yield from _found("escalation without occasion", every.filter(~Exists(occasions)))
    strange = EscalationOccasion.objects.exclude(
        subject_id=F("escalation__subject_id"), reason=F("escalation__reason")
    )
    yield from _found("occasion of another", strange, "escalation__person_id")
    foreign = every.filter(monitoring__isnull=False).exclude(
        monitoring__person=F("person"), subject_id=F("monitoring")
    )
    yield from _found("escalation.monitoring", foreign)
    of_case = every.filter(subject_kind=Escalation.Subject.CASE)
    cases = Case.objects.filter(pk=OuterRef("subject_id"), person=OuterRef("person"))
    yield from _found("escalation.subject", of_case.filter(~Exists(cases)))
    of_person = every.filter(subject_kind=Escalation.Subject.PERSON)
    yield from _found("escalation.subject", of_person.exclude(subject_id=F("person")))
    still = every.open().exclude(reason__in=Escalation.MEDICAL)
    over = still.filter(monitoring__status=Monitoring.Status.CONCLUDED)
    yield from _found("open after the end", over)
    called = still.filter(
        Q(monitoring__first_called_at__isnull=False)
        | Q(monitoring__enrolled_at__isnull=False),
        reason=Reason.FIRST_CALL,
    )
    yield from _found("first call answered", called)
    registered = still.filter(
        reason=Reason.NOT_REGISTERED, monitoring__enrolment__in=owed.KEEPING
    )
    yield from _found("registered", registered)
    latest = occasions.order_by("-happened_at").values("happened_at")[:1]
    heard_of = still.filter(
        reason__in=[Reason.ENTRY_MISSING, Reason.SILENT],
        person__last_entry_at__gt=Subquery(latest),
    )
    yield from _found("silence answered", heard_of)


def _messages(now: dt.datetime) -> Iterator[Difference]:
    kept = Message.objects.annotate(sealed=Cast("token", TextField())).filter(
        ~Q(sealed=""),
        state__in=[Message.State.SENT, Message.State.VOID, Message.State.FAILED],
    )
    yield from _found("message.token", kept, "about")
    waiting = Message.objects.filter(
        state__in=[Message.State.WAITING, Message.State.SENDING], about__isnull=False
    )
    dead = Person.objects.filter(pk=OuterRef("about"), died_on__isnull=False)
    yield from _found("message to the dead", waiting.filter(Exists(dead)), "about")
    followed = Monitoring.objects.open().filter(person=OuterRef("about"))
    known = Person.objects.filter(pk=OuterRef("about"))
    useless = waiting.filter(
        Q(purpose__startswith="diary:") | Q(purpose__startswith="invitation:"),
        Exists(known),
        ~Exists(followed),
    )
    yield from _found("message after the end", useless, "about")


CHECKS: list[Callable[[dt.datetime], Iterator[Difference]]] = [
    _reached, _until, _orders, _enrolment, _escalations, _messages,
]  # fmt: skip


# --- What takes the rules: a thousand people at a time --------------------------------


def _by_the_thousand(sample: int | None = None) -> Iterator[list[Person]]:
    """All people, or the `sample` whose random keys follow on a random one."""
    everybody = Person.objects.order_by("pk").defer("remarks")
    if sample is not None:
        start = uuid4()
        found = list(everybody.filter(pk__gte=start)[:sample])
        found += list(everybody.filter(pk__lt=start)[: sample - len(found)])
        for first in range(0, len(found), TOGETHER):
            yield found[first : first + TOGETHER]
        return
    last: UUID | None = None
    while True:
        after = everybody if last is None else everybody.filter(pk__gt=last)
        people = list(after[:TOGETHER])
        if not people:
            return
        yield people
        last = people[-1].pk


class _Thousand:
    """Some people with what belongs to them, read in a handful of statements."""

    def __init__(self, people: Sequence[Person], versions: _Versions) -> None:
        self.people, self.versions = people, versions
        keys = [person.pk for person in people]
        self.symptoms = rules.catalogue()
        self.firsts: dict[UUID, Slot] = {}
        self.entries: dict[UUID, list[Entry]] = defaultdict(list)
        entries = Entry.objects.filter(person__in=keys).defer("note")
        for entry in entries.order_by("person", "opens"):
            self.entries[entry.person_id].append(entry)
        self.monitorings: dict[UUID, list[Monitoring]] = defaultdict(list)
        for monitoring in Monitoring.objects.filter(person__in=keys).select_related(
            "disease"
        ):
            self.monitorings[monitoring.person_id].append(monitoring)
        self.ends: dict[UUID, list[dt.date | None]] = defaultdict(list)
        orders = Order.objects.filter(monitoring__person__in=keys)
        for monitoring_id, until in orders.values_list("monitoring", "until"):
            self.ends[monitoring_id].append(until)
        self.references: dict[UUID, list[str]] = defaultdict(list)
        cases = Case.objects.filter(person__in=keys)
        for person_id, *references in cases.values_list(
            "person", "laboratory_reference", "register_reference"
        ):
            self.references[person_id] += references
        self.occasions = set(
            EscalationOccasion.objects.filter(
                escalation__person__in=keys, reason__in=Escalation.MEDICAL
            ).values_list("subject_id", "reason", "occasion")
        )
        # What the catalogue says now it may not have said then.
        changes = Event.objects.filter(verb__in=["symptom.added", "symptom.revised"])
        self.catalogue_since = changes.aggregate(at=Max("at"))["at"]

    def differences(self) -> Iterator[Difference]:
        for person in self.people:
            yield from self._searched(person)
            yield from self._remembered(person)
            for entry in self.entries[person.pk]:
                yield from self._in_its_slot(entry)
            for monitoring in self.monitorings[person.pk]:
                yield from self._raised(person, monitoring)

    def _searched(self, person: Person) -> Iterator[Difference]:
        text = search.text_for(person, self.references[person.pk])
        for column, wanted in (
            ("search_text", text),
            ("search_grams", search.grams(text)),
        ):
            if getattr(person, column) != wanted:
                yield Difference(f"person.{column}", person.pk, person.pk, True)

    def _remembered(self, person: Person) -> Iterator[Difference]:
        entries = self.entries[person.pk]
        if not entries:
            wanted: dict[str, Any] = {
                "last_entry_at": None, "last_entry_abnormal": False,
                "last_counting_symptom_at": None,
            }  # fmt: skip
        else:
            policy = self._policy(person, entries[-1])
            wanted = submission.what_to_remember(entries, policy, self.symptoms)
        for column, value in wanted.items():
            if getattr(person, column) != value:
                yield Difference(f"person.{column}", person.pk, person.pk, True)

    def _policy(self, person: Person, entry: Entry) -> Policy:
        first = min(self.monitorings[person.pk], key=lambda one: one.opened_at)
        return self.versions.policy(first, entry.amended_at or entry.reported_at)

    def _in_its_slot(self, entry: Entry) -> Iterator[Difference]:
        slot = rules.slot_of(entry)
        inner = self.versions.window(slot, is_last=False)
        last = self.versions.window(slot, is_last=True)
        times = (entry.opens, entry.ends, entry.deadline)
        if times not in (
            (inner.opens, inner.ends, inner.deadline),
            (last.opens, last.ends, last.deadline),
        ):
            yield Difference("entry's slot", entry.person_id, entry.pk)
        if not any(
            self._covers(one, slot, entry) for one in self.monitorings[entry.person_id]
        ):
            yield Difference("entry outside", entry.person_id, entry.pk)

    def _covers(self, monitoring: Monitoring, slot: Slot, entry: Entry) -> bool:
        """Whether the slot lay in the monitoring when the entry was made."""
        first = self.firsts.get(monitoring.pk)
        if first is None:
            routine = self.versions.routine(slot.day)
            first = owed.first_slot(monitoring, current().zone, routine)
            self.firsts[monitoring.pk] = first
        if slot < first:
            return False
        over = monitoring.concluded_at
        if over is not None and entry.reported_at > over:
            return False
        ends = [*self.ends[monitoring.pk], monitoring.until]
        return None in ends or slot.day <= max(end for end in ends if end)

    def _raised(self, person: Person, monitoring: Monitoring) -> Iterator[Difference]:
        """What the rules find in an entry was told to officials."""
        mine = [
            one
            for one in self.entries[person.pk]
            if self._covers(monitoring, rules.slot_of(one), one)
        ]
        for place, entry in enumerate(mine):
            said_at = entry.amended_at or entry.reported_at
            if self.catalogue_since is not None and said_at <= self.catalogue_since:
                continue
            if said_at < monitoring.opened_at:
                continue
            found = rules.findings(
                entry,
                mine[:place],
                self.versions.policy(monitoring, said_at),
                self.symptoms,
                kind=monitoring.kind,
                person=person,
            )
            key = rules.slot_of(entry).key
            for one in found:
                if (monitoring.pk, str(one.reason), key) not in self.occasions:
                    yield Difference(f"{one.reason} not raised", person.pk, entry.pk)


# --- Mending --------------------------------------------------------------------------


@retrying_transaction(repeatable=True)
def rebuild(person: Person, *, now: dt.datetime) -> list[str]:
    """Compute anew what is kept of a person for lists, search and rules.

    Returns the names of the columns that have changed; twice is once.
    """
    person = history.locked(person)
    before = {name: getattr(person, name) for name in REBUILT}
    search.index(person)
    entries = list(person.entries.order_by("opens"))
    monitoring = person.monitorings.order_by("opened_at").first()
    if entries and monitoring is not None:
        latest = entries[-1]
        day = current().localdate(latest.amended_at or latest.reported_at)
        policy = Policy.objects.in_force(monitoring.disease, on=day)
        submission.remember(person, entries, policy, rules.catalogue())
    elif not entries:
        person.last_entry_at = person.last_counting_symptom_at = None
        person.last_entry_abnormal = False
    reached = person.calls.filter(outcome=CallAttempt.Outcome.REACHED)
    person.last_reached_at = reached.aggregate(at=Max("called_at"))["at"]
    person.save(update_fields=REBUILT)
    changed = [name for name in REBUILT if getattr(person, name) != before[name]]
    monitorings = person.monitorings.order_by("pk")
    if sum(containment.rebuild_end(one) for one in monitorings):
        changed.append("until")
    if changed:
        audit.record("person.rebuilt", person, by=None, now=now, fields=changed)
    return changed


REBUILT = [
    "search_text",
    "search_grams",
    "last_entry_at",
    "last_entry_abnormal",
    "last_counting_symptom_at",
    "last_reached_at",
]
