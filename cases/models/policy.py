import datetime as dt
import uuid
from decimal import Decimal
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from cases.arithmetic import Guideline
from health_authorities.memory import remembered


class Disease(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(_("code"), max_length=30, unique=True)
    names = models.JSONField(_("names"), default=dict)

    class Meta:
        verbose_name = _("disease")
        verbose_name_plural = _("diseases")

    def __str__(self) -> str:
        language = translation.get_language() or "en"
        return self.names.get(language) or self.names.get("en") or self.code


def contact_categories_by_default() -> list[dict[str, Any]]:
    """Return the categories of contacts, the first that fits counts.

    What is not known counts as if it were close. `counted` says how long: as
    'quarantine', as 'household' (anchored and capped), or '' for not at all; `days`
    instead of the policy's own, where a category has its own number.
    Source: RKI, Kontaktpersonen-Nachverfolgung (KP-N) bei SARS-CoV-2, as of 2021.
    """
    near, room = ["near", "unknown"], ["room", "unknown"]
    unprotected = ["none", "one", "unknown"]
    close = {"code": "close", "counted": "quarantine"}
    return [
        {"code": "household", "settings": ["household"], "counted": "household"},
        {**close, "distance": near, "minutes": 10, "masks": unprotected},
        {**close, "distance": room, "minutes": 10},
        {**close, "distance": near, "masks": unprotected, "vulnerable": True},
        {"code": "distant", "counted": ""},
    ]


def immunity_by_default() -> dict[str, dict[str, int]]:
    """Return with which immunity a contact is exempt: from how many days after the
    dose or specimen on, and (without: for good) for how many days after it.

    Source: RKI, Kontaktpersonen-Nachverfolgung (KP-N) bei SARS-CoV-2, as of 2021.
    """
    return {
        "vaccination": {"doses": 2, "after_days": 14},
        "infection": {"after_days": 28, "for_days": 180},
    }


class PolicyQuerySet(models.QuerySet["Policy"]):
    def in_force(self, disease: Disease, *, on: dt.date) -> "Policy":
        """Return the approved version in force on that day.

        A version begins tomorrow at the earliest, so that of a day is fixed. Raises
        Policy.DoesNotExist where the disease has none yet.
        """
        return remembered(
            ("policy", disease.pk, on), lambda: self._in_force(disease, on=on)
        )

    def _in_force(self, disease: Disease, *, on: dt.date) -> "Policy":
        found = (
            self.filter(disease=disease, valid_from__lte=on, approved_at__isnull=False)
            .order_by("-valid_from")
            .first()
        )
        if found is None:
            raise self.model.DoesNotExist
        return found


class Policy(Guideline, models.Model):
    """What depends on the disease: dated, approved by a second person, immutable once
    in force. The arithmetic on these numbers is `cases.arithmetic.Guideline`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    disease = models.ForeignKey(
        Disease, on_delete=models.PROTECT, related_name="policies"
    )
    valid_from = models.DateField(_("valid from"))
    source = models.TextField(_("source"), blank=True)

    isolation_days = models.PositiveSmallIntegerField(_("isolation, days"), default=10)
    symptom_free_hours = models.PositiveSmallIntegerField(
        _("free of symptoms, hours"), default=48
    )
    slots_considered = models.PositiveSmallIntegerField(
        _("slots looked at for that"), default=4
    )
    slots_needed = models.PositiveSmallIntegerField(
        _("of them with an entry"), default=3
    )
    infectious_days_before = models.PositiveSmallIntegerField(
        _("infectious before onset, days"), default=2
    )
    infectious_days_after = models.PositiveSmallIntegerField(
        _("infectious after onset, days"), default=10
    )
    incubation_days = models.PositiveSmallIntegerField(
        _("incubation period, days"), default=14
    )
    quarantine_days = models.PositiveSmallIntegerField(
        _("quarantine, days"), default=10
    )
    household_days = models.PositiveSmallIntegerField(
        _("quarantine in the household, days"), default=14
    )
    household_cap_days = models.PositiveSmallIntegerField(
        _("household, at most, days"), default=20
    )
    contact_categories = models.JSONField(
        _("categories of contacts"), default=contact_categories_by_default
    )
    immunity = models.JSONField(
        _("immunity that exempts"), default=immunity_by_default, blank=True
    )
    contact_days_asked = models.PositiveSmallIntegerField(
        _("contacts asked for, at least, days"), default=8
    )
    asks_contacts_too = models.BooleanField(
        _("contacts are asked whom they met, too"), default=False
    )
    cluster_from = models.PositiveSmallIntegerField(
        _("possible cluster from cases"), default=3
    )
    release_pcr_day = models.PositiveSmallIntegerField(
        _("PCR to release from day"), default=5
    )
    release_antigen_day = models.PositiveSmallIntegerField(
        _("antigen test to release from day"), default=7
    )
    same_episode_days = models.PositiveSmallIntegerField(
        _("same episode, days"), default=90
    )
    fever_cases = models.DecimalField(
        _("fever of cases from, °C"),
        max_digits=3,
        decimal_places=1,
        default=Decimal("39.4"),
    )
    fever_contacts = models.DecimalField(
        _("fever of contacts from, °C"),
        max_digits=3,
        decimal_places=1,
        default=Decimal("37.9"),
    )
    fever_infants = models.DecimalField(
        _("emergency in infants from, °C"),
        max_digits=3,
        decimal_places=1,
        default=Decimal("38.0"),
    )
    infant_months = models.PositiveSmallIntegerField(
        _("infant under, months"), default=3
    )
    oxygen_emergency = models.PositiveSmallIntegerField(
        _("SpO₂ emergency up to, %"), default=92
    )
    oxygen_worsening = models.PositiveSmallIntegerField(
        _("SpO₂ worsening under, %"), default=94
    )
    worsening_entries = models.PositiveSmallIntegerField(
        _("rising over entries"), default=3
    )
    # Rises within the normal range are no worsening.
    worsening_from = models.DecimalField(
        _("worsening only from, °C"),
        max_digits=3,
        decimal_places=1,
        default=Decimal("37.5"),
    )
    # [{"group": "A", "count": 1}, {"group": "B", "count": 2}]: any of them is enough.
    groups = models.JSONField(_("n of group"), default=list, blank=True)
    legal_basis_isolation = models.CharField(
        _("legal basis of isolation"), max_length=200, blank=True
    )
    legal_basis_quarantine = models.CharField(
        _("legal basis of quarantine"), max_length=200, blank=True
    )
    remedies = models.TextField(_("information on remedies"), blank=True)

    # Comes with the installation; else drafted by one and approved by another.
    shipped = models.BooleanField(default=False, editable=False)
    drafted_at = models.DateTimeField(editable=False)
    drafted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="policies_drafted",
        editable=False,
    )
    approved_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="policies_approved",
        editable=False,
    )

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        ordering = ["-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["disease", "valid_from"], name="policy_once_a_day"
            ),
            models.CheckConstraint(
                name="policy_approved_by_another",
                condition=models.Q(shipped=True)
                | models.Q(approved_at__isnull=True, approved_by__isnull=True)
                | (
                    models.Q(approved_at__isnull=False, approved_by__isnull=False)
                    & ~models.Q(approved_by=models.F("drafted_by"))
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.disease} {self.valid_from:%Y-%m-%d}"

    def clean(self) -> None:
        """Refuse categories and immunity that the arithmetic cannot read."""
        wrong = {}
        if not are_categories(self.contact_categories):
            wrong["contact_categories"] = _(
                "Each category needs a 'code' and 'counted' as 'quarantine', as "
                "'household' or ''; 'minutes' and 'days' are numbers, 'settings', "
                "'distance' and 'masks' lists."
            )
        if not is_immunity(self.immunity):
            wrong["immunity"] = _(
                "'vaccination' and 'infection' each need 'after_days'; it, 'for_days' "
                "and 'doses' are numbers of days or doses."
            )
        if wrong:
            raise ValidationError(wrong)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def are_categories(value: Any) -> bool:
    """Whether that can be the categories of contacts of a policy."""
    lists = {"settings", "distance", "masks"}
    known = {"code", "counted", "minutes", "days", "vulnerable", *lists}
    return isinstance(value, list) and all(
        isinstance(rule, dict)
        and set(rule) <= known
        and isinstance(rule.get("code"), str)
        and 0 < len(rule["code"]) <= 20
        and rule.get("counted") in {"quarantine", "household", ""}
        and all(_is_count(rule[name]) for name in ("minutes", "days") if name in rule)
        and all(isinstance(rule[name], list) for name in lists if name in rule)
        for rule in value
    )


def is_immunity(value: Any) -> bool:
    """Whether that can be the immunity of a policy."""
    return (
        isinstance(value, dict)
        and set(value) <= {"vaccination", "infection"}
        and all(
            isinstance(rule, dict)
            and "after_days" in rule
            and set(rule) <= {"after_days", "for_days", "doses"}
            and all(map(_is_count, rule.values()))
            for rule in value.values()
        )
    )


class PolicyExample(models.Model):
    """A worked example beside a policy: it must compute as written."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    policy = models.ForeignKey(
        Policy, on_delete=models.CASCADE, related_name="examples"
    )
    title = models.CharField(_("example"), max_length=200)
    kind = models.CharField(
        _("kind"),
        max_length=12,
        choices=[("isolation", _("isolation")), ("quarantine", _("quarantine"))],
    )
    anchor_kind = models.CharField(
        _("counted from"),
        max_length=14,
        choices=[
            ("onset", _("onset")),
            ("specimen", _("first specimen")),
            ("last_exposure", _("last exposure")),
            ("household", _("household")),
        ],
    )
    anchor_day = models.DateField(_("that day"))
    # Of an exposure: setting, distance, minutes, masks, vulnerable, immunity.
    circumstances = models.JSONField(_("circumstances"), default=dict, blank=True)
    # Empty: nothing is ordered.
    until = models.DateField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("worked example")
        verbose_name_plural = _("worked examples")

    def __str__(self) -> str:
        return self.title


class RoutineQuerySet(models.QuerySet["Routine"]):
    def in_force(self, *, on: dt.date) -> "Routine":
        """Return the version in force on that day; raises Routine.DoesNotExist."""
        return remembered(("routine", on), lambda: self._in_force(on=on))

    def _in_force(self, *, on: dt.date) -> "Routine":
        found = self.filter(valid_from__lte=on).order_by("-valid_from").first()
        if found is None:
            raise self.model.DoesNotExist
        return found


def staffed_by_default() -> list[str]:
    """Return the reasons whose clock stands while nobody is there.

    What harms nobody by waiting until Monday. Medical reasons and endings count all
    hours; so do silence and the first call (*24 h*) unless an authority says otherwise.
    """
    return [
        "entry_missing",
        "not_registered",
        "details_missing",
        "onset_differs",
        "message_failed",
        "possible_duplicate",
    ]


class Routine(models.Model):
    """What depends on no disease: slots, ladder, quiet hours, lives of codes,
    retention. Dated and immutable once in force, as policies are."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    valid_from = models.DateField(_("valid from"), unique=True)

    # Partials, for Django warns of a fixed time whenever the clock shows just that.
    slots_per_day = models.PositiveSmallIntegerField(
        _("slots a day"), default=2, choices=[(1, "1"), (2, "2")]
    )
    morning_from = models.TimeField(_("morning from"), default=partial(dt.time, 6))
    evening_from = models.TimeField(_("evening from"), default=partial(dt.time, 17))
    entry_open_hours = models.PositiveSmallIntegerField(
        _("entry open after its slot, hours"), default=24
    )
    edit_minutes = models.PositiveSmallIntegerField(
        _("editable after it was sent, minutes"), default=15
    )
    remind_morning = models.TimeField(
        _("reminder, morning"), default=partial(dt.time, 11)
    )
    remind_evening = models.TimeField(
        _("reminder, evening"), default=partial(dt.time, 19, 30)
    )
    quiet_from = models.TimeField(_("quiet from"), default=partial(dt.time, 21))
    quiet_until = models.TimeField(_("quiet until"), default=partial(dt.time, 8))
    missing_after = models.PositiveSmallIntegerField(
        _("entry missing after slots"), default=2
    )
    missing_after_if_at_risk = models.PositiveSmallIntegerField(
        _("the same, abnormal, old or alone"), default=1
    )
    old_age = models.PositiveSmallIntegerField(_("old, over years"), default=70)
    call_after_hours = models.PositiveSmallIntegerField(
        _("call task after silence, hours"), default=24
    )
    silent_after_hours = models.PositiveSmallIntegerField(
        _("supervisor after silence, hours"), default=48
    )
    letter_after_calls = models.PositiveSmallIntegerField(
        _("letter or visit after calls"), default=3
    )
    code_hours = models.PositiveSmallIntegerField(
        _("life of a code, hours"), default=72
    )
    letter_code_days = models.PositiveSmallIntegerField(
        _("life of a code by letter, days"), default=14
    )
    birth_date_tries = models.PositiveSmallIntegerField(
        _("tries of the birth date"), default=5
    )
    not_registered_hours = models.PositiveSmallIntegerField(
        _("not registered after, hours"), default=24
    )
    first_call_hours = models.PositiveSmallIntegerField(
        _("first call due after, hours"), default=24
    )
    enrolled_hours = models.PositiveSmallIntegerField(
        _("enrolled within, hours"), default=48
    )
    contacts_told_hours = models.PositiveSmallIntegerField(
        _("contacts told within, hours"), default=48
    )
    end_warning_days = models.PositiveSmallIntegerField(
        _("monitoring ends, days before"), default=1
    )
    ending_decided_by = models.TimeField(
        _("ending to be decided by"), default=partial(dt.time, 12)
    )
    readable_days = models.PositiveSmallIntegerField(
        _("citizen's page readable after the end, days"), default=92
    )
    keep_diary_months = models.PositiveSmallIntegerField(
        _("keep diary and notes, months"), default=6
    )
    keep_orders_months = models.PositiveSmallIntegerField(
        _("keep orders, months"), default=36
    )
    keep_access_log_months = models.PositiveSmallIntegerField(
        _("keep access log, months"), default=12
    )
    measure_oxygen = models.BooleanField(_("ask for SpO₂ and pulse"), default=True)
    # Codes of `cases.due_times.MAY_STAND`.
    staffed_clock = models.JSONField(
        _("reasons whose clock runs in staffed hours only"),
        default=staffed_by_default,
        blank=True,
    )
    on_call_minutes = models.PositiveSmallIntegerField(
        _("next on-call telephone after, minutes"), default=15
    )
    # From which on somebody else must look into what an official reads.
    alarm_people_an_hour = models.PositiveSmallIntegerField(
        _("alarm: people opened within an hour"), default=60
    )
    alarm_people_a_day = models.PositiveSmallIntegerField(
        _("alarm: people opened within a day"), default=250
    )
    alarm_listed_an_hour = models.PositiveSmallIntegerField(
        _("alarm: people shown in lists within an hour"), default=500
    )
    alarm_exports_a_day = models.PositiveSmallIntegerField(
        _("alarm: print runs and exports within a day"), default=8
    )
    alarm_searches = models.PositiveSmallIntegerField(
        _("alarm: searches within half an hour, nobody opened"), default=12
    )
    alarm_neighbours = models.PositiveSmallIntegerField(
        _("alarm: houses of one street opened within a day, not for work"), default=3
    )
    alarm_of_others = models.PositiveSmallIntegerField(
        _("alarm: people of others opened within a day, nothing done"), default=10
    )
    alarm_night_from = models.TimeField(
        _("alarm: night from"), default=partial(dt.time, 22)
    )
    alarm_night_until = models.TimeField(
        _("alarm: night until"), default=partial(dt.time, 5)
    )
    alarm_at_night = models.PositiveSmallIntegerField(
        _("alarm: people opened at night, not for work"), default=5
    )

    drafted_at = models.DateTimeField(editable=False)
    drafted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="routines_drafted",
        editable=False,
    )

    objects = RoutineQuerySet.as_manager()

    class Meta:
        verbose_name = _("routine")
        verbose_name_plural = _("routines")
        ordering = ["-valid_from"]

    def __str__(self) -> str:
        return f"{self.valid_from:%Y-%m-%d}"

    def clean(self) -> None:
        """Refuse a clock that may not stand, such as an emergency's."""
        from cases.due_times import MAY_STAND

        wrong = set(self.staffed_clock) - {str(reason) for reason in MAY_STAND}
        if wrong:
            raise ValidationError({"staffed_clock": _("These clocks never stand.")})
