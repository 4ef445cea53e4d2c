import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from quarano.encryption import SealedTextField


class AlarmQuerySet(models.QuerySet["Alarm"]):
    def open(self) -> "AlarmQuerySet":
        """Those that nobody has looked into yet."""
        return self.filter(settled_at__isnull=True)


class Alarm(models.Model):
    """A pattern in what an official read that somebody else must look into.

    Ids and numbers only, and no foreign keys: like an event it outlives the account.
    """

    class Rule(models.TextChoices):
        OWN = "own", _("somebody of the own name, address or number")
        NEIGHBOURS = "neighbours", _("neighbours of one street")
        SEARCHES = "searches", _("search after search, hardly anybody opened")
        MASS = "mass", _("very many people in a short time")
        NIGHT = "night", _("reading or export at night")
        OTHERS = "others", _("people whom others look after")
        LISTS = "lists", _("very many people shown in lists")
        EXPORTS = "exports", _("many print runs or exports in a day")
        SECOND = "second", _("invited an account like the own one")
        ENDED = "ended", _("sign-in with an account that has ended")

    class Outcome(models.TextChoices):
        EXPLAINED = "explained", _("explained: it belonged to the work")
        FOLLOWED_UP = "followed_up", _("not explained: it is being followed up")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    rule = models.CharField(_("rule"), max_length=10, choices=Rule)
    actor = models.UUIDField(_("official"))
    # What exactly raised it (a day, a person on a day): the same is raised once.
    occasion = models.CharField(max_length=60)
    person = models.UUIDField(null=True)
    facts = models.JSONField(default=dict)
    happened_at = models.DateTimeField()
    raised_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    settled_by = models.UUIDField(null=True)
    outcome = models.CharField(max_length=11, choices=Outcome, blank=True)
    word = SealedTextField(blank=True)

    objects = AlarmQuerySet.as_manager()

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        indexes = [models.Index(fields=["raised_at"], name="alarm_raised_at")]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "actor", "occasion"], name="alarm_once"
            ),
            models.CheckConstraint(
                name="alarm_settled",
                condition=Q(
                    settled_at__isnull=True, settled_by__isnull=True, outcome=""
                )
                | (
                    Q(settled_at__isnull=False, settled_by__isnull=False)
                    & ~Q(outcome="")
                ),
            ),
            models.CheckConstraint(
                name="alarm_settled_by_another",
                condition=Q(settled_by__isnull=True) | ~Q(settled_by=models.F("actor")),
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_rule_display())
