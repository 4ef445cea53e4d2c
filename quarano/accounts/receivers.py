"""What signing in tells: audit events, and sessions that end with a changed factor."""

from typing import Any

from allauth.account import signals as account
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa import signals as mfa
from allauth.usersessions.models import UserSession
from django.contrib.auth import signals as auth
from django.contrib.auth import update_session_auth_hash
from django.dispatch import receiver
from django.http import HttpRequest

from quarano import clock
from quarano.accounts import logins
from quarano.accounts.models import User
from quarano.accounts.sessions import begin
from quarano.audit import log
from quarano.cockroach.transactions import retrying_transaction

# The step of a sign-in that failed because the account is closed or over.
ENDED_ACCOUNT = "ended account"


@receiver(auth.user_logged_in)
def signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    begin(request.session)
    note("login.succeeded", user)


@receiver(auth.user_logged_out)
def signed_out(user: User | None, **kwargs: Any) -> None:
    if user is not None:
        note("login.ended", user)


@receiver(auth.user_login_failed)
def failed(credentials: dict[str, Any], **kwargs: Any) -> None:
    # Never the address that was typed: it may be a password in the wrong box.
    ended = logins.ended_account(credentials.get("email"), credentials.get("phone"))
    note("login.failed", ended, step=ENDED_ACCOUNT if ended else "password")


@receiver(mfa.authentication_failed)
def second_factor_failed(user: User, **kwargs: Any) -> None:
    note("login.failed", user, step="second factor")


@receiver(mfa.authenticator_used)
def second_factor_given(user: User, authenticator: Any, **kwargs: Any) -> None:
    """Record it; tell the owner of a recovery code: whoever found the paper is in."""
    note("login.second_factor_given", user, kind=str(authenticator.type))
    if authenticator.type == "recovery_codes":
        logins.tell(user, "recovery_code_used", now=clock.now())


@receiver(account.password_changed)
@receiver(account.password_reset)
def password_changed(user: User, **kwargs: Any) -> None:
    note("login.password_changed", user)


@receiver(mfa.authenticator_added)
@receiver(mfa.authenticator_reset)
@receiver(mfa.authenticator_removed)
def second_factor_changed(
    request: HttpRequest, user: User, authenticator: Any, **kwargs: Any
) -> None:
    """End the other sessions; this one has just shown the factor that is new."""
    user.session_epoch = logins.end_sessions(user)
    update_session_auth_hash(request, user)
    UserSession.objects.create_from_request(request)
    is_new = kwargs.get("signal") is mfa.authenticator_added
    if is_new and authenticator.type in {"totp", "webauthn"}:
        record_authentication(request, user, method="mfa", type=authenticator.type)
    note("login.second_factor_changed", user, kind=str(authenticator.type))


@retrying_transaction
def note(verb: str, user: User | None, **codes: Any) -> None:
    log.record(verb, user, by=user, now=clock.now(), codes=codes)
