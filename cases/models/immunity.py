import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cases.models.pairs import who_and_when
from cases.models.person import Person
from cases.models.policy import Disease


class Immunity(models.Model):
    """A dose of a vaccine or a past infection; exempts only where a proof was seen."""

    class Kind(models.TextChoices):
        VACCINATION = "vaccination", _("vaccination")
        INFECTION = "infection", _("past infection")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        Person, on_delete=models.CASCADE, related_name="immunities"
    )
    disease = models.ForeignKey(
        Disease, on_delete=models.PROTECT, related_name="immunities"
    )
    kind = models.CharField(_("kind"), max_length=11, choices=Kind)
    # Of the dose, or of the first positive specimen.
    day = models.DateField(_("on"))
    product = models.CharField(_("product"), max_length=80, blank=True)
    dose = models.PositiveSmallIntegerField(_("dose"), null=True, blank=True)
    proof_seen_at = models.DateTimeField(null=True, editable=False)
    proof_seen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="proofs_seen",
        editable=False,
    )
    recorded_at = models.DateTimeField(editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="immunities_recorded",
        editable=False,
    )

    class Meta:
        verbose_name = _("immunity")
        verbose_name_plural = _("immunities")
        constraints = [
            models.UniqueConstraint(
                fields=["person", "disease", "kind", "day"], name="immunity_once"
            ),
            who_and_when("immunity_proof_seen", "proof_seen_at", "proof_seen_by"),
            models.CheckConstraint(
                name="immunity_dose_of_a_vaccine",
                condition=models.Q(kind="vaccination", dose__isnull=False)
                | models.Q(kind="infection", dose__isnull=True),
            ),
        ]
