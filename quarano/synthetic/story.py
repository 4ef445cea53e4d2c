"""What happens to one invented person, by the same rules as in life, as unsaved
rows."""

import datetime as dt
from collections.abc import Iterable

from django.db.models import Model

from cases import search
from cases.models import (
    Acknowledgement,
    CallAttempt,
    Case,
    Comment,
    EnrolmentCode,
    Escalation,
    EscalationOccasion,
    Monitoring,
    Order,
    Person,
    ProtectedCircle,
    Questionnaire,
    Reporter,
    Service,
    Test,
)
from diaries import escalation as rules
from diaries import owed, reminders
from diaries.models import Entry
from diaries.slots import Slot
from quarano.accounts.models import User
from quarano.audit.models import Event
from quarano.notifications.models import Message
from quarano.synthetic.bulk import row_of
from quarano.synthetic.diary import Keeping
from quarano.synthetic.world import DAY, HOUR, MINUTE

Reason = Escalation.Reason
Enrolment = Monitoring.Enrolment
# In the order in which foreign keys want them.
MODELS: list[type[Model]] = [
    User, Person, ProtectedCircle, Reporter, Case, Test, Monitoring, Order, Service,
    EnrolmentCode, Acknowledgement, Questionnaire, CallAttempt, Comment, Entry,
    Escalation, EscalationOccasion, Message, Event,
]  # fmt: skip


class Story(Keeping):
    """One person from the first report to this moment."""

    def tell(self) -> User | None:
        """Let it happen, hand the rows over, and return the login that was made."""
        self.taken_up()
        self.enrols()
        self.is_called()
        self.keeps_diary()
        self.stands_now()
        self.remembered()
        for row in self.written():
            self.world.bulk.add(row)
        return self.user

    def written(self) -> Iterable[Model]:
        if self.user is not None and self.user is not self.parent:
            yield self.user
        yield self.person
        yield from self.rows
        yield self.monitoring
        yield from self.orders
        yield from self.entries
        yield from self.book.rows()
        yield from self.events

    # --- This moment ------------------------------------------------------------------

    def stands_now(self) -> None:
        """What the jobs of the timetable would have raised by now."""
        self._settle_due(self.now)
        monitoring, until = self.monitoring, self.monitoring.until
        if not monitoring.is_open:
            return
        today = self.world.today
        if until is not None and today <= until <= today + DAY:
            self._ends(until, self.now)
            last = Slot.last_of(until, self.world.routine)
            free = self._free(self.now, last)
            if until == today and not free:
                facts = {
                    "until": until.isoformat(),
                    "symptoms": [],
                    "fever": False,
                    "unknown": free is None,
                }
                begun = self.world.authority.at(until, dt.time.min) + 7 * MINUTE
                self._raise(
                    Reason.ENDS_WITH_SYMPTOMS,
                    until.isoformat(),
                    min(self.now, max(begun, monitoring.opened_at)),
                    facts,
                    due_at=self.world.authority.at(
                        until, self.world.routine.ending_decided_by
                    ),
                )
        if monitoring.enrolment in owed.KEEPING:
            self._owes()

    def _keeper(self) -> owed.Keeper:
        last = owed.last_slot([self.monitoring], self.world.routine)
        entered = {rules.slot_of(one) for one in self.entries[-20:]}
        return owed.Keeper(self.person, [self.monitoring], self.first, last, entered)

    def _owes(self) -> None:
        world, routine, zone = self.world, self.world.routine, self.world.zone
        self._remember_entries()
        keeper = self._keeper()
        debt = owed.debt_of(keeper, zone, routine, now=self.now)
        needed = owed.slots_to_miss(self.person, routine, on=world.today)
        if len(debt.slots) >= needed and debt.silence > 20 * HOUR:
            called = world.at_desk(self.now - self.random.randrange(20, 700) * MINUTE)
            if debt.since < called <= self.now and self.random.random() < 0.5:
                at = world.window(debt.slots[needed - 1], is_last=False).ends
                if at < called:
                    self._entry_missing(at, needed, debt.slots[needed - 1].key)
                self._call(called, "reached")
                self.book.clear([Reason.ENTRY_MISSING, Reason.SILENT], now=called)
                debt = owed.debt_of(keeper, zone, routine, now=self.now)
        if len(debt.slots) >= needed:
            self._silent(debt, needed)
        if self.monitoring.enrolment != Enrolment.BY_PHONE:
            for one in reminders.own_due(
                keeper, world.authority, routine, now=self.now
            ):
                self._message(
                    one.purpose,
                    f"diaries/messages/{one.rung}",
                    one.channel,
                    one.recipient,
                    self.now - self.random.randrange(1, 15) * MINUTE,
                    expires_at=one.expires_at,
                    parameters={"path": "/diary/"},
                    rung=one.rung,
                )

    def _silent(self, debt: owed.Debt, needed: int) -> None:
        routine = self.world.routine
        calls_after = routine.call_after_hours * HOUR
        when = self.world.window(debt.slots[needed - 1], is_last=False).ends
        if debt.silence < calls_after:
            self._entry_missing(
                min(when, self.now), len(debt.slots), debt.slots[-1].key
            )
        else:
            task_at = max(debt.since + calls_after, when)
            if when < debt.since + calls_after:
                self._entry_missing(when, needed, debt.slots[needed - 1].key)
            self._entry_missing(
                min(task_at, self.now),
                len(debt.slots),
                f"{debt.since:%Y-%m-%dT%H:%M}-call",
                band=Escalation.Band.DUE_TODAY,
                due_at=task_at,
            )
        if debt.silence >= routine.silent_after_hours * HOUR:
            self._raise(
                Reason.SILENT,
                f"{debt.since:%Y-%m-%dT%H:%M}",
                debt.since + routine.silent_after_hours * HOUR,
                {
                    "since": debt.since.isoformat(),
                    "lives_alone": self.person.lives_alone,
                },
                with_policy=False,
            )

    # --- What stands on the person ----------------------------------------------------

    def remembered(self) -> None:
        """The columns that are kept for lists, search and rules."""
        person = self.person
        self._remember_entries()
        numbers = [str(number) for number in (person.phone, person.mobile) if number]
        references = [self.case.laboratory_reference] if self.case else []
        person.search_text = search.text_of(
            (person.given_name, person.family_name),
            [(one[1:], one[3:]) for one in numbers],
            person.email,
            references,
        )
        person.search_grams = search.grams(person.search_text)
        if self.random.random() < 0.05:
            self.add(
                row_of(
                    Comment,
                    id=self.world.new_id(),
                    person_id=person.pk,
                    text=self.random.choice(COMMENTS),
                    written_at=min(self.monitoring.opened_at + HOUR, self.now),
                    written_by_id=self.by,
                )
            )


COMMENTS = (
    "Best reached after 16:00.",
    "Neighbour does the shopping.",
    "Employer asked for a certificate.",
    "Speaks through the daughter.",
)
