import re

from allauth.account import views as account
from allauth.account.internal.decorators import login_stage_required
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from quarano import clock
from quarano.accounts import confirmation, devices, invitations, limits, logins
from quarano.accounts.access import open_door, signed_in
from quarano.accounts.forms import DeviceCodeForm, StaffPasswordForm
from quarano.accounts.models import User
from quarano.accounts.stages import NewDeviceStage, too_many_codes
from quarano.cockroach.transactions import retrying

INVITATION = "staff_invitation"
# As invitations write it; anything else is kept nowhere.
TOKEN = re.compile(r"[\w-]{43}", re.ASCII)
# Links opened with a wrong token, per address.
LOOKS = limits.Limit(60, 3600)


@open_door
@retrying
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out, and ask the browser to forget what it keeps of us."""
    response: HttpResponse = account.logout(request)
    if request.method == "POST":
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@require_http_methods(["GET", "POST"])
@open_door
@login_stage_required(stage=NewDeviceStage.key, redirect_urlname="account_login")
def new_device(request: HttpRequest) -> HttpResponse:
    """Ask for the code that went to a citizen who signs in on a new device."""
    stage: NewDeviceStage = request._login_stage  # type: ignore[attr-defined]
    if "again" in request.POST:
        if not stage.send():
            messages.error(request, too_many_codes())
            return stage.abort()
        messages.success(request, _("A new code is on its way."))
        return redirect("account_new_device")
    form = DeviceCodeForm(request.POST or None)
    if form.is_valid():
        if stage.accepts(form.cleaned_data["code"]):
            # The code is used up: from here on the rest alone is run again.
            response: HttpResponse = retrying(stage.exit)()
            devices.remember(request, response, stage.login.user)
            return response
        form.add_error("code", _("This code is not right, or over. Ask for a new one."))
    user = stage.login.user
    # The end of the number: enough to know the telephone, no more than the owner knows.
    end = "" if user.email else str(user.mobile)[-2:]
    context = {"form": form, "by_mail": bool(user.email), "end": end}
    status = 422 if form.is_bound else 200
    return render(request, "account/new_device.html", context, status=status)


@require_safe
@open_door
def open_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address; nothing is changed before the form is sent."""
    if not TOKEN.fullmatch(token):
        raise Http404
    request.session[INVITATION] = token
    return redirect("account_invitation")


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
@open_door
def accept_invitation(request: HttpRequest) -> HttpResponse:
    """Choose a password; the second factor is set up on the next page."""
    now = clock.now()
    token = request.session.get(INVITATION, "")
    invitation = invitations.look_up(token, now=now)
    if invitation is None:
        within = limits.allow("staff-link", LOOKS, key=limits.address(request))
        status = 404 if within else 429
        return render(request, "account/invitation_over.html", status=status)
    future = User(email=invitation.email, name=invitation.name, roles=invitation.roles)
    form = StaffPasswordForm(request.POST or None, user=future)
    if form.is_valid():
        try:
            user = invitations.accept(
                token,
                password=form.cleaned_data["password"],
                language=get_language() or "",
                now=now,
            )
        except (invitations.InvitationOver, invitations.AddressInUse):
            return render(request, "account/invitation_over.html", status=404)
        del request.session[INVITATION]
        logins.begin(request, user)
        return redirect("account_choose_factor")
    context = {"form": form, "invitation": invitation}
    status = 422 if form.is_bound else 200
    return render(request, "account/invitation.html", context, status=status)


@require_safe
@signed_in
def go_on(request: HttpRequest) -> HttpResponse:
    """Send again, to its own address, what waited for 'Is it you?'."""
    found = confirmation.kept(request)
    if found is None:
        return redirect("home")
    asked = confirmation.ask_first(request)
    if asked is not None:
        return asked
    # Whoever comes by somebody else's link presses the button, or does not.
    came = request.headers.get("Sec-Fetch-Site", "")
    context = {**found, "is_ours": came in {"same-origin", "none"}}
    return render(request, "account/go_on.html", context)
