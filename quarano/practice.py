"""Practice authorities: invented people to learn on, nothing leaves, new every night.

A practice authority is founded beside a real one and looks like it. It is told apart
by its schema (`…_practice`, held true by the database), its host, and a banner on every
page. Each night its schema is made anew from the template, as founding does; the
staff's accounts stay, and three weeks of an outbreak are played through the processes.
"""

import copy
import datetime as dt
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.db import DatabaseError, connection
from django.db.models import Q
from django.utils import translation
from django.utils.translation import pgettext
from django_tenants.utils import quote_schema_name as quoted
from django_tenants.utils import schema_context, tenant_context

from health_authorities import memory, middleware
from health_authorities.models import PRACTICE, HealthAuthority
from quarano import clock, founding
from quarano.accounts.models import User
from quarano.audit import APPEND_ONLY, log
from quarano.celery import app
from quarano.cockroach import roles, schemas
from quarano.cockroach.transactions import retrying_transaction
from quarano.outbreak import jobs, offices
from quarano.outbreak.story import DAYS, Story

logger = logging.getLogger(__name__)

# No mail ever reaches a host of .invalid (RFC 2606), and no official is called so.
INVENTED = "practice.invalid"
NIGHT = 3  # o'clock, local
PAUSE = dt.timedelta(hours=20)  # at least, from one night to the next
BROKEN = dt.timedelta(hours=2)  # a reset that has not ended by then never will
# What stays, in the order in which it can be entered: table, and which of its rows.
# `{old}` and `{new}` are the schemas.
KEPT = (
    ("accounts_role", "code NOT IN (SELECT code FROM {new}.accounts_role)"),
    ("accounts_user", f"roles <> '{{{{}}}}' AND email NOT LIKE '%%@{INVENTED}'"),
    ("account_emailaddress", "user_id IN (SELECT id FROM {new}.accounts_user)"),
    ("mfa_authenticator", "user_id IN (SELECT id FROM {new}.accounts_user)"),
    (
        "accounts_staffinvitation",
        """(invited_by_id IS NULL
            OR invited_by_id IN (SELECT id FROM {new}.accounts_user))
        AND (accepted_by_id IS NULL
            OR accepted_by_id IN (SELECT id FROM {new}.accounts_user))""",
    ),
)


class NoPractice(Exception):
    """The authority is a real one: nothing of it is ever dropped."""


def found(
    real: HealthAuthority,
    *,
    host: str,
    administrator_name: str,
    administrator_email: str,
    now: dt.datetime,
    report: Callable[[str], None] | None = None,
) -> HealthAuthority:
    """Found the practice of a real authority; raises as founding.found, and NoPractice
    for the practice of a practice. May be repeated."""
    if real.is_practice:
        raise NoPractice(real.schema_name)
    schema = f"{real.schema_name}{PRACTICE}"
    with translation.override(real.default_language):
        word = pgettext("banner", "PRACTICE")
    return founding.found(
        name=f"{real.name} ({word})",
        short_name=f"{word} {real.short_name}"[:60],
        schema_name=schema,
        host=host,
        rki_code=_code(schema),
        federal_state=real.federal_state,
        sender=f"nobody@{INVENTED}",
        administrator_name=administrator_name,
        administrator_email=administrator_email,
        now=now,
        region=real.region,
        report=report,
        is_practice=True,
        time_zone=real.time_zone,
        default_language=real.default_language,
        street="Am Markt 1",
        postal_code="70001",
        city="Neckarfurt",
        cases_phone="07000 555 100 1",
        contacts_phone="07000 555 100 2",
        staffed_hours=real.staffed_hours,
    )


def _code(schema: str) -> str:
    """A code that no office has: the register knows no state 99."""
    with schema_context("public"):
        known = dict(
            HealthAuthority.objects.filter(is_practice=True).values_list(
                "schema_name", "rki_code"
            )
        )
    free = (f"9.99.{n // 100}.{n % 100:02}." for n in range(1000))
    return known.get(schema) or next(one for one in free if one not in known.values())


# --- Every night ----------------------------------------------------------------------


def reset_due(*, now: dt.datetime) -> int:
    """Reset every practice whose night it is, or that was never played; how many.

    As the owner of the database, in the worker of the queue `owner` alone. One that
    fails stops nothing, and is tried again.
    """
    count = 0
    with schema_context("public"):
        every = list(
            HealthAuthority.objects.filter(is_practice=True, founded_at__isnull=False)
        )
    for authority in every:
        if is_due(authority, now=now):
            try:
                count += reset(authority, now=now)
            except DatabaseError as error:
                logger.error(
                    "practice %s: %s", authority.schema_name, type(error).__name__
                )
    return count


def is_due(authority: HealthAuthority, *, now: dt.datetime) -> bool:
    """Whether the practice is to be made anew at this moment."""
    last = authority.practice_played_at
    if last is None:
        return True
    return authority.localtime(now).hour == NIGHT and last < now - PAUSE


def reset(authority: HealthAuthority, *, now: dt.datetime) -> bool:
    """Make the practice anew and play its story; False where that is under way.

    Raises NoPractice for a real authority, before anything is touched. Broken off, it
    leaves the old schema, or the new one without its whole story, and may be repeated.
    """
    if not authority.is_practice or not authority.schema_name.endswith(PRACTICE):
        raise NoPractice(authority.schema_name)
    connection.set_schema_to_public()
    if not _claim(authority, now=now):
        return False
    _make_anew(authority, now=now)
    memory.forget()
    middleware.forget()
    play(authority, now=now)
    connection.set_schema_to_public()
    HealthAuthority.objects.filter(pk=authority.pk).update(
        practice_played_at=now, practice_claimed_at=None
    )
    return True


@retrying_transaction
def _claim(authority: HealthAuthority, *, now: dt.datetime) -> bool:
    """Take the practice in hand; False where another worker has it."""
    free = Q(practice_claimed_at__isnull=True) | Q(practice_claimed_at__lt=now - BROKEN)
    taken = HealthAuthority.objects.filter(
        free, pk=authority.pk, is_practice=True
    ).update(practice_claimed_at=now)
    if taken:
        log.record("practice.reset", authority, by=None, now=now)
    return bool(taken)


def _make_anew(authority: HealthAuthority, *, now: dt.datetime) -> None:
    """Put a fresh schema in the place of the old one; the staff's accounts stay."""
    live = authority.schema_name
    fresh, old = f"{live}_next", f"{live}_gone"
    for left_over in (fresh, old):
        schemas.drop(left_over)
    with schemas.ddl_transaction():
        schemas.clone_tables(schemas.TEMPLATE, fresh, region=authority.region)
        roles.grant_schema(fresh, append_only=APPEND_ONLY)
    twin = copy.copy(authority)
    twin.schema_name = fresh
    with tenant_context(twin):
        founding._fill(twin, now=now)
    connection.set_schema_to_public()
    _keep_staff(live, fresh)
    with schemas.ddl_transaction(), connection.cursor() as cursor:
        cursor.execute(f"ALTER SCHEMA {quoted(live)} RENAME TO {quoted(old)}")
        cursor.execute(f"ALTER SCHEMA {quoted(fresh)} RENAME TO {quoted(live)}")
    schemas.drop(old)
    connection.set_schema_to_public()


@retrying_transaction
def _keep_staff(live: str, fresh: str) -> None:
    """Copy the officials' accounts, second factors and invitations as they are."""
    with connection.cursor() as cursor:
        for table, which in KEPT:
            cursor.execute(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_schema = %s AND table_name = %s "
                "AND is_identity = 'NO' AND is_generated = 'NEVER' "
                "ORDER BY ordinal_position",
                [fresh, table],
            )
            columns = ", ".join(quoted(name) for (name,) in cursor.fetchall())
            rows = which.format(old=quoted(live), new=quoted(fresh))
            cursor.execute(
                f"INSERT INTO {quoted(fresh)}.{quoted(table)} ({columns}) "  # noqa: S608 - names of the catalogue, quoted
                f"SELECT {columns} FROM {quoted(live)}.{quoted(table)} WHERE {rows}",
                [],
            )


# --- The story ------------------------------------------------------------------------


def play(
    authority: HealthAuthority,
    *,
    now: dt.datetime,
    days: int = DAYS,
    report: Callable[[dt.datetime], None] | None = None,
) -> None:
    """Play the last days of the outbreak up to `now`, by invented officials.

    Every process runs at its moment of the story, jobs included; nothing is handed to
    another worker, and messages go into the letter box.
    """
    began = authority.localdate(now) - dt.timedelta(days=DAYS)
    since = now - dt.timedelta(days=days + 1)
    invented = office()
    with at_once():
        with tenant_context(authority):
            _hire(invented, now=since)
            story = Story(
                authority,
                invented,
                began=began,
                since=since,
                until=now,
                # The citizens of the practice have no way in that anybody could know.
                password=secrets.token_urlsafe(32),
            )
        story.play(report or (lambda _moment: None))


def office() -> offices.Office:
    """Return the office of the story, its officials at addresses of nobody."""
    model = offices.OFFICES[0]
    return replace(model, staff=tuple(_invented(one) for one in model.staff))


def _invented(one: offices.Official) -> offices.Official:
    name = one.email.partition("@")[0]
    return replace(one, email=f"{name}@{INVENTED}")


@retrying_transaction(repeatable=True)
def _hire(invented: offices.Office, *, now: dt.datetime) -> None:
    """Enter the officials of the story; no password opens their accounts."""
    for one in invented.staff:
        if "administrator" not in one.roles:
            known = User.objects.filter(email=one.email).exists()
            if not known:
                User.objects.create_user(
                    email=one.email,
                    name=one.name,
                    roles=list(one.roles),
                    created_at=now,
                )


@contextmanager
def at_once() -> Iterator[None]:
    """Run tasks where they are called, at the moment that is played."""
    jobs.load()
    names = ("task_always_eager", "task_eager_propagates")
    before = {name: getattr(app.conf, name) for name in names}
    app.conf.update(dict.fromkeys(names, True))
    try:
        yield
    finally:
        clock.hold(None)
        app.conf.update(before)
