import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from cases.models import Person
from quarano.encryption import SealedTextField


class Symptom(models.Model):
    """One symptom of the authority's catalogue."""

    code = models.CharField(primary_key=True, max_length=40)
    names = models.JSONField(_("names"), default=dict)
    characteristic = models.BooleanField(_("characteristic"), default=False)
    suspicious_for_cases = models.BooleanField(_("suspicious for cases"), default=False)
    suspicious_for_contacts = models.BooleanField(
        _("suspicious for contacts"), default=False
    )
    counts = models.BooleanField(_("counts against release"), default=True)
    emergency = models.BooleanField(_("emergency sign"), default=False)
    group = models.CharField(_("group"), max_length=4, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=100)
    active = models.BooleanField(_("offered"), default=True)

    class Meta:
        verbose_name = _("symptom")
        verbose_name_plural = _("symptoms")
        ordering = ["position", "code"]

    def __str__(self) -> str:
        language = translation.get_language() or "en"
        return self.names.get(language) or self.names.get("en") or self.code


class Entry(models.Model):
    """How a person fares in one slot."""

    class Half(models.TextChoices):
        MORNING = "morning", _("morning")
        EVENING = "evening", _("evening")
        DAY = "day", _("day")

    class Severity(models.IntegerChoices):
        MILD = 1, _("mild")
        MODERATE = 2, _("moderate")
        SEVERE = 3, _("severe")

    class Via(models.TextChoices):
        SELF = "self", _("the person")
        REPRESENTATIVE = "representative", _("a representative")
        OFFICIAL = "official", _("an official, by phone")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="entries")
    day = models.DateField()
    half = models.CharField(max_length=7, choices=Half)
    # Instants by the routine of the slot's day.
    opens = models.DateTimeField()
    ends = models.DateTimeField()
    deadline = models.DateTimeField()
    reported_at = models.DateTimeField()
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="entries"
    )
    via = models.CharField(max_length=14, choices=Via)
    amended_at = models.DateTimeField(null=True)
    amended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="entries_amended",
    )
    temperature = models.DecimalField(
        _("temperature"),
        max_digits=3,
        decimal_places=1,
        null=True,
        blank=True,
        validators=[MinValueValidator(30), MaxValueValidator(45)],
    )
    # {"cough": 2}: code of the catalogue → severity.
    symptoms = models.JSONField(default=dict)
    fever_medicine = models.BooleanField(_("medicine against fever"), default=False)
    oxygen = models.PositiveSmallIntegerField(
        _("SpO₂, %"),
        null=True,
        blank=True,
        validators=[MinValueValidator(50), MaxValueValidator(100)],
    )
    pulse = models.PositiveSmallIntegerField(
        _("pulse"),
        null=True,
        blank=True,
        validators=[MinValueValidator(20), MaxValueValidator(250)],
    )
    note = SealedTextField(_("note"), blank=True)

    class Meta:
        verbose_name = _("diary entry")
        verbose_name_plural = _("diary entries")
        indexes = [models.Index(fields=["person", "-opens"], name="entry_person")]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "day", "half"], name="one_entry_per_slot"
            ),
            models.CheckConstraint(
                name="entry_in_time",
                condition=Q(via="official")
                | Q(reported_at__gte=F("opens"), reported_at__lt=F("deadline")),
            ),
            models.CheckConstraint(
                name="entry_slot_in_order",
                condition=Q(opens__lt=F("ends"), ends__lte=F("deadline")),
            ),
            models.CheckConstraint(
                name="entry_temperature_possible",
                condition=Q(temperature__isnull=True)
                | Q(temperature__gte=30, temperature__lte=45),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d} {self.half}"
