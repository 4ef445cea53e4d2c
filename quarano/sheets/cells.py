"""What may stand in a cell: one line of text that no program takes for more."""

import re
import unicodedata

LONGEST = 500
# What a spreadsheet takes for a formula, also written in full width.
# https://owasp.org/www-community/attacks/CSV_Injection
STARTS = "=@|%"
SIGNS = "+-"
TELEPHONE = re.compile(r"^\+?[\d\s()/.\-]{3,}$")
NOTHING = {"-", "--", "---", "–", "—", "/", "n/a", "k.a.", "k. a."}
MARKUP = re.compile(
    r"<\s*[a-z!/?]|&(#\d|#x|lt|gt)|(javascript|vbscript)\s*:|data:\w+/|\{\{|\{%|\$\{",
    re.IGNORECASE,
)
# Marks that turn the direction of what follows, or are no characters at all.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
BLANKS = re.compile(r"\s+")


def tidy(text: str) -> str:
    """Return the text of a cell on one line, in composed letters, without the guard
    that exports put before a formula; empty for what stands for nothing."""
    text = unicodedata.normalize("NFC", text.replace("\ufeff", ""))
    text = BLANKS.sub(" ", text).strip() if text.isprintable() else _blanks(text)
    if text.startswith("'") and is_formula(text[1:]):
        text = text[1:]
    return "" if text.lower() in NOTHING else text


def _blanks(text: str) -> str:
    """As BLANKS, but what is invisible and no blank stays, to be refused."""
    return re.sub(r"[ \t\r\n\u00a0\u2000-\u200a\u2028\u2029\u202f\u3000]+", " ",
                  text).strip(" ")  # fmt: skip


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would compute this. '+49 621 …' is a telephone number."""
    plain = unicodedata.normalize("NFKC", text).lstrip(" \t\u200b\u200c\u200d\u2060")
    plain = plain.replace("\u2212", "-")
    if not plain:
        return False
    if plain[0] in STARTS:
        return True
    return plain[0] in SIGNS and not TELEPHONE.match(plain)


def fault(text: str) -> str:
    """Return why a tidied cell is not taken, a key of refusals.OF_CELLS; else ''."""
    if len(text) > LONGEST:
        return "long"
    if any(_is_invisible(sign) for sign in text):
        return "control"
    if is_formula(text):
        return "formula"
    return "markup" if MARKUP.search(text) else ""


def _is_invisible(sign: str) -> bool:
    return sign in TURNING or unicodedata.category(sign) in {"Cc", "Cs", "Co", "Cn"}


def letters(column: int) -> str:
    """Return what spreadsheets call a column, counted from 0: A … Z, AA …"""
    name = ""
    column += 1
    while column:
        column, place = divmod(column - 1, 26)
        name = chr(ord("A") + place) + name
    return name
