"""Who can be visited: the cast with passwords, codes of the moment and ways in."""

import datetime as dt
import time
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest
from django.urls import reverse
from django_tenants.utils import schema_context, tenant_context

from health_authorities.models import HealthAuthority
from quarano.accounts.models import User
from quarano.demo import cast, ways
from quarano.outbreak.offices import OFFICES


def code_of_the_moment(user: User, *, now: dt.datetime) -> str:
    """Return the six digits that the user's authenticator app would show now."""
    found = Authenticator.objects.filter(user=user, type="totp").first()
    if found is None:
        return ""
    secret = get_adapter().decrypt(found.data["secret"])
    # Codes follow the real clock, as an app on a phone does.
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def visitor(user: User, does: str, *, now: dt.datetime) -> dict[str, Any]:
    return {
        "pk": user.pk,
        "name": user.name,
        "email": user.email,
        "does": does,
        "code": code_of_the_moment(user, now=now) if user.is_staff else "",
    }


def offices(*, now: dt.datetime) -> list[dict[str, Any]]:
    """Return both authorities with the people whom one can be, on the public host."""
    found = []
    with schema_context("public"):
        authorities = {row.schema_name: row for row in HealthAuthority.objects.all()}
    for office in OFFICES:
        authority = authorities.get(office.schema)
        if authority is None:
            continue
        with schema_context("public"):
            address = authority.url("/")
        with tenant_context(authority):
            users = {user.email: user for user in User.objects.all()}
            staff = [
                visitor(users[one.email], one.does, now=now)
                for one in office.staff
                if one.email in users
            ]
            citizens = [
                visitor(users[email], does, now=now)
                for email, does in cast.VISITED[office.schema]
                if email in users
            ]
        found.append(
            {
                "schema": office.schema,
                "name": office.name,
                "state": authority.get_federal_state_display(),
                "address": address,
                "staff": staff,
                "citizens": citizens,
            }
        )
    return found


def operator(*, now: dt.datetime) -> dict[str, Any] | None:
    with schema_context("public"):
        user = User.objects.filter(email=cast.OPERATOR.email).first()
        return visitor(user, "operator", now=now) if user else None


def way(schema: str, pk: str) -> str | None:
    """Return the address of a one-time page for this login, None if there is none."""
    known = {office.schema for office in OFFICES}
    if schema == "public":
        token = ways.open_way(schema="public", user=pk)
        return reverse("demo:way_in", urlconf="quarano.urls_public", args=[token])
    if schema not in known:
        return None
    with schema_context("public"):
        authority = HealthAuthority.objects.filter(schema_name=schema).first()
        if authority is None:
            return None
        token = ways.open_way(schema=schema, user=pk)
        return authority.url(
            reverse("demo:way_in", urlconf=settings.ROOT_URLCONF, args=[token])
        )


def sign_in(request: HttpRequest, user: User, *, now: dt.datetime) -> None:
    """Sign in as if password and second factor had been given."""
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    record_authentication(request, user, method="password", email=user.email)
    if Authenticator.objects.filter(user=user, type="totp").exists():
        record_authentication(request, user, method="mfa", type="totp")
    UserSession.objects.create_from_request(request)
