"""What the columns of somebody's file are, guessed from headings and contents."""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from cases.search import fold

NAME = "name"
# A field of the contact each, but the first, which is split.
COLUMNS: dict[str, Any] = {
    NAME: _("full name"),
    "given_name": _("given name"),
    "family_name": _("family name"),
    "birth_date": _("birth date"),
    "phone": _("telephone"),
    "mobile": _("mobile"),
    "email": _("e-mail"),
    "street": _("street and number"),
    "postal_code": _("postal code"),
    "city": _("town"),
    "hint": _("hint"),
}
# Folded headings without full stops, German and English.
HEADINGS = {
    NAME: "name, full name, teilnehmer, teilnehmerin, teilnehmende, gast, guest, "
    "vor und nachname, vor und zuname, vorname nachname, vorname und nachname, "
    "name vorname, vorname name, nachname vorname, person, participant, attendee, "
    "schuler, schulerin, kind",
    "given_name": "vorname, vornamen, given name, first name, rufname",
    "family_name": "nachname, familienname, zuname, family name, last name, surname",
    "birth_date": "geburtsdatum, geburtstag, geb, gebdatum, geb datum, geboren, "
    "geboren am, birth date, date of birth, birthday, dob, born",
    "phone": "telefon, telefonnummer, tel, tel nr, telnr, telefonnr, festnetz, phone, "
    "telephone, phone number, rufnummer, kontakt",
    "mobile": "mobil, mobiltelefon, mobilnummer, handy, handynummer, mobile, cell, "
    "cell phone, mobile phone",
    "email": "e mail, email, mail, e mail adresse, emailadresse, mailadresse, "
    "email address, e mail address",
    "street": "strasse, strasse und hausnummer, strasse hausnummer, strasse nr, "
    "anschrift, adresse, street, address, street address, street and number",
    "postal_code": "plz, postleitzahl, postal code, zip, zip code, postcode",
    "city": "ort, stadt, wohnort, city, town",
    "hint": "bemerkung, bemerkungen, hinweis, notiz, anmerkung, hint, remark, remarks, "
    "note, notes, comment, platz, sitzplatz, tisch, seat, table",
}
EXACT = {
    heading: column for column, text in HEADINGS.items() for heading in text.split(", ")
}
# Words that tell, wherever they stand: 'Handy der Mutter', 'Telefon privat'.
TELLING = {
    "vorname": "given_name",
    "nachname": "family_name",
    "geburtsdatum": "birth_date",
    "handy": "mobile",
    "mobil": "mobile",
    "mail": "email",
    "email": "email",
    "telefon": "phone",
    "phone": "phone",
    "plz": "postal_code",
}
MAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
NUMBER = re.compile(r"^\+?[\d\s()/.\-]{6,}$")
DAY = re.compile(r"^(\d{1,2}\.\d{1,2}\.(\d{4}|\d{2})|\d{4}-\d{2}-\d{2})$")
CODE = re.compile(r"^\d{5}$")
SAMPLE = 40


def of_heading(heading: str) -> str:
    """Return the column that a heading names, '' for one that says nothing to us."""
    text = " ".join(fold(heading).replace(".", " ").split())
    if text in EXACT:
        return EXACT[text]
    told = (TELLING[word] for word in text.split() if word in TELLING)
    return next(told, "")


def is_heading(cells: Sequence[str]) -> bool:
    """Whether a row names columns rather than somebody."""
    if any(MAIL.match(cell) or NUMBER.match(cell) or DAY.match(cell) for cell in cells):
        return False
    return any(of_heading(cell) for cell in cells)


def guess(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return what each column is, '' for none: from its heading, else its contents;
    each kind once, but telephones."""
    width = max((len(cells) for cells in [headings, *rows[:SAMPLE]]), default=0)
    found = [
        of_heading(headings[at]) if at < len(headings) else "" for at in range(width)
    ]
    for at in range(width):
        has_heading = at < len(headings) and headings[at]
        if not found[at] and not has_heading:
            cells = [row[at] for row in rows[:SAMPLE] if at < len(row) and row[at]]
            found[at] = of_contents(cells)
    return _once(found)


def of_contents(cells: Sequence[str]) -> str:
    for column, shape in (
        ("email", MAIL), ("birth_date", DAY), ("postal_code", CODE), ("phone", NUMBER),
    ):  # fmt: skip
        if cells and sum(bool(shape.match(cell)) for cell in cells) > len(cells) / 2:
            return column
    return NAME if cells else ""


def _once(columns: list[str]) -> list[str]:
    """Each column once, the first that has it; a second telephone is the mobile; two
    names without headings are given and family name."""
    names = [at for at, column in enumerate(columns) if column == NAME]
    if "family_name" in columns or "given_name" in columns:
        other = "family_name" if "given_name" in columns else "given_name"
        for at in names:
            # 'Name' beside 'Vorname' is the family name.
            columns[at] = other if other not in columns else ""
    elif len(names) == 2 and names[1] == names[0] + 1:
        columns[names[0]], columns[names[1]] = "given_name", "family_name"
    seen: set[str] = set()
    for at, column in enumerate(columns):
        if column == "phone" and "phone" in seen and "mobile" not in columns:
            columns[at] = "mobile"
        elif column in seen:
            columns[at] = ""
        seen.add(columns[at])
    return columns


def digest(headings: Sequence[str]) -> str:
    """Return by what files with the same headings are found again; '' for none."""
    if not any(headings):
        return ""
    text = json.dumps([fold(heading) for heading in headings])
    return hashlib.sha256(text.encode()).hexdigest()
