import datetime as dt
import json
import secrets
import uuid

from allauth.account.internal.flows.login import record_authentication
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import auth
from django.db import connection
from django.db.models import Q
from django.http import HttpRequest

from health_authorities.models import HealthAuthority
from quarano import clock
from quarano.accounts.models import User
from quarano.cockroach.transactions import retrying, retrying_transaction
from quarano.notifications import outbox

CODE_FOR = dt.timedelta(minutes=10)


def today() -> dt.date:
    """The day on the authority's clock; on the public host in UTC."""
    return local_day(clock.now())


def local_day(now: dt.datetime) -> dt.date:
    """Return the day of the moment here: in the authority's zone, else in UTC."""
    tenant = connection.tenant
    return tenant.localdate(now) if isinstance(tenant, HealthAuthority) else now.date()


def ended_account(email: str | None, mobile: str | None) -> User | None:
    """Return the official whose account is closed or over and who has this login."""
    logins = Q(email__iexact=email) if email else Q(mobile=mobile)
    if not email and not mobile:
        return None
    found = User.objects.filter(logins).exclude(roles=[]).first()
    if found is None or (found.is_active and not found.is_over(today())):
        return None
    return found


@retrying
def begin(request: HttpRequest, user: User) -> None:
    """Sign in somebody who has just set a password here."""
    auth.login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    record_authentication(request, user, method="password", email=user.email)
    UserSession.objects.create_from_request(request)


def new_code() -> str:
    """Return six digits for a new device."""
    return f"{secrets.randbelow(10**6):06d}"


@retrying_transaction
def send_code(user: User, code: str, *, now: dt.datetime) -> None:
    """Send the code for a new device: by e-mail, where there is none by SMS.

    A code that was asked for before and has not left yet does not leave any more.
    """
    outbox.void(now=now, prefix=f"sign-in-code:{user.pk}:")
    channel = "mail" if user.email else "sms"
    outbox.write(
        f"sign-in-code:{user.pk}:{uuid.uuid4()}",
        template="accounts/messages/sign_in_code",
        channel=channel,
        recipient=user.email or user.mobile.as_e164,
        language=user.language or settings.LANGUAGE_CODE,
        now=now,
        parameters={"minutes": int(CODE_FOR.total_seconds() // 60)},
        token=json.dumps({"code": code}),
        expires_at=now + CODE_FOR,
    )


@retrying_transaction
def tell(user: User, what: str, *, now: dt.datetime) -> None:
    """Tell the owner of a login that it was changed: by e-mail, else by SMS.

    `what` names the change, such as 'webauthn_added'.
    """
    recipient = user.email or (user.mobile.as_e164 if user.mobile else "")
    if recipient:
        outbox.write(
            f"account:{what}:{uuid.uuid4()}",
            template="accounts/messages/security_notice",
            channel="mail" if user.email else "sms",
            recipient=recipient,
            language=user.language or settings.LANGUAGE_CODE,
            now=now,
            parameters={"what": what},
        )


@retrying_transaction(repeatable=True)
def keep_language(user: User, *, language: str) -> None:
    """Keep the language that a login chose, for its next visit."""
    User.objects.filter(pk=user.pk).update(language=language)


@retrying_transaction
def end_sessions(user: User) -> int:
    """End every session of this login at its next request; return the new epoch."""
    locked = User.objects.select_for_update().get(pk=user.pk)
    locked.session_epoch += 1
    locked.save(update_fields=["session_epoch"])
    return locked.session_epoch
