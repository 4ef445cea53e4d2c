from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.usersessions import views as sessions
from django.urls import path, re_path

from quarano.accounts.access import open_door, signed_in

# Listed one by one: what allauth adds tomorrow is not open here by itself.
urlpatterns = [
    path("login/", open_door(account.login), name="account_login"),
    path("logout/", open_door(account.logout), name="account_logout"),
    path("inactive/", open_door(account.account_inactive), name="account_inactive"),
    path(
        "reauthenticate/",
        signed_in(account.reauthenticate),
        name="account_reauthenticate",
    ),
    path(
        "password/change/",
        signed_in(account.password_change),
        name="account_change_password",
    ),
    path(
        "password/reset/",
        open_door(account.password_reset),
        name="account_reset_password",
    ),
    path(
        "password/reset/done/",
        open_door(account.password_reset_done),
        name="account_reset_password_done",
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        open_door(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        open_door(account.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
    path("sessions/", signed_in(sessions.list_usersessions), name="usersessions_list"),
    # The second factor
    path("second-factor/", signed_in(mfa.index), name="mfa_index"),
    path(
        "second-factor/authenticate/",
        open_door(mfa.authenticate),
        name="mfa_authenticate",
    ),
    path(
        "second-factor/reauthenticate/",
        signed_in(mfa.reauthenticate),
        name="mfa_reauthenticate",
    ),
    path("second-factor/app/", signed_in(totp.activate_totp), name="mfa_activate_totp"),
    path(
        "second-factor/app/remove/",
        signed_in(totp.deactivate_totp),
        name="mfa_deactivate_totp",
    ),
    path(
        "second-factor/recovery-codes/",
        signed_in(recovery_codes.view_recovery_codes),
        name="mfa_view_recovery_codes",
    ),
    path(
        "second-factor/recovery-codes/new/",
        signed_in(recovery_codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "second-factor/recovery-codes/download/",
        signed_in(recovery_codes.download_recovery_codes),
        name="mfa_download_recovery_codes",
    ),
]
