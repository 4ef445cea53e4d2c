from collections.abc import Callable
from typing import Any

from allauth.account import views as account
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from django.urls import URLPattern, path, re_path
from django.views.generic import RedirectView

from quarano.accounts import views, views_passkeys, views_signing_in
from quarano.accounts.access import open_door, signed_in
from quarano.cockroach.transactions import retrying


def door(
    route: str, view: Callable[..., Any], name: str, guard: Callable[..., Any]
) -> URLPattern:
    """A page of allauth: guarded, and run again when the database asks for that."""
    make = re_path if route.startswith("^") else path
    return make(route, guard(retrying(view)), name=name)


# Listed one by one: what allauth adds tomorrow is not open here by itself.
urlpatterns = [
    door("login/", account.login, "account_login", open_door),
    path("login/new-device/", views.new_device, name="account_new_device"),
    path("logout/", views.sign_out, name="account_logout"),
    door("inactive/", account.account_inactive, "account_inactive", open_door),
    door(
        "reauthenticate/", account.reauthenticate, "account_reauthenticate", signed_in
    ),
    path("go-on/", views.go_on, name="account_go_on"),
    # Staff: the link of an invitation
    path("invitation/", views.accept_invitation, name="account_invitation"),
    path(
        "invitation/<str:token>/",
        views.open_invitation,
        name="account_open_invitation",
    ),
    # Password
    door(
        "password/change/",
        account.password_change,
        "account_change_password",
        signed_in,
    ),
    # Where allauth sends a login without a password: it gets one by mail.
    door(
        "password/set/",
        RedirectView.as_view(pattern_name="account_reset_password"),
        "account_set_password",
        signed_in,
    ),
    door(
        "password/reset/", account.password_reset, "account_reset_password", open_door
    ),
    door(
        "password/reset/done/",
        account.password_reset_done,
        "account_reset_password_done",
        open_door,
    ),
    door(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        "account_reset_password_from_key",
        open_door,
    ),
    door(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        "account_reset_password_from_key_done",
        open_door,
    ),
    # Sessions
    path("sessions/", views_signing_in.sessions, name="usersessions_list"),
    # Passkeys: at the door
    path("passkeys/challenge/", views_passkeys.challenge, name="account_challenge"),
    path("passkeys/enter/", views_passkeys.enter, name="account_enter"),
    path(
        "passkeys/confirm/challenge/",
        views_passkeys.challenge_to_confirm,
        name="account_challenge_to_confirm",
    ),
    path(
        "passkeys/confirm/",
        views_passkeys.confirm,
        name="mfa_reauthenticate_webauthn",
    ),
    # Passkeys: one's own
    path("passkeys/offer/", views_passkeys.offer, name="account_offer_passkey"),
    path(
        "passkeys/add/challenge/",
        views_passkeys.challenge_to_add,
        name="account_challenge_to_add",
    ),
    path("passkeys/add/", views_passkeys.add, name="account_add_passkey"),
    path("passkeys/change/", views_passkeys.change, name="account_change_passkey"),
    # Second factor
    path("second-factor/", views_signing_in.signing_in, name="mfa_index"),
    path(
        "second-factor/choose/",
        views_signing_in.choose_factor,
        name="account_choose_factor",
    ),
    door(
        "second-factor/authenticate/",
        views_signing_in.Authenticate.as_view(),
        "mfa_authenticate",
        open_door,
    ),
    door(
        "second-factor/reauthenticate/",
        views_signing_in.Reauthenticate.as_view(),
        "mfa_reauthenticate",
        signed_in,
    ),
    door(
        "second-factor/app/",
        views_signing_in.SetUpApp.as_view(),
        "mfa_activate_totp",
        signed_in,
    ),
    door(
        "second-factor/app/remove/",
        totp.deactivate_totp,
        "mfa_deactivate_totp",
        signed_in,
    ),
    door(
        "second-factor/recovery-codes/",
        recovery_codes.view_recovery_codes,
        "mfa_view_recovery_codes",
        signed_in,
    ),
    door(
        "second-factor/recovery-codes/new/",
        recovery_codes.generate_recovery_codes,
        "mfa_generate_recovery_codes",
        signed_in,
    ),
    door(
        "second-factor/recovery-codes/download/",
        recovery_codes.download_recovery_codes,
        "mfa_download_recovery_codes",
        signed_in,
    ),
]
