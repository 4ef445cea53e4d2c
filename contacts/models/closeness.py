from django.db import models
from django.utils.translation import gettext_lazy as _


class Setting(models.TextChoices):
    HOUSEHOLD = "household", _("household")
    WORK = "work", _("work")
    SCHOOL = "school", _("school or day care")
    CARE = "care", _("care or hospital")
    EVENT = "event", _("event")
    TRANSPORT = "transport", _("transport")
    OTHER = "other", _("otherwise")


class Distance(models.TextChoices):
    NEAR = "near", _("closer than 1.5 m")
    ROOM = "room", _("same room, farther away")
    OUTDOORS = "outdoors", _("outdoors, farther away")
    UNKNOWN = "unknown", _("not known")


class Masks(models.TextChoices):
    NONE = "none", _("nobody")
    ONE = "one", _("one of both")
    BOTH = "both", _("both")
    UNKNOWN = "unknown", _("not known")


class Closeness(models.Model):
    """Under which circumstances somebody met a case."""

    setting = models.CharField(_("setting"), max_length=10, choices=Setting)
    distance = models.CharField(
        _("distance"), max_length=8, choices=Distance, default=Distance.UNKNOWN
    )
    # Empty: not known.
    minutes = models.PositiveSmallIntegerField(_("minutes"), null=True, blank=True)
    masks = models.CharField(
        _("masks"), max_length=8, choices=Masks, default=Masks.UNKNOWN
    )

    class Meta:
        abstract = True
