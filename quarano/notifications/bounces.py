"""Mail that comes back: whose it was, and whether it will ever arrive.

Each mail leaves under a return path of its own (VERP), which names the authority and
the message and is signed, so that nobody is taken for another by guess. Where the
return path is lost, the same mark stands in the headers of the mail that came back.
"""

import base64
import binascii
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message as Parsed

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from health_authorities.models import HealthAuthority, whose_key_begins
from quarano.notifications.reports import DELAYED, UNDELIVERED, Report
from quarano.notifications.transports import MARK as MARK_HEADER

PUBLIC = "public"
MARK = re.compile(r"(?<![a-z0-9])([0-9a-f]{8})([a-z2-7]{26})([a-z2-7]{16})(?![a-z0-9])")
STATUS = re.compile(r"^([245])\.(\d{1,3})\.(\d{1,3})")
REASONS = {
    **dict.fromkeys(["1.0", "1.1", "1.2", "1.3", "1.10", "2.1"], "unknown"),
    "2.2": "full",
    "3.4": "refused",
}
NOBODY = "0" * 8  # the operator's own mail, from no authority
LONGEST = 200_000  # bytes of a mail that are looked at


@dataclass(frozen=True)
class Bounce:
    """A mail that came back: in whose schema, and what is to be noted there."""

    schema: str
    report: Report


def mark(authority: HealthAuthority | None, pk: uuid.UUID) -> str:
    """Return the mark of a message: authority, message and signature, 50 letters."""
    return _place(authority) + _letters(pk.bytes) + _signature(authority, pk)


def return_path(authority: HealthAuthority | None, pk: uuid.UUID) -> str:
    """Return where this mail comes back to; empty where no mailbox is named."""
    if not settings.BOUNCE_ADDRESS:
        return ""
    name, _, domain = settings.BOUNCE_ADDRESS.rpartition("@")
    return f"{name}+{mark(authority, pk)}@{domain}"


def _place(authority: HealthAuthority | None) -> str:
    return authority.pk.hex[:8] if authority is not None else NOBODY


def _letters(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def _signature(
    authority: HealthAuthority | None, pk: uuid.UUID, key: str | bytes | None = None
) -> str:
    of = authority.pk if authority is not None else PUBLIC
    mac = salted_hmac("bounces", f"{of}:{pk}", secret=key, algorithm="sha256")
    return _letters(mac.digest()[:10])


def owner(text: str) -> tuple[str, uuid.UUID] | None:
    """Return schema and message that a genuine mark in the text names."""
    for place, letters, signed in MARK.findall(text.lower()):
        try:
            pk = uuid.UUID(bytes=base64.b32decode(f"{letters.upper()}======"))
        except (binascii.Error, ValueError):
            continue
        for authority in _candidates(place):
            for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
                if constant_time_compare(signed, _signature(authority, pk, key)):
                    return (authority.schema_name if authority else PUBLIC), pk
    return None


def _candidates(place: str) -> list[HealthAuthority | None]:
    return [None] if place == NOBODY else [*whose_key_begins(place)]


# --- What a mail says ----------------------------------------------------------------


def read(raw: bytes) -> Bounce | None:
    """Return what a mail in the mailbox reports, None where it is no bounce of ours.

    Reads delivery status notifications (RFC 3464). A bounce without one is taken as
    delayed, never as final; an answer from a person or a holiday is no bounce at all.
    """
    mail = message_from_bytes(raw[:LONGEST])
    found = owner(_addressed(mail)) or owner(_came_back(mail))
    if found is None:
        return None
    schema, pk = found
    parts = [one for one in mail.walk() if _is(one, "message/delivery-status")]
    if not parts:
        if str(mail.get("Auto-Submitted", "")).lower().startswith("auto-replied"):
            return None
        if not _is_from_a_server(mail):
            return None
        return Bounce(schema, Report(DELAYED, pk, reason="unclear"))
    for part in parts:
        for fields in _groups(part):
            outcome = outcome_of(str(fields["Action"]), str(fields.get("Status", "")))
            if outcome is not None:
                return Bounce(schema, Report(outcome[0], pk, reason=outcome[1]))
    return None


def _is(part: Parsed, kind: str) -> bool:
    return part.get_content_type() == kind


def _addressed(mail: Parsed) -> str:
    names = ("To", "Delivered-To", "X-Original-To", "Envelope-To")
    return " ".join(str(one) for name in names for one in mail.get_all(name, []))


def _came_back(mail: Parsed) -> str:
    """The mark in the headers of the mail that came back."""
    for part in mail.walk():
        if _is(part, "message/rfc822") or _is(part, "text/rfc822-headers"):
            inner = part.get_payload()
            if isinstance(inner, list):
                came = [one for one in inner if isinstance(one, Parsed)]
                return " ".join(str(one[MARK_HEADER]) for one in came)
            found = re.search(rf"(?im)^{MARK_HEADER}:(.*)$", str(inner))
            return found[1] if found else ""
    return ""


def _is_from_a_server(mail: Parsed) -> bool:
    sender = f"{mail.get('Return-Path', '')} {mail.get('From', '')}".lower()
    return "<>" in sender or "mailer-daemon" in sender or "postmaster" in sender


def _groups(part: Parsed) -> Iterator[Parsed]:
    payload = part.get_payload()
    for group in payload if isinstance(payload, list) else []:
        if isinstance(group, Parsed) and group.get("Action"):
            yield group


def outcome_of(action: str, status: str) -> tuple[str, str] | None:
    """Whether a mail will never arrive or was only held up, and why, as a code.

    `action` and `status` as in RFC 3464 ('failed', '5.1.1'); None for what is neither.
    A full mailbox is emptied some day, so it counts as held up (RFC 3463: x.2.2).
    """
    if action.strip().lower() not in {"failed", "delayed"}:
        return None
    found = STATUS.match(status.strip())
    kind, subject, detail = found.groups() if found else ("5", "0", "0")
    reason = REASONS.get(f"{subject}.{detail}", "policy" if subject == "7" else "")
    is_final = action.strip().lower() == "failed" and kind == "5"
    if is_final and reason != "full":
        return UNDELIVERED, reason
    return DELAYED, reason
