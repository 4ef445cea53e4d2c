"""Finding people by parts of name, phone, e-mail or reference, accents tolerated.

A text and its trigrams stand on the person; `@>` on the trigrams finds, `LIKE` on the
text rechecks: the same on CockroachDB and PostgreSQL.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain

from cases.models import Person
from cases.models.person import PersonQuerySet

# What decomposition does not take apart.
PLAIN = str.maketrans(
    {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae",
     "œ": "oe", "ı": "i", "ŋ": "n", "ħ": "h"}
)  # fmt: skip
SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
DATES = ("%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y")
TELEPHONE = re.compile(r"^\+?[\d\s()/.–-]{4,}$")


def fold(text: str) -> str:
    """Return the text in small plain letters, digits and single blanks."""
    apart = unicodedata.normalize("NFKD", text.lower().translate(PLAIN))
    kept = (sign if sign.isalnum() or sign in "@." else " " for sign in apart
            if not unicodedata.combining(sign))  # fmt: skip
    return " ".join("".join(kept).split())


def grams(text: str) -> list[str]:
    """Return the trigrams of each word of a folded text, each once, sorted."""
    return sorted(
        {word[at : at + 3] for word in text.split() for at in range(len(word) - 2)}
    )


def index(person: Person) -> None:
    """Write what the person is found by, references of its cases included."""
    references = person.cases.values_list("laboratory_reference", "register_reference")
    person.search_text = text_for(person, chain.from_iterable(references))
    person.search_grams = grams(person.search_text)
    person.save(update_fields=["search_text", "search_grams"])


def text_for(person: Person, references: Iterable[str]) -> str:
    """Return what this person is found by, with the references of its cases."""
    numbers = [
        (number.as_e164.removeprefix("+"), str(number.national_number))
        for number in (person.phone, person.mobile)
        if number
    ]
    names = (person.given_name, person.family_name)
    return text_of(names, numbers, person.email, references)


def text_of(
    names: Iterable[str],
    numbers: Iterable[tuple[str, str]],
    email: str,
    references: Iterable[str],
) -> str:
    """Return what somebody is found by: folded, sorted, between blanks.

    `numbers` are telephones as pairs, digits in E.164 without the plus and national.
    """
    texts = {spelling for name in names for spelling in spellings(name)}
    for international, national in numbers:
        texts |= {international, f"0{national}"}
    texts.add(fold(email))
    for reference in references:
        texts |= {fold(reference), _joined(reference)}
    return f" {' '.join(sorted(texts - {''}))} "


@lru_cache(maxsize=4096)
def spellings(name: str) -> frozenset[str]:
    """Return the folded name with umlauts as one letter and as two, both ways."""
    composed = unicodedata.normalize("NFC", name.lower())
    plain = fold(name)
    short = plain
    for two, one in (("ae", "a"), ("oe", "o"), ("ue", "u")):
        short = short.replace(two, one)
    return frozenset({plain, fold(composed.translate(SPELT_OUT)), short})


def find(query: str) -> PersonQuerySet:
    """Return people in whom every word of the query occurs, in any order.

    Words may be parts of words, from three letters on; shorter ones must begin a word.
    A date (1.6.1990, 1990-06-01) is the birth date; digits with blanks between are one
    telephone number. Nothing asked finds nobody.
    """
    found: PersonQuerySet = Person.objects.order_by("family_name", "given_name", "pk")
    query = query.strip()
    born = _date(query)
    if born is not None:
        return found.filter(birth_date=born)
    if TELEPHONE.match(query):
        words = [_digits(query)]
    else:
        typed = query.split()
        dates = [born for word in typed if (born := _date(word)) is not None]
        if dates:
            found = found.filter(birth_date__in=dates)
        rest = " ".join(word for word in typed if _date(word) is None)
        words = fold(rest).split()
        if not words and dates:
            return found
    if not any(words):
        return found.none()
    for word in words:
        if len(word) < 3:
            found = found.filter(search_text__contains=f" {word}")
        else:
            found = found.filter(
                search_grams__contains=grams(word), search_text__contains=word
            )
    return found


def _digits(query: str) -> str:
    digits = "".join(sign for sign in query if sign.isdigit())
    return digits.removeprefix("00")


def _joined(reference: str) -> str:
    """A reference without what stands between its parts: 'L-2026/17' as 'l202617'."""
    return fold(reference).replace(" ", "").replace(".", "")


def _date(text: str) -> dt.date | None:
    for shape in DATES:
        try:
            return dt.datetime.strptime(text, shape).date()  # noqa: DTZ007 - a day
        except ValueError:
            continue
    return None
