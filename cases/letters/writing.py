"""Letters put into the outbox, where they wait until an official prints them."""

import datetime as dt
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from cases import containment, history
from cases.containment import Deceased, NotIssued, Refused
from cases.letters import proofs
from cases.models import Monitoring, Order, Person
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction
from quarano.notifications import outbox
from quarano.notifications.models import Message

ORDER = "cases/letters/order"
RELEASE = "cases/letters/release"
UNSENT = (Message.State.WAITING, Message.State.SENDING)


class NoAddress(Refused):
    message = _("There is no full postal address: street and town are needed.")


class NotEnded(Refused):
    message = _("What was ordered has not ended yet.")


class NotWaiting(Refused):
    message = _("This letter does not wait any more.")


@retrying_transaction(repeatable=True)
def write_order(order: Order, *, by: User, now: dt.datetime) -> Message:
    """Put the letter of an issued order into the outbox; one that waits is returned.

    Raises NotIssued, Deceased, NoAddress.
    """
    order = history.locked(order)
    if not order.is_issued:
        raise NotIssued
    proof = proofs.of_order(order, now=now)
    return _write(
        order.monitoring.person,
        f"order:{order.pk}:letter",
        template=ORDER,
        parameters={"order": str(order.pk), "proof": str(proof.pk)},
        by=by,
        now=now,
    )


@retrying_transaction(repeatable=True)
def write_release(monitoring: Monitoring, *, by: User, now: dt.datetime) -> Message:
    """Put the certificate that an order has ended into the outbox.

    Raises NotEnded, Deceased, NoAddress.
    """
    monitoring = history.locked(monitoring)
    order = ended_order(monitoring, on=current().localdate(now))
    if order is None:
        raise NotEnded
    proof = proofs.of_release(order, start=ordered_from(order), now=now)
    return _write(
        monitoring.person,
        f"release:{order.pk}:letter",
        template=RELEASE,
        parameters={"order": str(order.pk), "proof": str(proof.pk)},
        by=by,
        now=now,
    )


def ended_order(monitoring: Monitoring, *, on: dt.date) -> Order | None:
    """Return the order with which everything ordered has ended by that day, if so."""
    order = containment.in_force(monitoring)
    if order is None or order.until is None:
        return None
    is_over = order.effect == Order.Effect.LIFT or order.until < on
    return order if is_over else None


def ordered_from(order: Order) -> dt.date:
    """Return the first day of what this order and those before it ordered."""
    first = order
    while first.replaces is not None:
        first = first.replaces
    return first.start


def _write(
    person: Person,
    purpose: str,
    *,
    template: str,
    parameters: dict[str, Any],
    by: User,
    now: dt.datetime,
) -> Message:
    if person.died_on is not None:
        raise Deceased
    lines = person.postal_address(current().localdate(now))
    if not lines:
        raise NoAddress
    # Locked, so that two officials do not count the same.
    earlier = list(
        Message.objects.select_for_update()
        .filter(purpose__startswith=f"{purpose}:")
        .order_by("pk")
    )
    for message in earlier:
        if message.state in UNSENT:
            return message
    written = outbox.write(
        f"{purpose}:{len(earlier) + 1}",
        template=template,
        channel=Message.Channel.LETTER,
        recipient=", ".join(lines)[:254],
        # The authority's language is the language of its acts (VwVfG, section 23).
        language=current().default_language,
        now=now,
        about=person.pk,
        parameters=parameters,
    )
    assert written is not None
    audit.record(
        "letter.written", written, by=by, now=now, person=person,
        codes={"letter": template.rpartition("/")[2]},
    )  # fmt: skip
    return written


@retrying_transaction
def withdraw(pk: UUID, *, by: User, now: dt.datetime) -> Message:
    """Take a letter out of the outbox that nobody has printed; raises NotWaiting."""
    waits = Message.objects.filter(
        pk=pk, channel=Message.Channel.LETTER, state=Message.State.WAITING
    )
    if not waits.update(state=Message.State.VOID, token=""):
        raise NotWaiting
    message = Message.objects.get(pk=pk)
    audit.record("letter.withdrawn", message, by=by, now=now, person=message.about)
    return message
