import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cases.models import Case
from cases.models.pairs import who_and_when
from contacts.models.event import Event


class SourceLink(models.Model):
    """Where a case may have caught it: of another case, or at an event. Several are
    possible; never more than likely."""

    class Strength(models.TextChoices):
        NAMED = "named", _("named")
        SAME_EVENT = "same_event", _("same event")
        GUESSED = "guessed", _("guessed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Who caught it.
    case = models.ForeignKey(
        Case, on_delete=models.CASCADE, related_name="source_links"
    )
    source = models.ForeignKey(
        Case, null=True, on_delete=models.CASCADE, related_name="infected_links"
    )
    event = models.ForeignKey(
        Event, null=True, on_delete=models.CASCADE, related_name="infected_links"
    )
    # The day of the exposure, where one is known.
    day = models.DateField(null=True)
    strength = models.CharField(_("strength"), max_length=10, choices=Strength)
    # The likeliest one of the possible ones.
    likely = models.BooleanField(_("likely"), default=False)
    # Empty: a rule, from exposures and guest lists.
    found_at = models.DateTimeField()
    found_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="source_links_found",
    )
    # An official says: not from there. Kept, so that the rule does not find it again.
    rejected_at = models.DateTimeField(null=True)
    rejected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="source_links_rejected",
    )

    class Meta:
        verbose_name = _("possible source")
        verbose_name_plural = _("possible sources")
        constraints = [
            models.CheckConstraint(
                name="source_is_case_or_event",
                condition=Q(source__isnull=False, event__isnull=True)
                | Q(source__isnull=True, event__isnull=False),
            ),
            models.CheckConstraint(
                name="source_is_another_case",
                condition=Q(source__isnull=True) | ~Q(source=F("case")),
            ),
            models.UniqueConstraint(
                fields=["case", "source"],
                condition=Q(source__isnull=False),
                name="source_case_once",
            ),
            models.UniqueConstraint(
                fields=["case", "event"],
                condition=Q(event__isnull=False),
                name="source_event_once",
            ),
            models.UniqueConstraint(
                fields=["case"], condition=Q(likely=True), name="one_likely_source"
            ),
            who_and_when("source_rejected", "rejected_at", "rejected_by"),
            models.CheckConstraint(
                name="source_rejected_is_not_likely",
                condition=Q(rejected_at__isnull=True) | Q(likely=False),
            ),
        ]
