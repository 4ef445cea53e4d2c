import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.models import Case, Monitoring, Person
from cases.models.pairs import who_and_when
from contacts.models.closeness import Closeness
from contacts.models.contact import Contact, Origin
from contacts.models.event import Event
from quarano.encryption import SealedTextField


class ExposureQuerySet(models.QuerySet["Exposure"]):
    def standing(self) -> "ExposureQuerySet":
        """Those that nobody has withdrawn."""
        return self.filter(withdrawn_at__isnull=True)

    def accepted(self) -> "ExposureQuerySet":
        """Those that an official accepted, and nobody has withdrawn."""
        return self.standing().filter(accepted_at__isnull=False)

    def waiting(self) -> "ExposureQuerySet":
        """Those to a case that no official has looked at yet."""
        return self.standing().filter(accepted_at__isnull=True, case__isnull=False)


class Exposure(Closeness):
    """One contact with one case on one day. Of somebody who is no case: held."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="exposures"
    )
    # Whom the contact met; `case` is empty while that person is no case.
    met = models.ForeignKey(
        Person, on_delete=models.CASCADE, related_name="exposures_to_others"
    )
    case = models.ForeignKey(
        Case, null=True, on_delete=models.CASCADE, related_name="exposures"
    )
    day = models.DateField(_("day"))
    place = models.CharField(_("place"), max_length=160, blank=True)
    remark = SealedTextField(_("remark"), blank=True)
    event = models.ForeignKey(
        Event, null=True, on_delete=models.SET_NULL, related_name="exposures"
    )
    origin = models.CharField(_("named by"), max_length=8, choices=Origin)
    named_at = models.DateTimeField(editable=False)
    named_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="exposures_named",
        editable=False,
    )
    accepted_at = models.DateTimeField(null=True, editable=False)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="exposures_accepted",
        editable=False,
    )
    withdrawn_at = models.DateTimeField(null=True, editable=False)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="exposures_withdrawn",
        editable=False,
    )
    withdrawn_why = SealedTextField(blank=True)
    # The quarantine that rests on it, among others.
    monitoring = models.ForeignKey(
        Monitoring, null=True, on_delete=models.SET_NULL, related_name="exposures"
    )
    # As contacts.tracing weighed it last: whether the day lies in the infectious
    # period (empty: nobody knows), and the policy's category.
    is_infectious_day = models.BooleanField(null=True, editable=False)
    category = models.CharField(
        _("risk category"), max_length=20, blank=True, editable=False
    )
    weighed_at = models.DateTimeField(null=True, editable=False)

    objects = ExposureQuerySet.as_manager()

    class Meta:
        verbose_name = _("exposure")
        verbose_name_plural = _("exposures")
        indexes = [
            models.Index(fields=["case", "day"], name="exposure_of_case"),
            models.Index(
                fields=["named_at", "id"],
                name="exposure_waiting",
                condition=Q(
                    accepted_at__isnull=True,
                    withdrawn_at__isnull=True,
                    case__isnull=False,
                ),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "case", "day"],
                condition=Q(case__isnull=False),
                name="one_exposure_a_day",
            ),
            models.UniqueConstraint(
                fields=["contact", "met", "day"],
                condition=Q(case__isnull=True),
                name="one_held_exposure_a_day",
            ),
            who_and_when("exposure_accepted", "accepted_at", "accepted_by"),
            who_and_when("exposure_withdrawn", "withdrawn_at", "withdrawn_by"),
            # Nobody is told of somebody who is only a contact.
            models.CheckConstraint(
                name="exposure_held_not_accepted",
                condition=Q(accepted_at__isnull=True) | Q(case__isnull=False),
            ),
            models.CheckConstraint(
                name="exposure_within_a_day",
                condition=Q(minutes__isnull=True) | Q(minutes__lte=24 * 60),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.setting}"

    @property
    def is_standing(self) -> bool:
        return self.withdrawn_at is None

    @property
    def is_accepted(self) -> bool:
        return self.accepted_at is not None and self.withdrawn_at is None
