"""A new authority with all that it needs, in seconds, by command or by the operator."""

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django_tenants.utils import quote_schema_name as quoted
from django_tenants.utils import schema_context, schema_exists, tenant_context

from cases.arithmetic import check_examples
from cases.models import Disease, Policy, PolicyExample, Routine
from diaries import catalogue
from diaries.models import Symptom
from health_authorities import everywhere
from health_authorities.middleware import forget
from health_authorities.models import Domain, FoundingRequest, HealthAuthority
from quarano.accounts import invitations
from quarano.accounts.models import Role, StaffInvitation, User
from quarano.audit import APPEND_ONLY, log
from quarano.cockroach import roles, schemas
from quarano.cockroach.transactions import retrying_transaction

logger = logging.getLogger(__name__)

CLAIM = dt.timedelta(minutes=10)
# The shipped guideline holds on every day that anybody will record.
VALID_FROM = dt.date(2020, 1, 1)

FIELD_WORK = [
    "cases.view", "cases.take_up", "cases.edit", "cases.invite", "cases.order",
    "cases.conclude", "cases.call", "cases.comment", "cases.settle", "cases.assign",
    "diaries.record", "letters.print", "figures.view",
]  # fmt: skip
OPERATOR = "operator"
ROLES: dict[str, tuple[str, list[str]]] = {
    "case_worker": (gettext_noop("case worker"), FIELD_WORK),
    "supervisor": (
        gettext_noop("supervisor"),
        [
            *FIELD_WORK, "cases.view_protected", "cases.reopen", "cases.supervise",
            "cases.merge", "policy.approve", "texts.edit", "oversight.alarms",
        ],
    ),
    "physician": (
        gettext_noop("physician"),
        [*FIELD_WORK, "cases.decide", "policy.approve"],
    ),
    "epidemiologist": (gettext_noop("epidemiologist"), ["figures.view"]),
    "administrator": (
        gettext_noop("administrator"),
        [
            "site.administer", "accounts.invite", "policy.edit", "policy.approve",
            "texts.edit", "audit.view", "oversight.alarms",
        ],
    ),
    "data_protection": (
        gettext_noop("data protection officer"),
        ["audit.view", "oversight.alarms"],
    ),
}  # fmt: skip
OPERATION = {
    OPERATOR: (gettext_noop("operator"), ["site.operate", "accounts.invite"]),
}

# What found() reports, in order; also the words of the operator's page.
STEPS = {
    "reserved": gettext_noop("name and address reserved"),
    "tables": gettext_noop("tables made"),
    "rows": gettext_noop("roles, policy and symptoms entered"),
    "invited": gettext_noop("administrator invited"),
}


class AlreadyTaken(Exception):
    """The schema, host or register code belongs to another authority."""


class ExampleDiffers(Exception):
    """A worked example does not compute as written: nothing may rest on this policy."""


def silent(step: str) -> None:
    """Report to nobody."""


def found(
    *,
    name: str,
    short_name: str,
    schema_name: str,
    host: str,
    rki_code: str,
    federal_state: str,
    sender: str,
    administrator_name: str,
    administrator_email: str,
    now: dt.datetime,
    region: str = "",
    report: Callable[[str], None] | None = None,
    **details: Any,
) -> HealthAuthority:
    """Found an authority and invite its first administrator; return it.

    Not inside a transaction: tables are made in one of their own. May be repeated with
    the same words: what is done already stays, and a founding that broke off goes on.
    `details` are further fields of HealthAuthority (address, hotlines, time zone).
    `report` is told each of STEPS. Raises AlreadyTaken, ExampleDiffers, and
    schemas.TemplateMissing before the first migration.
    """
    report = report or silent
    connection.set_schema_to_public()
    authority = _reserve(
        HealthAuthority(
            name=name,
            short_name=short_name,
            schema_name=schema_name,
            rki_code=rki_code,
            federal_state=federal_state,
            region=region,
            sender=sender,
            **details,
        ),
        host=host.lower(),
    )
    report("reserved")
    if authority.founded_at is not None:
        return authority
    _make_tables(authority)
    report("tables")
    with tenant_context(authority):
        _fill(authority, now=now)
    report("rows")
    if schemas.is_behind_template(authority.schema_name):
        # A migration of all authorities began before this one could be seen.
        schemas.drop(authority.schema_name)
        _make_tables(authority)
        with tenant_context(authority):
            _fill(authority, now=now)
    with tenant_context(authority):
        _open(authority, administrator_name, administrator_email, now=now)
    report("invited")
    forget(host.lower())
    return authority


@retrying_transaction(repeatable=True)
def _reserve(wanted: HealthAuthority, *, host: str) -> HealthAuthority:
    """Enter the authority, not founded yet, and its address; or find both."""
    known = HealthAuthority.objects.filter(schema_name=wanted.schema_name).first()
    if known is not None:
        same = known.rki_code == wanted.rki_code
        if same and known.domains.filter(domain=host).exists():
            return known
        raise AlreadyTaken(wanted.schema_name)
    if schema_exists(wanted.schema_name):
        raise AlreadyTaken(wanted.schema_name)
    if HealthAuthority.objects.filter(rki_code=wanted.rki_code).exists():
        raise AlreadyTaken(wanted.rki_code)
    if Domain.objects.filter(domain=host).exists():
        raise AlreadyTaken(host)
    wanted.full_clean()
    wanted.save(force_insert=True)
    Domain.objects.create(domain=host, tenant=wanted, is_primary=True)
    return wanted


def _make_tables(authority: HealthAuthority) -> None:
    """Make the schema with its tables and grants: all of it or nothing."""
    if schema_exists(authority.schema_name):
        return
    with schemas.ddl_transaction():
        schemas.clone_tables(
            schemas.TEMPLATE, authority.schema_name, region=authority.region
        )
        roles.grant_schema(authority.schema_name, append_only=APPEND_ONLY)
    connection.set_schema_to_public()


@retrying_transaction(repeatable=True)
def _fill(authority: HealthAuthority, *, now: dt.datetime) -> None:
    """Enter what an authority starts with; each kind only where there is none."""
    keep_roles(ROLES)
    with translation.override(authority.default_language):
        if not Disease.objects.exists():
            add_covid_19(now=now)
    if not Routine.objects.exists():
        Routine.objects.create(valid_from=VALID_FROM, drafted_at=now)
    if not Symptom.objects.exists():
        Symptom.objects.bulk_create(catalogue.start_set())


def keep_roles(wanted: dict[str, tuple[str, list[str]]]) -> None:
    """Make the shipped roles say what this release says; own roles stay."""
    for code, (name, permissions) in wanted.items():
        Role.objects.update_or_create(
            code=code, defaults={"name": name, "permissions": permissions}
        )


def keep_roles_everywhere() -> int:
    """Make the shipped roles of every authority say what this release says.

    Part of each release, so that a permission that is new reaches those who had none
    to give. Returns how many authorities there are.
    """
    connection.set_schema_to_public()
    founded = HealthAuthority.objects.filter(founded_at__isnull=False)
    authorities = {one.schema_name: one for one in founded}
    for schema_name in _with_other_roles(list(authorities)):
        with tenant_context(authorities[schema_name]):
            retrying_transaction(keep_roles)(ROLES)
    return len(authorities)


def _with_other_roles(schema_names: list[str]) -> list[str]:
    """The schemas whose shipped roles are not as this release says, fifty at once."""

    def roles_of(name: str) -> tuple[str, list[str]]:
        table = f"{quoted(name)}.accounts_role"
        return f"SELECT %s, code, permissions FROM {table}", [name]  # noqa: S608 - a schema's name, quoted

    known = {(name, code): set(rest) for name, code, rest in everywhere.rows(roles_of)}
    return [
        name
        for name in schema_names
        if any(
            known.get((name, code)) != set(permissions)
            for code, (_name, permissions) in ROLES.items()
        )
    ]


def add_covid_19(*, now: dt.datetime) -> Policy:
    """Enter COVID-19 and its shipped policy with worked examples.

    Defaults after the guidelines of the Robert Koch Institute as of 2021; each
    authority has to check them against the law of its state.
    """
    disease = Disease.objects.create(
        code="covid-19", names={"de": "COVID-19", "en": "COVID-19"}
    )
    policy = Policy.objects.create(
        disease=disease,
        valid_from=VALID_FROM,
        shipped=True,
        drafted_at=now,
        approved_at=now,
        # One of the first group or two of the second: the second weigh less.
        groups=[{"group": "A", "count": 1}, {"group": "B", "count": 2}],
        source=_(
            "Robert Koch Institute: contact tracing and criteria for release from "
            "isolation for SARS-CoV-2, as of 2021. To be checked by the authority."
        ),
        legal_basis_isolation=_(
            "Sections 28 (1), 29 and 30 (1) Infection Protection Act (IfSG)"
        ),
        legal_basis_quarantine=_(
            "Sections 28 (1), 29 and 30 (1) Infection Protection Act (IfSG)"
        ),
        remedies=_(
            "An objection to this order may be lodged with the issuing authority "
            "within one month of its service. It has no suspensive effect "
            "(sections 28 (3) and 16 (8) IfSG)."
        ),
    )
    examples = [
        PolicyExample(policy=policy, title=title, kind=kind, anchor_kind=anchor_kind,
                      anchor_day=anchor_day, until=until)
        for title, kind, anchor_kind, anchor_day, until in worked_examples()
    ]  # fmt: skip
    examples += [
        PolicyExample(policy=policy, title=title, kind="quarantine",
                      anchor_kind="last_exposure", anchor_day=dt.date(2026, 11, 1),
                      circumstances=circumstances, until=until)
        for title, circumstances, until in examples_of_contacts()
    ]  # fmt: skip
    if differing := check_examples(policy, examples):
        raise ExampleDiffers(differing)
    PolicyExample.objects.bulk_create(examples)
    return policy


def worked_examples() -> list[tuple[str, str, str, dt.date, dt.date]]:
    """Title, kind, anchor, its day and the last day, worked out by hand.

    Day 0 is the anchor day; until the end of the day that is named.
    """
    day = dt.date
    return [
        (
            _("Case, onset on 1 November: until 11 November"),
            "isolation", "onset", day(2026, 11, 1), day(2026, 11, 11),
        ),
        (
            _("Case without symptoms, specimen of 20 October: over the clock change"),
            "isolation", "specimen", day(2026, 10, 20), day(2026, 10, 30),
        ),
        (
            _("Contact, last exposed on 1 November: until 11 November"),
            "quarantine", "last_exposure", day(2026, 11, 1), day(2026, 11, 11),
        ),
        (
            _("Household, the case's onset on 1 November: until 15 November"),
            "quarantine", "household", day(2026, 11, 1), day(2026, 11, 15),
        ),
        (
            _("Contact, last exposed on 22 December: over the turn of the year"),
            "quarantine", "last_exposure", day(2026, 12, 22), day(2027, 1, 1),
        ),
        (
            _("Household, onset on 20 February of a leap year: until 5 March"),
            "quarantine", "household", day(2028, 2, 20), day(2028, 3, 5),
        ),
    ]  # fmt: skip


def examples_of_contacts() -> list[tuple[str, dict[str, Any], dt.date | None]]:
    """Title, circumstances of an exposure on 1 November, and the last day, worked out
    by hand; None: nothing is ordered."""
    until = dt.date(2026, 11, 11)
    near = {"setting": "work", "distance": "near", "masks": "none"}
    return [
        (
            _("An hour at one table, nobody with a mask: until 11 November"),
            {**near, "minutes": 60}, until,
        ),
        (
            _("An hour at one table, both with a mask: nothing is ordered"),
            {**near, "masks": "both", "minutes": 60}, None,
        ),
        (
            _("An hour in one room, both with a mask: until 11 November"),
            {**near, "distance": "room", "masks": "both", "minutes": 60}, until,
        ),
        (
            _("Two minutes close by: nothing is ordered"),
            {**near, "minutes": 2}, None,
        ),
        (
            _("Two minutes close by, particularly at risk: until 11 November"),
            {**near, "minutes": 2, "vulnerable": True}, until,
        ),
        (
            _("Second dose on 1 October: nothing is ordered"),
            {
                **near, "minutes": 60,
                "immunity": {"kind": "vaccination", "day": "2026-10-01", "dose": 2},
            },
            None,
        ),
        (
            _("Second dose on 20 October, not two weeks ago: until 11 November"),
            {
                **near, "minutes": 60,
                "immunity": {"kind": "vaccination", "day": "2026-10-20", "dose": 2},
            },
            until,
        ),
    ]  # fmt: skip


@retrying_transaction
def _open(
    authority: HealthAuthority, name: str, email: str, *, now: dt.datetime
) -> None:
    """Invite the first administrator and answer at the address from now on."""
    has_staff = (
        User.objects.filter(roles__contains=["administrator"]).exists()
        or StaffInvitation.objects.filter(roles__contains=["administrator"]).exists()
    )
    if not has_staff:
        invitations.invite(
            name=name, email=email, roles=["administrator"], by=None, now=now
        )
    log.record("authority.founded", authority, by=None, now=now)
    with schema_context("public"):
        HealthAuthority.objects.filter(pk=authority.pk).update(founded_at=now)
        log.record("authority.founded", authority, by=None, now=now)
    authority.founded_at = now


def invitation_link(token: str) -> str:
    """Return the address under which an invitation of this schema is accepted."""
    path = f"/account/invitation/{token}/"
    if isinstance(connection.tenant, HealthAuthority):
        return connection.tenant.url(path)
    return f"{settings.SITE_SCHEME}://{settings.PUBLIC_HOST}{settings.SITE_PORT}{path}"


# --- By the operator's form -----------------------------------------------------------


@retrying_transaction
def ask_for(request: FoundingRequest, *, by: User, now: dt.datetime) -> FoundingRequest:
    """Enter the operator's wish; the owner's worker carries it out."""
    request.requested_at = now
    request.requested_by = by.pk
    request.save(force_insert=True)
    log.record("founding.requested", request, by=by, now=now)
    return request


@retrying_transaction(repeatable=True)
def ask_again(pk: UUID, *, by: User, now: dt.datetime) -> bool:
    """Let a founding that failed be tried again; False where it did not fail."""
    failed = FoundingRequest.State.FAILED
    asked = FoundingRequest.objects.filter(pk=pk, state=failed).update(
        state=FoundingRequest.State.WAITING, problem="", finished_at=None
    )
    if asked:
        request = FoundingRequest.objects.get(pk=pk)
        log.record("founding.requested", request, by=by, now=now)
    return bool(asked)


def carry_out_all(*, now: dt.datetime) -> int:
    """Found what operators asked for, one after the other; return how many.

    As the owner of the database, in the worker of the queue `owner` alone.
    """
    count = 0
    with schema_context("public"):
        waiting = list(
            FoundingRequest.objects.filter(_open_to_claim(now))
            .order_by("requested_at")
            .values_list("pk", flat=True)
        )
    for pk in waiting:
        count += carry_out(pk, now=now)
    return count


def _open_to_claim(now: dt.datetime) -> Q:
    state = FoundingRequest.State
    return Q(state=state.WAITING) | Q(state=state.FOUNDING, claimed_until__lte=now)


def carry_out(pk: UUID, *, now: dt.datetime) -> bool:
    """Carry out one request; False where another worker has it in hand."""
    connection.set_schema_to_public()
    rows = FoundingRequest.objects.filter(pk=pk)
    claimed = rows.filter(_open_to_claim(now)).update(
        state=FoundingRequest.State.FOUNDING, claimed_until=now + CLAIM, problem=""
    )
    if not claimed:
        return False

    def report(step: str) -> None:
        with schema_context("public"):
            rows.update(step=step)

    request = rows.get()
    try:
        found(
            name=request.name,
            short_name=request.short_name,
            schema_name=request.schema_name,
            host=request.host,
            rki_code=request.rki_code,
            federal_state=request.federal_state,
            region=request.region,
            sender=request.sender,
            administrator_name=request.administrator_name,
            administrator_email=request.administrator_email,
            now=now,
            report=report,
        )
    except AlreadyTaken as error:
        end = {"state": FoundingRequest.State.FAILED, "problem": f"taken {error}"}
    except ValidationError as error:
        end = {
            "state": FoundingRequest.State.FAILED,
            "problem": f"invalid {' '.join(sorted(error.message_dict))}",
        }
    except (DatabaseError, schemas.TemplateMissing) as error:
        # An error's text may hold a value; its class says enough.
        logger.error("founding %s: %s", request.schema_name, type(error).__name__)
        end = {
            "state": FoundingRequest.State.FAILED,
            "problem": type(error).__name__,
        }
    else:
        end = {"state": FoundingRequest.State.DONE, "problem": ""}
    connection.set_schema_to_public()
    rows.update(finished_at=now, claimed_until=None, **end)
    return True
