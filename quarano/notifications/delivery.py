"""One message on its way out."""

import datetime as dt
import logging
import uuid

from django.template import TemplateDoesNotExist

from health_authorities.models import in_practice
from quarano.notifications import box, outbox
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from quarano.notifications.transports import TransportError, transport

logger = logging.getLogger(__name__)


def deliver(pk: uuid.UUID, *, now: dt.datetime) -> None:
    """Hand one message over, outside any transaction.

    Killed in between, the message stays SENDING and is repeated after the claim, with
    the same Message-ID and the same text: nobody can know whether it had arrived.
    """
    message = outbox.claim(pk, now=now)
    if message is not None:
        _hand_over(message, now=now)


def deliver_claimed(message: Message, *, now: dt.datetime) -> None:
    """Hand over one that was taken aside, unless it was cancelled since; as `deliver`.

    Each is begun and noted by itself: after a kill only the one in hand is repeated.
    """
    if outbox.begin(message, now=now):
        _hand_over(message, now=now)


def _hand_over(message: Message, *, now: dt.datetime) -> None:
    try:
        rendered = render(message)
        if in_practice():
            box.keep(message, rendered, now=now)
            receipt = None
        else:
            receipt = transport(message.channel).send(rendered)
    except TransportError as error:
        outbox.failed(
            message, problem=error.problem, permanent=error.permanent, now=now
        )
    except TemplateDoesNotExist:
        logger.error("message template %s is missing", message.template)
        outbox.failed(message, problem="template", permanent=True, now=now)
    else:
        outbox.sent(message, receipt, now=now)
