"""What would bite in production: how messages leave, and how reports come back."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured

from quarano.notifications import gateway

HERE = {"localhost", "127.0.0.1", "::1"}


@register(Tags.security)
def text_messages(**_: Any) -> list[CheckMessage]:
    """The gateway is spoken with over TLS, and in words that it knows."""
    found: list[CheckMessage] = []
    if not settings.SMS_GATEWAY_URL:
        return found
    address = urlsplit(settings.SMS_GATEWAY_URL)
    if address.scheme != "https" and address.hostname not in HERE:
        found.append(
            Error(
                "Text messages would leave unencrypted: SMS_GATEWAY_URL.",
                hint="An address that begins with https://.",
                id="quarano.E013",
            )
        )
    try:
        gateway.adapter()
    except ImproperlyConfigured as error:
        found.append(Error(str(error), id="quarano.E014"))
    if not settings.SMS_GATEWAY_TOKEN:
        found.append(Caution("SMS_GATEWAY_TOKEN is empty.", id="quarano.W004"))
    return found


@register(Tags.security)
def bounces(**_: Any) -> list[CheckMessage]:
    """Where mail comes back to, somebody reads it, and in secret."""
    found: list[CheckMessage] = []
    name, _at, domain = settings.BOUNCE_ADDRESS.rpartition("@")
    if settings.BOUNCE_ADDRESS and not (name and domain):
        found.append(Error("BOUNCE_ADDRESS is no address.", id="quarano.E011"))
    # RFC 5321, 4.5.3.1.1: what stands before the @ has at most 64 letters, and the
    # mark of a message takes 51 of them.
    elif len(name) > 64 - 51:
        found.append(
            Error("BOUNCE_ADDRESS: more than 13 letters before @.", id="quarano.E012")
        )
    host = settings.BOUNCE_IMAP_HOST
    if host and not settings.BOUNCE_IMAP_TLS and host not in HERE:
        found.append(
            Caution(
                "The mailbox of bounces is read unencrypted: BOUNCE_IMAP_TLS.",
                id="quarano.W005",
            )
        )
    return found
