import datetime as dt
import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cases.models import Case
from cases.models.pairs import who_and_when
from contacts.models.closeness import Closeness
from quarano.encryption import SealedTextField


class Event(Closeness):
    """Where many met: a place and a window of time, with the cases who were there.

    Setting and closeness are what holds for the participants unless one says otherwise.
    """

    class Kind(models.TextChoices):
        PRIVATE = "private", _("private gathering")
        CULTURE = "culture", _("culture, choir, club")
        SCHOOL = "school", _("school class, day care")
        WORK = "work", _("workplace")
        CARE = "care", _("care home, hospital")
        FOOD = "food", _("restaurant, bar")
        WORSHIP = "worship", _("worship")
        SPORT = "sport", _("sport")
        TRANSPORT = "transport", _("transport")
        OTHER = "other", _("otherwise")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    name = models.CharField(_("event"), max_length=160)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    place = models.CharField(_("place"), max_length=160)
    street = models.CharField(_("street and number"), max_length=160, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=10, blank=True)
    city = models.CharField(_("town"), max_length=120, blank=True)
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    host_name = models.CharField(_("host"), max_length=160, blank=True)
    host_phone = models.CharField(_("host's telephone"), max_length=40, blank=True)
    host_email = models.EmailField(_("host's e-mail"), blank=True)
    remark = SealedTextField(_("remark"), blank=True)
    recorded_at = models.DateTimeField(editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="events_recorded",
        editable=False,
    )
    # Not one after all: hidden, its exposures withdrawn.
    discarded_at = models.DateTimeField(null=True, editable=False)
    discarded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="events_discarded",
        editable=False,
    )
    cases = models.ManyToManyField(Case, through="EventCase", related_name="events")

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [models.Index(fields=["-starts_at", "id"], name="event_newest")]
        constraints = [
            models.CheckConstraint(
                name="event_ends_after_start",
                condition=Q(ends_at__gt=F("starts_at")),
            ),
            who_and_when("event_discarded", "discarded_at", "discarded_by"),
        ]

    def __str__(self) -> str:
        return self.name


class EventCase(models.Model):
    """A case who was at an event."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(
        Event, on_delete=models.CASCADE, related_name="present_cases"
    )
    case = models.ForeignKey(
        Case, on_delete=models.CASCADE, related_name="present_at_events"
    )
    noted_at = models.DateTimeField()
    noted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="event_cases_noted",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "case"], name="event_case_once")
        ]


class GuestListQuerySet(models.QuerySet["GuestList"]):
    def open_links(self, *, at: dt.datetime) -> "GuestListQuerySet":
        """Those whose link still lets a host in at that moment."""
        return self.filter(
            way=GuestList.Way.HOST,
            received_at__isnull=True,
            voided_at__isnull=True,
            expires_at__gt=at,
        )

    def received(self) -> "GuestListQuerySet":
        """Those with rows that nobody has undone."""
        return self.filter(received_at__isnull=False, undone_at__isnull=True)


class GuestList(models.Model):
    """Who was at an event: typed, pasted, from a file, or asked of the host, who has a
    link and a code XXXX-XXXX-XXXX-XXXXX for it, both stored hashed, good once."""

    class Way(models.TextChoices):
        TYPED = "typed", _("typed")
        PASTED = "pasted", _("pasted")
        FILE = "file", _("from a file")
        HOST = "host", _("from the host")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(
        Event, on_delete=models.CASCADE, related_name="guest_lists"
    )
    way = models.CharField(_("way"), max_length=6, choices=Way)
    # Asked of the host.
    asked_at = models.DateTimeField(null=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="guest_lists_asked",
    )
    token_hash = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001 - unique
    selector = models.CharField(max_length=4, blank=True, db_index=True)
    verifier_hash = models.CharField(max_length=128, blank=True)
    expires_at = models.DateTimeField(null=True)
    wrong_tries = models.PositiveSmallIntegerField(default=0)
    voided_at = models.DateTimeField(null=True)
    # Received: in = accepted + rejected. A host has no login.
    received_at = models.DateTimeField(null=True)
    received_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="guest_lists_received",
    )
    file_name = models.CharField(max_length=160, blank=True)
    rows = models.PositiveIntegerField(default=0)
    accepted = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    # [{"row": 7, "column": "phone", "code": "phone_invalid"}]: places, never values.
    problems = models.JSONField(default=list)
    # What each column of the file is, in its order, '' for none; remembered for files
    # with the same headings. Who reads headings may read a person's row, so: sealed.
    columns = ArrayField(models.CharField(max_length=12, blank=True), default=list)
    headings = SealedTextField(blank=True)
    headings_hash = models.CharField(max_length=64, blank=True, db_index=True)
    # Everything ready became a contact.
    taken_at = models.DateTimeField(null=True)
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="guest_lists_taken",
    )
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="guest_lists_undone",
    )

    objects = GuestListQuerySet.as_manager()

    class Meta:
        verbose_name = _("guest list")
        verbose_name_plural = _("guest lists")
        constraints = [
            models.CheckConstraint(
                name="guest_list_all_counted",
                condition=Q(rows=F("accepted") + F("rejected")),
            ),
            models.UniqueConstraint(
                fields=["event"],
                condition=Q(
                    way="host", received_at__isnull=True, voided_at__isnull=True
                ),
                name="one_open_guest_list_link",
            ),
            who_and_when("guest_list_asked", "asked_at", "asked_by"),
            who_and_when("guest_list_taken", "taken_at", "taken_by"),
            who_and_when("guest_list_undone", "undone_at", "undone_by"),
            models.CheckConstraint(
                name="guest_list_host_was_asked",
                condition=Q(
                    way="host",
                    asked_at__isnull=False,
                    expires_at__isnull=False,
                    token_hash__isnull=False,
                )
                | ~Q(way="host") & Q(asked_at__isnull=True, token_hash__isnull=True),
            ),
        ]
