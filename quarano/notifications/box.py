"""Where the messages of a practice authority end: readable, and never sent."""

import datetime as dt

from quarano.cockroach.transactions import retrying_transaction
from quarano.notifications.models import BoxedMessage, Message
from quarano.notifications.transports import Rendered


@retrying_transaction(repeatable=True)
def keep(message: Message, rendered: Rendered, *, now: dt.datetime) -> BoxedMessage:
    """Lay a message into the box as it would have been sent; twice is once."""
    kept, _is_new = BoxedMessage.objects.update_or_create(
        message=message,
        defaults={
            "subject": rendered.subject,
            "body": rendered.body,
            "kept_at": now,
        },
    )
    return kept
