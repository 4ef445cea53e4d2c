"""Why a file, or a cell of it, is not taken."""

from django.utils.translation import gettext_lazy as _

# Of a whole file.
OF_FILES = {
    "empty": _("This file is empty."),
    "too_large": _("This file is larger than 10 MB."),
    "too_many": _("This file has more than 10,000 rows. Split it."),
    "too_wide": _("This file has more than 100 columns. Keep those with the guests."),
    "unknown_kind": _("This is no table. Save it as CSV or as XLSX."),
    "old_excel": _(
        "This is an old Excel file, or one with a password. Save it as XLSX without."
    ),
    "kind_differs": _("This file is not what its name says. Save it as CSV or XLSX."),
    "web_page": _("This is a web page, not a table. Save it as CSV or as XLSX."),
    "broken": _("This file is damaged: it cannot be read to its end."),
    "macros": _("This file has macros. Save it as XLSX, which has none."),
    "nested": _("There are further files within this file. Save the table alone."),
    "bomb": _("This file would unpack to far more than it says."),
    "external": _("This file refers to other files. Save the values alone."),
    "entities": _("This file has definitions of its own, which are not read."),
    "paths": _("There are wrong names within this file."),
}
# Of a cell.
OF_CELLS = {
    "formula": _("This is a formula, or would be read as one."),
    "control": _("There are invisible signs here."),
    "markup": _("There is markup here."),
    "long": _("This is longer than 500 signs."),
}


class SheetRefused(Exception):
    """A file that is not taken; `code` is a key of OF_FILES, `cell` where, if known."""

    def __init__(self, code: str, cell: str = "") -> None:
        super().__init__(code)
        self.code, self.cell = code, cell

    def __str__(self) -> str:
        said = str(OF_FILES[self.code])
        return f"{said} ({self.cell})" if self.cell else said
