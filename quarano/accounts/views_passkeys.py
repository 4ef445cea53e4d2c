"""Passkeys: offered, added, named and removed; signing in and confirming with one."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import (
    clear_authentication_records,
    perform_login,
    record_authentication,
)
from allauth.account.internal.flows.reauthentication import resume_request
from allauth.account.internal.stagekit import clear_login, unstash_login
from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.flows import auto_generate_recovery_codes
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from quarano import clock
from quarano.accounts import devices, limits, passkeys
from quarano.accounts.access import actor, open_door, signed_in
from quarano.accounts.adapter import KEEP_ONE, TOO_MANY
from quarano.accounts.browsers import described
from quarano.accounts.confirmation import freshly_confirmed, is_confirmed
from quarano.accounts.forms import AddPasskeyForm, NamePasskeyForm, PasskeyForm
from quarano.accounts.receivers import note
from quarano.cockroach.transactions import retrying

# Asked and answered, per address: 60 officials share one office's.
ASKED = limits.Limit(240, 60)
FAILED = limits.Limit(100, 3600)
OF_ONE = limits.Limit(10, 60)


def not_proven() -> str:
    return _("This passkey does not open anything here. Try again, or another way.")


def onwards(request: HttpRequest) -> str:
    """The page of ours that the address or form names, else nothing."""
    return get_next_redirect_url(request) or ""


# --- Signing in ----------------------------------------------------------------------


@require_POST
@open_door
def challenge(request: HttpRequest) -> HttpResponse:
    """What the browser's passkey has to answer, for whoever wants to sign in."""
    if not limits.allow("passkey-asked", ASKED, key=limits.address(request)):
        return JsonResponse({}, status=429)
    return JsonResponse(passkeys.challenge_to_prove(request))


@require_POST
@open_door
def enter(request: HttpRequest) -> HttpResponse:
    """Sign in with a passkey alone: two factors, as finger, face or PIN open it."""
    if request.user.is_authenticated:
        return redirect("home")
    here = limits.address(request)
    if not limits.allow("passkey-failed", FAILED, key=here):
        messages.error(request, str(TOO_MANY))
        return redirect("account_login")
    form = PasskeyForm(request.POST)
    try:
        if not form.is_valid():
            raise passkeys.Refused
        passkey = passkeys.prove(
            request, form.cleaned_data["credential"], now=clock.now()
        )
    except passkeys.Refused:
        note("login.failed", None, step="passkey")
        messages.error(request, not_proven())
        return redirect("account_login")
    limits.give_back("passkey-failed", key=here)
    return retrying(_enter)(request, passkey)


def _enter(request: HttpRequest, passkey: Authenticator) -> HttpResponse:
    half = unstash_login(request, peek=True)
    way = onwards(request) or (half.redirect_url if half else None)
    clear_login(request)
    record_authentication(
        request, passkey.user, "mfa", type=passkey.type, passwordless=True
    )
    login = Login(user=passkey.user, redirect_url=way)
    response: HttpResponse = perform_login(request, login)
    if not request.user.is_authenticated:  # closed, or over
        clear_authentication_records(request)
    return response


# --- Is it you? ----------------------------------------------------------------------


@require_POST
@signed_in
def challenge_to_confirm(request: HttpRequest) -> HttpResponse:
    return JsonResponse(passkeys.challenge_to_prove(request, user=actor(request)))


@require_http_methods(["GET", "POST"])
@signed_in
def confirm(request: HttpRequest) -> HttpResponse:
    """Show with a passkey that it is still the same person."""
    user, wrong = actor(request), ""
    form = PasskeyForm(request.POST or None)
    if request.method == "POST":
        try:
            if not limits.allow("passkey-confirm", OF_ONE, key=str(user.pk)):
                raise passkeys.Refused
            if not form.is_valid():
                raise passkeys.Refused
            credential = form.cleaned_data["credential"]
            passkeys.prove(request, credential, user=user, now=clock.now())
        except passkeys.Refused:
            note("login.failed", user, step="passkey")
            wrong = not_proven()
        else:
            record_authentication(
                request, user, "mfa", type="webauthn", reauthenticated=True
            )
            return resume_request(request) or redirect("home")
    context = {"wrong": wrong, "next": onwards(request), "others": others(request)}
    status = 422 if wrong else 200
    return render(request, "account/passkey_confirm.html", context, status=status)


def others(request: HttpRequest) -> list[dict[str, Any]]:
    """The ways to confirm beside the passkey."""
    ways = get_adapter(request).get_reauthentication_methods(request.user)
    return [way for way in ways if way["id"] != "mfa_reauthenticate:webauthn"]


# --- One's own passkeys --------------------------------------------------------------


@require_safe
@signed_in
def offer(request: HttpRequest) -> HttpResponse:
    """Offer a citizen to sign in with the device next time; nobody has to."""
    way = onwards(request) or "/"
    if actor(request).is_staff or passkeys.of(actor(request)):
        return redirect(way)
    name = described(request.headers.get("User-Agent", ""))
    return render(request, "account/passkey_offer.html", {"next": way, "name": name})


@require_POST
@signed_in
def challenge_to_add(request: HttpRequest) -> HttpResponse:
    if not is_confirmed(request):
        return JsonResponse({}, status=403)
    return JsonResponse(passkeys.challenge_to_add(request, actor(request)))


@require_http_methods(["GET", "POST"])
@signed_in
@freshly_confirmed
def add(request: HttpRequest) -> HttpResponse:
    """Make a passkey on this device, or on the phone whose camera sees the code."""
    here = described(request.headers.get("User-Agent", ""))
    form = AddPasskeyForm(request.POST or None, initial={"name": here})
    if form.is_valid():
        typed = form.cleaned_data
        try:
            passkey = passkeys.add(
                actor(request),
                credential=passkeys.check_new(request, typed["credential"]),
                name=typed["name"] or here,
                now=clock.now(),
            )
        except passkeys.Refused:
            form.add_error(None, _("This passkey could not be saved. Try once more."))
        except passkeys.TooMany:
            form.add_error(None, _("Ten passkeys are the most. Remove one first."))
        else:
            return retrying(_added)(request, passkey)
    context = {"form": form, "next": onwards(request)}
    status = 422 if form.is_bound else 200
    return render(request, "account/passkey_add.html", context, status=status)


def _added(request: HttpRequest, passkey: Authenticator) -> HttpResponse:
    user, known = actor(request), devices.is_known(request, actor(request))
    _tell(request, signals.authenticator_added, passkey, "webauthn_added")
    codes = auto_generate_recovery_codes(request) if user.is_staff else None
    messages.success(request, _("Your passkey is saved."))
    way = onwards(request) or "mfa_index"
    response = redirect("mfa_view_recovery_codes" if codes else way)
    if known:  # as before, under the epoch that has just begun
        devices.remember(request, response, user)
    return response


@require_http_methods(["GET", "POST"])
@signed_in
@freshly_confirmed
def change(request: HttpRequest) -> HttpResponse:
    """Name one of the own passkeys otherwise, or remove it."""
    mark = request.POST.get("passkey") or request.GET.get("passkey", "")
    passkey = passkeys.find(actor(request), mark)
    if passkey is None:
        raise Http404
    form = NamePasskeyForm(request.POST or None, initial={"name": str(passkey)})
    if "remove" in request.POST:
        return retrying(_removed)(request, passkey)
    if form.is_valid():
        passkeys.rename(passkey, name=form.cleaned_data["name"])
        return redirect("mfa_index")
    context = {"form": form, "passkey": passkey, "mark": mark}
    status = 422 if form.is_bound else 200
    return render(request, "account/passkey_change.html", context, status=status)


def _removed(request: HttpRequest, passkey: Authenticator) -> HttpResponse:
    known = devices.is_known(request, actor(request))
    try:
        passkeys.remove(passkey)
    except passkeys.LastFactor:
        messages.error(request, str(KEEP_ONE))
        return redirect("mfa_index")
    _tell(request, signals.authenticator_removed, passkey, "webauthn_removed")
    messages.success(request, _("The passkey is removed."))
    response = redirect("mfa_index")
    if known:
        devices.remember(request, response, actor(request))
    return response


def _tell(request: HttpRequest, signal: Any, passkey: Authenticator, what: str) -> None:
    signal.send(
        sender=Authenticator,
        request=request,
        user=request.user,
        authenticator=passkey,
    )
    get_adapter(request).send_notification_mail(f"mfa/email/{what}", request.user)
