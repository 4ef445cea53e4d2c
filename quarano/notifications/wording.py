"""Whether a text may be sent: its placeholders, and what a neutral one must not say."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from quarano.notifications.kinds import MAIL, SMS, Kind
from quarano.notifications.segments import size

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")

LONGEST_SUBJECT = 120
LONGEST = 5_000
# Anywhere in a word, for German joins words: an invitation says nothing of an illness.
PARTS = (
    "corona", "covid", "virus", "viren", "infekt", "infiz", "infect", "krank",
    "ansteck", "erreger", "seuch", "symptom", "quarant", "isolation", "isolier",
    "absonder", "diagnos", "patient", "positiv", "befund", "abstrich", "getestet",
    "testergebnis", "schnelltest", "husten", "geimpft", "vaccin", "illness",
    "disease", "contagi", "kontaktperson", "indexfall", "epidemi", "pandemi",
    "genesen", "selbsttest",
)  # fmt: skip
WHOLE = (
    "ill", "sick", "fever", "cough", "fieber", "pcr", "sars", "impfung", "impfen",
    "negativ", "negative", "tested", "index case", "contact person", "close contact",
    "test result", "isolate", "isolated",
)  # fmt: skip
HEALTH = re.compile(
    rf"\w*(?:{'|'.join(PARTS)})\w*|\b(?:{'|'.join(WHOLE)})\b", re.IGNORECASE
)
# Somebody addressed by name: 'Frau Sommer', 'Dear Ida', 'Lieber Herr Dr. Brenner'.
SALUTATION = re.compile(
    r"\b(?:Frau|Herrn?|Mrs?|Ms|Miss)\.?(?: (?:Dr|Prof)\.)* [^\W\d_a-zß-öø-ÿ]\w+"
    r"|\b(?:Liebe[rs]?|Dear|Hallo|Hello|Hi) (?!Eltern|Damen|Herr\b|Herrn|Sir|Madam)"
    r"[^\W\d_a-zß-öø-ÿ]\w+(?= [^\W\d_a-zß-öø-ÿ]|[,!]|$)",
    re.MULTILINE,
)
# Letters that change the order of others could hide where a link leads.
DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
SUBJECT, BODY = "subject", "body"
EMPTY = "empty"


class Unfit(Exception):
    """The text cannot be put into use; `.problems` says why."""

    def __init__(self, problems: list["Problem"]) -> None:
        super().__init__([problem.code for problem in problems])
        self.problems = problems


@dataclass(frozen=True)
class Problem:
    """What is wrong with a text: in which part, as a code, and as a sentence."""

    part: str
    code: str
    sentence: str


def parts(channel: str, source: str) -> tuple[str, str]:
    """Return subject and body; only mail has a subject, its first line."""
    if channel != MAIL:
        return "", source.strip()
    subject, _newline, body = source.partition("\n")
    return subject.strip(), body.strip()


def joined(channel: str, subject: str, body: str) -> str:
    """Return the source that `parts` takes apart again."""
    body = body.replace("\r\n", "\n").strip()
    return f"{subject.strip()}\n\n{body}" if channel == MAIL else body


def problems(kind: Kind, channel: str, source: str) -> list[Problem]:
    """Return everything that keeps a text from being used, best none."""
    subject, body = parts(channel, source)
    found = list(_of_shape(channel, subject, body))
    for part, text in ((SUBJECT, subject), (BODY, body)):
        found += _of_placeholders(kind, part, text)
        found += _of_letters(part, text)
        if kind.neutral:
            found += _of_words(part, text)
    missing = kind.required.get(channel, frozenset()) - set(PLACEHOLDER.findall(body))
    if missing:
        sentence = _("Without %(names)s the text is of no use: add it.")
        found.append(Problem(BODY, "missing", sentence % {"names": _named(missing)}))
    return found


def _of_shape(channel: str, subject: str, body: str) -> Iterator[Problem]:
    if channel == MAIL and not subject:
        yield Problem(SUBJECT, EMPTY, _("A mail needs a subject."))
    if len(subject) > LONGEST_SUBJECT:
        sentence = _("A subject has at most %(n)s letters.") % {"n": LONGEST_SUBJECT}
        yield Problem(SUBJECT, "long", sentence)
    if not body:
        yield Problem(BODY, EMPTY, _("The text is empty."))
    if len(body) > LONGEST:
        sentence = _("A text has at most %(n)s letters.") % {"n": LONGEST}
        yield Problem(BODY, "long", sentence)


def too_many_segments(channel: str, filled: str) -> Problem | None:
    """Return what is wrong with the length of a text message, filled in as it is sent.

    Each segment is charged for, and beyond the limit none is sent.
    """
    count = size(filled).segments if channel == SMS else 0
    most = settings.SMS_MOST_SEGMENTS
    if count <= most:
        return None
    sentence = ngettext(
        "This makes %(n)s segments; at most %(most)s is sent.",
        "This makes %(n)s segments; at most %(most)s are sent.",
        most,
    ) % {"n": count, "most": most}
    return Problem(BODY, "segments", sentence)


def _of_placeholders(kind: Kind, part: str, text: str) -> Iterator[Problem]:
    unknown = set(PLACEHOLDER.findall(text)) - set(kind.allowed)
    if unknown:
        sentence = _("%(names)s is not known here. Allowed: %(allowed)s.") % {
            "names": _named(unknown),
            "allowed": _named(kind.allowed),
        }
        yield Problem(part, "unknown", sentence)
    if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        sentence = _("Curly brackets enclose a name, such as {office}; nothing else.")
        yield Problem(part, "brackets", sentence)


def _named(names: object) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(map(str, names)))  # type: ignore[call-overload]


def _of_letters(part: str, text: str) -> Iterator[Problem]:
    if any(
        letter in DIRECTIONS
        or (unicodedata.category(letter) == "Cc" and letter not in "\n\t")
        for letter in text
    ):
        sentence = _("The text holds signs that nobody sees: type it anew.")
        yield Problem(part, "unseen", sentence)


def _of_words(part: str, text: str) -> Iterator[Problem]:
    # As it reads, not as it is spelt: soft hyphens and wide letters hide nothing.
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKC", PLACEHOLDER.sub(" ", text))
        if unicodedata.category(letter) != "Cf"
    )
    words = sorted({found[0].lower() for found in HEALTH.finditer(plain)})
    if words:
        sentence = _(
            "Whoever sees it on a screen learns of an illness: leave out %(words)s."
        ) % {"words": ", ".join(f"“{word}”" for word in words)}
        yield Problem(part, "health", sentence)
    if named := SALUTATION.search(plain):
        sentence = _("The text names nobody: leave out “%(name)s”.")
        yield Problem(part, "name", sentence % {"name": named[0]})
