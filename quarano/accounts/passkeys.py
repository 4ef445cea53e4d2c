"""Passkeys: keys of a device, opened by finger, face or PIN, for this host only.

Registered, named and removed here, kept as django-allauth keeps them: a public key is
no secret. User verification is always required, so a passkey alone is two factors. A
challenge is good once, for five minutes and for one purpose.
https://www.w3.org/TR/webauthn-3/
"""

import datetime as dt
import struct
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from allauth.account.utils import url_str_to_user_pk
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import build_user_payload, get_credentials
from cryptography.exceptions import UnsupportedAlgorithm
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac
from fido2.rpid import verify_rp_id
from fido2.server import Fido2Server
from fido2.webauthn import (
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from quarano.accounts import limits
from quarano.accounts.models import User
from quarano.audit import log
from quarano.cockroach.transactions import retrying_transaction
from quarano.encryption import fingerprint

CHALLENGE = "passkey_challenge"
ADD, ENTER, CONFIRM = "add", "enter", "confirm"  # what a challenge is for
GOOD_FOR = 5 * 60  # seconds
MOST = 10  # passkeys of a login
VERIFIED = UserVerificationRequirement.REQUIRED
# What parsing raises on an answer that no browser gives.
MALFORMED = (
    AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError,
    NotImplementedError, RecursionError, UnsupportedAlgorithm, struct.error,
)  # fmt: skip


class Refused(Exception):
    """The browser's answer does not prove what was asked for."""


class TooMany(Exception):
    """This login has as many passkeys as one may have."""


class LastFactor(Exception):
    """An official keeps at least one app or passkey."""


@dataclass(frozen=True)
class Passkey:
    """A passkey as its owner sees it; `mark` names it in forms."""

    mark: str
    name: str
    added_at: dt.datetime
    used_at: dt.datetime | None


# --- The challenge -------------------------------------------------------------------


def challenge_to_add(request: HttpRequest, user: User) -> dict[str, Any]:
    """Return what the browser's `credentials.create` asks for; the session keeps it."""
    options, state = _server(request).register_begin(
        build_user_payload(user),
        credentials=get_credentials(user),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=VERIFIED,
        extensions={"credProps": True},
    )
    _keep(request, state, purpose=ADD)
    return dict(options)


def challenge_to_prove(
    request: HttpRequest, *, user: User | None = None
) -> dict[str, Any]:
    """Return what `credentials.get` asks for: any passkey, or one of `user`."""
    options, state = _server(request).authenticate_begin(
        credentials=get_credentials(user) if user else [],
        user_verification=VERIFIED,
    )
    _keep(request, state, purpose=CONFIRM if user else ENTER)
    return dict(options)


def _server(request: HttpRequest) -> Fido2Server:
    rp = PublicKeyCredentialRpEntity(
        **get_adapter().get_public_key_credential_rp_entity()
    )

    def is_ours(origin: str) -> bool:
        # Stricter than the standard's rule: not the page of a host below this one.
        return (
            verify_rp_id(rp.id or "", origin)
            and urlsplit(origin).netloc.lower() == request.get_host().lower()
        )

    return Fido2Server(rp, verify_origin=is_ours)


def _keep(request: HttpRequest, state: dict[str, Any], *, purpose: str) -> None:
    request.session[CHALLENGE] = {
        "challenge": state["challenge"],
        "user_verification": VERIFIED.value,
        "purpose": purpose,
        "at": time.time(),
    }


def _take(request: HttpRequest, *, purpose: str) -> dict[str, Any]:
    """Take the challenge out of the session. Raises Refused; it is good once."""
    state = request.session.pop(CHALLENGE, None)
    if not isinstance(state, dict) or state["purpose"] != purpose:
        raise Refused
    if time.time() - state["at"] > GOOD_FOR:
        raise Refused
    # Of many requests at once each has read the same session: counted at one place.
    once = limits.Limit(1, 2 * GOOD_FOR)
    if not limits.allow("passkey-challenge", once, key=fingerprint(state["challenge"])):
        raise Refused
    return state


# --- Adding --------------------------------------------------------------------------


def check_new(request: HttpRequest, credential: Any) -> dict[str, Any]:
    """Return what of a new passkey is kept; raises Refused."""
    state = _take(request, purpose=ADD)
    try:
        answer = RegistrationResponse.from_dict(credential)
        if answer.response.client_data.cross_origin:
            raise Refused
        server = _server(request)
        attested = server.register_complete(state, answer).credential_data
        if attested is None or attested.credential_id != answer.raw_id:
            raise Refused
        known = {parameters.alg for parameters in server.allowed_algorithms}
        if attested.public_key.get(3) not in known:  # 3: the algorithm (RFC 9052)
            raise Refused
        response = credential["response"]
        return {
            "id": answer.id,
            "rawId": answer.id,
            "type": "public-key",
            "response": {
                "clientDataJSON": str(response["clientDataJSON"]),
                "attestationObject": str(response["attestationObject"]),
            },
            "clientExtensionResults": {"credProps": {"rk": True}},
        }
    except MALFORMED as error:
        raise Refused from error


@retrying_transaction
def add(
    user: User, *, credential: dict[str, Any], name: str, now: dt.datetime
) -> Authenticator:
    """Keep a new passkey of this login; one that somebody has already is refused.

    Raises Refused and TooMany.
    """
    User.objects.select_for_update().get(pk=user.pk)
    known = Authenticator.objects.filter(
        type=Authenticator.Type.WEBAUTHN, data__credential__id=credential["id"]
    )
    if known.exists():
        raise Refused
    if _of(user).count() >= MOST:
        raise TooMany
    return Authenticator.objects.create(
        user=user,
        type=Authenticator.Type.WEBAUTHN,
        data={"name": name, "credential": credential, "counter": 0},
        created_at=now,
    )


# --- Proving -------------------------------------------------------------------------


def prove(
    request: HttpRequest, credential: Any, *, now: dt.datetime, user: User | None = None
) -> Authenticator:
    """Return the passkey that answered the challenge; without `user` it says whose.

    Raises Refused: also where a counter shows that the key was copied.
    """
    state = _take(request, purpose=CONFIRM if user else ENTER)
    try:
        answer = AuthenticationResponse.from_dict(credential)
        if answer.response.client_data.cross_origin:
            raise Refused
        owner = user or _owner(answer)
        _server(request).authenticate_complete(state, get_credentials(owner), answer)
        counter = answer.response.authenticator_data.counter
    except MALFORMED as error:
        raise Refused from error
    found = _of(owner).filter(data__credential__id=answer.id).first()
    if found is None or not _counted(found, counter=counter, now=now):
        raise Refused
    return found


def _owner(answer: AuthenticationResponse) -> User:
    handle = answer.response.user_handle or b""
    try:
        pk = url_str_to_user_pk(handle.decode())
    except ValidationError as error:
        raise Refused from error
    owner = User.objects.filter(pk=pk).first()
    if owner is None:
        raise Refused
    return owner


@retrying_transaction
def _counted(found: Authenticator, *, counter: int, now: dt.datetime) -> bool:
    # Keys that count (most passkeys say 0 for ever) never count backwards, unless two
    # of them exist. https://www.w3.org/TR/webauthn-3/#sctn-sign-counter
    locked = Authenticator.objects.select_for_update().get(pk=found.pk)
    before = int(locked.data.get("counter", 0))
    if (counter or before) and counter <= before:
        log.record("login.passkey_copied", locked.user, by=locked.user, now=now)
        return False
    locked.data["counter"] = counter
    locked.last_used_at = now
    locked.save(update_fields=["data", "last_used_at"])
    return True


# --- Listing, naming, removing -------------------------------------------------------


def of(user: User) -> list[Passkey]:
    """Return the passkeys of a login, the oldest first."""
    return [
        Passkey(_mark(one), one.data["name"], one.created_at, one.last_used_at)
        for one in _of(user).order_by("created_at", "pk")
    ]


def find(user: User, mark: str) -> Authenticator | None:
    """Return the passkey of this login that a form names; never another's."""
    for one in _of(user).order_by("pk"):
        if constant_time_compare(_mark(one), mark):
            return one
    return None


@retrying_transaction(repeatable=True)
def rename(passkey: Authenticator, *, name: str) -> None:
    """Call a passkey otherwise."""
    locked = Authenticator.objects.select_for_update().get(pk=passkey.pk)
    locked.data["name"] = name
    locked.save(update_fields=["data"])


@retrying_transaction(repeatable=True)
def remove(passkey: Authenticator) -> None:
    """Forget a passkey. Raises LastFactor where an official would have none left.

    Recovery codes without another factor go with it.
    """
    owner = User.objects.select_for_update().get(pk=passkey.user_id)
    factors = Authenticator.objects.filter(user=owner)
    strong = factors.exclude(type=Authenticator.Type.RECOVERY_CODES)
    others = strong.exclude(pk=passkey.pk).exists()
    if owner.is_staff and not others:
        raise LastFactor
    strong.filter(pk=passkey.pk).delete()
    if not others:
        factors.delete()


def _of(user: User) -> QuerySet[Authenticator]:
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)


def _mark(passkey: Authenticator) -> str:
    # Its number in the table is nobody's business.
    return salted_hmac("quarano.accounts.passkey", str(passkey.pk)).hexdigest()[:32]
