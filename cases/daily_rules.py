"""What the timetable looks for each quarter of an hour: set-based, safe to repeat.

First call overdue, not registered, details missing, message failed, monitoring ends;
each raises what has come and clears what has gone. Numbers are those of the Routine.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from cases import due_times, escalation
from cases.due_times import routine_on
from cases.models import (
    EnrolmentCode,
    Escalation,
    EscalationOccasion,
    Monitoring,
    Person,
    Routine,
)
from health_authorities.models import current
from quarano.cockroach.transactions import retrying_transaction
from quarano.notifications.models import Message

Reason = Escalation.Reason
Band = Escalation.Band

# What we ask of everybody: a way to reach the person, a birth date, and of a case the
# day that its isolation is counted from.
DETAILS = ("reach", "birth_date", "onset")


def run(now: dt.datetime) -> None:
    """Run every daily rule of this authority; each in transactions of its own."""
    routine = routine_on(current().localdate(now))
    first_call_overdue(routine, now=now)
    not_registered(routine, now=now)
    details_missing(now=now)
    message_failed(now=now)
    ends(routine, now=now)


def _followed() -> QuerySet[Monitoring]:
    """Open monitorings of people who live."""
    return (
        Monitoring.objects.open()
        .filter(person__died_on__isnull=True)
        .select_related("person")
        .order_by("pk")
    )


def _clear(found: QuerySet[Escalation], *, now: dt.datetime) -> None:
    keys = list(
        found.exclude(reason__in=Escalation.MEDICAL).values_list("pk", flat=True)
    )
    if keys:
        escalation.clear_all(keys, now=now)


def _open(*reasons: str) -> QuerySet[Escalation]:
    return Escalation.objects.open().filter(reason__in=reasons).order_by("pk")


def _known(reason: str, subjects: Iterable[UUID]) -> set[tuple[UUID, str]]:
    found = EscalationOccasion.objects.filter(
        reason=reason, subject_id__in=list(subjects)
    )
    return set(found.values_list("subject_id", "occasion"))


def first_call_overdue(routine: Routine, *, now: dt.datetime) -> None:
    """Nobody has reached the person *24 h* after the monitoring was opened."""
    _clear(
        _open(Reason.FIRST_CALL, Reason.FIRST_CALL_OVERDUE).filter(
            Q(monitoring__first_called_at__isnull=False)
            | Q(monitoring__enrolled_at__isnull=False)
            | Q(monitoring__status=Monitoring.Status.CONCLUDED)
        ),
        now=now,
    )
    allowed = dt.timedelta(hours=routine.first_call_hours)
    late = list(
        _followed().filter(
            opened_at__lte=now - allowed,
            first_called_at__isnull=True,
            enrolled_at__isnull=True,
        )
    )
    known = _known(Reason.FIRST_CALL_OVERDUE, [one.pk for one in late])
    for monitoring in late:
        if (monitoring.pk, "first_call") in known:
            continue
        due_at = due_times.after(
            Reason.FIRST_CALL, monitoring.opened_at, allowed, now=now
        )
        # At the weekend a staffed clock stands.
        if due_at <= now:
            _call_late(monitoring, due_at=due_at, now=now)


@retrying_transaction(repeatable=True)
def _call_late(
    monitoring: Monitoring, *, due_at: dt.datetime, now: dt.datetime
) -> None:
    escalation.raise_(
        monitoring,
        Reason.FIRST_CALL_OVERDUE,
        occasion="first_call",
        facts={
            "reported_at": monitoring.reported_at.isoformat(),
            "has_phone": bool(monitoring.person.telephone),
        },
        due_at=due_at,
        now=now,
    )
    # One call answers both, so one row says it.
    escalation.clear(monitoring, [Reason.FIRST_CALL], now=now)


def not_registered(routine: Routine, *, now: dt.datetime) -> None:
    """Invited *24 h* ago (by letter half of the code's life) and no account, or the
    code ran out."""
    waiting = [Monitoring.Enrolment.INVITED, Monitoring.Enrolment.NOT_INVITED]
    _clear(
        _open(Reason.NOT_REGISTERED).filter(
            ~Q(monitoring__enrolment__in=waiting)
            | Q(monitoring__status=Monitoring.Status.CONCLUDED)
        ),
        now=now,
    )
    patience = dt.timedelta(hours=routine.not_registered_hours)
    invited = {
        monitoring.person_id: monitoring
        for monitoring in _followed().filter(
            enrolment=Monitoring.Enrolment.INVITED, person__user__isnull=True
        )
    }
    # A letter is printed, travels, and is opened on a weekend: half of its code's life.
    by_post = dt.timedelta(days=routine.letter_code_days) / 2
    codes = EnrolmentCode.objects.filter(
        Q(by_letter=False, invited_at__lte=now - patience)
        | Q(by_letter=True, invited_at__lte=now - by_post)
        | Q(expires_at__lte=now),
        person__in=list(invited),
        used_at__isnull=True,
        voided_at__isnull=True,
    )
    late = [(code, invited[code.person_id]) for code in codes]
    known = _known(Reason.NOT_REGISTERED, [monitoring.pk for _, monitoring in late])
    for code, monitoring in late:
        is_over = code.expires_at <= now
        occasion = f"{code.pk}-expired" if is_over else str(code.pk)
        if (monitoring.pk, occasion) not in known:
            escalation.raise_(
                monitoring,
                Reason.NOT_REGISTERED,
                occasion=occasion,
                facts={
                    "invited_at": code.invited_at.isoformat(),
                    "expired": is_over,
                    "by_letter": code.by_letter,
                },
                now=now,
            )


def missing_details(monitorings: Iterable[Monitoring]) -> list[str]:
    """Return what we lack about the person of these monitorings, as codes."""
    found = set()
    for monitoring in monitorings:
        person = monitoring.person
        if not (person.phone or person.mobile or person.email):
            found.add("reach")
        if person.birth_date is None:
            found.add("birth_date")
        case = monitoring.case
        if monitoring.is_isolation and case is not None and case.anchor is None:
            found.add("onset")
    return [code for code in DETAILS if code in found]


def details_missing(*, now: dt.datetime) -> None:
    """No working way to reach the person, no birth date, no day to count from.

    Goes away when filled, and is raised anew if the details vanish again.
    """
    nobody = Q(person__phone="", person__mobile="", person__email="")
    no_day = Q(
        kind=Monitoring.Kind.ISOLATION,
        case__isnull=False,
        case__onset__isnull=True,
        case__specimen_date__isnull=True,
    )
    people: dict[UUID, list[Monitoring]] = defaultdict(list)
    for monitoring in (
        _followed()
        .filter(nobody | Q(person__birth_date__isnull=True) | no_day)
        .select_related("case", "person")
    ):
        people[monitoring.person_id].append(monitoring)
    missing = {pk: missing_details(found) for pk, found in people.items()}
    _clear(_open(Reason.DETAILS_MISSING).exclude(subject_id__in=list(missing)), now=now)
    _forget_filled(missing, now=now)
    known = _known(Reason.DETAILS_MISSING, missing)
    for pk, lacking in missing.items():
        new = [code for code in lacking if (pk, code) not in known]
        for code in new:
            escalation.raise_(
                people[pk][0].person,
                Reason.DETAILS_MISSING,
                occasion=code,
                facts={"missing": lacking},
                now=now,
            )


@retrying_transaction(repeatable=True)
def _forget_filled(missing: dict[UUID, list[str]], *, now: dt.datetime) -> None:
    """Details that are there again no longer count as told."""
    told = EscalationOccasion.objects.filter(
        reason=Reason.DETAILS_MISSING, occasion__in=DETAILS
    ).select_related("escalation")
    for occasion in told:
        lacking = missing.get(occasion.subject_id, [])
        if occasion.occasion in lacking:
            continue
        escalation.free([occasion], now=now)
        still_open = occasion.escalation
        if still_open.settled_at is None and lacking:
            still_open.facts = {"missing": lacking}
            still_open.save(update_fields=["facts"])


# Channel and address, by person.
Ways = defaultdict[UUID, set[tuple[str, str]]]

# After so long without a report a message counts as arrived: mail reports no arrival.
REPORTED_WITHIN = dt.timedelta(hours=24)


def message_failed(*, now: dt.datetime) -> None:
    """Mail or SMS refused for good or reported lost, and no second channel left.

    Looks down at Messages. Goes away when a later message arrived, or went out another
    way; an address is told of once until then, however often it fails.
    """
    failed = _failing(now=now)
    _clear_delivered(failed, now=now)
    people = list(Person.objects.filter(pk__in=list(failed)))
    known = _known(Reason.MESSAGE_FAILED, failed)
    for person in people:
        ways = [(channel, person.address_for(channel)) for channel in person.channels]
        refused = [way for way in ways if way in failed[person.pk]]
        if not refused or len(refused) < len(ways):
            continue
        for channel, address in refused:
            occasion = _address_code(channel, address)
            if (person.pk, occasion) not in known:
                escalation.raise_(
                    person,
                    Reason.MESSAGE_FAILED,
                    occasion=occasion,
                    facts={"channels": [way for way, _ in refused]},
                    now=now,
                )


def _failing(*, now: dt.datetime) -> Ways:
    """The ways to people who are followed whose last message failed for good."""
    last: dict[tuple[UUID, str, str], dt.datetime] = {}
    followed = _followed().order_by().values("person_id")
    for one in Message.objects.failed().filter(about__in=followed):
        at = one.undelivered_at or one.failed_at
        if one.about is not None and at is not None:
            way = (one.about, one.channel, one.recipient)
            last[way] = max(at, last.get(way, at))
    for sent in _handed_over({about for about, _channel, _address in last}):
        way = (sent.about, *sent.way)
        at = sent.delivered_at or sent.sent_at
        arrived = sent.delivered_at is not None or at <= now - REPORTED_WITHIN
        if arrived and way in last and at > last[way]:
            del last[way]
    found: Ways = defaultdict(set)
    for about, channel, address in last:
        found[about].add((channel, address))
    return found


@dataclass(frozen=True)
class _Sent:
    """A message that went out and was not reported lost."""

    about: UUID
    way: tuple[str, str]
    sent_at: dt.datetime
    delivered_at: dt.datetime | None


def _handed_over(people: Iterable[UUID]) -> list[_Sent]:
    sent = Message.objects.filter(
        about__in=list(people), state=Message.State.SENT, undelivered_at__isnull=True
    )
    return [
        _Sent(about, (channel, address), sent_at, delivered_at)
        for about, channel, address, sent_at, delivered_at in sent.values_list(
            "about", "channel", "recipient", "sent_at", "delivered_at"
        )
        if about is not None and sent_at is not None
    ]


def _clear_delivered(failed: Ways, *, now: dt.datetime) -> None:
    """Let go where a later message arrived; the ways may be told of anew then.

    Handing over says little where the way failed before: the same may come back again.
    """
    waiting = {
        one.person_id: one
        for one in _open(Reason.MESSAGE_FAILED)
        if one.person_id is not None
    }
    gone: set[UUID] = set()
    for message in _handed_over(waiting):
        one = waiting[message.about]
        is_lost = message.delivered_at is None and message.way in failed[message.about]
        if message.sent_at > one.raised_at and not is_lost:
            gone.add(one.pk)
    _clear(_open(Reason.MESSAGE_FAILED).filter(pk__in=gone), now=now)
    told = EscalationOccasion.objects.filter(
        reason=Reason.MESSAGE_FAILED, escalation__in=gone
    )
    escalation.free(told.order_by("pk"), now=now)


def _address_code(channel: str, address: str) -> str:
    """An address as an occasion: the same one the same, without storing it again."""
    return f"{channel}-{hashlib.sha256(address.encode()).hexdigest()[:24]}"


def ends(routine: Routine, *, now: dt.datetime) -> None:
    """A monitoring ends: *1 day* before and on the day; by *noon* it is 'act now'.

    Cleared when it was extended or concluded, and after the day, when 'order lapsed,
    undecided' takes its place.
    """
    authority = current()
    today = authority.localdate(now)
    horizon = today + dt.timedelta(days=routine.end_warning_days)
    _clear(
        _open(Reason.ENDS).filter(
            Q(monitoring__status=Monitoring.Status.CONCLUDED)
            | Q(monitoring__until__isnull=True)
            | Q(monitoring__until__gt=horizon)
            | Q(monitoring__until__lt=today)
        ),
        now=now,
    )
    ending = list(_followed().filter(until__gte=today, until__lte=horizon))
    known = _known(Reason.ENDS, [one.pk for one in ending])
    unsettled = set(
        _open(Reason.ENDS)
        .filter(subject_id__in=[one.pk for one in ending])
        .values_list("subject_id", flat=True)
    )
    is_noon = authority.localtime(now).time() >= routine.ending_decided_by
    for monitoring in ending:
        assert monitoring.until is not None
        stages = [("before", Band.CAN_WAIT)]
        if monitoring.until == today:
            stages = [("on", Band.DUE_TODAY)]
            on_known = (monitoring.pk, f"{today:%Y-%m-%d}-on") in known
            if is_noon and (monitoring.pk in unsettled or not on_known):
                stages.append(("noon", Band.ACT_NOW))
        for stage, band in stages:
            occasion = f"{monitoring.until:%Y-%m-%d}-{stage}"
            if (monitoring.pk, occasion) not in known:
                escalation.raise_(
                    monitoring,
                    Reason.ENDS,
                    occasion=occasion,
                    facts={"until": monitoring.until.isoformat()},
                    band=band,
                    due_at=authority.at(monitoring.until, routine.ending_decided_by),
                    now=now,
                )
