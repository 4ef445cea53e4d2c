import datetime as dt
import uuid
import zoneinfo

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import connection, models
from django.utils.translation import gettext_lazy as _
from django_tenants.models import DomainMixin, TenantMixin
from django_tenants.utils import schema_context

from health_authorities.hours import Hours, loaded
from health_authorities.states import FederalState

# How the schema of a practice authority ends, and that of no other.
LONGEST_SESSION = 12  # hours, of whoever works for an authority (NIST SP 800-63B)
PRACTICE = "_practice"


class HealthAuthorityQuerySet(models.QuerySet["HealthAuthority"]):
    def real(self) -> "HealthAuthorityQuerySet":
        """Those that work; practice authorities are never counted or listed."""
        return self.filter(is_practice=False)


class HealthAuthority(TenantMixin):
    """A regional Health Authority; its people live in the schema it names."""

    # Founding makes the schema in one transaction of its own (quarano/founding.py).
    auto_create_schema = False
    auto_drop_schema = False

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=200)
    short_name = models.CharField(_("short name"), max_length=60)
    rki_code = models.CharField(
        _("code in the national register"),
        max_length=20,
        unique=True,
        validators=[RegexValidator(r"^\d\.\d\d\.\d\.\d\d\.(\d\d\.)?$")],
    )
    federal_state = models.CharField(
        _("federal state"), max_length=2, choices=FederalState
    )
    district = models.CharField(_("district"), max_length=120, blank=True)
    region = models.CharField(
        _("region"),
        max_length=60,
        blank=True,
        help_text=_("Where its rows must live. Empty: anywhere."),
    )
    time_zone = models.CharField(_("time zone"), max_length=60, default="Europe/Berlin")
    default_language = models.CharField(
        _("default language"), max_length=8, choices=settings.LANGUAGES, default="de"
    )
    street = models.CharField(_("street"), max_length=120, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=5, blank=True)
    city = models.CharField(_("town"), max_length=120, blank=True)
    cases_phone = models.CharField(_("phone for cases"), max_length=40, blank=True)
    cases_email = models.EmailField(_("e-mail for cases"), blank=True)
    contacts_phone = models.CharField(
        _("phone for contacts"), max_length=40, blank=True
    )
    contacts_email = models.EmailField(_("e-mail for contacts"), blank=True)
    sender = models.EmailField(_("sender of our mail"))
    sender_name = models.CharField(
        _("name of the sender of our mail"),
        max_length=120,
        blank=True,
        help_text=_("Empty: the authority's name."),
    )
    # Monday to Sunday, spans as [["08:00", "16:00"]]; empty: nobody has said.
    staffed_hours = models.JSONField(default=list, editable=False)
    closed_on_holidays = models.BooleanField(
        _("closed on the state's holidays"), default=True
    )
    # By ISO day, the spans of that day; none where nobody is there.
    special_days = models.JSONField(default=dict, editable=False)
    # In E.164; reached by text messages when nobody is there.
    on_call_phone = models.CharField(
        _("on-call telephone"), max_length=20, blank=True, editable=False
    )
    on_call_phone_second = models.CharField(
        _("second on-call telephone"), max_length=20, blank=True, editable=False
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    sms_sender = models.CharField(
        _("sender of our text messages"),
        max_length=16,
        blank=True,
        # What networks take (3GPP TS 23.040): a number, or eleven letters and digits.
        validators=[RegexValidator(r"^(\+\d{5,15}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11})$")],
        help_text=_(
            "Up to 11 letters and digits, or a number such as +4962211234. Empty: the "
            "installation's."
        ),
    )
    # The authority may shorten it, never lengthen it: settings say the most.
    session_hours = models.PositiveSmallIntegerField(
        _("signed in for at most, hours"), default=LONGEST_SESSION, editable=False
    )
    founded_at = models.DateTimeField(_("founded at"), null=True, editable=False)
    # Invented people, nothing is sent, new every night: quarano/practice.py.
    is_practice = models.BooleanField(_("practice"), default=False, editable=False)
    practice_played_at = models.DateTimeField(null=True, editable=False)
    practice_claimed_at = models.DateTimeField(null=True, editable=False)

    objects = HealthAuthorityQuerySet.as_manager()

    class Meta:
        verbose_name = _("health authority")
        verbose_name_plural = _("health authorities")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="authority_session_hours",
                condition=models.Q(
                    session_hours__gte=1, session_hours__lte=LONGEST_SESSION
                ),
            ),
            # A real authority can never be taken for one whose rows are dropped.
            models.CheckConstraint(
                name="practice_named_so",
                condition=models.Q(is_practice=True, schema_name__endswith=PRACTICE)
                | (
                    models.Q(is_practice=False)
                    & ~models.Q(schema_name__endswith=PRACTICE)
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)

    def localtime(self, moment: dt.datetime) -> dt.datetime:
        """Return the moment on this authority's clock."""
        return moment.astimezone(self.zone)

    def localdate(self, moment: dt.datetime) -> dt.date:
        """Return the day that the moment falls on in this authority's time zone."""
        return self.localtime(moment).date()

    def at(self, day: dt.date, time: dt.time) -> dt.datetime:
        """Return the instant, aware in UTC, when this authority's clock shows that.

        In the hour that autumn repeats the first one is meant; a time that spring
        skips is the same distance after the jump.
        """
        return dt.datetime.combine(day, time, self.zone).astimezone(dt.UTC)

    def end_of(self, day: dt.date) -> dt.datetime:
        """Return 24:00 of the day as an aware instant in UTC."""
        return self.at(day + dt.timedelta(days=1), dt.time.min)

    @property
    def hours(self) -> Hours:
        """When somebody is there."""
        state = FederalState(self.federal_state)
        return Hours(
            zone=self.zone,
            weekly=tuple(loaded(day) for day in self.staffed_hours),
            subdivision=state.subdivision if self.closed_on_holidays else "",
            special={
                dt.date.fromisoformat(day): loaded(spans)
                for day, spans in self.special_days.items()
            },
        )

    @property
    def on_call_phones(self) -> list[str]:
        """The on-call telephones, the first to be called first."""
        return [one for one in (self.on_call_phone, self.on_call_phone_second) if one]

    @property
    def host(self) -> str:
        """The host name of this authority's site, from its primary domain."""
        if not hasattr(self, "_host"):
            # Domains are public, and whoever asks works in the authority's schema.
            with schema_context("public"):
                domains = self.domains.order_by("-is_primary", "domain")
                self._host = domains.values_list("domain", flat=True)[0]
        return self._host

    def url(self, path: str = "/") -> str:
        """Return the full address of a path on this authority's site."""
        return f"{settings.SITE_SCHEME}://{self.host}{settings.SITE_PORT}{path}"


class Domain(DomainMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta:
        verbose_name = _("domain")
        verbose_name_plural = _("domains")


def current() -> HealthAuthority:
    """Return the authority whose schema this request or task works in.

    Raises LookupError outside any authority, so that nothing reads `public` by
    mistake.
    """
    authority = connection.tenant
    if not isinstance(authority, HealthAuthority):
        raise LookupError("no health authority is entered")
    return authority


def whose_key_begins(digits: str) -> list[HealthAuthority]:
    """Return the authorities whose key begins with these hexadecimal digits."""
    first, last = (uuid.UUID(digits.ljust(32, end)) for end in "0f")
    with schema_context("public"):
        return list(HealthAuthority.objects.filter(pk__gte=first, pk__lte=last))


def in_practice() -> bool:
    """Whether the authority that is entered is one to practise with."""
    authority = connection.tenant
    return isinstance(authority, HealthAuthority) and authority.is_practice


class Office(models.Model):
    """One office of the national register, whether or not it works with Quarano."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=200)
    department = models.CharField(max_length=200, blank=True)
    street = models.CharField(max_length=200, blank=True)
    postal_code = models.CharField(max_length=12, blank=True)
    city = models.CharField(max_length=120, blank=True)
    phone = models.CharField(max_length=80, blank=True)
    email = models.CharField(max_length=200, blank=True)
    cases_phone = models.CharField(max_length=80, blank=True)
    cases_email = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("office")
        verbose_name_plural = _("offices")

    def __str__(self) -> str:
        return self.name


class SearchText(models.Model):
    """A postal code or the name of a district, and the office it belongs to."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    office = models.ForeignKey(
        Office, on_delete=models.CASCADE, related_name="search_texts"
    )
    text = models.CharField(max_length=200, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["office", "text"], name="office_text_once")
        ]

    def __str__(self) -> str:
        return self.text


class FoundingRequest(models.Model):
    """An operator's wish for a new authority; the owner's worker carries it out."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        FOUNDING = "founding", _("being founded")
        DONE = "done", _("founded")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=200)
    short_name = models.CharField(_("short name"), max_length=60)
    schema_name = models.CharField(
        _("schema"),
        max_length=40,
        unique=True,
        validators=[RegexValidator(r"^[a-z][a-z0-9_]{1,39}$")],
    )
    host = models.CharField(_("host"), max_length=253, unique=True)
    rki_code = models.CharField(
        _("code in the national register"), max_length=20, unique=True
    )
    federal_state = models.CharField(
        _("federal state"), max_length=2, choices=FederalState
    )
    region = models.CharField(_("region"), max_length=60, blank=True)
    sender = models.EmailField(_("sender of our mail"))
    administrator_name = models.CharField(_("administrator's name"), max_length=120)
    administrator_email = models.EmailField(_("administrator's e-mail"))
    requested_at = models.DateTimeField(_("requested at"))
    requested_by = models.UUIDField(null=True, editable=False)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    step = models.CharField(_("step"), max_length=60, blank=True)
    claimed_until = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    problem = models.CharField(_("problem"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("founding of an authority")
        verbose_name_plural = _("foundings of authorities")

    def __str__(self) -> str:
        return self.name


class PlacementRequest(models.Model):
    """An operator's wish where rows are to live; the owner's worker carries it out.

    Without an authority the database is spread to the region; with one its tables move
    there.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        MOVING = "moving", _("on its way")
        DONE = "done", _("arrived")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    authority = models.ForeignKey(
        HealthAuthority,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="placements",
        verbose_name=_("health authority"),
        help_text=_("Empty: the whole database is spread to a region that is new."),
    )
    region = models.CharField(
        _("region"),
        max_length=60,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]*$")],
        help_text=_("As the nodes name it when they start: region=eu-west-1."),
    )
    requested_at = models.DateTimeField(_("requested at"))
    requested_by = models.UUIDField(null=True, editable=False)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    # Ranges that are where they should be, and all of them.
    ranges_there = models.PositiveIntegerField(default=0)
    ranges = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, editable=False)
    problem = models.CharField(_("problem"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("placement")
        verbose_name_plural = _("placements")
        constraints = [
            models.UniqueConstraint(
                fields=["authority"],
                condition=models.Q(state__in=["waiting", "moving"]),
                name="one_open_placement",
            ),
            models.CheckConstraint(
                condition=models.Q(ranges_there__lte=models.F("ranges")),
                name="no_more_there_than_all",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authority or '*'} → {self.region}"
