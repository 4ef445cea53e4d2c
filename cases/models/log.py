import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cases.models.monitoring import Monitoring
from cases.models.person import Person
from quarano.encryption import SealedTextField


class Comment(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        Person, on_delete=models.CASCADE, related_name="comments"
    )
    text = SealedTextField(_("comment"))
    written_at = models.DateTimeField()
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="comments"
    )


class CallAttempt(models.Model):
    class Outcome(models.TextChoices):
        REACHED = "reached", _("reached")
        NO_ANSWER = "no_answer", _("no answer")
        BUSY = "busy", _("busy")
        VOICEMAIL = "voicemail", _("left word on voicemail")
        WRONG_NUMBER = "wrong_number", _("wrong number")
        THIRD_PERSON = "third_person", _("somebody else answered")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="calls")
    monitoring = models.ForeignKey(
        Monitoring, null=True, on_delete=models.CASCADE, related_name="calls"
    )
    number = models.CharField(_("number"), max_length=40, blank=True)
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome)
    note = SealedTextField(_("note"), blank=True)
    called_at = models.DateTimeField()
    called_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="calls"
    )

    class Meta:
        indexes = [models.Index(fields=["person", "called_at"], name="call_person")]


class Revision(models.Model):
    """What a change changed: values before and after, sealed, gone with the person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        Person, on_delete=models.CASCADE, related_name="revisions"
    )
    # The audit event of the same change: who, when, which verb.
    event = models.UUIDField()
    subject_kind = models.CharField(max_length=40)
    subject = models.UUIDField()
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="revisions",
    )
    verb = models.CharField(max_length=60)
    # JSON: {"field": [before, after]}.
    changes = SealedTextField()

    class Meta:
        indexes = [
            models.Index(fields=["person", "changed_at"], name="revision_person")
        ]
