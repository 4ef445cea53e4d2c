"""A row of a guest list: from cells or a typed line to fields that are checked."""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from phonenumbers import PhoneNumberType, number_type

from cases.forms.fields import (
    DayField,
    NameField,
    PostalCodeField,
    TelephoneField,
)
from cases.search import fold, spellings
from contacts.guest_lists import columns as known
from quarano.sheets.cells import fault, tidy
from quarano.sheets.refusals import OF_CELLS

# 'von der Au, Anna': what belongs to the family name that follows.
PARTICLES = {"von", "van", "vom", "zu", "zum", "zur", "de", "der", "den", "del", "di",
             "da", "dos", "el", "al", "ter", "ten", "la", "le"}  # fmt: skip
LENGTHS = {"given_name": 120, "family_name": 120, "email": 254, "hint": 200,
           "street": 160, "postal_code": 10, "city": 120}  # fmt: skip
OLDEST = 120
# Beside those of cells, by the code that stands in a row's problems.
SAID: dict[str, Any] = {
    **OF_CELLS,
    "letters": _("Enter letters only; hyphens and apostrophes may be among them."),
    "birth_date": _("Enter a birth date that exists, for example 21.11.1980."),
    "phone": _("Enter a number that exists, with its area code."),
    "mobile": _("Enter a number that exists, with its area code."),
    "email": _("Enter an e-mail address that exists."),
    "postal_code": _("Enter five digits; abroad with the country, as CH-8001."),
    "too_long": _("This is too long."),
    "nobody": _("There is neither a name nor a telephone here."),
    "unreachable": _(
        "Give a telephone, an e-mail address, or a hint by which they are found."
    ),
    "twice": _("The same as row %(row)s."),
    "there": _("On the list of this event already."),
    "is_case": _("A case that was at this event."),
}


class GuestForm(forms.Form):
    """Somebody on a guest list, typed or from a file."""

    given_name = NameField(label=_("Given name"), required=False, max_length=120)
    family_name = NameField(label=_("Family name"), required=False, max_length=120)
    birth_date = DayField(label=_("Birth date"), required=False)
    phone = TelephoneField(label=_("Phone"))
    mobile = TelephoneField(label=_("Mobile"))
    email = forms.EmailField(label=_("E-mail"), required=False, max_length=254)
    street = forms.CharField(label=_("Street and number"), required=False)
    postal_code = PostalCodeField(label=_("Postal code"), required=False)
    city = forms.CharField(label=_("Town"), required=False)
    hint = forms.CharField(label=_("Hint"), required=False, max_length=200)


FIELDS = list(GuestForm.base_fields)
# Those that the page of what is to be mended shows.
MENDED = ["given_name", "family_name", "birth_date", "phone", "mobile", "email", "hint"]


@dataclass
class Guest:
    """A row as it was understood; `problems` maps a field to a key of SAID."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


@cache
def _fields() -> dict[str, forms.Field]:
    # One set for all rows: a field keeps nothing of what it checks.
    return dict(GuestForm().fields)


def check(typed: dict[str, str], *, today: dt.date) -> Guest:
    """Check the fields of one guest as a form checks what is typed.

    `today` is the authority's local day: nobody is born later.
    """
    guest = Guest()
    for name in FIELDS:
        text = typed.get(name, "")
        code = fault(text)
        if not code and len(text) > LENGTHS.get(name, 500):
            code = "too_long"
        if code:
            guest.problems[name] = code
            continue
        try:
            guest.values[name] = _fields()[name].clean(_mended(name, text))
        except ValidationError:
            guest.problems[name] = "letters" if name.endswith("_name") else name
    _check_together(guest, today=today)
    return guest


def _mended(name: str, text: str) -> str:
    """What spreadsheets take off: the nought in front of a postal code, the hour."""
    if name == "postal_code" and re.fullmatch(r"\d{4}", text):
        return f"0{text}"
    if name == "birth_date":
        return text.split(" ")[0] if text[:4].isdigit() else text
    return text


def _check_together(guest: Guest, *, today: dt.date) -> None:
    values = guest.values
    born = values.get("birth_date")
    oldest = dt.date(today.year - OLDEST, 1, 1)
    if born and not oldest <= born <= today:
        guest.problems["birth_date"] = "birth_date"
    _sort_numbers(values)
    values["email"] = (values.get("email") or "").lower()
    if guest.problems:
        return
    ways = [values.get(name) for name in ("phone", "mobile", "email")]
    names = [values.get(name) for name in ("given_name", "family_name")]
    if not any(names) and not any(ways):
        guest.problems["family_name"] = "nobody"
    elif not any(ways) and not values.get("hint"):
        # Somebody is found by where they live, too.
        parts = [values.get("street"), values.get("postal_code"), values.get("city")]
        address = " ".join(part for part in parts if part)
        if values.get("street"):
            values["hint"] = address[:200]
        else:
            guest.problems["hint"] = "unreachable"


def _sort_numbers(values: dict[str, Any]) -> None:
    """Let a number stand where it belongs, whichever column it came in."""
    numbers = [one for name in ("mobile", "phone") if (one := values.get(name))]
    mobile = [one for one in numbers if number_type(one) != PhoneNumberType.FIXED_LINE]
    fixed = [one for one in numbers if one not in mobile]
    if len(mobile) > 1:
        fixed, mobile = [*fixed, mobile[1]], mobile[:1]
    values["mobile"] = mobile[0] if mobile else ""
    values["phone"] = fixed[0] if fixed else ""


def typed_of(
    cells: Sequence[str] | dict[str, str], columns: Sequence[str]
) -> dict[str, str]:
    """Return the text of each field of a row, by what its columns are."""
    if isinstance(cells, dict):
        return dict(cells)
    typed: dict[str, str] = {}
    for column, cell in zip(columns, cells, strict=False):
        if column and cell and not typed.get(column):
            typed[column] = cell
    if full := typed.pop(known.NAME, ""):
        given, family = split_name(full)
        typed.setdefault("given_name", given)
        typed.setdefault("family_name", family)
    return typed


def split_name(full: str) -> tuple[str, str]:
    """Return given and family name: 'Au, Anna von der', 'Anna Maria von der Au'."""
    if "," in full:
        family, _comma, given = full.partition(",")
        return given.strip(), family.strip()
    words = full.split()
    if len(words) < 2:
        return "", full.strip()
    start = len(words) - 1
    while start > 1 and words[start - 1].lower() in PARTICLES:
        start -= 1
    return " ".join(words[:start]), " ".join(words[start:])


def line(text: str) -> dict[str, str]:
    """Return the fields of a line 'name; telephone; mail', whatever its order."""
    separator = next((sign for sign in ";\t|" if sign in text), "")
    # 'Au, Anna, 0621 …': a comma separates where something follows that is no name.
    parts = text.split(separator) if separator else _by_comma(text)
    typed: dict[str, str] = {}
    names: list[str] = []
    for part in (tidy(one) for one in parts):
        column = known.of_contents([part])
        if column == "phone" and "phone" in typed:
            column = "mobile"
        if column == known.NAME and not any(sign.isdigit() for sign in part):
            names.append(part)
        elif column in ("", known.NAME) or column in typed:
            typed["hint"] = " ".join(filter(None, [typed.get("hint", ""), part]))
        else:
            typed[column] = part
    if len(names) == 2 and not separator:
        names = [", ".join(names)]
    if names:
        typed["given_name"], typed["family_name"] = split_name(names[0])
        rest = " ".join([*names[1:], typed.get("hint", "")]).strip()
        typed["hint"] = rest
    return {name: value for name, value in typed.items() if value}


def _by_comma(text: str) -> list[str]:
    parts = text.split(",")
    tells = any(known.of_contents([tidy(part)]) != known.NAME for part in parts[1:])
    return parts if tells else [text]


def keys(values: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    """Yield by what the same guest is known again: the name, in any order and spelling,
    with a number, an address or the birth date; without a name the number alone."""
    names = f"{values.get('given_name') or ''} {values.get('family_name') or ''}"
    name = " ".join(sorted(min(spellings(word)) for word in names.split()))
    found = [
        str(values[one]) for one in ("phone", "mobile", "email") if values.get(one)
    ]
    if name and values.get("birth_date"):
        found.append(values["birth_date"].isoformat())
    if not found and name:
        found.append(fold(values.get("hint") or ""))
    yield from ((name, way) for way in found)
