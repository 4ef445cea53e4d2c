"""A file of somebody else's as rows of text: CSV in any usual encoding, or XLSX."""

import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

import charset_normalizer
from openpyxl import load_workbook

from quarano.sheets import packages
from quarano.sheets.cells import letters, tidy
from quarano.sheets.refusals import SheetRefused

MOST_BYTES = 10_000_000
MOST_ROWS = 10_000
MOST_COLUMNS = 100
# Rows of a sheet that are looked at, blank ones included.
MOST_LOOKED_AT = 20_000
SEPARATORS = ";,\t|"
BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# What office programs write here, the usual one first.
ENCODINGS = ["cp1252", "cp850", "mac_roman", "cp1250", "iso8859_9"]
COMMON, RARE = frozenset("äöüÄÖÜß"), frozenset("ðÐþÞýÝºª")
SHEETS, TEXTS = {".xlsx"}, {".csv", ".txt", ".tsv", ""}
MACROS = {".xlsm", ".xlsb", ".xltm", ".xlam"}


@dataclass(frozen=True)
class Row:
    """A row with its number as the program that made the file counts it, from 1."""

    number: int
    cells: list[str]


@dataclass(frozen=True)
class Sheet:
    """The rows of a file that are not blank, and how they were read."""

    rows: list[Row]
    encoding: str = ""
    separator: str = ""


def read(raw: bytes, name: str) -> Sheet:
    """Return the rows of a file; raises SheetRefused.

    At most 10 MB, and 10,000 rows beside the headings.
    """
    ending = PurePosixPath(name.replace("\\", "/").lower()).suffix
    if len(raw) > MOST_BYTES:
        raise SheetRefused("too_large")
    if not raw.strip():
        raise SheetRefused("empty")
    if ending in MACROS:
        raise SheetRefused("macros")
    is_package = raw.startswith(b"PK")
    if raw.startswith(packages.OLE):
        raise SheetRefused("old_excel")
    if is_package and ending not in SHEETS:
        raise SheetRefused("kind_differs" if ending in TEXTS else "unknown_kind")
    if is_package:
        packages.check(raw)
        return Sheet(_limited(_xlsx(raw)))
    start = raw[:400].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!", b"<html", b"<?xml", b"<table", b"<svg", b"<script")):
        raise SheetRefused("web_page")
    if ending in SHEETS:
        raise SheetRefused("kind_differs")
    if ending not in TEXTS or start.startswith((b"%pdf", b"{\\rtf", b"\x89png")):
        raise SheetRefused("unknown_kind")
    text, encoding = decoded(raw)
    return read_text(text, encoding=encoding)


def read_text(text: str, *, encoding: str = "") -> Sheet:
    """Return the rows of a table in text, its separator found; raises SheetRefused."""
    text = text.lstrip("\ufeff")
    first, _newline, rest = text.partition("\n")
    separator = ""
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:
        # As Excel writes it on top, in a line that it does not count.
        separator, text = first.strip()[-1], rest
    separator = separator or separator_of(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    return Sheet(_limited(_counted(lines)), encoding, separator)


def _counted(lines: Iterable[list[str]]) -> Iterator[Row]:
    try:
        for number, cells in enumerate(lines, 1):
            yield Row(number, [tidy(cell) for cell in cells])
    except csv.Error as error:
        raise SheetRefused("broken") from error


def _limited(rows: Iterable[Row]) -> list[Row]:
    found = []
    for row in rows:
        while row.cells and not row.cells[-1]:
            row.cells.pop()
        if not row.cells:
            continue
        if len(row.cells) > MOST_COLUMNS:
            raise SheetRefused("too_wide", f"{letters(MOST_COLUMNS)}{row.number}")
        found.append(row)
        # One more for the headings.
        if len(found) > MOST_ROWS + 1:
            raise SheetRefused("too_many")
    if not found:
        raise SheetRefused("empty")
    return found


# --- Text -----------------------------------------------------------------------------


def decoded(raw: bytes) -> tuple[str, str]:
    """Return the text and its encoding; raises SheetRefused for what is no text."""
    for mark, encoding in BOMS:
        if raw.startswith(mark):
            return _strictly(raw, encoding), encoding
    if b"\0" in raw:
        raise SheetRefused("unknown_kind")
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    # Only what is not plain tells encodings apart.
    telling = b"\n".join(
        line for line in raw.splitlines()[:5_000] if any(byte > 127 for byte in line)
    )
    encoding = _likeliest(telling[:20_000])
    return _strictly(raw, encoding), encoding


def _likeliest(telling: bytes) -> str:
    """Of the usual encodings the one in which the signs beyond ASCII look most like
    names here; where several look alike the commonest, then as the library ranks."""
    matches = charset_normalizer.from_bytes(telling, cp_isolation=ENCODINGS)
    ranked = [*dict.fromkeys([*(one.encoding for one in matches), *ENCODINGS])]
    scores: dict[str, tuple[int, bool, int]] = {}
    for place, encoding in enumerate(ranked):
        try:
            text = telling.decode(encoding)
        except UnicodeError:
            continue
        scores[encoding] = (_looks(text), encoding == ENCODINGS[0], -place)
    return max(scores, key=lambda one: scores[one], default=ENCODINGS[0])


def _looks(text: str) -> int:
    """How much the signs beyond ASCII look like letters where they stand."""
    points = 0
    for before, sign in pairwise(f" {text}"):
        if sign < "\x80":
            continue
        if sign in COMMON:
            points += 3
        elif not sign.isalpha():
            points -= 4 if before.isalpha() else 1
        elif sign in RARE or (sign.isupper() and before.islower()):
            points -= 2
        else:
            points += 1
        if sign.isupper() and before.islower():
            points -= 2
    return points


def _strictly(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeError as error:
        raise SheetRefused("broken") from error


def separator_of(text: str) -> str:
    """Return what separates the cells: of the usual signs the one that gives the same
    number of cells in most of the first 50 rows, most cells first."""
    sample = "\n".join(text.splitlines()[:50])
    best, separator = (0, 0), ";"
    for sign in SEPARATORS:
        try:
            rows = csv.reader(io.StringIO(sample, newline=""), delimiter=sign)
            widths = Counter(len(row) for row in rows if any(row))
        except csv.Error:
            continue
        wide = {width: count for width, count in widths.items() if width > 1}
        if not wide:
            continue
        width, count = max(wide.items(), key=lambda one: (one[1], one[0]))
        if (count, width) > best:
            best, separator = (count, width), sign
    return separator


# --- XLSX -----------------------------------------------------------------------------


def _xlsx(raw: bytes) -> Iterator[Row]:
    """The rows of the first sheet that is shown."""
    try:
        book = load_workbook(
            io.BytesIO(raw), read_only=True, data_only=False, keep_links=False
        )
        shown = [one for one in book.worksheets if one.sheet_state == "visible"]
        sheet = (shown or book.worksheets)[0]
        # What the file says of its own extent is not believed.
        sheet.reset_dimensions()
        rows = sheet.iter_rows(max_row=MOST_LOOKED_AT, max_col=MOST_COLUMNS + 1)
        for number, cells in enumerate(rows, 1):
            yield Row(number, [tidy(_said(cell)) for cell in cells])
        book.close()
    except SheetRefused:
        raise
    except Exception as error:
        raise SheetRefused("broken") from error


def _said(cell: Any) -> str:
    """The value of a cell as text; of a formula the formula, so that it is refused."""
    value = cell.value
    if value is None or isinstance(value, bool):
        return ""
    if cell.data_type == "f":
        said = str(getattr(value, "text", value) or "")
        return said if said.startswith("=") else f"={said}"
    if cell.data_type == "e":
        return ""
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
