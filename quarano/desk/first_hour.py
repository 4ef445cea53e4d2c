"""The first hour of an authority: what is set up, what is not, and where it is done.

Each step is done when the facts say so; only what nobody but a person can say (the
texts and the rules were read and hold for us) is marked by hand.
"""

import datetime as dt
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_tenants.utils import schema_context

from cases.models import Monitoring, Policy
from health_authorities import details
from health_authorities.models import (
    HealthAuthority,
    Office,
    current,
    in_practice,
)
from quarano.accounts.models import Role, StaffInvitation, User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction
from quarano.desk.models import SetUpMark
from quarano.notifications.models import TextVersion

Mark = SetUpMark.Step
KEPT = "desk:first-hour"
KEPT_SECONDS = 60


@dataclass(frozen=True)
class Step:
    """One line of the list."""

    code: str
    label: str
    is_done: bool
    fact: str  # what was found, in words
    url: str = ""
    link: str = ""
    mark: str = ""  # which mark says that it is done


@dataclass(frozen=True)
class FirstHour:
    steps: list[Step]
    is_put_away: bool

    @property
    def open(self) -> list[Step]:
        return [step for step in self.steps if not step.is_done]

    @property
    def done(self) -> int:
        return len(self.steps) - len(self.open)

    @property
    def is_over(self) -> bool:
        return not self.open


@dataclass(frozen=True)
class Summary:
    """What other pages say of it."""

    open: int
    total: int
    is_put_away: bool
    administrators: tuple[str, ...]

    @property
    def is_shown(self) -> bool:
        return bool(self.open) and not self.is_put_away


def read(*, now: dt.datetime) -> FirstHour:
    """Return all steps of the authority that is entered, as its rows are now."""
    own = details.read(current())
    marks = set(SetUpMark.objects.values_list("step", flat=True))
    steps = [
        _staff(now=now),
        *_own(own),
        _texts(marks),
        _policy(marks),
        _offices(),
        _first_case(),
    ]
    # Whoever practises has nothing to set up.
    return FirstHour(steps, Mark.PUT_AWAY in marks or in_practice())


def summary(*, now: dt.datetime) -> Summary:
    """Return how far the first hour is, at most a minute old."""
    found: Summary | None = cache.get(KEPT)
    if found is None:
        whole = read(now=now)
        names = User.objects.filter(is_active=True, roles__contains=["administrator"])
        found = Summary(
            open=len(whole.open),
            total=len(whole.steps),
            is_put_away=whole.is_put_away,
            administrators=tuple(
                names.order_by("name", "pk").values_list("name", flat=True)[:3]
            ),
        )
        cache.set(KEPT, found, KEPT_SECONDS)
    return found


def _staff(*, now: dt.datetime) -> Step:
    """Somebody takes up cases, and signs in with two factors."""
    roles = Role.objects.filter(permissions__contains=["cases.take_up"])
    codes = list(roles.values_list("code", flat=True))
    ready = (
        User.objects.filter(
            is_active=True,
            roles__overlap=codes,
            pk__in=Authenticator.objects.exclude(
                type=Authenticator.Type.RECOVERY_CODES
            ).values("user"),
        )
        .exclude(active_until__lt=current().localdate(now))
        .count()
    )
    invited = StaffInvitation.objects.filter(
        accepted_at__isnull=True, voided_at__isnull=True
    ).count()
    facts = [
        ngettext(
            "%(n)d official with two factors takes up cases",
            "%(n)d officials with two factors take up cases",
            ready,
        )
        % {"n": ready},
        ngettext("%(n)d invitation is open", "%(n)d invitations are open", invited)
        % {"n": invited},
    ]
    return Step(
        "staff",
        _("Invite your staff"),
        ready > 0,
        ", ".join(facts if invited else facts[:1]),
        reverse("admin:accounts_staffinvitation_add"),
        _("Invite"),
    )


def _own(own: HealthAuthority) -> list[Step]:
    url = reverse("desk:authority")
    has_hours = any(own.staffed_hours)
    address = [own.street, own.postal_code, own.city]
    hotlines = [own.cases_phone, own.contacts_phone]
    missing = [
        word
        for is_there, word in (
            (all(hotlines), _("hotlines")),
            (all(address), _("address")),
        )
        if not is_there
    ]
    return [
        Step(
            "hours",
            _("Say when somebody is there"),
            has_hours,
            _("hours are entered")
            if has_hours
            else _("citizens cannot be told when somebody reads what they write"),
            url,
            _("Enter hours"),
        ),
        Step(
            "on_call",
            _("Say who is on call"),
            bool(own.on_call_phones),
            _("an emergency sign at night reaches somebody")
            if own.on_call_phones
            else _("an emergency sign at night reaches nobody"),
            url,
            _("Enter telephones"),
        ),
        Step(
            "hotlines",
            _("Enter hotlines and address"),
            not missing,
            _("missing: %(what)s") % {"what": ", ".join(missing)}
            if missing
            else _("they stand on every letter and every citizen's page"),
            url,
            _("Enter them"),
        ),
    ]


def _texts(marks: set[str]) -> Step:
    own = TextVersion.objects.count()
    is_done = bool(own) or Mark.TEXTS in marks
    fact = _("the shipped texts are in use")
    if own:
        fact = ngettext("%(n)d text is your own", "%(n)d texts are your own", own) % {
            "n": own
        }
    return Step(
        "texts",
        _("Read the texts that people get"),
        is_done,
        fact,
        texts_url(),
        _("Read texts"),
        Mark.TEXTS.value,
    )


def texts_url() -> str:
    """Return the page on which messages are worded."""
    return reverse("texts:index")


def _policy(marks: set[str]) -> Step:
    own = Policy.objects.filter(shipped=False, approved_at__isnull=False).exists()
    return Step(
        "policy",
        _("Check the rules against your state's law"),
        own or Mark.POLICY in marks,
        _("a version of your own is approved")
        if own
        else _("days and limits are the shipped ones of 2021"),
        reverse("admin:cases_policy_changelist"),
        _("Read rules"),
        Mark.POLICY.value,
    )


def _offices() -> Step:
    with schema_context("public"):
        are_loaded = Office.objects.exists()
    return Step(
        "offices",
        _("Load the directory of offices"),
        are_loaded,
        _("postal codes are compared with the register")
        if are_loaded
        else _("ask the operator for it: manage.py load_offices"),
    )


def _first_case() -> Step:
    has_case = Monitoring.objects.exists()
    return Step(
        "first_case",
        _("Take up the first case"),
        has_case,
        _("people are followed")
        if has_case
        else _("a case worker does that: 'Add a case' on the worklist"),
    )


# --- Marks ----------------------------------------------------------------------------


@retrying_transaction(repeatable=True)
def mark(
    authority: HealthAuthority, *, step: str, by: User, now: dt.datetime
) -> SetUpMark:
    """Note that somebody read what only a person can judge, or put the list away."""
    made, is_new = SetUpMark.objects.get_or_create(
        step=Mark(step), defaults={"made_at": now, "made_by": by}
    )
    if is_new:
        audit.record("first_hour.marked", made, by=by, now=now)
        transaction.on_commit(_forget, robust=True)
    return made


@retrying_transaction(repeatable=True)
def unmark(
    authority: HealthAuthority, *, step: str, by: User, now: dt.datetime
) -> bool:
    """Take a mark back, so that the list comes again; False where there was none."""
    found = SetUpMark.objects.select_for_update().filter(step=Mark(step)).first()
    if found is None:
        return False
    audit.record("first_hour.unmarked", found, by=by, now=now)
    found.delete()
    transaction.on_commit(_forget, robust=True)
    return True


def _forget() -> None:
    cache.delete(KEPT)
