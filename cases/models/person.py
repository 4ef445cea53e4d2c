import datetime as dt
import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from phonenumber_field.modelfields import PhoneNumberField

from quarano.accounts.models import User
from quarano.encryption import SealedTextField


class PersonQuerySet(models.QuerySet["Person"]):
    def open_to(self, user: User) -> "PersonQuerySet":
        """Everybody whom this official may see: all but the protected of others."""
        if not user.may("cases.view"):
            return self.none()
        if user.may("cases.view_protected"):
            return self.all()
        mine = ProtectedCircle.objects.filter(person=OuterRef("pk"), user=user)
        return self.filter(Q(protected=False) | Exists(mine))

    def reported_by(self, user: User, *, on: dt.date) -> "PersonQuerySet":
        """Those for whom this citizen may keep a diary on that day, self included."""
        reporting = Reporter.objects.filter(
            Q(until__isnull=True) | Q(until__gte=on),
            person=OuterRef("pk"),
            user=user,
            since__lte=on,
        )
        return self.filter(Exists(reporting))


class Person(models.Model):
    """Somebody whom the authority follows, with or without a login."""

    class Sex(models.TextChoices):
        FEMALE = "female", _("female")
        MALE = "male", _("male")
        DIVERSE = "diverse", _("diverse")

    class BirthDateSource(models.TextChoices):
        OFFICIAL = "official", _("recorded by the authority")
        SELF = "self", _("stated by the person")

    class Channel(models.TextChoices):
        MAIL = "mail", _("e-mail")
        SMS = "sms", _("text message")

    class Language(models.TextChoices):
        DE = "de", _("German")
        EN = "en", _("English")
        TR = "tr", _("Turkish")
        AR = "ar", _("Arabic")
        RU = "ru", _("Russian")
        UK = "uk", _("Ukrainian")
        PL = "pl", _("Polish")
        RO = "ro", _("Romanian")
        OTHER = "other", _("another language")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    given_name = models.CharField(_("given name"), max_length=120)
    family_name = models.CharField(_("family name"), max_length=120)
    birth_date = models.DateField(_("birth date"), null=True, blank=True)
    birth_date_source = models.CharField(
        max_length=8, choices=BirthDateSource, blank=True, editable=False
    )
    sex = models.CharField(_("sex"), max_length=8, choices=Sex, blank=True)
    phone = PhoneNumberField(_("phone"), blank=True)
    mobile = PhoneNumberField(_("mobile"), blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    street = models.CharField(_("street and number"), max_length=160, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=10, blank=True)
    city = models.CharField(_("town"), max_length=120, blank=True)
    stay_street = models.CharField(_("stays at"), max_length=160, blank=True)
    stay_postal_code = models.CharField(_("postal code"), max_length=10, blank=True)
    stay_city = models.CharField(_("town"), max_length=120, blank=True)
    stay_from = models.DateField(_("stays there from"), null=True, blank=True)
    stay_until = models.DateField(_("stays there until"), null=True, blank=True)
    language = models.CharField(
        _("language"), max_length=8, choices=Language, default=Language.DE
    )
    preferred_channel = models.CharField(
        _("reached best by"), max_length=8, choices=Channel, blank=True
    )
    # Empty: the routine's hours.
    preferred_morning = models.TimeField(_("remind at, morning"), null=True, blank=True)
    preferred_evening = models.TimeField(_("remind at, evening"), null=True, blank=True)
    interpreter_needed = models.BooleanField(_("interpreter needed"), default=False)
    hard_of_hearing = models.BooleanField(_("hard of hearing"), default=False)
    no_internet = models.BooleanField(_("no internet"), default=False)
    lives_alone = models.BooleanField(_("lives alone"), default=False)
    remarks = SealedTextField(_("remarks"), blank=True)
    protected = models.BooleanField(_("protected"), default=False)
    died_on = models.DateField(_("died on"), null=True, blank=True)

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="person",
    )
    recorded_at = models.DateTimeField(editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="people_recorded",
        editable=False,
    )

    # Kept by cases.search for name, phone, e-mail and references together.
    search_text = models.TextField(editable=False, default="")
    search_grams = ArrayField(
        models.CharField(max_length=3), default=list, editable=False
    )
    # Kept by diaries.submission and cases.calls; a nightly check can rebuild them.
    last_entry_at = models.DateTimeField(null=True, editable=False)
    last_entry_abnormal = models.BooleanField(default=False, editable=False)
    last_counting_symptom_at = models.DateTimeField(null=True, editable=False)
    last_reached_at = models.DateTimeField(null=True, editable=False)

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        indexes = [
            GinIndex(fields=["search_grams"], name="person_search"),
            models.Index(fields=["birth_date"], name="person_birth_date"),
            models.Index(fields=["family_name", "given_name"], name="person_name"),
            models.Index(fields=["phone"], name="person_phone"),
            models.Index(fields=["mobile"], name="person_mobile"),
            models.Index(fields=["email"], name="person_email"),
        ]
        constraints = [
            models.CheckConstraint(
                name="person_birth_date_said_by",
                condition=Q(birth_date__isnull=True, birth_date_source="")
                | (Q(birth_date__isnull=False) & ~Q(birth_date_source="")),
            ),
            models.CheckConstraint(
                name="person_stay_until_after_from",
                condition=Q(stay_until__isnull=True)
                | Q(stay_until__gte=models.F("stay_from")),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("desk:person", kwargs={"pk": self.pk})

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    def age(self, on: dt.date) -> int | None:
        """Return the age in full years on that day, None without a birth date."""
        if self.birth_date is None:
            return None
        birthday_to_come = (on.month, on.day) < (
            self.birth_date.month,
            self.birth_date.day,
        )
        return on.year - self.birth_date.year - birthday_to_come

    def age_in_months(self, on: dt.date) -> int | None:
        """Return the age in full months on that day, None without a birth date."""
        if self.birth_date is None:
            return None
        months = (on.year - self.birth_date.year) * 12
        months += on.month - self.birth_date.month
        return months - (on.day < self.birth_date.day)

    def is_at_risk(self, on: dt.date, *, old_age: int) -> bool:
        """Whether silence is worse here: over the routine's old age, or alone."""
        age = self.age(on)
        return self.lives_alone or (age is not None and age > old_age)

    @property
    def channels(self) -> list[str]:
        """The channels that can reach this person, the preferred one first."""
        found = []
        if self.email and not self.no_internet:
            found.append(self.Channel.MAIL.value)
        if self.mobile:
            found.append(self.Channel.SMS.value)
        return sorted(found, key=lambda channel: channel != self.preferred_channel)

    def address_for(self, channel: str) -> str:
        """Return the e-mail address or E.164 number of a channel."""
        if channel == self.Channel.MAIL:
            return self.email
        return self.mobile.as_e164 if self.mobile else ""

    def postal_address(self, on: dt.date) -> tuple[str, ...]:
        """Return the lines under which a letter arrives on that day, without the name.

        Where the person stays at the moment, else at home; empty where street or town
        is missing.
        """
        begun = self.stay_from is None or self.stay_from <= on
        stays = begun and (self.stay_until is None or on <= self.stay_until)
        for street, postal_code, city, holds in (
            (self.stay_street, self.stay_postal_code, self.stay_city, stays),
            (self.street, self.postal_code, self.city, True),
        ):
            if holds and street and city:
                return (street, f"{postal_code} {city}".strip())
        return ()

    @property
    def telephone(self) -> str:
        """The number to call, mobile first; empty where there is none."""
        number = self.mobile or self.phone
        return number.as_e164 if number else ""


class ProtectedCircle(models.Model):
    """Officials who see a protected person; the others read 'exists, ask them'."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="circle")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="circles"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "user"], name="circle_once")
        ]


class Reporter(models.Model):
    """A login that keeps a person's diary: the person, or a representative."""

    class Kind(models.TextChoices):
        SELF = "self", _("self")
        CUSTODY = "custody", _("custody")
        GUARDIAN = "guardian", _("guardian")
        POWER = "power", _("power of attorney")
        HELPER = "helper", _("helper")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reports_for"
    )
    person = models.ForeignKey(
        Person, on_delete=models.CASCADE, related_name="reporters"
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    since = models.DateField(_("since"))
    until = models.DateField(_("until"), null=True, blank=True)
    appointed_at = models.DateTimeField(editable=False)
    appointed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="reporters_appointed",
        editable=False,
    )

    class Meta:
        verbose_name = _("reporter")
        verbose_name_plural = _("reporters")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "person"],
                condition=Q(until__isnull=True),
                name="reporter_once",
            ),
            models.CheckConstraint(
                name="reporter_until_after_since",
                condition=Q(until__isnull=True) | Q(until__gte=models.F("since")),
            ),
        ]
