import json
import time
import uuid
from typing import Any

import qrcode  # type: ignore[import-untyped]
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from qrcode.image.svg import SvgPathImage  # type: ignore[import-untyped]

from quarano import clock
from quarano.accounts import devices, logins, receivers
from quarano.accounts.limits import address
from quarano.accounts.models import User
from quarano.cockroach.transactions import retrying, retrying_transaction
from quarano.encryption import seal, unseal
from quarano.notifications import outbox

MISMATCH = _("This address and password do not match. Check both.")
TOO_MANY = _("Too many tries. Wait some minutes, then try again.")
WRONG_CODE = _("This code is not right. Wait for the next one and type it.")

KEEP_ONE = _(
    "Officials keep a second factor. Add another one first; if all are lost, an "
    "administrator sends you a link to begin anew."
)


class AccountAdapter(DefaultAccountAdapter):
    def is_safe_url(self, url: str | None) -> bool:
        """Whether somebody may be sent there afterwards: on this host only."""
        here = self.request.get_host()
        return url_has_allowed_host_and_scheme(url, allowed_hosts={here})

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": MISMATCH,
        "phone_password_mismatch": MISMATCH,
        "too_many_login_attempts": TOO_MANY,
        "rate_limited": TOO_MANY,
        "incorrect_password": _("This password is not right."),
        "enter_current_password": _("This is not your present password."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Logins come from invitations alone."""
        return False

    def get_login_stages(self) -> list[str]:
        """Nothing to verify, no login by code alone: a new device, a second factor."""
        return [
            "quarano.accounts.stages.NewDeviceStage",
            "quarano.accounts.stages.SecondFactorStage",
        ]

    def pre_login(
        self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any
    ) -> HttpResponse | None:
        """Refuse an account whose last day has passed, as one that is closed."""
        assert isinstance(user, User)
        if user.is_over(logins.today()):
            user.is_active = False
            receivers.note("login.failed", user, step=receivers.ENDED_ACCOUNT)
        return super().pre_login(request, user, **kwargs)

    def post_login(
        self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any
    ) -> HttpResponse:
        """Speak the language that this login chose last; know the browser again."""
        response = super().post_login(request, user, **kwargs)
        if getattr(user, "language", "") in dict(settings.LANGUAGES):
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                user.language,  # type: ignore[attr-defined]
                max_age=365 * 24 * 3600,
                httponly=True,
                samesite="Lax",
                secure=settings.LANGUAGE_COOKIE_SECURE,
            )
        if isinstance(user, User) and user.is_staff:
            devices.remember(request, response, user)
        return response

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Password, passkey or code: each shows that it is still the same person."""
        words = {
            "reauthenticate": _("With your password"),
            "mfa_reauthenticate": _("With a code"),
            "mfa_reauthenticate:webauthn": _("With your passkey"),
        }
        return [
            {**method, "description": words[method["id"]]}
            for method in super().get_reauthentication_methods(user)
        ]

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask again after five minutes; who has just signed in is not asked twice."""
        records = get_authentication_records(self.request, self.request.user)
        just_now = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
        return not records or records[-1]["at"] < just_now

    @retrying
    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        user.set_password(password)
        user.save(update_fields=["password"])

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that limits count: a header is believed from our proxy only."""
        return address(request)

    def _get_login_attempts_cache_key(
        self, request: HttpRequest, **credentials: Any
    ) -> str:
        """Count per login; apart where the owner has signed in before, so that
        nobody keeps the owner out by guessing."""
        login = str(credentials.get("email") or credentials.get("phone") or "")
        known = ":known device" if devices.knows_login(request, login) else ""
        return f"{request.get_host()}:{login.lower()}{known}"

    # --- What allauth tells by mail goes through the outbox --------------------------

    def send_notification_mail(
        self,
        template_prefix: str,
        user: AbstractBaseUser,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell the owner what was changed: by e-mail, where there is none by SMS."""
        assert isinstance(user, User)
        what = template_prefix.rpartition("/")[2]
        logins.tell(user, what, now=clock.now())

    def send_mail(
        self, template_prefix: str, email: str, context: dict[str, Any]
    ) -> None:
        """Write the message; its text is ours, its links are sealed until sent."""
        what = template_prefix.rpartition("/")[2]
        language = translation.get_language() or settings.LANGUAGE_CODE
        parameters: dict[str, Any] = {"what": what}
        token = ""
        if what == "password_reset_key":
            parameters["path"] = "/account/password/reset/key/{key}/"
            token = json.dumps({"key": f"{context['uid']}-{context['key']}"})
        template = TEXTS.get(what, "accounts/messages/security_notice")
        _write(template, email, language=language, parameters=parameters, token=token)

    # --- Mobile numbers as logins ----------------------------------------------------

    def get_user_by_phone(self, phone: str) -> User | None:
        return User.objects.filter(mobile=phone).first()

    def get_phone(self, user: AbstractBaseUser) -> tuple[str, bool] | None:
        mobile = getattr(user, "mobile", None)
        return (str(mobile), True) if mobile else None

    def set_phone(self, user: AbstractBaseUser, phone: str, verified: bool) -> None:
        raise NotImplementedError("numbers are set when a login is made")

    def set_phone_verified(self, user: AbstractBaseUser, phone: str) -> None:
        raise NotImplementedError("numbers are set when a login is made")

    def send_verification_code_sms(
        self, user: AbstractBaseUser, phone: str, code: str, **kwargs: Any
    ) -> None:
        raise NotImplementedError("quarano.accounts.stages sends codes")


TEXTS = {
    "password_reset_key": "accounts/messages/password_reset",
    "unknown_account": "accounts/messages/no_account",
}


@retrying_transaction
def _write(
    template: str,
    email: str,
    *,
    language: str,
    parameters: dict[str, Any],
    token: str,
) -> None:
    outbox.write(
        f"account:{parameters['what']}:{uuid.uuid4()}",
        template=template,
        channel="mail",
        recipient=email,
        language=language,
        now=clock.now(),
        parameters=parameters,
        token=token,
    )


class MFAAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": WRONG_CODE,
        "cannot_delete_authenticator": KEEP_ONE,
    }
    PLACE = "mfa_authenticator.data"

    def encrypt(self, text: str) -> str:
        return seal(text, place=self.PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, place=self.PLACE)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Staff keep a second factor; an administrator renews a lost one."""
        others = Authenticator.objects.filter(user=authenticator.user).exclude(
            Q(pk=authenticator.pk) | Q(type=Authenticator.Type.RECOVERY_CODES)
        )
        return not authenticator.user.is_staff or others.exists()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """A passkey is for this host alone, and says whose it is."""
        request = context.request
        authority = getattr(request, "authority", None)
        return {
            "id": request.get_host().partition(":")[0].lower(),
            "name": authority.name if authority else settings.MFA_TOTP_ISSUER,
        }

    def _get_user_identifier(self, user: AbstractBaseUser) -> str:
        assert isinstance(user, User)
        return user.email or (user.mobile.as_e164 if user.mobile else user.name)

    def build_totp_svg(self, url: str) -> str:
        """Return the QR code as an element for the page, not as a data: address."""
        picture = qrcode.make(url, image_factory=SvgPathImage, border=2)
        text = picture.to_string(encoding="unicode")
        # The page gives the picture its name.
        text = text.replace("<svg ", '<svg aria-hidden="true" ', 1)
        return mark_safe(text)  # noqa: S308 # nosec B308 B703 - our own picture
