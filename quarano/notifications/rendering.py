"""A message's text, from its template, in the recipient's language."""

import json
from typing import Any

from django.conf import settings
from django.db import connection
from django.template import Context
from django.template.loader import get_template
from django.utils import translation

from health_authorities.models import HealthAuthority, current
from quarano.notifications import bounces, texts
from quarano.notifications.models import Message
from quarano.notifications.transports import Rendered

# Where gateways report to, on the host that the message comes from.
REPORTS = "/delivery/reports/sms/"


def render(message: Message) -> Rendered:
    """Return the message ready to send; raises TemplateDoesNotExist.

    The same row gives the same text and date, so that a repeated delivery is a repeat
    to the byte. A language without texts falls back to the authority's.
    """
    authority = current() if isinstance(connection.tenant, HealthAuthority) else None
    language = texts.language_of(message.language)
    if message.template in texts.KINDS:
        text = texts.read(
            message.template, message.channel, language, message.text_version
        ).filled(values(message, authority))
    else:
        text = _from_template(message, authority, language)
    text = text.strip()
    subject = ""
    if message.channel == Message.Channel.MAIL:
        subject, _, text = text.partition("\n")
    return Rendered(
        recipient=message.recipient,
        subject=subject.strip(),
        body=f"{text.strip()}\n",
        sender=authority.sender if authority else settings.DEFAULT_FROM_EMAIL,
        sender_name=(authority.sender_name or authority.name)
        if authority
        else "Quarano",
        message_id=message.message_id,
        date=message.written_at,
        key=str(message.pk),
        return_path=bounces.return_path(authority, message.pk),
        mark=bounces.mark(authority, message.pk),
        sms_sender=authority.sms_sender if authority else "",
        account=authority.schema_name if authority else bounces.PUBLIC,
        report_to=_url(authority, REPORTS),
    )


def _from_template(
    message: Message, authority: HealthAuthority | None, language: str
) -> str:
    """A text that nobody edits: its template may decide what it says."""
    with translation.override(language):
        # Plain text: nothing is escaped as if it were HTML.
        named = Context(context(message, authority), autoescape=False)
        template = get_template(f"{message.template}.{message.channel}.txt")
        text: str = template.template.render(named)  # type: ignore[attr-defined]
    return text


def values(message: Message, authority: HealthAuthority | None) -> dict[str, Any]:
    """What the placeholders of an editable text stand for in this message."""
    found = context(message, authority)
    found.pop("authority")
    return {**about(authority), **found, "link": found.get("url", "")}


def about(authority: HealthAuthority | None) -> dict[str, str]:
    """What a text may say of the authority it comes from."""
    if authority is None:
        return {}
    return {
        "office": authority.name,
        "office_short": authority.short_name,
        "phone": authority.cases_phone,
    }


def context(message: Message, authority: HealthAuthority | None) -> dict[str, Any]:
    """What a template may name."""
    secrets = {"token": message.token}
    if message.token.startswith("{"):
        secrets = json.loads(message.token)
    found = {"authority": authority, **message.parameters, **secrets}
    path = message.parameters.get("path")
    if path:
        found["url"] = _url(authority, path.format(**secrets))
    return found


def _url(authority: HealthAuthority | None, path: str) -> str:
    if authority is not None:
        return authority.url(path)
    host = settings.PUBLIC_HOST
    return f"{settings.SITE_SCHEME}://{host}{settings.SITE_PORT}{path}"
