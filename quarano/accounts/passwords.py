from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from quarano.accounts.models import User

CITIZEN, STAFF, LONGEST = 12, 15, 128


class LengthValidator:
    """At least 12 characters, 15 for staff, at most 128; no rules of composition.

    NIST SP 800-63B-4, section 3.1.1.2.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Refuse what is too short for this login, or longer than we hash."""
        least = STAFF if user is not None and user.is_staff else CITIZEN
        if len(password) < least:
            raise ValidationError(
                ngettext(
                    "Use at least %(least)d character.",
                    "Use at least %(least)d characters.",
                    least,
                ),
                code="password_too_short",
                params={"least": least},
            )
        if len(password) > LONGEST:
            raise ValidationError(
                _("Use at most %(most)d characters."),
                code="password_too_long",
                params={"most": LONGEST},
            )

    def get_help_text(self) -> str:
        return _("Several words in a row are easy to remember and hard to guess.")
