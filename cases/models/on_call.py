import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.models.escalation import Escalation


class OnCallAlarmQuerySet(models.QuerySet["OnCallAlarm"]):
    def open(self) -> "OnCallAlarmQuerySet":
        """Those that nobody has taken yet."""
        return self.filter(ended_at__isnull=True)

    def due(self, *, at: dt.datetime) -> "OnCallAlarmQuerySet":
        """Those open whose next telephones are to be told at that moment."""
        return self.open().filter(next_at__lte=at)


class OnCallAlarm(models.Model):
    """An emergency sign while nobody is there: told to the on-call telephones, round
    by round, until somebody takes it or an official acts."""

    class End(models.TextChoices):
        TAKEN = "taken", _("taken on call")
        ACTED = "acted", _("an official acted")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    escalation = models.ForeignKey(
        Escalation, on_delete=models.CASCADE, related_name="alarms"
    )
    # The escalation's news: a worse sign after it is an alarm of its own.
    news_at = models.DateTimeField()
    raised_at = models.DateTimeField()
    rounds = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=8, choices=End, blank=True)
    # 1 or 2: the on-call telephone from whose link it was taken.
    telephone = models.PositiveSmallIntegerField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="alarms_ended",
    )

    objects = OnCallAlarmQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["next_at"],
                name="on_call_due",
                condition=Q(ended_at__isnull=True),
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["escalation", "news_at"], name="on_call_alarm_once"
            ),
            models.UniqueConstraint(
                fields=["escalation"],
                condition=Q(ended_at__isnull=True),
                name="one_open_on_call_alarm",
            ),
            models.CheckConstraint(
                name="on_call_ended_how",
                condition=Q(ended_at__isnull=True, end="", telephone__isnull=True)
                | Q(ended_at__isnull=False, end="taken", telephone__isnull=False)
                | Q(ended_at__isnull=False, end="acted", telephone__isnull=True),
            ),
        ]

    @property
    def purpose(self) -> str:
        """How the purposes of its messages begin."""
        return f"on-call:{self.pk}:"


class OnCallNotice(models.Model):
    """One on-call telephone was told of an alarm, with a link of its own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alarm = models.ForeignKey(
        OnCallAlarm, on_delete=models.CASCADE, related_name="notices"
    )
    round = models.PositiveSmallIntegerField()
    telephone = models.PositiveSmallIntegerField()
    told_at = models.DateTimeField()
    token_hash = models.CharField(max_length=64, unique=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["alarm", "round", "telephone"], name="on_call_notice_once"
            )
        ]
