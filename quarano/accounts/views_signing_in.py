"""How one signs in, and where one is signed in: the owner's own pages."""

from typing import Any

from allauth.mfa.base import views as mfa
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import views as totp
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from quarano import clock
from quarano.accounts import devices, logins, passkeys, presence
from quarano.accounts.access import actor, signed_in
from quarano.cockroach.transactions import retrying

App, Codes = Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES


class Authenticate(mfa.AuthenticateView):
    """The second factor after the password: a code here, or the passkey instead."""

    def _build_forms(self) -> Any:
        # A passkey answers at its own door and needs no password before.
        typed = self.request.POST if self.request.method == "POST" else None
        self.webauthn_form = None
        self.auth_form = self.get_form_class()(user=self.stage.login.user, data=typed)
        return self.auth_form

    def form_valid(self, form: Any) -> HttpResponse:
        """Go in. The code was used up by being right: it is not asked for again."""
        retrying(form.save)()
        response: HttpResponse = retrying(self.stage.exit)()
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.stage.login.user
        context: dict[str, Any] = super().get_context_data(**kwargs)
        factors = Authenticator.objects.filter(user=user)
        kinds = set(factors.values_list("type", flat=True))
        return {
            **context,
            "has_app": App in kinds,
            "has_codes": Codes in kinds,
            "has_passkey": Authenticator.Type.WEBAUTHN in kinds,
        }


class Reauthenticate(mfa.ReauthenticateView):
    """'Is it you?', with a code, which is used up by being right."""

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = retrying(super().form_valid)(form)
        return response


class SetUpApp(totp.ActivateTOTPView):
    """The authenticator app's first code; the session then forgets the secret."""

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = retrying(super().form_valid)(form)
        return response


@require_safe
@signed_in
def choose_factor(request: HttpRequest) -> HttpResponse:
    """Officials without a second factor choose one, before anything else."""
    return render(request, "account/choose_factor.html")


@require_safe
@signed_in
def signing_in(request: HttpRequest) -> HttpResponse:
    """Every way to sign in that this login has, and the ways to change it."""
    user = actor(request)
    others = Authenticator.objects.filter(user=user, type__in=[App, Codes])
    kinds = {one.type: one for one in others}
    own = passkeys.of(user)
    codes = kinds[Codes].wrap().get_unused_codes() if Codes in kinds else []
    context = {
        "passkeys": own,
        "has_app": App in kinds,
        "has_codes": Codes in kinds,
        "codes_left": len(codes),
        "may_remove_app": App in kinds and (bool(own) or not user.is_staff),
    }
    return render(request, "mfa/index.html", context)


@require_http_methods(["GET", "POST"])
@signed_in
def sessions(request: HttpRequest) -> HttpResponse:
    """Where this login is signed in; one browser or all others are signed out."""
    user, now = actor(request), clock.now()
    if request.method == "POST":
        if "others" in request.POST:
            return retrying(_end_others)(request)
        count = presence.end(user, marks=[request.POST.get("session", "")], now=now)
        if count:
            messages.success(request, _("That device is signed out."))
        return redirect("usersessions_list")
    here = request.session.session_key
    found = presence.of(user, here=here, now=clock.real())
    return render(request, "usersessions/usersession_list.html", {"sessions": found})


def _end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere else; known devices are asked for a code again."""
    user, now = actor(request), clock.now()
    here = request.session.session_key
    there = presence.of(user, here=here, now=clock.real())
    marks = {one.mark for one in there if not one.is_here}
    known = devices.is_known(request, user)
    count = presence.end(user, marks=marks, now=now)
    user.session_epoch = logins.end_sessions(user)
    update_session_auth_hash(request, user)
    UserSession.objects.create_from_request(request)
    told = ngettext(
        "%(count)d other device is signed out.",
        "%(count)d other devices are signed out.",
        count,
    )
    messages.success(request, told % {"count": count})
    response = redirect("usersessions_list")
    if known:
        devices.remember(request, response, user)
    return response
