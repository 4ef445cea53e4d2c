"""What a text says when it is filled in as for somebody."""

from dataclasses import dataclass

from health_authorities.models import HealthAuthority
from quarano.notifications.rendering import about
from quarano.notifications.segments import Size, size
from quarano.notifications.texts import SMS, Kind, Text
from quarano.notifications.wording import parts


@dataclass(frozen=True)
class Sample:
    """A text as it would arrive; `size` is what a network makes of a text message."""

    subject: str
    body: str
    size: Size | None


def values(kind: Kind, authority: HealthAuthority) -> dict[str, str]:
    """Return what each placeholder stands for in a sample; a path becomes a link.

    Links and codes are as long as real ones, and lead nowhere.
    """
    found = {name: f"[{label}]" for name, label in kind.allowed.items()}
    for name, value in kind.samples.items():
        found[name] = authority.url(value) if value.startswith("/") else value
    return {**found, **about(authority)}


def fill(kind: Kind, channel: str, source: str, authority: HealthAuthority) -> str:
    """Return the source filled in with samples."""
    return Text(source, "").filled(values(kind, authority)).strip()


def sample(kind: Kind, channel: str, source: str, authority: HealthAuthority) -> Sample:
    """Return the text as somebody would read it."""
    filled = fill(kind, channel, source, authority)
    subject, body = parts(channel, filled)
    return Sample(subject, body, size(body) if channel == SMS else None)
