"""Whether a letter of ours is genuine and still holds, asked by its QR code.

The answer says initials and days, never an illness. It rests on rows without foreign
keys, so that it may outlive the person's; how long it stays is not decided yet.
"""

import datetime as dt
import secrets
from dataclasses import dataclass

from cases.models import LetterKind, Order, Proof
from health_authorities.models import current
from quarano.encryption import fingerprint


@dataclass(frozen=True)
class Answer:
    """What the page says; `state` is valid, over or replaced."""

    proof: Proof
    state: str


def of_order(order: Order, *, now: dt.datetime) -> Proof:
    """Return the proof of an issued order, made when first asked for."""
    assert order.until is not None
    return _make(LetterKind.ORDER, order, order.start, order.until, now=now)


def of_release(order: Order, *, start: dt.date, now: dt.datetime) -> Proof:
    """Return the proof that what began on `start` ended with this order."""
    assert order.until is not None
    return _make(LetterKind.RELEASE, order, start, order.until, now=now)


def _make(
    kind: LetterKind, order: Order, start: dt.date, until: dt.date, *, now: dt.datetime
) -> Proof:
    assert order.issued_at is not None
    found = Proof.objects.filter(kind=kind, about=order.pk).first()
    if found is not None:
        return found
    token = secrets.token_urlsafe(32)
    person = order.monitoring.person
    names = [*person.given_name.split()[:1], *person.family_name.split()[-1:]]
    return Proof.objects.create(
        kind=kind,
        about=order.pk,
        token=token,
        token_hash=fingerprint(token),
        initials=" ".join(f"{name[0].upper()}." for name in names),
        start=start,
        until=max(until, start) if kind == LetterKind.ORDER else until,
        issued_on=current().localdate(
            now if kind == LetterKind.RELEASE else order.issued_at
        ),
        made_at=now,
    )


def look_up(token: str, *, on: dt.date) -> Answer | None:
    """Return what is to be said about a letter on that day; None for no letter."""
    proof = Proof.objects.filter(token_hash=fingerprint(token)).first()
    if proof is None:
        return None
    return Answer(proof, _state(proof, on=on))


def _state(proof: Proof, *, on: dt.date) -> str:
    later = Order.objects.issued().filter(replaces=proof.about)
    if proof.kind == LetterKind.RELEASE:
        # An order after the end makes the certificate one of the past.
        later = later.exclude(effect=Order.Effect.LIFT)
    if later.exists():
        return "replaced"
    if proof.kind == LetterKind.ORDER and proof.is_over(on):
        return "over"
    return "valid"
