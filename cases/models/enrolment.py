import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.models.monitoring import Monitoring
from cases.models.pairs import who_and_when
from cases.models.person import Person
from quarano.accounts.models import User
from quarano.encryption import SealedTextField


class EnrolmentCodeQuerySet(models.QuerySet["EnrolmentCode"]):
    def live(self, *, at: dt.datetime) -> "EnrolmentCodeQuerySet":
        """Those that still open a diary at that moment."""
        return self.filter(
            used_at__isnull=True, voided_at__isnull=True, expires_at__gt=at
        )


class EnrolmentCode(models.Model):
    """A code XXXX-XXXX-XXXX-XXXXX and a link, both stored hashed, good once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        Person, on_delete=models.CASCADE, related_name="enrolment_codes"
    )
    selector = models.CharField(max_length=4, db_index=True)
    verifier_hash = models.CharField(max_length=128)
    token_hash = models.CharField(max_length=64, unique=True)
    by_letter = models.BooleanField(default=False)
    invited_at = models.DateTimeField()
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="codes_made"
    )
    expires_at = models.DateTimeField()
    wrong_tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="codes_used",
    )
    voided_at = models.DateTimeField(null=True)

    objects = EnrolmentCodeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(used_at__isnull=True, voided_at__isnull=True),
                name="one_unused_code",
            ),
        ]


class Acknowledgement(models.Model):
    """A login has seen the notice under Art. 13 GDPR: which version, when."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="acknowledgements"
    )
    notice = models.CharField(max_length=20)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "notice"], name="notice_once")
        ]


class Questionnaire(models.Model):
    """The enrolment's questions; nothing is preselected, None is 'not answered'."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    monitoring = models.OneToOneField(
        Monitoring, on_delete=models.CASCADE, related_name="questionnaire"
    )
    has_symptoms = models.BooleanField(_("symptoms"), null=True)
    onset = models.DateField(_("first symptom on"), null=True, blank=True)
    onset_unknown = models.BooleanField(_("day not known"), default=False)
    # Codes of the symptom catalogue.
    symptoms = models.JSONField(_("which"), default=list, blank=True)
    doctor = models.CharField(_("family doctor"), max_length=160, blank=True)
    has_source_guess = models.BooleanField(_("likely source"), null=True)
    source_guess = SealedTextField(_("which"), blank=True)
    source_day = models.DateField(_("on"), null=True, blank=True)
    has_conditions = models.BooleanField(_("pre-existing conditions"), null=True)
    conditions = SealedTextField(_("which"), blank=True)
    is_medical_staff = models.BooleanField(_("medical staff"), null=True)
    medical_staff = SealedTextField(_("where"), blank=True)
    met_vulnerable = models.BooleanField(_("contact with vulnerable people"), null=True)
    vulnerable = SealedTextField(_("whom"), blank=True)
    details_saved_at = models.DateTimeField(null=True, editable=False)
    contacts_named_at = models.DateTimeField(null=True, editable=False)
    saved_at = models.DateTimeField(null=True, editable=False)
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="questionnaires",
        editable=False,
    )

    class Meta:
        verbose_name = _("questionnaire")
        verbose_name_plural = _("questionnaires")
        constraints = [who_and_when("questionnaire_saved", "saved_at", "saved_by")]
