"""What somebody writes, what officials make of it, and how it ends."""

import datetime as dt
from typing import Any
from uuid import UUID

from cases import containment
from cases.models import (
    EnrolmentCode,
    Escalation,
    Monitoring,
    Order,
)
from diaries import endings, owed
from diaries import escalation as rules
from diaries.models import Entry
from diaries.slots import Slot
from diaries.submission import Window
from quarano.synthetic.bulk import row_of
from quarano.synthetic.coming import Invited
from quarano.synthetic.courses import Course
from quarano.synthetic.world import DAY, HOUR, MINUTE

Reason = Escalation.Reason
Enrolment = Monitoring.Enrolment
OUTCOMES = {
    Reason.EMERGENCY: ("hospital", "doctor"),
    Reason.FEVER: ("called", "called", "doctor"),
    Reason.FIRST_SYMPTOM: ("test", "test", "called"),
    Reason.SUSPICIOUS_SYMPTOM: ("called", "doctor"),
    Reason.WORSENING: ("doctor", "called"),
    Reason.GROUP: ("test", "called"),
    Reason.ONSET_DIFFERS: ("kept",),
}


class Keeping(Invited):
    """One person who keeps a diary until the monitoring ends."""

    # --- The diary --------------------------------------------------------------------

    def keeps_diary(self) -> None:
        """Write, slot by slot, and let officials decide when a last day comes."""
        world, random, monitoring = self.world, self.random, self.monitoring
        self.course = Course(self._course(), random)
        self.first = owed.first_slot(monitoring, world.zone, world.routine)
        # 58 % of the slots are entered: most nearly always, some hardly ever.
        habit = random.choices((0.9, 0.37, 0.02), (52, 30, 18))[0]
        slot = self.first
        while monitoring.is_open:
            last = owed.last_slot([monitoring], world.routine)
            times = world.window(
                slot, is_last=last is not None and slot.day == last.day
            )
            if times.opens > self.now:
                break
            if last is not None and slot > last:
                break
            self._settle_due(times.opens)
            if random.random() < habit:
                self._enter(slot, times)
            if last is not None and slot == last:
                self._decide(monitoring.until)
            slot = slot.next

    def _course(self) -> str:
        if self.arrival.lasting:
            return "lingering"
        if self.arrival.kind == Monitoring.Kind.ISOLATION:
            old = self.member.age >= 70
            return self.random.choices(
                ("mild", "moderate", "hard", "lingering", "well"),
                (38, 30, 16 if old else 5, 5, 12),
            )[0]
        return self.random.choices(("well", "mild", "moderate"), (91, 6, 3))[0]

    def _since_onset(self, day: dt.date) -> int:
        n = (day - self.arrival.anchor).days
        if self.arrival.kind == Monitoring.Kind.ISOLATION:
            return n if not self.arrival.lasting else min(n, 9)
        return n - 5  # a contact falls ill some days after the exposure

    def _enter(self, slot: Slot, times: Window) -> None:
        random, monitoring = self.random, self.monitoring
        by, via = self._writer()
        if by is None:
            return
        begun = max(times.opens, monitoring.registered_at or monitoring.opened_at)
        if self.entries:
            begun = max(begun, self.entries[-1].reported_at + MINUTE)
        if via == Entry.Via.OFFICIAL:
            at = self.world.at_desk(begun + random.randrange(5, 400) * MINUTE)
        else:
            at = self.world.later(begun, median=2.2, spread=0.9)
        if at > self.now or at >= times.deadline:
            return
        state = self.course.on(self._since_onset(slot.day))
        entry = row_of(
            Entry,
            id=self.world.new_id(),
            person_id=self.person.pk,
            day=slot.day,
            half=slot.half,
            opens=times.opens,
            ends=times.ends,
            deadline=times.deadline,
            reported_at=at,
            reported_by_id=by,
            via=via,
            temperature=state.celsius,
            symptoms=state.symptoms,
            fever_medicine=state.medicine,
            oxygen=state.oxygen,
            pulse=state.pulse,
            note=random.choice(NOTES) if random.random() < 0.03 else "",
        )
        self._note(entry, slot, at)

    def _writer(self) -> tuple[UUID | None, str]:
        monitoring = self.monitoring
        if monitoring.enrolment == Enrolment.BY_PHONE:
            return self.by, Entry.Via.OFFICIAL
        if self.user is None or monitoring.enrolled_at is None:
            return None, ""
        if self.user is self.parent:
            return self.user.pk, Entry.Via.REPRESENTATIVE
        return self.user.pk, Entry.Via.SELF

    def _note(self, entry: Entry, slot: Slot, at: dt.datetime) -> None:
        """What submission makes of an entry."""
        policy, symptoms, monitoring = (
            self.world.policy,
            self.world.symptoms,
            self.monitoring,
        )
        self._missed_before(slot, at)
        history = list(self.entries)
        self.entries.append(entry)
        against = rules.speaks_against_release(entry, policy, symptoms)
        is_quiet = not entry.symptoms and not against and not self.settle_at
        infant = self.member.age == 0
        if not is_quiet or infant or entry.oxygen is not None:
            how: dict[str, Any] = {"kind": monitoring.kind, "person": self.person}
            for one in rules.findings(entry, history, policy, symptoms, **how):
                self._raise(one.reason, slot.key, at, one.facts, worse=one.worse)
                place = (monitoring.pk, str(one.reason))
                if place not in self.settle_at:
                    when = self.world.at_desk(self.world.later(at, median=2))
                    self.settle_at[place] = when
            better = rules.eases(entry, history, policy, symptoms, **how)
            self.book.ease(monitoring, better, now=at)
        before = self.person.last_counting_symptom_at
        if against:
            self.person.last_counting_symptom_at = entry.opens
        if against and before != entry.opens and monitoring.is_isolation:
            self._propose(at)
        self._compare_onset(entry, at)
        self.book.clear([Reason.ENTRY_MISSING, Reason.SILENT], now=at)

    def _compare_onset(self, entry: Entry, at: dt.datetime) -> None:
        if self.case is None or self.has_told_onset:
            return
        codes = rules.counting(entry, self.world.symptoms)
        if not codes:
            return
        self.has_told_onset = True
        onset = self.case.onset
        if onset is not None and onset <= entry.day:
            return
        facts = {
            "diary": entry.day.isoformat(),
            "case": onset.isoformat() if onset else None,
            "symptoms": codes,
        }
        occasion = entry.day.isoformat()
        self._raise(Reason.ONSET_DIFFERS, occasion, at, facts, subject=self.case)
        when = self.world.at_desk(self.world.later(at, median=6))
        self.settle_at[self.case.pk, Reason.ONSET_DIFFERS.value] = when

    def _missed_before(self, slot: Slot, at: dt.datetime) -> None:
        """The slots that went by without an entry before this one were told of."""
        if not self.entries:
            return
        last = rules.slot_of(self.entries[-1])
        gap, missed = last.next, []
        while gap < slot:
            if self.world.window(gap, is_last=False).ends <= at:
                missed.append(gap)
            gap = gap.next
        if len(missed) >= self.world.routine.missing_after:
            raised_at = self.world.window(missed[1], is_last=False).ends
            self._entry_missing(raised_at, len(missed), missed[1].key)

    def _entry_missing(
        self, at: dt.datetime, slots: int, occasion: str, **how: Any
    ) -> None:
        facts = {
            "slots": slots,
            "lives_alone": self.person.lives_alone,
            "abnormal": self.person.last_entry_abnormal,
        }
        how["with_policy"] = False
        self._raise(Reason.ENTRY_MISSING, occasion, at, facts, **how)

    def _settle_due(self, upto: dt.datetime) -> None:
        """Officials settle what they have come to by then."""
        for place, at in list(self.settle_at.items()):
            found = self.book.open.get(place)
            if found is None:
                del self.settle_at[place]
            elif at <= upto:
                del self.settle_at[place]
                outcome = self.random.choice(OUTCOMES[Reason(place[1])])
                by = found.assigned_to_id or self.world.official()
                self.book.settle(
                    found, at=max(at, found.raised_at), by=by, outcome=outcome
                )

    # --- The end ----------------------------------------------------------------------

    def _free(self, at: dt.datetime, last: Slot) -> bool | None:
        """Free of symptoms for 48 h at that moment, as the endings ask."""
        policy, routine = self.world.policy, self.world.routine
        considered, _needed = policy.slots_for_release(routine.slots_per_day)
        slots = endings.slots_before(at, routine, count=considered, last=last)
        known = {
            rules.slot_of(one): one
            for one in self.entries[-considered - 2 :]
            if one.reported_at <= at
        }
        facts = [rules.facts_of(known.get(slot), self.world.symptoms) for slot in slots]
        return policy.is_symptom_free(facts, slots_per_day=routine.slots_per_day)

    def _ends(self, until: dt.date, upto: dt.datetime) -> None:
        """'Monitoring ends', from the day before to noon of the last."""
        authority, opened = self.world.authority, self.monitoring.opened_at
        midnight = authority.at(until, dt.time.min)
        noon = authority.at(until, self.world.routine.ending_decided_by)
        early = self.world.routine.end_warning_days * DAY
        stages = [
            (
                "before",
                Escalation.Band.CAN_WAIT,
                max(midnight - early, opened),
                midnight,
            ),
            ("on", Escalation.Band.DUE_TODAY, max(midnight, opened), None),
            ("noon", Escalation.Band.ACT_NOW, max(noon, opened), None),
        ]
        for stage, band, at, before in stages:
            at += 5 * MINUTE
            if at <= upto and (before is None or at < before):
                self._raise(
                    Reason.ENDS,
                    f"{until:%Y-%m-%d}-{stage}",
                    at,
                    {"until": until.isoformat()},
                    band=band,
                    due_at=noon,
                    with_policy=False,
                )

    def _decide(self, until: dt.date | None) -> None:
        """The last slot of the last day: extend, release, let it lapse, or nothing."""
        assert until is not None
        random, authority = self.random, self.world.authority
        at = authority.at(until, dt.time(13)) + random.randrange(240) * MINUTE
        last = Slot.last_of(until, self.world.routine)
        at = max(at, self.monitoring.opened_at + HOUR)
        if at <= self.now and at < authority.end_of(until) and self.ordered is not None:
            self._ends(until, at)
            proposed = next((one for one in self.orders if one.issued_at is None), None)
            free = self._free(at, last)
            if self.arrival.lasting and (self.now - at) > -2 * DAY:
                self._extend(at, until + 7 * DAY)
                return
            if proposed is not None and proposed.effect == Order.Effect.EXTEND:
                if random.random() < 0.85:
                    self._extend(at, None)
                    return
            elif free is False and random.random() < 0.35:
                self._extend(at, until + 2 * DAY)
                return
            if random.random() < (0.6 if free else 0.45):
                self.entries = [one for one in self.entries if one.reported_at < at]
                self._conclude(at, "released")
                return
        over = authority.end_of(until) + 7 * MINUTE
        if over <= self.now:
            self._over(until, over, last)

    def _extend(self, at: dt.datetime, until: dt.date | None) -> None:
        """A later end is ordered: the one proposed, or one that a physician names."""
        if not any(one.issued_at is None for one in self.orders):
            ordered = self.ordered
            assert ordered is not None
            self.orders.append(
                self._order(
                    Order.Effect.EXTEND, ordered.until, self._sum(at).as_json(), at
                )
            )
        self._issue(at, until=until)
        self._serve(self.orders[-1], "oral", at)
        new = self.monitoring.until
        if new is not None and new > self.world.authority.localdate(at):
            self.book.clear(containment.ENDINGS, now=at)

    def _over(self, until: dt.date, over: dt.datetime, last: Slot) -> None:
        """24:00 of the last day has gone: the job lets it lapse, or says so."""
        self._ends(until, over)
        free = self._free(over, last)
        self._settle_due(min(self.now, over))
        medical = [p for p in self.book.open if p[1] in Escalation.MEDICAL]
        settled = [self.settle_at.get(place) for place in medical]
        may = self.ordered is not None and not (
            self.case is not None and self.case.needs_physician(until + DAY)
        )
        if free and may and None not in settled:
            at = max([over, *(one + 15 * MINUTE for one in settled if one)])
            if at > over:
                self._undecided(until, over, unknown=False)
            if at <= self.now:
                self._settle_due(at)
                self._conclude(at, "lapsed")
            return
        self._undecided(until, over, unknown=free is None)
        at = self.world.at_desk(self.world.later(over, median=11, spread=0.6))
        if at <= self.now and self.random.random() < 0.97:
            self._settle_due(at)
            self._conclude(at, "released")

    def _undecided(self, until: dt.date, at: dt.datetime, *, unknown: bool) -> None:
        facts = {
            "until": until.isoformat(),
            "symptoms": [],
            "fever": False,
            "unknown": unknown,
        }
        due_at = self.world.authority.end_of(until)
        occasion = until.isoformat()
        self._raise(Reason.LAPSED_UNDECIDED, occasion, at, facts, due_at=due_at)
        self.book.clear([Reason.ENDS, Reason.ENDS_WITH_SYMPTOMS], now=at)

    def _conclude(self, at: dt.datetime, conclusion: str) -> None:
        monitoring = self.monitoring
        monitoring.status = Monitoring.Status.CONCLUDED
        monitoring.conclusion, monitoring.concluded_at = conclusion, at
        by = None if conclusion == "lapsed" else self.world.official()
        monitoring.concluded_by_id = by
        self.orders = [one for one in self.orders if one.issued_at is not None]
        self.record("monitoring.concluded", monitoring, at=at, by=by)
        self.book.clear(containment.NOT_MEDICAL, now=at)
        for row in self.rows:
            if isinstance(row, EnrolmentCode) and row.used_at is None:
                row.voided_at = at

    def _remember_entries(self) -> None:
        policy, symptoms, person = self.world.policy, self.world.symptoms, self.person
        if not self.entries:
            person.last_entry_at, person.last_counting_symptom_at = None, None
            return
        against = [
            one.opens
            for one in self.entries
            if rules.speaks_against_release(one, policy, symptoms)
        ]
        person.last_entry_at = max(one.reported_at for one in self.entries)
        person.last_entry_abnormal = rules.is_abnormal(
            self.entries[-1], policy, symptoms
        )
        person.last_counting_symptom_at = against[-1] if against else None


NOTES = (
    "Schlecht geschlafen, sonst geht es.",
    "Habe seit gestern keinen Geruchssinn mehr.",
    "Kann jemand wegen der Bescheinigung anrufen?",
    "Feeling better than yesterday.",
    "Der Hausarzt hat angerufen.",
)
