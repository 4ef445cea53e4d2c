"""Who is told of an emergency sign while nobody is at the authority.

First the first on-call telephone; not taken in *15 min*, the second; then both again
every *15 min* until somebody takes it by the link, or an official acts on the
escalation: calls, settles, snoozes or takes it over. What is sent names nobody and no
symptom. Every step is a row, and the job that walks on may be killed or run twice.
"""

import datetime as dt
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Coalesce

from cases.due_times import routine_on
from cases.models import (
    CallAttempt,
    Escalation,
    OnCallAlarm,
    OnCallNotice,
    Person,
)
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction
from quarano.encryption import fingerprint
from quarano.notifications import outbox
from quarano.notifications.models import Message

End = OnCallAlarm.End
FIRST, SECOND = 1, 2
# A link in a text message: 128 bits, good for one alarm while it is open.
TOKEN_BYTES = 16
# A message that a gateway takes later than that wakes somebody for nothing.
MESSAGE_LIVES = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Act:
    """What an official did about an escalation since its news: when, and who."""

    at: dt.datetime
    by: User | None


def run(*, now: dt.datetime) -> None:
    """Begin what nobody was told of yet, and walk on with what nobody has taken."""
    authority = current()
    if authority.on_call_phones and not authority.hours.is_staffed(now):
        for escalation in _untold():
            alert(escalation, now=now)
    for alarm in OnCallAlarm.objects.open().order_by("raised_at", "pk"):
        follow(alarm, now=now)


def _untold() -> list[Escalation]:
    """Open emergency signs whose latest news is no alarm yet."""
    alarms = OnCallAlarm.objects.filter(
        escalation=OuterRef("pk"), news_at=OuterRef("latest")
    )
    return list(
        Escalation.objects.open()
        .filter(reason=Escalation.Reason.EMERGENCY)
        .annotate(latest=Coalesce(F("worsened_at"), F("raised_at")))
        .exclude(Exists(alarms))
        .order_by("raised_at", "pk")
    )


@retrying_transaction(repeatable=True)
def alert(escalation: Escalation, *, now: dt.datetime) -> OnCallAlarm | None:
    """Tell the first on-call telephone of an emergency sign; twice is once.

    None where somebody is at the authority, no telephone is on call, an official has
    acted since the news, or the alarm rings already. Where nobody has said when the
    authority is staffed, the telephone is told at any hour.
    """
    authority = current()
    if not authority.on_call_phones or authority.hours.is_staffed(now):
        return None
    found = Escalation.objects.select_for_update().get(pk=escalation.pk)
    if found.reason != Escalation.Reason.EMERGENCY or found.settled_at is not None:
        return None
    news_at = found.worsened_at or found.raised_at
    rings = found.alarms.open().exists()
    if rings or found.alarms.filter(news_at=news_at).exists():
        return None
    if acted(found, since=news_at, now=now) is not None:
        return None
    alarm = OnCallAlarm.objects.create(
        escalation=found, news_at=news_at, raised_at=now, next_at=now
    )
    _tell(alarm, now=now)
    return alarm


@retrying_transaction(repeatable=True)
def follow(alarm: OnCallAlarm, *, now: dt.datetime) -> None:
    """End an alarm on which an official has acted, or tell the next telephones."""
    found = OnCallAlarm.objects.select_for_update().get(pk=alarm.pk)
    if found.ended_at is not None:
        return
    act = acted(found.escalation, since=found.news_at, now=now)
    if act is not None:
        _end(found, End.ACTED, at=act.at, by=act.by, now=now)
    elif found.next_at <= now or _has_failed(found):
        _tell(found, now=now)


def acted(
    escalation: Escalation, *, since: dt.datetime, now: dt.datetime
) -> Act | None:
    """Return what an official has done about it since its news, if anything."""
    if escalation.settled_at is not None:
        return Act(escalation.settled_at, escalation.settled_by)
    person = escalation.person
    has_died = person is not None and person.died_on is not None
    if has_died or escalation.snoozed_until is not None:
        return Act(now, None)
    call = (
        CallAttempt.objects.filter(person=escalation.person_id, called_at__gt=since)
        .select_related("called_by")
        .order_by("called_at", "pk")
        .first()
    )
    return Act(call.called_at, call.called_by) if call is not None else None


def took_over(escalation: Escalation, *, by: User, now: dt.datetime) -> None:
    """End the alarm of an escalation that an official has given to somebody.

    Within the caller's transaction, which holds the escalation.
    """
    alarms = OnCallAlarm.objects.open().select_for_update()
    for alarm in alarms.filter(escalation=escalation.pk):
        _end(alarm, End.ACTED, at=now, by=by, now=now)


def stop(person: Person, *, by: User, now: dt.datetime) -> None:
    """End every alarm about somebody who has died, within the caller's transaction."""
    alarms = OnCallAlarm.objects.open().select_for_update()
    for alarm in alarms.filter(escalation__person=person).order_by("pk"):
        _end(alarm, End.ACTED, at=now, by=by, now=now)


def _tell(alarm: OnCallAlarm, *, now: dt.datetime) -> None:
    """Tell the telephones of the next round, each with a link of its own."""
    authority = current()
    phones = dict(enumerate(authority.on_call_phones, start=FIRST))
    alarm.rounds += 1
    # The first, then the second, then both.
    asked = {1: [FIRST], 2: [max(phones, default=FIRST)]}.get(alarm.rounds, [*phones])
    for telephone in asked:
        if telephone in phones:
            _write(alarm, telephone, phones[telephone], now=now)
    minutes = routine_on(authority.localdate(now)).on_call_minutes
    alarm.next_at = now + dt.timedelta(minutes=minutes)
    alarm.save(update_fields=["rounds", "next_at"])
    audit.record(
        "on_call.told",
        alarm,
        by=None,
        now=now,
        person=alarm.escalation.person_id,
        codes={"round": alarm.rounds, "telephones": asked},
    )


def _write(
    alarm: OnCallAlarm, telephone: int, number: str, *, now: dt.datetime
) -> None:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    OnCallNotice.objects.create(
        alarm=alarm,
        round=alarm.rounds,
        telephone=telephone,
        told_at=now,
        token_hash=fingerprint(token),
    )
    for channel in settings.ON_CALL_CHANNELS:
        outbox.write(
            f"{alarm.purpose}{alarm.rounds}:{telephone}:{channel}",
            template="cases/messages/on_call",
            channel=channel,
            recipient=number,
            language=current().default_language,
            parameters={"path": "/on-call/{token}/"},
            token=token,
            expires_at=now + MESSAGE_LIVES,
            now=now,
        )


def _has_failed(alarm: OnCallAlarm) -> bool:
    """Whether the first telephone cannot be told, and there is a second to tell."""
    if alarm.rounds > 1 or len(current().on_call_phones) < SECOND:
        return False
    states = list(
        Message.objects.filter(
            purpose__startswith=f"{alarm.purpose}{alarm.rounds}:"
        ).values_list("state", flat=True)
    )
    return bool(states) and all(state == Message.State.FAILED for state in states)


def _end(
    alarm: OnCallAlarm,
    end: str,
    *,
    at: dt.datetime,
    by: User | None,
    now: dt.datetime,
    telephone: int | None = None,
) -> None:
    alarm.ended_at, alarm.end = at, end
    alarm.ended_by, alarm.telephone = by, telephone
    alarm.save(update_fields=["ended_at", "end", "ended_by", "telephone"])
    outbox.void(now=now, prefix=alarm.purpose)


def look_up(token: str) -> OnCallNotice | None:
    """Return the notice whose link this is, with its alarm; None: nobody's."""
    return (
        OnCallNotice.objects.filter(token_hash=fingerprint(token))
        .select_related("alarm")
        .first()
    )


@retrying_transaction(repeatable=True)
def take(notice: OnCallNotice, *, now: dt.datetime) -> OnCallAlarm:
    """Note that whoever holds this telephone takes the alarm; the first one counts.

    Returns the alarm as it stands then, perhaps taken by the other telephone before.
    """
    alarm = OnCallAlarm.objects.select_for_update().get(pk=notice.alarm_id)
    if alarm.ended_at is None:
        _end(alarm, End.TAKEN, at=now, by=None, now=now, telephone=notice.telephone)
        # Nobody has signed in; whose telephone it was, the authority knows.
        audit.record(
            "on_call.taken",
            None,
            by=None,
            now=now,
            person=alarm.escalation.person_id,
            codes={"alarm": str(alarm.pk), "telephone": notice.telephone},
        )
    return alarm


# --- What officials and citizens see of it -------------------------------------------


def told(escalations: Iterable[Escalation]) -> dict[UUID, list[dict[str, Any]]]:
    """Return the alarms of these escalations, oldest first: who was told when, by
    which telephone, what failed, and who took it. Asks only where one may have any."""
    wanted = [
        one.pk for one in escalations if one.reason == Escalation.Reason.EMERGENCY
    ]
    if not wanted:
        return {}
    alarms = list(
        OnCallAlarm.objects.filter(escalation__in=wanted)
        .select_related("ended_by")
        .prefetch_related("notices")
        .order_by("raised_at")
    )
    failed = _failed(alarms)
    found: dict[UUID, list[dict[str, Any]]] = {}
    for alarm in alarms:
        notices = sorted(
            alarm.notices.all(), key=lambda one: (one.round, one.telephone)
        )
        rows = [
            {
                "at": one.told_at,
                "telephone": one.telephone,
                "has_failed": f"{alarm.purpose}{one.round}:{one.telephone}" in failed,
            }
            for one in notices
        ]
        found.setdefault(alarm.escalation_id, []).append({"alarm": alarm, "told": rows})
    return found


def _failed(alarms: Iterable[OnCallAlarm]) -> set[str]:
    """The beginnings of purposes whose message was refused for good."""
    purposes = [
        f"{alarm.purpose}{one.round}:{one.telephone}:{channel}"
        for alarm in alarms
        for one in alarm.notices.all()
        for channel in settings.ON_CALL_CHANNELS
    ]
    refused = Message.objects.filter(
        purpose__in=purposes, state=Message.State.FAILED
    ).values_list("purpose", flat=True)
    return {purpose.rpartition(":")[0] for purpose in refused}


def rings_for(escalations: Iterable[Escalation]) -> bool:
    """Whether an on-call telephone was told of one of these and nobody has acted."""
    keys = [one.pk for one in escalations]
    alarms = OnCallAlarm.objects.filter(escalation__in=keys, rounds__gt=0)
    return alarms.exclude(end=End.ACTED).exists()
