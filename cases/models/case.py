import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cases.models.person import Person
from cases.models.policy import Disease


class Case(models.Model):
    """An episode of infection of a person with one disease."""

    class Classification(models.TextChoices):
        SUSPECTED = "suspected", _("suspected")
        PROBABLE = "probable", _("probable")
        CONFIRMED = "confirmed", _("confirmed")
        DISCARDED = "discarded", _("discarded")

    class Onset(models.TextChoices):
        DATE = "date", _("on this day")
        UNKNOWN = "unknown", _("symptoms, day not known")
        NONE = "none", _("no symptoms so far")
        NOT_ASKED = "not_asked", _("not asked yet")

    class OnsetSource(models.TextChoices):
        OFFICIAL = "official", _("recorded by the authority")
        QUESTIONNAIRE = "questionnaire", _("stated by the person")
        DIARY = "diary", _("confirmed from the diary")

    class Found(models.TextChoices):
        REPORT = "report", _("reported by a laboratory or doctor")
        CONTACT = "contact", _("was a contact")
        SELF = "self", _("called us")
        OTHER = "other", _("otherwise")

    class Setting(models.TextChoices):
        CARE = "care", _("care home")
        HOSPITAL = "hospital", _("hospital or practice")
        SCHOOL = "school", _("school or day care")
        FOOD = "food", _("food trade")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="cases")
    disease = models.ForeignKey(Disease, on_delete=models.PROTECT, related_name="cases")
    classification = models.CharField(
        _("classification"),
        max_length=10,
        choices=Classification,
        default=Classification.CONFIRMED,
    )
    onset_kind = models.CharField(
        _("symptom onset"), max_length=10, choices=Onset, default=Onset.NOT_ASKED
    )
    onset = models.DateField(_("onset"), null=True, blank=True)
    onset_source = models.CharField(
        max_length=14, choices=OnsetSource, blank=True, editable=False
    )
    specimen_date = models.DateField(
        _("first positive specimen"), null=True, blank=True
    )
    variant = models.CharField(_("variant"), max_length=40, blank=True)
    laboratory_reference = models.CharField(
        _("laboratory's reference"), max_length=60, blank=True
    )
    register_reference = models.CharField(
        _("register's reference"), max_length=60, blank=True
    )
    found_by = models.CharField(
        _("how found"), max_length=8, choices=Found, default=Found.REPORT
    )
    occupation = models.CharField(_("occupation"), max_length=120, blank=True)
    sensitive_setting = models.CharField(
        _("lives or works in"), max_length=8, choices=Setting, blank=True
    )
    in_hospital_since = models.DateField(_("in hospital since"), null=True, blank=True)
    in_hospital_until = models.DateField(_("in hospital until"), null=True, blank=True)
    severe_course = models.BooleanField(_("severe course"), default=False)
    immune_suppressed = models.BooleanField(_("immune suppressed"), default=False)
    # Only by a physician's entry; else the policy computes it.
    infectious_until = models.DateField(
        _("infectious until, by a physician"), null=True, blank=True
    )
    reported_at = models.DateTimeField(_("reported at"))
    recorded_at = models.DateTimeField(editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="cases_recorded",
        editable=False,
    )

    class Meta:
        verbose_name = _("index case")
        verbose_name_plural = _("index cases")
        indexes = [
            models.Index(fields=["-reported_at", "id"], name="case_reported"),
            models.Index(fields=["laboratory_reference"], name="case_laboratory"),
        ]
        constraints = [
            models.CheckConstraint(
                name="case_onset_with_its_day",
                condition=Q(onset_kind="date", onset__isnull=False)
                | (~Q(onset_kind="date") & Q(onset__isnull=True)),
            ),
            models.CheckConstraint(
                name="case_hospital_until_after_since",
                condition=Q(in_hospital_until__isnull=True)
                | Q(in_hospital_until__gte=F("in_hospital_since")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.disease} {self.pk}"

    @property
    def anchor(self) -> tuple[str, dt.date] | None:
        """('onset' or 'specimen', its day): what isolation is counted from."""
        if self.onset is not None:
            return "onset", self.onset
        if self.specimen_date is not None:
            return "specimen", self.specimen_date
        return None

    def is_in_hospital(self, on: dt.date) -> bool:
        return (
            self.in_hospital_since is not None
            and self.in_hospital_since <= on
            and (self.in_hospital_until is None or on <= self.in_hospital_until)
        )

    def needs_physician(self, on: dt.date) -> bool:
        """Whether no end is computed: hospital, severe course, immune suppression."""
        return self.severe_course or self.immune_suppressed or self.is_in_hospital(on)


class Test(models.Model):
    """A test of a person: asked for, pending, with a result."""

    class Kind(models.TextChoices):
        PCR = "pcr", _("PCR")
        ANTIGEN = "antigen", _("supervised antigen test")
        SELF = "self", _("self-test")

    class Result(models.TextChoices):
        PENDING = "pending", _("pending")
        POSITIVE = "positive", _("positive")
        NEGATIVE = "negative", _("negative")
        INVALID = "invalid", _("cannot be judged")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tests")
    case = models.ForeignKey(
        Case, null=True, on_delete=models.CASCADE, related_name="tests"
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    specimen_date = models.DateField(_("specimen date"))
    result = models.CharField(
        _("result"), max_length=8, choices=Result, default=Result.PENDING
    )
    reported_at = models.DateTimeField(_("reported at"), null=True, blank=True)
    laboratory = models.CharField(_("laboratory"), max_length=120, blank=True)
    recorded_at = models.DateTimeField(editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="tests_recorded",
        editable=False,
    )

    class Meta:
        verbose_name = _("test")
        verbose_name_plural = _("tests")
        constraints = [
            models.CheckConstraint(
                name="test_result_reported",
                condition=Q(result="pending") | Q(reported_at__isnull=False),
            )
        ]
