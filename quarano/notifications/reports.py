"""What became of a message after it was handed over, told by gateway or mailbox.

Reports come late, twice and out of order. Arrived is the last word: whatever is told
after it changes nothing. 'Will not arrive' stands until 'arrived' is told after all.
"""

import datetime as dt
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.dateparse import parse_datetime

from quarano.audit import log
from quarano.cockroach.transactions import retrying_transaction
from quarano.forms import key_of
from quarano.notifications.gateway import Adapter, at
from quarano.notifications.models import Message

DELIVERED, UNDELIVERED, DELAYED = "delivered", "undelivered", "delayed"
CODE = re.compile(r"[a-z0-9_.-]{1,40}")
MOST = 500  # reports in one body
State = Message.State
REPORTED = [
    "delivered_at", "undelivered_at", "problem", "state", "sent_at", "failed_at",
    "claimed_until", "token",
]  # fmt: skip


class Unreadable(Exception):
    """This is no report as the adapter describes it."""


@dataclass(frozen=True)
class Report:
    """One report: which message by our id or the provider's, and what became of it.

    `at` is when it happened, as far as the provider says.
    """

    outcome: str
    key: uuid.UUID | None = None
    reference: str = ""
    reason: str = ""
    at: dt.datetime | None = None


def read(body: Any, provider: Adapter) -> Iterator[Report]:
    """Yield the reports of a body that was JSON; raises Unreadable."""
    found = at(body, provider.reports)
    for one in (found if isinstance(found, list) else [found])[:MOST]:
        status = at(one, provider.report_status)
        key = _uuid(at(one, provider.report_id))
        reference = at(one, provider.report_reference)
        if status is None or (key is None and reference is None):
            raise Unreadable
        outcome = DELAYED
        if str(status) in provider.delivered:
            outcome = DELIVERED
        elif str(status) in provider.undelivered:
            outcome = UNDELIVERED
        yield Report(
            outcome,
            key,
            printable(str(reference or ""))[:120],
            code(at(one, provider.report_reason)),
            _moment(at(one, provider.report_at)),
        )


def printable(text: str) -> str:
    """Return the text, or nothing where it holds what no database takes."""
    return text if text.isprintable() else ""


def code(said: Any) -> str:
    """Return a provider's reason where it is a code; never a sentence of a server."""
    text = str(said or "").lower()
    return text if CODE.fullmatch(text) else ""


def _uuid(said: Any) -> uuid.UUID | None:
    # Mail names it as a Message-ID, <…@quarano>.
    return key_of(str(said or "").strip("<> ").partition("@")[0])


def _moment(said: Any) -> dt.datetime | None:
    try:
        found = parse_datetime(str(said)) if said else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo else None


def find(report: Report, *, channel: str) -> uuid.UUID | None:
    """Return the message that a report is about, None where there is none here."""
    wanted = Q(pk=report.key) if report.key else Q(reference=report.reference)
    if not report.key and not report.reference:
        return None
    found = Message.objects.filter(wanted, channel=channel)
    return found.order_by("-written_at").values_list("pk", flat=True).first()


@retrying_transaction(repeatable=True)
def note(pk: uuid.UUID, report: Report, *, now: dt.datetime) -> Message | None:
    """Note a report at its message; None where it changes nothing.

    A message that is still in hand, or was cancelled, has been handed over evidently.
    """
    message = Message.objects.select_for_update().filter(pk=pk).first()
    if message is None or message.attempts == 0 or message.delivered_at is not None:
        return None
    happened = _within(report.at, message, now=now)
    if report.outcome == DELIVERED:
        message.delivered_at, message.undelivered_at = happened, None
        message.problem = ""
    elif message.undelivered_at is not None:
        return None
    elif report.outcome == UNDELIVERED:
        message.undelivered_at = happened
        message.problem = report.reason or UNDELIVERED
        log.record(
            "message.undelivered", message, by=None, now=now, person=message.about,
            codes={"channel": message.channel, "reason": message.problem},
        )  # fmt: skip
    elif message.problem == (report.reason or DELAYED):
        return None
    else:
        message.problem = report.reason or DELAYED
        message.save(update_fields=["problem"])
        return message
    _hand_over(message, now=now)
    message.save(update_fields=REPORTED)
    return message


def _hand_over(message: Message, *, now: dt.datetime) -> None:
    """It has left the house, whether or not the worker lived to write that down."""
    if message.state != State.SENT:
        message.state = State.SENT
        message.sent_at = now
        message.failed_at = None
        message.claimed_until = None
        message.token = ""


def _within(
    said: dt.datetime | None, message: Message, *, now: dt.datetime
) -> dt.datetime:
    """When it happened; another clock's word counts only where it is possible."""
    if said is None or not message.written_at <= said <= now:
        return now
    return said
