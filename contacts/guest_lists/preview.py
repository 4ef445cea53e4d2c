"""What a page shows of a guest list before it is taken in."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from phonenumber_field.phonenumber import PhoneNumber

from cases.models import Person
from cases.search import fold
from contacts.guest_lists import columns, receiving, rows
from contacts.models import GuestList, GuestRow
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.sheets.cells import letters

# Rows that are mended on one page, and rows that are shown as they will be.
PAGE = 20
SAMPLE = 25


@dataclass(frozen=True)
class Cell:
    """A field of a row on the page, with what is wrong there."""

    name: str
    label: Any
    text: str
    fault: str = ""
    place: str = ""


@dataclass(frozen=True)
class Shown:
    """A row that was rejected: its cells, and what is wrong with it as a whole."""

    row: GuestRow
    cells: list[Cell]
    fault: str = ""


@dataclass
class Preview:
    """A page of what came in."""

    wrong: list[Shown] = field(default_factory=list)
    sample: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    taken: int = 0
    after: str = ""

    @property
    def ready(self) -> int:
        return self.counts[GuestRow.State.READY]

    @property
    def left_out(self) -> int:
        return self.counts[GuestRow.State.LEFT_OUT]

    @property
    def to_mend(self) -> int:
        states = GuestRow.State
        return self.counts[states.WRONG] + self.counts[states.DOUBLE]


def of(guest_list: GuestList, after: str, *, now: dt.datetime) -> Preview:
    """Return what a list holds: rows to be mended behind the number `after`, some of
    the ready ones, and how many there are of each."""
    today = current().localdate(now)
    every = guest_list.guest_rows.all()
    page = Preview()
    page.counts.update(every.order_by().values_list("state", flat=True))
    page.taken = guest_list.rows - page.counts.total()
    behind = int(after) if after.isdecimal() and len(after) < 8 else 0
    open_ones = every.filter(state__in=["wrong", "double"], number__gt=behind)
    found = list(open_ones.order_by("number")[: PAGE + 1])
    page.wrong = [_shown(row, guest_list) for row in found[:PAGE]]
    page.after = str(found[PAGE - 1].number) if found[PAGE:] else ""
    page.sample = [
        {"row": row, **receiving.guest_of(row, guest_list, today=today).values}
        for row in every.ready().order_by("number")[:SAMPLE]
    ]
    return page


def _shown(row: GuestRow, guest_list: GuestList) -> Shown:
    typed = rows.typed_of(row.read, guest_list.columns)
    faults = {one["column"]: one for one in row.problems}
    names = [
        *rows.MENDED,
        *(name for name in faults if name and name not in rows.MENDED),
    ]
    cells = [
        Cell(
            name,
            rows.GuestForm.base_fields[name].label,
            typed.get(name, ""),
            said(faults[name]) if name in faults else "",
            place_of(name, row, guest_list) if name in faults else "",
        )
        for name in names
    ]
    return Shown(row, cells, said(faults[""]) if "" in faults else "")


def said(problem: dict[str, Any]) -> str:
    """Return a problem of a row in words."""
    return str(rows.SAID[problem["code"]]) % {"row": problem.get("row", "")}


def place_of(name: str, row: GuestRow, guest_list: GuestList) -> str:
    """Return the cell of the file that a field came from, as 'C7'; '' for none."""
    if isinstance(row.read, dict):
        return ""
    names = {name}
    if name in ("given_name", "family_name"):
        names.add(columns.NAME)
    for at, column in enumerate(guest_list.columns):
        if column in names:
            return f"{letters(at)}{row.number}"
    return ""


@dataclass
class Mended:
    """What was posted from a page of rows, by their numbers."""

    rows: dict[int, dict[str, str]] = field(default_factory=dict)
    left_out: list[int] = field(default_factory=list)
    two_people: list[int] = field(default_factory=list)


def mended(posted: QueryDict) -> Mended:
    """Return which rows were changed on the page, left out, or are two people."""
    found = Mended()
    for number in (int(one) for one in posted.getlist("row") if one.isdecimal()):
        if f"{number}-out" in posted:
            found.left_out.append(number)
            continue
        if f"{number}-two" in posted:
            found.two_people.append(number)
        cells = {
            name: posted.get(f"{number}-{name}", "").strip() for name in rows.FIELDS
        }
        before = {name: posted.get(f"{number}-{name}-was", "") for name in rows.FIELDS}
        changed = any(cells[name] != before[name] for name in rows.FIELDS)
        if changed:
            found.rows[number] = {name: text for name, text in cells.items() if text}
    return found


def known_people(
    sample: Sequence[dict[str, Any]], user: User
) -> dict[int, list[Person]]:
    """Return people of the file who may be the guests shown, by the rows' numbers: the
    same number or address, or the same birth date and name. Only whom one may see."""
    numbers = {str(v) for one in sample for v in (one["phone"], one["mobile"]) if v}
    mails = {one["email"] for one in sample if one["email"]}
    days = {one["birth_date"] for one in sample if one["birth_date"]}
    ways = Q(phone__in=numbers) | Q(mobile__in=numbers)
    ways |= Q(email__in=mails) | Q(birth_date__in=days)
    if not (numbers or mails or days):
        return {}
    people = list(Person.objects.open_to(user).filter(ways).order_by("pk")[:500])
    found: dict[int, list[Person]] = {}
    for one in sample:
        same = [person for person in people if _is_same(one, person)]
        if same:
            found[one["row"].number] = same[:3]
    return found


def _is_same(one: dict[str, Any], person: Person) -> bool:
    ways: set[Any] = {v for v in (one["phone"], one["mobile"], one["email"]) if v}
    theirs: set[PhoneNumber | str] = {person.phone, person.mobile, person.email.lower()}
    if {str(way) for way in ways} & {str(way) for way in theirs if way}:
        return True
    names = fold(f"{one['given_name']} {one['family_name']}").split()
    other = fold(f"{person.given_name} {person.family_name}").split()
    same_day = one["birth_date"] and one["birth_date"] == person.birth_date
    return bool(same_day and sorted(names) == sorted(other))
