"""Before the first page: the authorities, their staff, and the story up to now."""

import datetime as dt
import os
from concurrent.futures import ProcessPoolExecutor

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import connections
from django.utils.translation import gettext as _
from django_tenants.utils import schema_context, tenant_context

from health_authorities.models import (
    HealthAuthority,
    SearchText,
    current,
)
from health_authorities.models import (
    Office as ListedOffice,
)
from quarano import founding
from quarano.accounts import invitations
from quarano.accounts.models import User
from quarano.celery import app
from quarano.demo import cast, folder, time
from quarano.desk import first_hour
from quarano.outbreak import jobs
from quarano.outbreak.offices import OFFICES, Office, Official
from quarano.outbreak.story import DAYS, Story


def play(*, now: dt.datetime) -> None:
    """Found what is missing and play the story from where it stopped up to `now`."""
    # Tasks run where they are called: the worker starts when the story is told.
    app.conf.task_always_eager = True
    app.conf.task_eager_propagates = True
    jobs.load()
    played = folder.read("played_until", None)
    since = dt.datetime.fromisoformat(played) if played else None
    began = folder.read("began", None)
    if since is None or began is None:
        began = (now - dt.timedelta(days=DAYS)).date().isoformat()
        folder.keep("began", began)
        since = now - dt.timedelta(days=DAYS + 1)
        found_all(now=since)
    tell_all(dt.date.fromisoformat(began), since, now)
    folder.keep("played_until", now.isoformat())
    folder.keep("addresses", addresses())
    folder.keep("progress", {"step": "done", "share": 100, "done": True})


def addresses() -> list[tuple[str, str]]:
    with schema_context("public"):
        return [(one.name, one.url("/")) for one in HealthAuthority.objects.all()]


def found_all(*, now: dt.datetime) -> None:
    """Found both authorities with their staff, and the operator."""
    time.play_at(now)
    for office in OFFICES:
        folder.keep("progress", {"step": _("founding"), "share": 1, "done": False})
        administrator = next(o for o in office.staff if "administrator" in o.roles)
        authority = founding.found(
            name=office.name,
            short_name=office.short_name,
            schema_name=office.schema,
            host=office.host,
            rki_code=office.rki_code,
            federal_state=office.federal_state,
            sender=f"diary@{office.mail_host}",
            administrator_name=administrator.name,
            administrator_email=administrator.email,
            now=now,
            street="Am Markt 1",
            postal_code=office.postal_codes[0],
            city=office.city,
            cases_phone=office.phone + " 1",
            contacts_phone=office.phone + " 2",
            cases_email=f"cases@{office.mail_host}",
            contacts_email=f"contacts@{office.mail_host}",
            **office.details,
        )
        list_office(office)
        with tenant_context(authority):
            hire(office, now=now)
            if office is OFFICES[0]:  # the other one is still at it
                read_all(office, now=now)
    with schema_context("public"):
        founding.keep_roles(founding.OPERATION)
        if not User.objects.filter(email=cast.OPERATOR.email).exists():
            hire_one(cast.OPERATOR, by=None, now=now)
    time.play_at(None)


def read_all(office: Office, *, now: dt.datetime) -> None:
    """The administrator has read texts and rules, and is past the first hour."""
    administrator = next(o for o in office.staff if "administrator" in o.roles)
    by = User.objects.get(email=administrator.email)
    for step in ("texts", "policy", "put_away"):
        first_hour.mark(current(), step=step, by=by, now=now)


def list_office(office: Office) -> None:
    """Enter the invented office into the directory of responsible offices."""
    with schema_context("public"):
        row, _made = ListedOffice.objects.get_or_create(
            code=office.rki_code,
            defaults={
                "name": office.name,
                "street": "Am Markt 1",
                "postal_code": office.postal_codes[0],
                "city": office.city,
                "phone": office.phone,
                "email": f"info@{office.mail_host}",
            },
        )
        for code in office.postal_codes:
            SearchText.objects.get_or_create(office=row, text=code)


def hire(office: Office, *, now: dt.datetime) -> None:
    administrator = next(o for o in office.staff if "administrator" in o.roles)
    by = hire_one(administrator, by=None, now=now)
    for one in office.staff:
        if one is not administrator:
            hire_one(one, by=by, now=now)


def hire_one(one: Official, *, by: User | None, now: dt.datetime) -> User:
    """Invite and accept, then set up the second factor, as each would by hand."""
    found = User.objects.filter(email=one.email).first()
    if found:
        return found
    _invitation, token = invitations.invite(
        name=one.name, email=one.email, roles=list(one.roles), by=by, now=now
    )
    user = invitations.accept(token, password=cast.PASSWORD, now=now)
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    return user


def tell_all(began: dt.date, since: dt.datetime, until: dt.datetime) -> None:
    """Tell each authority's story in a process of its own."""
    connections.close_all()
    with ProcessPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        jobs_done = [
            pool.submit(tell, office, began, since, until) for office in OFFICES
        ]
        for one in jobs_done:
            one.result()


def tell(
    office: Office, began: dt.date, since: dt.datetime, until: dt.datetime
) -> None:
    """Play one authority's story; called in a process of its own."""
    with schema_context("public"):
        authority = HealthAuthority.objects.get(schema_name=office.schema)
    with tenant_context(authority):
        story = Story(
            authority,
            office,
            began=began,
            since=since,
            until=until,
            password=cast.PASSWORD,
        )
    whole = (until - since).total_seconds() or 1
    leads = office is OFFICES[0] or office.schema == OFFICES[0].schema
    told = 0

    def report(moment: dt.datetime) -> None:
        nonlocal told
        share = int(100 * (moment - since).total_seconds() / whole)
        if leads and share != told:
            told = share
            day = authority.localdate(moment)
            step = f"{day:%d.%m.%Y}"
            folder.keep("progress", {"step": step, "share": share, "done": False})

    story.play(report)
