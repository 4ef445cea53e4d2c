import uuid
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from quarano.encryption import SealedTextField

PROBLEMS = {
    "refused": _("refused"),
    "unreachable": _("server unreachable"),
    "address": _("the address is none"),
    "template": _("its text is missing"),
    "no_gateway": _("no gateway for text messages"),
    "gateway": _("the gateway does not take our messages"),
    "busy": _("the gateway is busy"),
    "too_long": _("the text is too long"),
    "expired": _("no longer of use"),
    "undelivered": _("reason not told"),
    "delayed": _("held up"),
    "unknown": _("no such mailbox or number"),
    "full": _("mailbox full"),
    "policy": _("refused by a rule of the other side"),
    "unclear": _("came back, reason not told"),
    "absent": _("telephone off or out of reach"),
}


class MessageQuerySet(models.QuerySet["Message"]):
    def failed(self) -> Self:
        """What will never arrive: refused at once, or reported lost later."""
        return self.filter(
            models.Q(state=Message.State.FAILED)
            | models.Q(undelivered_at__isnull=False)
        )


class Message(models.Model):
    """The outbox: written with what caused it, rendered and sent by the worker."""

    class Channel(models.TextChoices):
        MAIL = "mail", _("e-mail")
        SMS = "sms", _("text message")
        # Waits until an official prints it: cases.letters.
        LETTER = "letter", _("letter")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        VOID = "void", _("cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # What it is for; unique, so that writing it twice is writing it once.
    purpose = models.CharField(max_length=200, unique=True)
    template = models.CharField(max_length=60)
    rung = models.CharField(max_length=30, blank=True)
    channel = models.CharField(max_length=8, choices=Channel)
    recipient = models.CharField(max_length=254)
    language = models.CharField(max_length=8)
    text_version = models.CharField(max_length=20, default="1")
    parameters = models.JSONField(default=dict)
    # A link's token: emptied once the message is sent, void or expired.
    token = SealedTextField(blank=True)
    # The person it concerns (no foreign key: logins have messages too).
    about = models.UUIDField(null=True, db_index=True)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    written_at = models.DateTimeField()
    not_before = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    # How many text messages the network makes of one; 0 for mail.
    segments = models.PositiveSmallIntegerField(default=0)
    # What the gateway calls it, so that its reports find it.
    reference = models.CharField(max_length=120, blank=True)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    # What gateway or mailbox told later: it arrived, or it never will.
    delivered_at = models.DateTimeField(null=True)
    undelivered_at = models.DateTimeField(null=True)
    # A code (refused, unreachable, expired), shown in words; never a server's text.
    problem = models.CharField(max_length=40, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["not_before"],
                name="message_due",
                condition=models.Q(state__in=["waiting", "sending"]),
            ),
            models.Index(
                fields=["reference"],
                name="message_reference",
                condition=~models.Q(reference=""),
            ),
            # For the figures of the installation, a minute's look at each authority.
            models.Index(
                fields=["failed_at"],
                name="message_failed_lately",
                condition=models.Q(state="failed"),
            ),
            models.Index(
                fields=["sent_at"],
                name="message_sent_lately",
                condition=models.Q(state="sent"),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="message_sent_when",
                condition=models.Q(state="sent", sent_at__isnull=False)
                | (~models.Q(state="sent") & models.Q(sent_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="message_failed_when",
                condition=models.Q(state="failed", failed_at__isnull=False)
                | (~models.Q(state="failed") & models.Q(failed_at__isnull=True)),
            ),
            # What was handed over either arrived, or did not, or nobody knows yet.
            models.CheckConstraint(
                name="message_arrived_or_not",
                condition=models.Q(delivered_at__isnull=True)
                | models.Q(undelivered_at__isnull=True),
            ),
            models.CheckConstraint(
                name="message_reported_when_sent",
                condition=models.Q(state="sent")
                | models.Q(delivered_at__isnull=True, undelivered_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.purpose

    @property
    def outcome(self) -> str:
        """What became of it, in words: the state, or what was reported later."""
        if self.delivered_at is not None:
            return str(_("arrived"))
        if self.undelivered_at is not None:
            return str(_("did not arrive"))
        return self.get_state_display()

    @property
    def has_failed(self) -> bool:
        """Whether it will never arrive."""
        return self.state == self.State.FAILED or self.undelivered_at is not None

    @property
    def why(self) -> str:
        """Why it failed or waits, in words; empty where nothing is wrong."""
        return str(PROBLEMS.get(self.problem, self.problem))

    @property
    def message_id(self) -> str:
        """The Message-ID, the same however often it is handed over."""
        return f"<{self.pk}@quarano>"


class TextVersionQuerySet(models.QuerySet["TextVersion"]):
    def of(self, template: str, channel: str, language: str) -> Self:
        """The versions of one text."""
        return self.filter(template=template, channel=channel, language=language)


class TextVersion(models.Model):
    """An authority's own wording of a message or letter; never changed, only followed.

    Numbers begin at 2: the shipped text is version 1. Without a source the shipped
    text is in use again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    template = models.CharField(max_length=60)
    channel = models.CharField(max_length=8)
    language = models.CharField(max_length=8)
    number = models.PositiveIntegerField()
    source = models.TextField(blank=True)
    written_at = models.DateTimeField()
    # An official's login (no foreign key: logins lie above).
    written_by = models.UUIDField()

    objects = TextVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["template", "channel", "language", "number"],
                name="text_numbered_once",
            ),
            models.CheckConstraint(
                name="text_follows_the_shipped", condition=models.Q(number__gte=2)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template}.{self.channel} ({self.language}) {self.number}"


class BoxedMessage(models.Model):
    """What a practice authority would have sent, readable and never sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.OneToOneField(
        Message, on_delete=models.CASCADE, related_name="boxed"
    )
    subject = SealedTextField(blank=True)
    body = SealedTextField()
    kept_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.message)
