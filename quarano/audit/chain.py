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

from quarano.audit import log
from quarano.audit.models import Event, Seal
from quarano.cockroach.transactions import retrying_transaction

FIRST = "0" * 64
AT_ONCE = 1_000
ERASED = "audit.erased"


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


def older_query(schema: str, before: dt.datetime) -> tuple[str, list[object]]:
    """SQL that finds an event of that schema from before then."""
    return f'SELECT 1 FROM "{schema}".audit_event WHERE at < %s', [before]  # noqa: S608 - a schema's name


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
    """Walk this schema's chain and yield each flaw.

    From its first link, or from the one behind the last erasure that was due: that one
    is signed, and where it is still under way the link before it must fit.
    """
    position, before = 0, FIRST
    cut: Head | None = newest_cut()
    seals = Seal.objects.order_by("position").iterator(chunk_size=AT_ONCE)
    while batch := list(islice(seals, AT_ONCE)):
        events = Event.objects.in_bulk([link.event for link in batch])
        for link in batch:
            position += 1
            if position == 1 and cut and 1 < link.position <= cut.position + 1:
                position = link.position
                before = link.before if position <= cut.position else cut.hash
            if link.position != position:
                yield Flaw("removed", position)
                position = link.position
            if link.before != before:
                yield Flaw("re-ordered", position, link.event)
            if cut and position == cut.position and link.hash != cut.hash:
                yield Flaw("changed", position, link.event)
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
    """Whether a head that was noted earlier is a link of the chain, or is due and gone.

    Of what was erased only the link that the erasure names can still be compared.
    """
    if known.position == 0:
        return True
    cut = newest_cut()
    if cut and known.position <= cut.position:
        return known.position < cut.position or known.hash == cut.hash
    return Seal.objects.filter(position=known.position, hash=known.hash).exists()


def erase(*, before: dt.datetime, now: dt.datetime) -> int:
    """Erase the oldest events and their links, up to the first that is younger.

    As the owner of the database: nobody else can. That they are gone, and which link
    comes next, is an event of its own, signed with the installation's secret. Returns
    how many are gone; repeated after a kill it goes on where it stood.
    """
    cut = _cut(before=before, now=now)
    count = 0
    while cut and (erased := _erase_batch(cut.position)):
        count += erased
    return count


@retrying_transaction(repeatable=True)
def _cut(*, before: dt.datetime, now: dt.datetime) -> Head | None:
    """Sign up to where the chain may be erased; with no more due, what was signed."""
    young = Event.objects.filter(at__gte=before, pk=OuterRef("event"))
    first_kept = Seal.objects.filter(Exists(young)).order_by("position").first()
    seals = Seal.objects.all()
    if first_kept is not None:
        seals = seals.filter(position__lt=first_kept.position)
    last = seals.order_by("-position").first()
    known = newest_cut()
    if last is None or (known and last.position <= known.position):
        return known
    cut = Head(last.position, last.hash)
    codes = {"until": cut.position, "head": cut.hash, "signature": _signature(cut)}
    log.record(ERASED, None, by=None, now=now, codes=codes)
    return cut


@retrying_transaction(repeatable=True)
def _erase_batch(until: int) -> int:
    due = Seal.objects.filter(position__lte=until).order_by("position")
    links = dict(due.values_list("pk", "event")[:AT_ONCE])
    Event.objects.filter(pk__in=list(links.values())).delete()
    return Seal.objects.filter(pk__in=list(links)).delete()[0]


def newest_cut() -> Head | None:
    """Return up to where the chain was erased when it was due; only what we signed."""
    found = None
    for codes in Event.objects.filter(verb=ERASED).values_list("codes", flat=True):
        cut = Head(int(codes.get("until", 0)), str(codes.get("head", "")))
        signed = any(
            hmac.compare_digest(str(codes.get("signature", "")), _signature(cut, key))
            for key in settings.FIELD_KEYS
        )
        if signed and (found is None or cut.position > found.position):
            found = cut
    return found


def _signature(cut: Head, key: str | None = None) -> str:
    secret = _secret(b"audit erasure", key or settings.FIELD_KEYS[0])
    text = f"{connection.schema_name} {cut}"
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def _secret(use: bytes, key: str) -> bytes:
    return hashlib.sha256(use + base64.b64decode(key)).digest()


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
    secret = _secret(b"audit chain", key)
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
