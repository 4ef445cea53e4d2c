"""Spreadsheets that somebody else made: read row by row, whatever is in them."""

from quarano.sheets.reading import Row, Sheet, read
from quarano.sheets.refusals import SheetRefused

__all__ = ["Row", "Sheet", "SheetRefused", "read"]
