from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class SetUpMark(models.Model):
    """What only a person can say of the first hour: read and found right; put away."""

    class Step(models.TextChoices):
        TEXTS = "texts", _("texts read")
        POLICY = "policy", _("rules read")
        PUT_AWAY = "put_away", _("list put away")

    step = models.CharField(primary_key=True, max_length=8, choices=Step)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        verbose_name = _("mark of the first hour")
        verbose_name_plural = _("marks of the first hour")
        constraints = [
            models.CheckConstraint(
                name="set_up_mark_known",
                condition=Q(step__in=["texts", "policy", "put_away"]),
            )
        ]

    def __str__(self) -> str:
        return self.get_step_display()
