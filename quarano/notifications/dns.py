"""What a domain's records have to say so that our mail is believed: printed, not asked.

SPF (RFC 7208) names the servers that may send, DKIM (RFC 6376) the key they sign with,
DMARC (RFC 7489) what others do with the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from health_authorities.models import HealthAuthority

HERE = {"", "localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Record:
    """One record: where it stands, its kind, what it says, and what it is for."""

    name: str
    kind: str
    value: str
    why: str


def domain_of(address: str) -> str:
    """Return the domain of a mail address, in small letters."""
    return address.rpartition("@")[2].lower()


def senders() -> str:
    """Return what SPF says of our mail server: MAIL_SPF, else the server itself."""
    return settings.MAIL_SPF or f"a:{settings.EMAIL_HOST}"


def records(authority: HealthAuthority) -> list[Record]:
    """Return the records that this authority's mail needs."""
    domain, back = domain_of(authority.sender), domain_of(settings.BOUNCE_ADDRESS)
    spf = f"v=spf1 {senders()} -all"
    found = [Record(domain, "TXT", spf, _("SPF: which servers may send for it"))]
    selector = settings.DKIM_SELECTOR or "<selector>"
    key = settings.DKIM_PUBLIC_KEY or "<public key>"
    found.append(
        Record(
            f"{selector}._domainkey.{domain}",
            "TXT",
            f"v=DKIM1; k=rsa; p={key}",
            _("DKIM: the key with which the mail server signs"),
        )
    )
    found.append(
        Record(
            f"_dmarc.{domain}",
            "TXT",
            f"v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}; aspf=r; adkim=r",
            _("DMARC: what others do with mail that is neither"),
        )
    )
    if back:
        server = settings.BOUNCE_IMAP_HOST or "<server>"
        found.append(Record(back, "MX", f"10 {server}.", _("where mail comes back to")))
        if back != domain:
            found.append(Record(back, "TXT", spf, _("SPF of the return path")))
    return found


def hints(authority: HealthAuthority) -> list[str]:
    """Return what is not as it should be, each as a sentence."""
    return list(_hints(authority))


def _hints(authority: HealthAuthority) -> Iterator[str]:
    domain, back = domain_of(authority.sender), domain_of(settings.BOUNCE_ADDRESS)
    if settings.EMAIL_HOST in HERE and not settings.MAIL_SPF:
        yield _("The mail server is this machine: name what sends outside in MAIL_SPF.")
    if not (settings.DKIM_SELECTOR and settings.DKIM_PUBLIC_KEY):
        yield _(
            "DKIM_SELECTOR and DKIM_PUBLIC_KEY are not set: take both from the mail "
            "server, which signs."
        )
    if not back:
        yield _(
            "BOUNCE_ADDRESS is not set: mail that cannot be delivered comes back to "
            "%(sender)s, and nobody here hears of it."
        ) % {"sender": authority.sender}
    elif not settings.BOUNCE_IMAP_HOST:
        yield _(
            "BOUNCE_IMAP_HOST is not set: unless the mail provider reports by webhook, "
            "nobody reads what comes back."
        )
    if back and back != domain and not back.endswith(f".{domain}"):
        yield _(
            "The return path lies in another domain than the sender: DMARC then rests "
            "on DKIM alone."
        )
    if settings.EMAIL_HOST not in HERE and not settings.EMAIL_USE_TLS:
        yield _("Mail leaves unencrypted: set EMAIL_USE_TLS.")
