import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cases.models.case import Case
from cases.models.pairs import who_and_when
from cases.models.person import Person
from cases.models.policy import Disease, Policy
from quarano.accounts.models import User
from quarano.encryption import SealedTextField


class MonitoringQuerySet(models.QuerySet["Monitoring"]):
    def open(self) -> "MonitoringQuerySet":
        """Those not concluded yet."""
        return self.filter(status__in=Monitoring.OPEN)

    def open_to(self, user: User) -> "MonitoringQuerySet":
        """Those of people whom this official may see."""
        people = Person.objects.open_to(user).order_by()
        return self.filter(person__in=people.values("pk"))


class Monitoring(models.Model):
    """The span in which the authority follows a person."""

    class Kind(models.TextChoices):
        ISOLATION = "isolation", _("isolation")
        QUARANTINE = "quarantine", _("quarantine")

    class Status(models.TextChoices):
        PLANNED = "planned", _("planned")
        OPEN = "open", _("open")
        CONCLUDED = "concluded", _("concluded")

    class Conclusion(models.TextChoices):
        RELEASED = "released", _("released")
        LAPSED = "lapsed", _("lapsed as ordered")
        TURNED_CASE = "turned_case", _("turned into a case")
        TRANSFERRED = "transferred", _("transferred")
        DECEASED = "deceased", _("deceased")
        MOVED = "moved", _("moved away")
        ERRONEOUS = "erroneous", _("recorded in error")

    class Enrolment(models.TextChoices):
        NOT_INVITED = "not_invited", _("not invited")
        INVITED = "invited", _("invited")
        REGISTERED = "registered", _("registered")
        ENROLLED = "enrolled", _("enrolled")
        BY_PHONE = "by_phone", _("by phone")

    class Anchor(models.TextChoices):
        ONSET = "onset", _("symptom onset")
        SPECIMEN = "specimen", _("first positive specimen")
        LAST_EXPOSURE = "last_exposure", _("last exposure")
        HOUSEHOLD = "household", _("first case at home")

    class NotOrdered(models.TextChoices):
        UNEXPOSED = "unexposed", _("no exposure counts")
        NOT_COUNTED = "not_counted", _("not close enough")
        EXEMPT = "exempt", _("immune")

    OPEN = (Status.PLANNED.value, Status.OPEN.value)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    person = models.ForeignKey(
        Person, on_delete=models.CASCADE, related_name="monitorings"
    )
    disease = models.ForeignKey(
        Disease, on_delete=models.PROTECT, related_name="monitorings"
    )
    case = models.ForeignKey(
        Case,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="monitorings",
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    status = models.CharField(
        _("status"), max_length=9, choices=Status, default=Status.OPEN
    )
    start = models.DateField(_("from"))
    # Written by cases.containment only: newest issued order, else the proposal.
    # Empty: no computed end.
    until = models.DateField(_("until"), null=True, blank=True)
    anchor_kind = models.CharField(
        _("counted from"), max_length=14, choices=Anchor, blank=True
    )
    anchor_day = models.DateField(_("counted from day"), null=True, blank=True)
    # Of a quarantine that rests on exposures; kept by contacts.tracing through
    # cases.containment. The category is a code of the policy.
    risk_category = models.CharField(_("risk category"), max_length=20, blank=True)
    further_day = models.DateField(_("further case at home"), null=True, blank=True)
    not_ordered = models.CharField(
        _("nothing ordered because"), max_length=11, choices=NotOrdered, blank=True
    )
    # What an official typed without naming an exposure: it counts beside them.
    stated_kind = models.CharField(max_length=14, choices=Anchor, blank=True)
    stated_day = models.DateField(null=True, blank=True)
    stated_further = models.DateField(null=True, blank=True)
    enrolment = models.CharField(
        _("enrolment"), max_length=11, choices=Enrolment, default=Enrolment.NOT_INVITED
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="monitorings_assigned",
    )
    opened_at = models.DateTimeField(editable=False)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="monitorings_opened",
        editable=False,
    )
    conclusion = models.CharField(
        _("concluded because"), max_length=11, choices=Conclusion, blank=True
    )
    concluded_at = models.DateTimeField(null=True, editable=False)
    # Empty where the rule 'lapsed as ordered' did it.
    concluded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="monitorings_concluded",
        editable=False,
    )
    # The clocks of the start page.
    reported_at = models.DateTimeField(editable=False)
    # Of a quarantine: when the first case was reported that it rests on.
    case_reported_at = models.DateTimeField(null=True, editable=False)
    first_called_at = models.DateTimeField(null=True, editable=False)
    invited_at = models.DateTimeField(null=True, editable=False)
    registered_at = models.DateTimeField(null=True, editable=False)
    enrolled_at = models.DateTimeField(null=True, editable=False)
    told_at = models.DateTimeField(null=True, editable=False)

    objects = MonitoringQuerySet.as_manager()

    class Meta:
        verbose_name = _("monitoring")
        verbose_name_plural = _("monitorings")
        indexes = [
            models.Index(
                fields=["until"],
                name="monitoring_ends",
                condition=Q(status__in=["planned", "open"]),
            ),
            models.Index(fields=["status", "kind"], name="monitoring_status"),
            # The kind and opening of whoever is on the worklist.
            models.Index(
                fields=["person"],
                name="monitoring_followed",
                condition=Q(status__in=["planned", "open"]),
                include=["kind", "opened_at"],
            ),
            # The clocks: who was reported of late, and who still waits.
            models.Index(fields=["reported_at", "id"], name="monitoring_reported"),
            models.Index(
                fields=["reported_at"],
                name="monitoring_waits",
                condition=Q(status__in=["planned", "open"], enrolled_at__isnull=True),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "disease", "kind"],
                condition=Q(status__in=["planned", "open"]),
                name="one_open_monitoring",
            ),
            models.CheckConstraint(
                name="monitoring_until_after_start",
                condition=Q(until__isnull=True) | Q(until__gte=F("start")),
            ),
            models.CheckConstraint(
                name="monitoring_concluded_when_why",
                condition=Q(status="concluded", concluded_at__isnull=False)
                & ~Q(conclusion="")
                & (Q(concluded_by__isnull=False) | Q(conclusion="lapsed"))
                | ~Q(status="concluded")
                & Q(
                    concluded_at__isnull=True, concluded_by__isnull=True, conclusion=""
                ),
            ),
            models.CheckConstraint(
                name="monitoring_anchor_with_its_day",
                condition=Q(anchor_kind="", anchor_day__isnull=True)
                | (~Q(anchor_kind="") & Q(anchor_day__isnull=False)),
            ),
            models.CheckConstraint(
                name="monitoring_stated_with_its_day",
                condition=Q(stated_kind="", stated_day__isnull=True)
                | (~Q(stated_kind="") & Q(stated_day__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.start:%Y-%m-%d}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    @property
    def is_isolation(self) -> bool:
        return self.kind == self.Kind.ISOLATION

    def day(self, on: dt.date) -> int | None:
        """Return n of 'day n of m': days from the anchor (day 0) to that day."""
        return None if self.anchor_day is None else (on - self.anchor_day).days

    @property
    def days(self) -> int | None:
        """m of 'day n of m': days from the anchor to the end, None without an end."""
        if self.anchor_day is None or self.until is None:
            return None
        return (self.until - self.anchor_day).days


class OrderQuerySet(models.QuerySet["Order"]):
    def issued(self) -> "OrderQuerySet":
        return self.filter(issued_at__isnull=False)

    def proposed(self) -> "OrderQuerySet":
        return self.filter(issued_at__isnull=True)


class Order(models.Model):
    """The legal act: a proposal until a named official issues it, never edited then."""

    class Effect(models.TextChoices):
        START = "start", _("orders")
        EXTEND = "extend", _("extends")
        SHORTEN = "shorten", _("shortens")
        LIFT = "lift", _("lifts")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    monitoring = models.ForeignKey(
        Monitoring, on_delete=models.CASCADE, related_name="orders"
    )
    effect = models.CharField(max_length=8, choices=Effect)
    start = models.DateField()
    # Until 24:00 of this day; empty only in a proposal that computes no end.
    until = models.DateField(null=True)
    legal_basis = models.CharField(max_length=200, blank=True)
    remedies = models.TextField(blank=True)
    # Codes and numbers, put into words where shown: cases.arithmetic.Step.
    steps = models.JSONField(default=list)
    reasons = SealedTextField(blank=True)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="orders")
    proposed_at = models.DateTimeField()
    issued_at = models.DateTimeField(null=True)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="orders_issued",
    )
    replaces = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="replaced_by"
    )

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.UniqueConstraint(
                fields=["monitoring"],
                condition=Q(issued_at__isnull=True),
                name="one_proposal",
            ),
            models.UniqueConstraint(
                fields=["replaces"],
                condition=Q(replaces__isnull=False),
                name="replaced_once",
            ),
            who_and_when("order_issued", "issued_at", "issued_by"),
            models.CheckConstraint(
                name="order_issued_has_end",
                condition=Q(issued_at__isnull=True) | Q(until__isnull=False),
            ),
            models.CheckConstraint(
                name="order_until_after_start",
                condition=Q(until__isnull=True)
                | Q(until__gte=F("start"))
                | Q(effect="lift"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_effect_display()} {self.until}"

    @property
    def is_issued(self) -> bool:
        return self.issued_at is not None


class Service(models.Model):
    """One attempt of serving an order; duties never begin before it."""

    class Way(models.TextChoices):
        ORAL = "oral", _("by word of mouth")
        PORTAL = "portal", _("on the person's page")
        POST = "post", _("by post")
        HAND = "hand", _("handed over")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="services")
    way = models.CharField(_("way"), max_length=6, choices=Way)
    served_at = models.DateTimeField(_("served at"))
    # Empty: the portal noted that the person opened the page.
    served_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="services",
    )
    effective_on = models.DateField(_("effective on"))
    note = SealedTextField(blank=True)
