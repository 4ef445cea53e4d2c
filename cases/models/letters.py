import datetime as dt
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.models.pairs import who_and_when
from cases.models.person import Person
from quarano.accounts.models import User
from quarano.encryption import SealedTextField
from quarano.notifications.models import Message


class LetterKind(models.TextChoices):
    INVITATION = "invitation", _("invitation")
    ORDER = "order", _("order")
    RELEASE = "release", _("certificate of the end")


class Logo(models.Model):
    """The picture on the authority's letters; one row, or none."""

    class Kind(models.TextChoices):
        PNG = "png", "PNG"
        SVG = "svg", "SVG"

    code = models.CharField(primary_key=True, max_length=8, default="logo")
    version = models.PositiveIntegerField(default=1, editable=False)
    kind = models.CharField(max_length=3, choices=Kind)
    content = models.BinaryField()
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="logos"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="one_logo", condition=Q(code="logo"))
        ]


class PrintRunQuerySet(models.QuerySet["PrintRun"]):
    def open(self) -> "PrintRunQuerySet":
        """Those neither posted nor put back."""
        return self.filter(posted_at__isnull=True, put_back_at__isnull=True)

    def open_to(self, user: User) -> "PrintRunQuerySet":
        """Those with letters to nobody whom this official may not see."""
        people = Person.objects.open_to(user).order_by().values("pk")
        hidden = Letter.objects.exclude(person__in=people).values("run")
        return self.exclude(pk__in=hidden)


class PrintRun(models.Model):
    """Letters that were taken out of the outbox together, to be printed and posted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="print_runs_opened",
    )
    # How often its PDF was made, and the last time.
    prints = models.PositiveSmallIntegerField(default=0)
    printed_at = models.DateTimeField(null=True)
    printed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="print_runs_printed",
    )
    posted_at = models.DateTimeField(null=True)
    posted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="print_runs_posted",
    )
    put_back_at = models.DateTimeField(null=True)
    put_back_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="print_runs_put_back",
    )

    objects = PrintRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("print run")
        verbose_name_plural = _("print runs")
        indexes = [models.Index(fields=["-opened_at"], name="print_run_newest")]
        constraints = [
            who_and_when("print_run_printed", "printed_at", "printed_by"),
            who_and_when("print_run_posted", "posted_at", "posted_by"),
            who_and_when("print_run_put_back", "put_back_at", "put_back_by"),
            models.CheckConstraint(
                name="print_run_ends_once",
                condition=Q(posted_at__isnull=True) | Q(put_back_at__isnull=True),
            ),
            models.CheckConstraint(
                name="print_run_posted_was_printed",
                condition=Q(posted_at__isnull=True) | Q(printed_at__isnull=False),
            ),
        ]

    @property
    def is_open(self) -> bool:
        return self.posted_at is None and self.put_back_at is None


class Letter(models.Model):
    """One message's place in a print run."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(PrintRun, on_delete=models.CASCADE, related_name="letters")
    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, related_name="letters"
    )
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="letters")
    kind = models.CharField(max_length=10, choices=LetterKind)
    position = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "message"], name="letter_once_in_a_run"
            ),
            models.UniqueConstraint(
                fields=["run", "position"], name="letter_place_in_a_run"
            ),
        ]


class Proof(models.Model):
    """What the QR code of an order or certificate answers; without a foreign key, so
    that it may outlive the person's rows. Initials and days, no illness."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=LetterKind)
    # The order that the letter is about.
    about = models.UUIDField()
    token = SealedTextField()
    token_hash = models.CharField(max_length=64, unique=True)
    initials = models.CharField(max_length=12)
    start = models.DateField()
    until = models.DateField()
    issued_on = models.DateField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "about"], name="proof_once"),
            models.CheckConstraint(
                name="proof_of_what_can_be_proved",
                condition=Q(kind__in=["order", "release"]),
            ),
        ]

    def is_over(self, on: dt.date) -> bool:
        return self.until < on
