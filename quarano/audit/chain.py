"""The chain over the events: none can be changed, removed or moved unnoticed.

A seal's hash is keyed with the installation's secret, so that it cannot be made anew
with the database alone. What a chain cannot show is that its newest links were cut off:
for that the head is printed, to be kept elsewhere.
"""

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef

from quarano.audit.models import Event, Seal
from quarano.cockroach.transactions import retrying_transaction

FIRST = "0" * 64
AT_ONCE = 1_000


@dataclass(frozen=True)
class Flaw:
    """What is wrong with one link: 'changed', 'removed' or 're-ordered'."""

    kind: str
    position: int
    event: UUID | None = None

    def __str__(self) -> str:
        return f"position {self.position}: event {self.event} was {self.kind}"


@dataclass(frozen=True)
class Head:
    """The chain's newest link: position 0 where there is none."""

    position: int
    hash: str

    def __str__(self) -> str:
        return f"{self.position}:{self.hash}"


def unsealed_query(schema: str) -> tuple[str, list[object]]:
    """SQL that finds an event of that schema which has no seal."""
    sql = (
        f'SELECT 1 FROM "{schema}".audit_event e WHERE NOT EXISTS '  # noqa: S608 - a schema's name
        f'(SELECT 1 FROM "{schema}".audit_seal s WHERE s.event = e.id)'
    )
    return sql, []


def seal(*, now: dt.datetime) -> int:
    """Seal every event that has none, a late one after those before; return how many.

    In batches, so that no write of an event waits for the chain's last link.
    """
    count = 0
    while sealed := _seal_batch(now=now):
        count += sealed
    return count


@retrying_transaction(repeatable=True)
def _seal_batch(*, now: dt.datetime) -> int:
    before = head()
    events = Event.objects.filter(
        ~Exists(Seal.objects.filter(event=OuterRef("pk")))
    ).order_by("at", "pk")[:AT_ONCE]
    seals = []
    for event in events:
        position = before.position + 1
        link = _hash(event, position, before.hash, settings.FIELD_KEYS[0])
        seals.append(
            Seal(
                event=event.pk,
                position=position,
                sealed_at=now,
                before=before.hash,
                hash=link,
            )
        )
        before = Head(position, link)
    Seal.objects.bulk_create(seals)
    return len(seals)


def head() -> Head:
    """Return the newest link of this schema's chain."""
    last = Seal.objects.order_by("-position").first()
    return Head(last.position, last.hash) if last else Head(0, FIRST)


def unsealed() -> int:
    """Return how many events the next seal will take."""
    return Event.objects.filter(
        ~Exists(Seal.objects.filter(event=OuterRef("pk")))
    ).count()


def verify() -> Iterator[Flaw]:
    """Walk this schema's chain from its first link and yield each flaw."""
    position, before = 0, FIRST
    seals = Seal.objects.order_by("position").iterator(chunk_size=AT_ONCE)
    while batch := list(islice(seals, AT_ONCE)):
        events = Event.objects.in_bulk([link.event for link in batch])
        for link in batch:
            position += 1
            if link.position != position:
                yield Flaw("removed", position)
                position = link.position
            if link.before != before:
                yield Flaw("re-ordered", position, link.event)
            event = events.get(link.event)
            if event is None:
                yield Flaw("removed", position, link.event)
            elif not any(
                hmac.compare_digest(link.hash, _hash(event, position, link.before, key))
                for key in settings.FIELD_KEYS
            ):
                yield Flaw("changed", position, link.event)
            before = link.hash


def contains(known: Head) -> bool:
    """Whether a head that was noted earlier is still a link of the chain."""
    if known.position == 0:
        return True
    return Seal.objects.filter(position=known.position, hash=known.hash).exists()


def _hash(event: Event, position: int, before: str, key: str) -> str:
    content = [
        connection.schema_name,
        position,
        before,
        str(event.pk),
        event.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        event.actor,
        event.actor_kind,
        event.verb,
        event.subject_kind,
        event.subject,
        event.person,
        event.shown,
        event.fields,
        event.codes,
        event.request_id,
        event.address,
    ]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    secret = hashlib.sha256(b"audit chain" + base64.b64decode(key)).digest()
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
