"""Spreadsheets that somebody else made: read row by row, whatever is in them."""

from quarano.sheets.reading import Row, Sheet, read, read_text
from quarano.sheets.refusals import SheetRefused

__all__ = ["Row", "Sheet", "SheetRefused", "read", "read_text"]
