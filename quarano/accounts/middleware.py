from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from quarano.accounts import logins
from quarano.accounts.access import OPEN_DOOR, to_sign_in

SET_UP = "account_choose_factor"
# What staff reach before they have a second factor; open doors need no mention.
BEFORE = {
    SET_UP,
    "mfa_activate_totp",
    "account_add_passkey",
    "account_challenge_to_add",
    "account_reauthenticate",
    "account_go_on",
}


def gave_second_factor(request: HttpRequest) -> bool:
    """Whether this session began with a second factor, or has set one up."""
    records = get_authentication_records(request, request.user)
    return any(record["method"] == "mfa" for record in records)


class SecondFactorMiddleware:
    """Staff without a second factor reach its set-up and nothing else.

    Sessions of accounts whose last day has passed end here, too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if getattr(view, "guard", None) == OPEN_DOOR:
            return None
        user = request.user
        if not user.is_authenticated or not user.is_staff:
            return None
        if user.is_over(logins.today()):
            auth.logout(request)
            return to_sign_in(request)
        match = request.resolver_match
        if match and match.url_name in BEFORE:
            return None
        if gave_second_factor(request):
            return None
        return redirect(SET_UP)
