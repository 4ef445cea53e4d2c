"""Stages of signing in: the code for a citizen's new device, the second factor."""

import time
from typing import Any

from allauth.account.internal.stagekit import stash_login
from allauth.account.stages import LoginStage
from allauth.core.internal.httpkit import headed_redirect_response
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.utils import is_mfa_enabled
from allauth.mfa.webauthn.internal.flows import did_use_passwordless_login
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from quarano import clock
from quarano.accounts import devices, limits, logins

TRIES, SENDINGS = 5, 3


def too_many_codes() -> str:
    return _("Too many codes were asked for. Wait an hour, then sign in again.")


class NewDeviceStage(LoginStage):
    """Password given, browser unknown: send a code and ask for it.

    Staff have their second factor instead. The code lives in the session of the
    half-finished login, hashed; the message with it in the outbox, sealed.
    """

    key = "new_device"
    urlname = "account_new_device"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user
        if user is None or user.is_staff or devices.is_known(self.request, user):
            return None, True
        if did_use_passwordless_login(self.request, user):
            return None, True
        if "code" not in self.state and not self.send():
            messages.error(self.request, too_many_codes())
            return headed_redirect_response("account_login"), False
        return headed_redirect_response(self.urlname), True

    def send(self) -> bool:
        """Send a code, a new one where there was one; False after too many."""
        user = self.login.user
        sent = self.state.get("sent", 0)
        each = limits.Limit(10, 3600)
        if sent >= SENDINGS or not limits.allow("code", each, key=str(user.pk)):
            return False
        code = logins.new_code()
        self.state.update(
            code=_digest(code, user.pk),
            good_until=time.time() + logins.CODE_FOR.total_seconds(),
            sent=sent + 1,
        )
        logins.send_code(user, code, now=clock.now())
        stash_login(self.request, self.login)
        return True

    def accepts(self, code: str) -> bool:
        """Whether this is the code; wrong ones are counted, it is good once."""
        state = self.state
        # Counted at one place: of many requests at once each reads the same session.
        tries = limits.Limit(TRIES, int(logins.CODE_FOR.total_seconds()) + 60)
        may_try = bool(state["code"]) and limits.allow(
            "code-tries", tries, key=state["code"]
        )
        is_over = time.time() > state.get("good_until", 0) or not may_try
        right = not is_over and constant_time_compare(
            state["code"], _digest(code, self.login.user.pk)
        )
        if right:
            state["code"] = ""
        stash_login(self.request, self.login)
        return right


class SecondFactorStage(AuthenticateStage):
    """Officials with an app or a passkey, citizens with an app, give it now.

    A citizen's passkey is a way of its own beside password and code, no further step:
    it may lie on the phone that is not at hand.
    """

    def _should_handle(self, request: HttpRequest) -> bool:
        user = self.login.user
        if user is None:
            return False
        if not user.is_staff and not is_mfa_enabled(user, [Authenticator.Type.TOTP]):
            return False
        return bool(super()._should_handle(request))


def _digest(code: str, pk: Any) -> str:
    typed = "".join(code.split()).replace("-", "")
    return salted_hmac("quarano.accounts.code", f"{pk}|{typed}").hexdigest()
