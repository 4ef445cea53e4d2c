"""The ladder for a slot without an entry: who is due for which rung, and what became
of each rung.

At the preferred hour on the first channel; when the slot has ended, on the second;
after two, the representative; after 24 h silence a call task; after 48 h the
supervisor. Never in quiet hours, never after the slot's deadline. An entry, or a call
that reached the person, stops it; hospital rests it.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cases import calls
from cases.models import Monitoring, Person, Reporter, Routine
from diaries import owed
from diaries.models import Entry
from diaries.slots import EVENING, Slot
from health_authorities.models import HealthAuthority, current
from quarano.notifications.models import Message

FIRST, OVERDUE, REPRESENTATIVE = "first", "overdue", "representative"
CALL, SUPERVISOR, LETTER = "call", "supervisor", "letter"
WRITTEN_IN = ("de", "en")
LAST_CALL = dt.timedelta(minutes=15)


@dataclass(frozen=True)
class Due:
    """A message that is due now."""

    keeper: owed.Keeper
    slot: Slot
    rung: str
    channel: str
    recipient: str
    language: str
    expires_at: dt.datetime

    @property
    def purpose(self) -> str:
        person = self.keeper.person.pk
        return f"diary:{person}:{self.slot.key}:{self.rung}:{self.channel}"


# --- Quiet hours and preferred hours -------------------------------------------------


def is_quiet(time: dt.time, routine: Routine) -> bool:
    """Whether that local time lies in the quiet hours."""
    start, end = routine.quiet_from, routine.quiet_until
    if start <= end:
        return start <= time < end
    return time >= start or time < end


def after_quiet(
    moment: dt.datetime, authority: HealthAuthority, routine: Routine
) -> dt.datetime:
    """Return the moment, or the end of the quiet hours it lies in."""
    local = authority.localtime(moment)
    if not is_quiet(local.time(), routine):
        return moment
    day = local.date()
    if local.time() >= routine.quiet_until:
        day += dt.timedelta(days=1)
    return authority.at(day, routine.quiet_until)


def next_quiet(
    moment: dt.datetime, authority: HealthAuthority, routine: Routine
) -> dt.datetime:
    """Return when the next quiet hours begin after a moment outside them."""
    local = authority.localtime(moment)
    day = local.date()
    if local.time() >= routine.quiet_from:
        day += dt.timedelta(days=1)
    return authority.at(day, routine.quiet_from)


def reminded_at(
    slot: Slot, person: Person, authority: HealthAuthority, routine: Routine
) -> dt.datetime:
    """Return when the first rung of a slot is due: the preferred hour, not in quiet
    hours, never before the slot opens nor after it has ended."""
    if slot.half == EVENING:
        time = person.preferred_evening or routine.remind_evening
    else:
        time = person.preferred_morning or routine.remind_morning
    zone = authority.zone
    opens = slot.opens(zone, routine)
    moment = max(authority.at(slot.day, time), opens)
    moment = min(moment, slot.ends(zone, routine) - LAST_CALL)
    before = authority.at(slot.day, routine.quiet_from) - LAST_CALL
    is_late = is_quiet(time, routine) and time >= routine.quiet_from
    if is_late and before >= opens:
        # Who wishes for an hour in the night is told before it.
        return before
    return after_quiet(moment, authority, routine)


def overdue_at(
    slot: Slot,
    authority: HealthAuthority,
    routine: Routine,
    *,
    last_day: dt.date | None,
) -> dt.datetime:
    """Return when the second rung is due: the slot's end, not in quiet hours."""
    end = slot.ends(authority.zone, routine, last_day=last_day)
    return after_quiet(end, authority, routine)


# --- What is due ---------------------------------------------------------------------


def due(authority: HealthAuthority, routine: Routine, *, now: dt.datetime) -> list[Due]:
    """Return the messages that the ladder asks for at this moment, person by person.

    The rules as the file explains them; `diaries.planning` asks the database for all at
    once, and a test compares both.
    """
    today = authority.localdate(now)
    keepers = [
        keeper
        for keeper in owed.keepers(routine, now=now)
        if not keeper.is_in_hospital(today) and not _by_phone(keeper)
    ]
    found: list[Due] = []
    silent: list[owed.Debt] = []
    for keeper in keepers:
        found += own_due(keeper, authority, routine, now=now)
        debt = owed.debt_of(keeper, authority.zone, routine, now=now)
        if len(debt.slots) >= 2:
            silent.append(debt)
    return [*found, *_representatives(silent, authority, routine, now=now)]


def _by_phone(keeper: owed.Keeper) -> bool:
    """Officials enter everything for them: nobody to remind but ourselves."""
    return all(
        one.enrolment == Monitoring.Enrolment.BY_PHONE for one in keeper.monitorings
    )


def own_due(
    keeper: owed.Keeper,
    authority: HealthAuthority,
    routine: Routine,
    *,
    now: dt.datetime,
) -> Iterable[Due]:
    """The first rung for the running slot, the second for the one that has ended."""
    zone, person = authority.zone, keeper.person
    channels = person.channels
    if not channels:
        return
    running = Slot.at(zone, now, routine)
    ended = owed.last_ended(zone, routine, now=now, last_day=keeper.last_day)
    rungs = [
        (running, FIRST, channels[0], reminded_at(running, person, authority, routine)),
        (
            ended,
            OVERDUE,
            channels[-1],
            overdue_at(ended, authority, routine, last_day=keeper.last_day),
        ),
    ]
    for slot, rung, channel, moment in rungs:
        deadline = slot.deadline(zone, routine, last_day=keeper.last_day)
        if not keeper.owes(slot) or not moment <= now < deadline:
            continue
        if slot is running and now >= slot.ends(
            zone, routine, last_day=keeper.last_day
        ):
            continue
        if _heard_of(person, slot, zone, routine, last_day=keeper.last_day):
            continue
        yield Due(
            keeper,
            slot,
            rung,
            channel,
            person.address_for(channel),
            language_of(person, authority),
            min(deadline, next_quiet(now, authority, routine)),
        )


def _heard_of(
    person: Person,
    slot: Slot,
    zone: dt.tzinfo,
    routine: Routine,
    *,
    last_day: dt.date | None,
) -> bool:
    """Whether a call reached the person since the slot opened, or any entry came
    since it ended: both stop its ladder."""
    reached, entered = person.last_reached_at, person.last_entry_at
    if reached is not None and reached >= slot.opens(zone, routine):
        return True
    return entered is not None and entered >= slot.ends(
        zone, routine, last_day=last_day
    )


def language_of(person: Person, authority: HealthAuthority) -> str:
    """Return the language we write in to this person: theirs where we have it."""
    if person.language in WRITTEN_IN:
        return person.language
    return authority.default_language


def _representatives(
    debts: list[owed.Debt],
    authority: HealthAuthority,
    routine: Routine,
    *,
    now: dt.datetime,
) -> Iterable[Due]:
    """Two slots overdue: the appointed representatives are told."""
    today = authority.localdate(now)
    by_person = {debt.person.pk: debt for debt in debts}
    reporters = (
        Reporter.objects.filter(person__in=list(by_person), since__lte=today)
        .filter(Q(until__isnull=True) | Q(until__gte=today))
        .exclude(kind=Reporter.Kind.SELF)
        .select_related("user")
        .order_by("appointed_at", "pk")
    )
    for reporter in reporters:
        debt = by_person[reporter.person_id]
        slot = debt.slots[-1]
        deadline = slot.deadline(authority.zone, routine, last_day=debt.keeper.last_day)
        user = reporter.user
        channel = Message.Channel.MAIL if user.email else Message.Channel.SMS
        recipient = user.email or (user.mobile.as_e164 if user.mobile else "")
        if recipient and now < deadline:
            yield Due(
                debt.keeper,
                slot,
                REPRESENTATIVE,
                channel,
                recipient,
                user.language or authority.default_language,
                min(deadline, next_quiet(now, authority, routine)),
            )


# --- Where somebody stands on it -----------------------------------------------------


@dataclass(frozen=True)
class Rung:
    """One rung as the file shows it. State: done, failed, skipped, stopped, waiting."""

    code: str
    label: str
    state: str
    at: dt.datetime | None
    why: str = ""
    message: Message | None = None

    @property
    def look(self) -> str:
        """The state as the stylesheet calls it."""
        return {"done": "sent", "waiting": "todo"}.get(self.state, self.state)


def ladder(person: Person, slot: Slot, *, now: dt.datetime) -> list[Rung]:
    """Return the rungs for a slot in order: what was sent, and why nothing was."""
    routine = Routine.objects.in_force(on=current().localdate(now))
    keeper = next(iter(owed.keepers(routine, now=now, people=[person.pk])), None)
    if keeper is None:
        return []
    return rungs(
        keeper,
        slot,
        entry=Entry.objects.filter(person=person, day=slot.day, half=slot.half).first(),
        messages=Message.objects.filter(about=person.pk).order_by("-written_at"),
        routine=routine,
        now=now,
    )


def rungs(
    keeper: owed.Keeper,
    slot: Slot,
    *,
    entry: Entry | None,
    messages: Iterable[Message],
    routine: Routine,
    now: dt.datetime,
) -> list[Rung]:
    """Return the rungs from what is read already: the slot's entry, the messages about
    the person, newest first."""
    authority, person = current(), keeper.person
    zone, last_day = authority.zone, keeper.last_day
    purpose = f"diary:{person.pk}:{slot.key}:"
    sent = {
        message.rung: message
        for message in reversed(list(messages))
        if message.purpose.startswith(purpose)
    }
    stop = _stop(keeper, slot, entry, routine, now=now)
    end = slot.ends(zone, routine, last_day=last_day)
    since = keeper.sign_of_life(zone, routine, now=now)
    moments = [
        (FIRST, _("Reminder"), reminded_at(slot, keeper.person, authority, routine)),
        (
            OVERDUE,
            _("Slot overdue"),
            overdue_at(slot, authority, routine, last_day=last_day),
        ),
        (REPRESENTATIVE, _("Representative"), end),
        (CALL, _("Call task"), _call_at(keeper, slot, since, routine, now=now)),
        (
            SUPERVISOR,
            _("Supervisor"),
            since + dt.timedelta(hours=routine.silent_after_hours),
        ),
    ]
    found = [
        _rung(code, label, moment, sent.get(code), stop, keeper, now=now)
        for code, label, moment in moments
    ]
    found.append(_letter(person, stop, routine, now=now))
    stopped = [rung for rung in found if rung.state == "stopped" and not rung.message]
    for rung in stopped[1:]:
        # Why it stopped is said once.
        found[found.index(rung)] = Rung(rung.code, rung.label, "waiting", None)
    return found


def _call_at(
    keeper: owed.Keeper,
    slot: Slot,
    since: dt.datetime,
    routine: Routine,
    *,
    now: dt.datetime,
) -> dt.datetime:
    """When silence becomes a call task: after its hours, and not before as many slots
    in a row are overdue as make an entry missing."""
    authority = current()
    zone, today = authority.zone, authority.localdate(now)
    debt = owed.debt_of(keeper, zone, routine, now=now)
    last = debt.slots[0] if debt.slots else slot
    for _more in range(owed.slots_to_miss(keeper.person, routine, on=today) - 1):
        last = last.next
    end = last.ends(zone, routine, last_day=keeper.last_day)
    return max(since + dt.timedelta(hours=routine.call_after_hours), end)


def _letter(
    person: Person,
    stop: tuple[dt.datetime, str] | None,
    routine: Routine,
    *,
    now: dt.datetime,
) -> Rung:
    """The last rung: calls at different hours did not reach the person."""
    label = _("Letter or visit")
    if stop is not None:
        return Rung(LETTER, label, "stopped", *stop)
    if calls.needs_letter(person, now=now):
        return Rung(LETTER, label, "done", None, _("calls did not reach the person"))
    why = ngettext(
        "after %(n)d call without success",
        "after %(n)d calls without success",
        routine.letter_after_calls,
    ) % {"n": routine.letter_after_calls}
    return Rung(LETTER, label, "waiting", None, why)


def _stop(
    keeper: owed.Keeper,
    slot: Slot,
    entry: Entry | None,
    routine: Routine,
    *,
    now: dt.datetime,
) -> tuple[dt.datetime, str] | None:
    """When and why the ladder of this slot stopped; None while it goes on."""
    person = keeper.person
    authority = current()
    if entry is not None:
        return entry.reported_at, _("entry made")
    reached, zone = person.last_reached_at, authority.zone
    if reached is not None and reached >= slot.opens(zone, routine):
        return reached, _("reached by phone")
    later, last_day = person.last_entry_at, keeper.last_day
    if later is not None and _heard_of(person, slot, zone, routine, last_day=last_day):
        return later, _("another entry made")
    if keeper.is_in_hospital(authority.localdate(now)):
        return now, _("in hospital")
    return None


def _rung(
    code: str,
    label: str,
    moment: dt.datetime,
    message: Message | None,
    stop: tuple[dt.datetime, str] | None,
    keeper: owed.Keeper,
    *,
    now: dt.datetime,
) -> Rung:
    if message is not None:
        state = "done"
        if message.has_failed:
            state = "failed"
        elif message.state == Message.State.VOID:
            state = "stopped"
        words = f"{message.get_channel_display()}, {message.outcome}"
        return Rung(code, label, state, message.written_at, words, message)
    if stop is not None and stop[0] <= max(moment, now):
        return Rung(code, label, "stopped", stop[0], stop[1])
    if moment > now:
        return Rung(code, label, "waiting", moment)
    if code in (CALL, SUPERVISOR):
        return Rung(code, label, "done", moment, _("on the worklist"))
    return Rung(code, label, "skipped", moment, _why_not(code, keeper))


def _why_not(code: str, keeper: owed.Keeper) -> str:
    """Why nothing was sent on a rung whose time has come."""
    if _by_phone(keeper):
        return _("kept by phone, nobody is written to")
    if code == REPRESENTATIVE:
        return _("no representative, or only one slot overdue")
    if not keeper.person.channels:
        return _("neither e-mail nor mobile")
    return _("not due while quiet hours or the deadline stood in the way")
