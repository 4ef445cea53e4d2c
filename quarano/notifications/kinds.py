"""Which texts an authority may word itself, and what each may name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _

MAIL, SMS, LETTER = "mail", "sms", "letter"

# What every text may say about the authority.
OF_THE_AUTHORITY: dict[str, Any] = {
    "office": _("name of the authority"),
    "office_short": _("short name of the authority"),
    "phone": _("hotline of the authority"),
}


@dataclass(frozen=True)
class Kind:
    """A text that an authority may word itself, and what it may name.

    `placeholders` maps each name to what it stands for, `samples` to an example of it
    (a path becomes a link), `required` each channel to the names without which the
    text is no use. A neutral text says nothing of an illness.
    """

    template: str
    label: Any
    channels: tuple[str, ...]
    placeholders: Mapping[str, Any] = field(default_factory=dict)
    required: Mapping[str, frozenset[str]] = field(default_factory=dict)
    samples: Mapping[str, str] = field(default_factory=dict)
    neutral: bool = True

    @property
    def allowed(self) -> dict[str, Any]:
        """Every name this text may use, and what it stands for."""
        return {**OF_THE_AUTHORITY, **self.placeholders}


KINDS: dict[str, Kind] = {}


def register(*kinds: Kind) -> None:
    """Make texts editable; the app that writes such messages does so in `ready()`."""
    KINDS.update((kind.template, kind) for kind in kinds)
