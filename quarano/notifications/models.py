import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from quarano.encryption import SealedTextField


class Message(models.Model):
    """The outbox: written with what caused it, rendered and sent by the worker."""

    class Channel(models.TextChoices):
        MAIL = "mail", _("e-mail")
        SMS = "sms", _("text message")

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
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    # A code (refused, unreachable, expired), shown in words; never a server's text.
    problem = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["not_before"],
                name="message_due",
                condition=models.Q(state__in=["waiting", "sending"]),
            )
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
        ]

    def __str__(self) -> str:
        return self.purpose

    @property
    def message_id(self) -> str:
        """The Message-ID, the same however often it is handed over."""
        return f"<{self.pk}@quarano>"
