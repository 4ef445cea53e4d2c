"""Text messages go to the console and into the demo's inbox."""

from quarano.demo import inbox
from quarano.notifications.transports import Console, Rendered


class Sms(Console):
    def send(self, message: Rendered) -> None:
        super().send(message)
        inbox.put_sms(message.recipient, message.body)
