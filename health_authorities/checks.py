"""What would bite in production."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, register
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

HERE = {"", "localhost", "127.0.0.1", "::1"}
WITH_TLS = {"require", "verify-ca"}
DEVELOPMENT = b"development-only"
DEFAULT = "only-for-development"


def refuse() -> None:
    """Stop every process, also those that run no checks, with settings that are open.

    In the demo anybody becomes anybody with one click; DEBUG has keys that everybody
    knows, and is for this machine alone.
    """
    if settings.DEMO and not settings.DEVELOPMENT:
        raise ImproperlyConfigured("DEMO is refused outside DEBUG.")
    host = settings.PUBLIC_HOST
    if settings.DEVELOPMENT and host not in HERE and not host.endswith(".localhost"):
        raise ImproperlyConfigured("DEBUG is refused where others reach us.")
    for message in [*secrets(), *database()]:
        raise ImproperlyConfigured(f"{message.msg} ({message.id})")


@register(Tags.security)
def secrets(**_: Any) -> list[CheckMessage]:
    """Secrets have no default outside DEBUG."""
    if settings.DEVELOPMENT:
        return []
    return list(_secrets())


def _secrets() -> Iterator[CheckMessage]:
    try:
        length = len(settings.SECRET_KEY)
    except ImproperlyConfigured:  # Django's word for an empty one
        length = 0
    if length < 50:
        yield Error("SECRET_KEY has fewer than 50 characters.", id="quarano.E001")
    elif len(set(settings.SECRET_KEY)) < 10 or DEFAULT in settings.SECRET_KEY:
        yield Error("SECRET_KEY is one that can be guessed.", id="quarano.E009")
    if not settings.FIELD_KEYS:
        yield Error(
            "FIELD_KEYS is empty: nothing could be sealed.",
            hint="32 random bytes in base64; several, newest first, by commas.",
            id="quarano.E002",
        )
    for key in settings.FIELD_KEYS:
        try:
            raw = base64.b64decode(key, validate=True)
        except binascii.Error:
            raw = b""
        if len(raw) != 32:
            yield Error(
                "A key in FIELD_KEYS is not 32 bytes in base64.", id="quarano.E003"
            )
        elif raw.startswith(DEVELOPMENT):
            yield Error("FIELD_KEYS holds the key of development.", id="quarano.E004")


@register(Tags.security)
def hosts(**_: Any) -> list[CheckMessage]:
    """Who may be asked for, and that no cookie passes from one authority to another."""
    found: list[CheckMessage] = []
    if not settings.DEVELOPMENT and not any(settings.ALLOWED_HOSTS):
        found.append(Error("ALLOWED_HOSTS names no host.", id="quarano.E005"))
    if settings.SESSION_COOKIE_DOMAIN or settings.CSRF_COOKIE_DOMAIN:
        found.append(
            Error("A cookie's domain reaches other authorities.", id="quarano.E006")
        )
    return found


@register(Tags.database)
def database(**_: Any) -> list[CheckMessage]:
    """The way to the database is encrypted, and its other end known, unless it is a
    socket of this machine's file system."""
    found: list[CheckMessage] = []
    place = settings.DATABASES["default"]
    if place.get("ATOMIC_REQUESTS"):
        found.append(
            Error("ATOMIC_REQUESTS would defeat the retry.", id="quarano.E007")
        )
    hosts_named = str(place.get("HOST") or "").split(",")
    elsewhere = [host for host in hosts_named if host and not host.startswith("/")]
    mode = place.get("OPTIONS", {}).get("sslmode", "")
    if not settings.DEVELOPMENT and elsewhere and mode != "verify-full":
        what = "verified" if mode in WITH_TLS else "encrypted"
        found.append(
            Error(
                f"The way to the database is not {what}.",
                hint="Add ?sslmode=verify-full&sslrootcert=… to DATABASE_URL.",
                id="quarano.E010",
            )
        )
    return found


@register(Tags.database)
def migrated(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """No authority lags behind this release (`manage.py check --database default`).

    A warning: an error would keep `migrate` from mending it.
    """
    if not databases:
        return []
    from health_authorities import schemas

    try:
        names = schemas.lagging()
    except DatabaseError:
        return []  # before the first migration, or away: others say that
    if not names:
        return []
    hint = "Run manage.py prepare_database."
    return [Caution(f"{schemas.sentence(names)}.", hint=hint, id="quarano.W004")]


@register(Tags.security, deploy=True)
def ways_out(**_: Any) -> list[CheckMessage]:
    """Redis, mail and text messages in production."""
    found: list[CheckMessage] = []
    if not settings.DEVELOPMENT:
        if settings.TRANSPORTS["sms"].endswith(".Console"):
            found.append(
                Info(
                    "No gateway sends text messages: each of them fails.",
                    hint="Name one in SMS_GATEWAY_URL.",
                    id="quarano.I001",
                )
            )
        if settings.EMAIL_HOST not in HERE and not settings.EMAIL_USE_TLS:
            found.append(
                Caution("Mail leaves unencrypted: EMAIL_USE_TLS.", id="quarano.W003")
            )
    visible = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    if visible <= settings.CELERY_TASK_TIME_LIMIT:
        found.append(
            Error("A task would be given out again while it runs.", id="quarano.E008")
        )
    return found
