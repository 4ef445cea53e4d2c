"""Tables for a spreadsheet: UTF-8 with BOM, semicolons, no cell that computes."""

import csv
import io
from collections.abc import Iterable, Sequence

BOM = "\ufeff"
# A cell that begins so is computed by spreadsheet programs.
COMPUTING = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(cell: object) -> str:
    """Return a cell as text; one that would be computed gets an apostrophe before it.

    Numbers stay numbers, and a telephone number (+49…) stays as it is.
    """
    if isinstance(cell, int | float):
        return str(cell)
    text = "" if cell is None else str(cell)
    is_telephone = text.startswith("+") and text[1:].isdigit()
    return f"'{text}" if text.startswith(COMPUTING) and not is_telephone else text


def write(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as delimited text."""
    out = io.StringIO()
    out.write(BOM)
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([safe(one) for one in head])
    writer.writerows([safe(one) for one in row] for row in rows)
    return out.getvalue()
