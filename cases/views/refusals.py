"""What the page says when a process refuses a step."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from cases import enrolment, escalation
from cases.containment import Refused

WORDS: dict[type[Exception], Any] = {
    enrolment.NotMonitored: _("This person is not followed any more."),
    enrolment.NoWayToReach: _(
        "There is no address or number for this way: choose another, or add it."
    ),
    escalation.AlreadySettled: _("Somebody else has settled this meanwhile."),
    escalation.NotSettled: _("This is open already."),
    escalation.NotInFuture: _("This moment has passed already."),
    escalation.OnlyByRule: _("Only a rule resolves this by itself."),
}
REFUSALS: tuple[type[Exception], ...] = (Refused, *WORDS)


def said_by(refusal: Exception) -> str:
    """Return the refusal in a sentence for the official."""
    return str(WORDS.get(type(refusal)) or refusal)
