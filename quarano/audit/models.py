import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class Event(models.Model):
    """Who did or saw what, on whom, when, from where. Ids and codes, never values.

    No foreign keys: an event outlives what it speaks of. Append-only by grant.
    """

    class Actor(models.TextChoices):
        STAFF = "staff", _("staff")
        CITIZEN = "citizen", _("citizen")
        RULE = "rule", _("a rule")
        OPERATOR = "operator", _("operator")
        NOBODY = "nobody", _("nobody signed in")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField()
    actor = models.UUIDField(null=True)
    actor_kind = models.CharField(max_length=8, choices=Actor)
    verb = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=40)
    subject = models.UUIDField(null=True)
    person = models.UUIDField(null=True)
    shown = ArrayField(models.UUIDField(), default=list)
    fields = ArrayField(models.CharField(max_length=60), default=list)
    codes = models.JSONField(default=dict)
    request_id = models.CharField(max_length=36, blank=True)
    address = models.GenericIPAddressField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["person", "at"], name="audit_person_at"),
            models.Index(fields=["actor", "at"], name="audit_actor_at"),
            models.Index(fields=["at"], name="audit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject_kind}"


class Seal(models.Model):
    """One link of the chain: an event's place, and the hash of the seal before."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.UUIDField(unique=True)
    position = models.BigIntegerField(unique=True)
    sealed_at = models.DateTimeField()
    before = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return str(self.position)
