"""Text messages over HTTP: our own protocol, or a provider's, told by an adapter.

The protocol: POST the JSON object `{"id", "to", "from", "text", "account",
"written_at", "report_to"}` with `Authorization: Bearer …`. `id` stays the same however
often a message is handed over, so a gateway that knows it takes it once. It answers 2xx
and `{"id": its own name}`, or 4xx/5xx and `{"error": a code}`. Later it posts to
`report_to` what became of it: quarano.notifications.reports.
"""

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import urllib3
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from quarano.notifications.segments import size
from quarano.notifications.transports import (
    Receipt,
    Rendered,
    TransportError,
    refuse_in_practice,
)

NAME = re.compile(r"\{([a-z_]+)\}")
LONGEST_ANSWER = 100_000  # bytes


@dataclass(frozen=True)
class Adapter:
    """How a provider wants to be asked, and where its words stand.

    `body` and `headers` may name {id}, {to}, {to_digits} (without +), {from}, {text},
    {account}, {written_at}, {report_to} and {token}. The others are paths into JSON
    such as 'messages.0.id', or codes as the provider writes them.
    """

    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"Authorization": "Bearer {token}"}
    )
    # In the answer: the provider's own name of the message, and an error's code.
    reference: str = "id"
    error: str = "error"
    # Codes of errors that trying again does not mend.
    permanent: tuple[str, ...] = ("invalid_recipient", "blocked", "too_long")
    # In a report: the list of reports (empty: the report itself), and its parts.
    reports: str = ""
    report_id: str = "id"
    report_reference: str = "reference"
    report_status: str = "status"
    report_reason: str = "reason"
    report_at: str = "at"
    delivered: tuple[str, ...] = ("delivered",)
    undelivered: tuple[str, ...] = ("undelivered",)


ADAPTERS: dict[str, Adapter] = {
    "quarano": Adapter(
        body={
            "id": "{id}",
            "to": "{to}",
            "from": "{from}",
            "text": "{text}",
            "account": "{account}",
            "written_at": "{written_at}",
            "report_to": "{report_to}",
        },
    ),
}


@lru_cache(maxsize=4)
def _described(path: str) -> Adapter:
    try:
        said: Any = json.loads(Path(path).read_text())
        known = {one.name for one in fields(Adapter)}
        if not isinstance(said, dict) or set(said) - known:
            raise ImproperlyConfigured(
                f"SMS_ADAPTER {path}: a JSON object with {', '.join(sorted(known))}."
            )
        described: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in said.items()
        }
        return Adapter(**described)
    except (OSError, ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"SMS_ADAPTER {path} cannot be read.") from error


def adapter() -> Adapter:
    """Return how the provider of the settings is spoken with.

    SMS_ADAPTER names an entry of ADAPTERS or a file that describes one in JSON. Raises
    ImproperlyConfigured.
    """
    name = settings.SMS_ADAPTER
    return ADAPTERS[name] if name in ADAPTERS else _described(name)


def at(found: Any, path: str) -> Any:
    """Return what stands at a path of names and positions, None where nothing does."""
    for step in path.split(".") if path else ():
        if isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, dict):
            found = found.get(step)
        else:
            return None
    return found


def filled(pattern: Any, values: Mapping[str, str]) -> Any:
    """Return the pattern with its {names} replaced, through lists and objects."""
    if isinstance(pattern, str):
        return NAME.sub(lambda name: values.get(name[1], name[0]), pattern)
    if isinstance(pattern, Mapping):
        return {key: filled(value, values) for key, value in pattern.items()}
    if isinstance(pattern, list | tuple):
        return [filled(value, values) for value in pattern]
    return pattern


@lru_cache(maxsize=4)
def _pool(authorities: str) -> urllib3.PoolManager:
    """Connections that are kept; certificates are checked, always."""
    context = ssl.create_default_context(cafile=authorities or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return urllib3.PoolManager(
        maxsize=4, retries=False, cert_reqs="CERT_REQUIRED", ssl_context=context
    )


class Gateway:
    """Hands text messages to the gateway that the settings name."""

    def send(self, message: Rendered) -> Receipt:
        """Hand one over; the outbox tries again, so nothing is repeated here."""
        refuse_in_practice()
        text = message.body.strip()
        count = size(text).segments
        if not settings.SMS_GATEWAY_URL:
            raise TransportError("no_gateway", permanent=True)
        if count > settings.SMS_MOST_SEGMENTS:
            raise TransportError("too_long", permanent=True)
        provider = adapter()
        values = {
            "id": message.key,
            "to": message.recipient,
            "to_digits": message.recipient.removeprefix("+"),
            "from": message.sms_sender or settings.SMS_SENDER,
            "text": text,
            "account": message.account,
            "report_to": message.report_to,
            "written_at": message.date.isoformat(),
            "token": settings.SMS_GATEWAY_TOKEN,
        }
        status, said = self._ask(
            filled(provider.body, values), filled(provider.headers, values)
        )
        self._refuse(provider, status, said)
        reference = at(said, provider.reference)
        return Receipt(
            reference=str(reference)[:120] if reference is not None else "",
            segments=count,
        )

    def _ask(self, body: Any, headers: Mapping[str, str]) -> tuple[int, Any]:
        timeout = urllib3.Timeout(
            connect=settings.SMS_CONNECT_SECONDS, read=settings.SMS_READ_SECONDS
        )
        try:
            # An address that leads on is not followed: the token goes nowhere else.
            answer = _pool(settings.SMS_CA_FILE).request(
                "POST",
                settings.SMS_GATEWAY_URL,
                body=json.dumps(body).encode(),
                headers={**headers, "Content-Type": "application/json"},
                timeout=timeout,
                redirect=False,
                preload_content=False,
            )
            with answer:
                raw = answer.read(LONGEST_ANSWER)
        except (urllib3.exceptions.HTTPError, OSError):
            raise TransportError("unreachable", permanent=False) from None
        try:
            return answer.status, json.loads(raw)
        except ValueError:
            return answer.status, None

    def _refuse(self, provider: Adapter, status: int, said: Any) -> None:
        """Raise TransportError unless the message was taken.

        Known under this id already (409) is taken. What is wrong with our account or
        our address of the gateway is no fault of the recipient's, and may be mended.
        """
        code = at(said, provider.error)
        if code is not None and str(code) in provider.permanent:
            raise TransportError("refused", permanent=True)
        if 200 <= status < 300 and not code:
            return
        if status == 409:
            return
        if status in {400, 413, 422}:
            raise TransportError("refused", permanent=True)
        if status in {429, 503}:
            raise TransportError("busy", permanent=False)
        raise TransportError("gateway", permanent=False)
