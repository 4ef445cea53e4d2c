import json
from typing import Any

from allauth.account import forms as account
from allauth.account.adapter import get_adapter
from allauth.mfa.base import forms as mfa
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.mfa.utils import decrypt
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from phonenumber_field.phonenumber import to_python

from quarano.accounts.models import User
from quarano.accounts.passwords import CITIZEN, STAFF
from quarano.cockroach.transactions import retrying_transaction
from quarano.forms import Password

PASSWORD = _("Password")
HINT = _("At least %(least)d characters. Several words in a row are a good choice.")


def login_name(value: str) -> str:
    """Return an e-mail address in small letters, or a number as +49…, as typed else."""
    value = value.strip()
    if "@" in value:
        return value.lower()
    number = to_python(value)
    return number.as_e164 if number and number.is_valid() else value


def password_field(label: Any = PASSWORD, **kwargs: Any) -> forms.CharField:
    """A password box with 'Show'; blanks in it count."""
    autocomplete = kwargs.pop("autocomplete", "current-password")
    return forms.CharField(
        label=label,
        strip=False,
        max_length=512,
        widget=Password({"autocomplete": autocomplete}),
        **kwargs,
    )


class LoginForm(account.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = forms.CharField(
            label=_("E-mail or mobile number"),
            max_length=254,
            widget=forms.TextInput(
                {
                    "autocomplete": "username",
                    "autocapitalize": "none",
                    "autofocus": True,
                }
            ),
        )
        self.fields["password"] = password_field()
        self.order_fields(["login", "password"])

    def clean_login(self) -> str:
        return login_name(self.cleaned_data["login"])


class ReauthenticateForm(account.ReauthenticateForm):
    password = password_field()


class ResetPasswordForm(account.ResetPasswordForm):
    email = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput({"autocomplete": "email"})
    )

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Tell an unknown address so, by mail: the page answers alike (allauth would
        offer it a sign-up, which we do not have)."""
        email: str = self.cleaned_data["email"]
        if self.users:
            return str(super().save(request, **kwargs))
        get_adapter(request).send_mail("account/email/unknown_account", email, {})
        return email


class _NewPassword:
    """One box that can be shown is enough; two are typed from one another."""

    fields: dict[str, forms.Field]
    user: User | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        least = STAFF if self.user and self.user.is_staff else CITIZEN
        self.fields["password1"] = password_field(
            _("New password"),
            autocomplete="new-password",
            help_text=HINT % {"least": least},
        )
        del self.fields["password2"]

    def clean_password1(self) -> str:
        password: str = self.cleaned_data["password1"]  # type: ignore[attr-defined]
        validate_password(password, self.user)
        return password


class ResetPasswordKeyForm(_NewPassword, account.ResetPasswordKeyForm):
    pass


class ChangePasswordForm(_NewPassword, account.ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"] = password_field(_("Present password"))
        self.order_fields(["oldpassword", "password1"])


class StaffPasswordForm(forms.Form):
    """The password of somebody who accepts an invitation to the staff."""

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["password"] = password_field(
            autocomplete="new-password", help_text=HINT % {"least": STAFF}
        )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, self.user)
        return password


def code_field(label: Any, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        max_length=20,
        widget=forms.TextInput(
            {
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "class": "code",
                "inputmode": "numeric",
                "autofocus": True,
            }
        ),
    )


class DeviceCodeForm(forms.Form):
    code = code_field(_("Code"))


class _OnceOnly:
    """A code of the authenticator app opens once, even while it is still shown.

    allauth forgets in the cache after 30 seconds; the counter stays with the secret.
    """

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        found: Authenticator = self.authenticator  # type: ignore[attr-defined]
        if found.type == Authenticator.Type.TOTP and not _is_new(found, code):
            from allauth.mfa.adapter import get_adapter

            raise get_adapter().validation_error("incorrect_code")
        return code


@retrying_transaction
def _is_new(authenticator: Authenticator, code: str) -> bool:
    locked = Authenticator.objects.select_for_update().get(pk=authenticator.pk)
    secret = decrypt(locked.data["secret"])
    used = locked.data.get("last_counter", 0)
    typed = "".join(filter(str.isdigit, code))
    for counter in yield_hotp_counters_from_time():
        if counter > used and format_hotp_value(hotp_value(secret, counter)) == typed:
            locked.data["last_counter"] = counter
            locked.save(update_fields=["data"])
            authenticator.data = locked.data
            return True
    return False


class AuthenticateForm(_OnceOnly, mfa.AuthenticateForm):
    code = code_field(
        _("Code"), _("From your authenticator app, or one of your recovery codes.")
    )


class SecondFactorReauthenticateForm(_OnceOnly, mfa.ReauthenticateForm):
    code = code_field(
        _("Code"), _("From your authenticator app, or one of your recovery codes.")
    )


class ActivateTOTPForm(totp.ActivateTOTPForm):
    code = code_field(_("Code"), _("The six digits that the app shows now."))


# --- Passkeys ------------------------------------------------------------------------

LONGEST_ANSWER = 30_000  # characters; keys that prove their maker say some thousands


class PasskeyForm(forms.Form):
    """What the browser answered to a challenge; the script fills it in."""

    credential = forms.CharField(widget=forms.HiddenInput, max_length=LONGEST_ANSWER)

    def clean_credential(self) -> Any:
        # Not a JSONField: a number of 5,000 digits breaks that (CVE-2020-10735).
        try:
            return json.loads(self.cleaned_data["credential"])
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(_("This is no answer of a passkey.")) from error


def passkey_name(**kwargs: Any) -> forms.CharField:
    return forms.CharField(
        label=_("Name"),
        max_length=60,
        widget=forms.TextInput({"autocomplete": "off"}),
        **kwargs,
    )


class AddPasskeyForm(PasskeyForm):
    name = passkey_name(
        required=False, help_text=_("By which you know it again in the list.")
    )


class NamePasskeyForm(forms.Form):
    name = passkey_name()
