import re
from functools import cache

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from health_authorities.models import HealthAuthority
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


# Words that come to mind first of whoever attacks this installation.
PRODUCT = (
    "quarano", "gesundheitsamt", "gesundheit", "healthauthority", "health",
    "authority", "quarantane", "quarantaene", "quarantine", "isolation", "corona",
    "covid", "pandemie", "pandemic", "infektion", "infection", "passwort", "password",
    "kennwort",
)  # fmt: skip
SHORTEST_WORD = 4  # of an authority's name; shorter ones are in half of all sentences
SHORTEST_UNIT = 6  # of what is typed again and again
ENOUGH = 8  # letters of one's own beside such words
# As people write letters in digits and signs; umlauts without their dots.
DISGUISES = str.maketrans("0134578@$!|äöüß", "oieastbasiiaous")


class WordsValidator:
    """Refuse what stands and falls with a word that everybody here knows.

    NIST SP 800-63B-4, section 3.1.1.2: a list of expected passwords, with the name of
    the service in it. A sentence that names the town is fine, the town with a year is
    not; nor is one common word, repeated or with digits around it.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Refuse a password that is little more than such a word."""
        own = _without_known_words(password)
        letters = sum(character.isalpha() for character in own)
        is_known_word = len(own) < len(password) and letters < ENOUGH
        if is_known_word or _is_common(own) or _is_common(password):
            raise ValidationError(
                _(
                    "This is guessed early: it is little more than one well-known "
                    "word. Add some words of your own."
                ),
                code="password_known_word",
            )

    def get_help_text(self) -> str:
        return _("Names of the authority or of Quarano are no help.")


def _without_known_words(password: str) -> str:
    plain = _plain(password)
    is_known = [False] * len(plain)
    for word in {*PRODUCT, *_words_of_the_authority()}:
        place = plain.find(word)
        while place >= 0:
            is_known[place : place + len(word)] = [True] * len(word)
            place = plain.find(word, place + 1)
    return "".join(
        character
        for character, known in zip(password, is_known, strict=True)
        if not known
    )


def _plain(text: str) -> str:
    # Letter by letter, so that places agree with those of the password.
    return "".join(
        (character.lower().translate(DISGUISES) or character)[:1] for character in text
    )


def _words_of_the_authority() -> set[str]:
    authority = connection.tenant
    if not isinstance(authority, HealthAuthority):
        return set()
    names = (
        authority.name, authority.short_name, authority.district,
        authority.schema_name, authority.city,
    )  # fmt: skip
    words = re.findall(r"[^\W\d_]+", " ".join(filter(None, names)))
    return {_plain(word) for word in words if len(word) >= SHORTEST_WORD}


def _is_common(text: str) -> bool:
    """Whether the text is one word of Django's list of 20,000, repeated or padded."""
    plain = text.lower()
    bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    unit = bare[: (bare + bare).find(bare, 1)] if bare else ""
    if len(unit) < len(bare) and len(unit) < SHORTEST_UNIT:
        return True
    return any(one in _common() for one in {plain, bare, unit, _plain(bare)} if one)


@cache
def _common() -> frozenset[str]:
    return frozenset(CommonPasswordValidator().passwords)
