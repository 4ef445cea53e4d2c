import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from phonenumber_field.modelfields import PhoneNumberField

from cases.models import Case, Person
from cases.models.pairs import who_and_when
from contacts.models.event import Event, GuestList
from quarano.accounts.models import User
from quarano.encryption import SealedTextField


class Answer(models.TextChoices):
    YES = "yes", _("yes")
    NO = "no", _("no")
    UNKNOWN = "unknown", _("not known")


class Origin(models.TextChoices):
    CITIZEN = "citizen", _("the person")
    OFFICIAL = "official", _("an official")
    EVENT = "event", _("a guest list")
    IMPORT = "import", _("an import")


URGENT = (
    Q(at_risk=Answer.YES)
    | Q(health_staff=Answer.YES)
    | Q(over_60=Answer.YES)
    | Q(pre_existing=Answer.YES)
)


# What the citizen changed and no official has looked at; `is_changed` of a row.
CHANGED = Q(changed_at__gt=F("reviewed_at")) | Q(
    changed_at__isnull=False, reviewed_at__isnull=True
)


class ContactQuerySet(models.QuerySet["Contact"]):
    def open_to(self, user: User) -> "ContactQuerySet":
        """Those whom this official may see: of nobody who is protected from them,
        neither the contact nor whom they met."""
        people = Person.objects.open_to(user).order_by().values("pk")
        return self.filter(
            Q(met__isnull=True) | Q(met__in=people),
            Q(person__isnull=True) | Q(person__in=people),
        )

    def standing(self) -> "ContactQuerySet":
        """Those that nobody has dismissed."""
        return self.filter(dismissed_at__isnull=True)

    def of(self, case: Case) -> "ContactQuerySet":
        """Those of a case: named by it, or at an event where it was."""
        exposed = case.exposures.order_by().values("contact")
        return self.filter(Q(case=case) | Q(pk__in=exposed))


class Contact(models.Model):
    """Somebody whom a case met, perhaps only 'the baker, red jacket'; turns into, or
    is linked to, a person. Of an event: somebody on its guest list."""

    class State(models.TextChoices):
        NAMED = "named", _("named")
        ACCEPTED = "accepted", _("accepted")
        HELD = "held", _("held")
        TOLD = "told", _("told")
        PERSON = "person", _("followed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    # Whom they met, and that person's episode; `case` is empty while that person is
    # only a contact. Both are empty for somebody on a guest list.
    met = models.ForeignKey(
        Person, null=True, on_delete=models.CASCADE, related_name="contacts_named"
    )
    case = models.ForeignKey(
        Case, null=True, on_delete=models.CASCADE, related_name="contacts"
    )
    event = models.ForeignKey(
        Event, null=True, on_delete=models.CASCADE, related_name="participants"
    )
    guest_list = models.ForeignKey(
        GuestList, null=True, on_delete=models.SET_NULL, related_name="participants"
    )
    # Turned into, or linked to.
    person = models.ForeignKey(
        Person, null=True, on_delete=models.CASCADE, related_name="contacts_of"
    )
    given_name = models.CharField(_("given name"), max_length=120, blank=True)
    family_name = models.CharField(_("family name"), max_length=120, blank=True)
    birth_date = models.DateField(_("birth date"), null=True, blank=True)
    phone = PhoneNumberField(_("phone"), blank=True)
    mobile = PhoneNumberField(_("mobile"), blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    hint = models.CharField(_("hint"), max_length=200, blank=True)
    street = models.CharField(_("street and number"), max_length=160, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=10, blank=True)
    city = models.CharField(_("town"), max_length=120, blank=True)
    # A citizen says only this; the details are asked of the person by an official.
    at_risk = models.CharField(
        _("particularly at risk"), max_length=7, choices=Answer, default=Answer.UNKNOWN
    )
    health_staff = models.CharField(
        _("health staff"), max_length=7, choices=Answer, default=Answer.UNKNOWN
    )
    over_60 = models.CharField(
        _("over 60"), max_length=7, choices=Answer, default=Answer.UNKNOWN
    )
    pre_existing = models.CharField(
        _("pre-existing condition"),
        max_length=7,
        choices=Answer,
        default=Answer.UNKNOWN,
    )
    remark = SealedTextField(_("remark"), blank=True)
    state = models.CharField(
        _("state"), max_length=8, choices=State, default=State.NAMED
    )
    origin = models.CharField(_("named by"), max_length=8, choices=Origin)
    named_at = models.DateTimeField(editable=False)
    # A host has no login.
    named_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="contacts_named",
        editable=False,
    )
    # What the citizen changed since an official looked last.
    changed_at = models.DateTimeField(null=True, editable=False)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="contacts_changed",
        editable=False,
    )
    reviewed_at = models.DateTimeField(null=True, editable=False)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="contacts_reviewed",
        editable=False,
    )
    told_at = models.DateTimeField(null=True, editable=False)
    told_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="contacts_told",
        editable=False,
    )
    # No contact after all, or cannot be found.
    dismissed_at = models.DateTimeField(null=True, editable=False)
    dismissed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="contacts_dismissed",
        editable=False,
    )
    dismissed_why = SealedTextField(_("why"), blank=True)
    # Kept by contacts.tracing: health staff and people at risk come first; the last
    # day of a standing exposure, from which retention counts.
    urgent = models.BooleanField(_("urgent"), default=False, editable=False)
    last_day = models.DateField(null=True, editable=False)
    # Kept by contacts.search, as for people.
    search_text = models.TextField(editable=False, default="")
    search_grams = ArrayField(
        models.CharField(max_length=3), default=list, editable=False
    )

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        indexes = [
            GinIndex(fields=["search_grams"], name="contact_search"),
            models.Index(fields=["-named_at", "id"], name="contact_newest"),
            # Who is still to be told: urgent first, then by the last exposure.
            models.Index(
                fields=["-urgent", "-last_day", "id"],
                name="contact_to_do",
                condition=Q(state__in=["named", "accepted"], dismissed_at__isnull=True),
            ),
            models.Index(fields=["phone"], name="contact_phone"),
            models.Index(fields=["mobile"], name="contact_mobile"),
            models.Index(fields=["email"], name="contact_email"),
        ]
        constraints = [
            models.CheckConstraint(
                name="contact_can_be_found",
                condition=Q(person__isnull=False)
                | ~Q(phone="")
                | ~Q(mobile="")
                | ~Q(email="")
                | ~Q(hint=""),
            ),
            models.CheckConstraint(
                name="contact_case_with_its_person",
                condition=Q(case__isnull=True) | Q(met__isnull=False),
            ),
            models.CheckConstraint(
                name="contact_held_or_of_a_case",
                condition=(
                    Q(state="held", case__isnull=True, met__isnull=False)
                    | ~Q(state="held")
                    & (Q(case__isnull=False) | Q(event__isnull=False))
                ),
            ),
            models.CheckConstraint(
                name="contact_followed_is_a_person",
                condition=~Q(state="person") | Q(person__isnull=False),
            ),
            models.CheckConstraint(
                name="contact_told_when",
                condition=~Q(state="told") | Q(told_at__isnull=False),
            ),
            models.CheckConstraint(
                name="contact_urgent_as_said",
                condition=Q(urgent=True) & URGENT | Q(urgent=False) & ~URGENT,
            ),
            models.UniqueConstraint(
                fields=["case", "person"],
                condition=Q(
                    case__isnull=False,
                    person__isnull=False,
                    event__isnull=True,
                    dismissed_at__isnull=True,
                ),
                name="contact_of_a_case_once",
            ),
            who_and_when("contact_changed", "changed_at", "changed_by"),
            who_and_when("contact_reviewed", "reviewed_at", "reviewed_by"),
            who_and_when("contact_told", "told_at", "told_by"),
            who_and_when("contact_dismissed", "dismissed_at", "dismissed_by"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What the contact is called: the names known, else the hint, else how they
        are reached."""
        names = f"{self.given_name} {self.family_name}".strip()
        return names or self.hint or self.telephone or self.email

    @property
    def telephone(self) -> str:
        """The number to call, mobile first; empty where there is none."""
        number = self.mobile or self.phone
        return number.as_e164 if number else ""

    @property
    def is_urgent(self) -> bool:
        """Whether they are health staff or at risk, as far as anybody said."""
        return Answer.YES in (
            self.at_risk,
            self.health_staff,
            self.over_60,
            self.pre_existing,
        )

    @property
    def is_vulnerable(self) -> bool:
        """Whether an infection would be worse for them, as far as anybody said."""
        return Answer.YES in (self.at_risk, self.over_60, self.pre_existing)

    @property
    def is_changed(self) -> bool:
        """Whether the citizen changed something that no official has looked at."""
        return self.changed_at is not None and (
            self.reviewed_at is None or self.reviewed_at < self.changed_at
        )


class DayStatement(models.Model):
    """What somebody said of a day as a whole: 'I met nobody' is an answer."""

    class Said(models.TextChoices):
        NOBODY = "nobody", _("I met nobody")
        ALL = "all", _("these were all")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        Person, on_delete=models.CASCADE, related_name="day_statements"
    )
    day = models.DateField(_("day"))
    said = models.CharField(_("said"), max_length=6, choices=Said)
    stated_at = models.DateTimeField()
    stated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="day_statements",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "day"], name="one_statement_a_day"
            )
        ]
