"""A guest list comes in, is looked at and mended, and becomes contacts; or is undone.

In = accepted + rejected, at every moment: accepted is what is ready or taken in.
"""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from cases import containment
from contacts import events, search
from contacts.guest_lists import columns as known
from contacts.guest_lists import rows as reading
from contacts.models import Contact, Event, GuestList, GuestRow, Origin
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction
from quarano.sheets import Row, Sheet, SheetRefused, read_text
from quarano.sheets.reading import MOST_ROWS

State = GuestRow.State
# So many rows become contacts in one transaction; a longer list goes on from there.
STEP = 2_500
WARN_FROM = 1_000
UNDO = dt.timedelta(days=7)
BATCH = 1_000
# Places that a list names of its own; the others stand at the rows.
MOST_PROBLEMS = 100
NEWEST = F("received_at").desc(nulls_last=True)


class AlreadyThere(containment.Refused):
    field = "family_name"
    message = _("This person is on a list of this event already.")


class IsCase(containment.Refused):
    field = "family_name"
    message = _("This is a case that was at this event.")


class Undone(containment.Refused):
    message = _("This guest list was undone.")


class TooLate(containment.Refused):
    message = _("A guest list can be undone for 7 days.")


class AlreadyTaken(containment.Refused):
    message = _("Guests of this list are contacts already: columns stay as they are.")


# --- Coming in ------------------------------------------------------------------------


def lines(text: str) -> list[Row | tuple[int, dict[str, str]]]:
    """Return what was pasted as rows: of a table with headings the cells, of lines
    'name; telephone; mail' the fields. Raises SheetRefused."""
    sheet = read_text(text)
    if known.is_heading(sheet.rows[0].cells):
        return list(sheet.rows)
    if len(text.splitlines()) > MOST_ROWS:
        raise SheetRefused("too_many")
    return [
        (number, found)
        for number, line in enumerate(text.splitlines(), 1)
        if (found := reading.line(line))
    ]


def of_sheet(sheet: Sheet) -> list[Row | tuple[int, dict[str, str]]]:
    """Return the rows of a file."""
    return list(sheet.rows)


@retrying_transaction
def receive(
    event: Event,
    found: Sequence[Row | tuple[int, dict[str, str]]],
    *,
    way: str,
    file_name: str = "",
    by: User | None,
    now: dt.datetime,
    guest_list: GuestList | None = None,
) -> GuestList:
    """Keep the rows of a guest list until an official takes them in; return the list.

    `guest_list` is the one that a host was asked for. Raises events.Discarded.
    """
    event = events.locked(event)
    if guest_list is None:
        guest_list = GuestList(event=event, way=way)
    guest_list.received_at, guest_list.received_by = now, by
    guest_list.file_name = file_name[:160]
    cells, rest = _headed(guest_list, found)
    guest_list.save()
    made = [
        GuestRow(guest_list=guest_list, number=number, cells=json.dumps(typed))
        for number, typed in [*cells, *rest]
    ]
    read = [
        (row, typed) for row, (_n, typed) in zip(made, [*cells, *rest], strict=True)
    ]
    _judge(guest_list, read, now=now)
    GuestRow.objects.bulk_create(made, batch_size=BATCH)
    guest_list.rows = len(made)
    _count(guest_list, taken=0, rows=made)
    guest_list.save()
    audit.record(
        "guest_list.received", guest_list, by=by, now=now,
        codes={"way": way, "rows": guest_list.rows},
    )  # fmt: skip
    return guest_list


def _headed(
    guest_list: GuestList, found: Sequence[Row | tuple[int, dict[str, str]]]
) -> tuple[list[tuple[int, Any]], list[tuple[int, Any]]]:
    """Rows of cells and rows of fields; what the columns are is noted on the list, as
    the same headings were understood before, else as they look."""
    cells = [(one.number, one.cells) for one in found if isinstance(one, Row)]
    rest = [one for one in found if not isinstance(one, Row)]
    if not cells:
        return [], rest
    headings: list[str] = []
    if known.is_heading(cells[0][1]):
        headings = cells.pop(0)[1]
    guest_list.headings = json.dumps(headings, ensure_ascii=False) if headings else ""
    guest_list.headings_hash = known.digest(headings)
    guest_list.columns = _remembered(guest_list.headings_hash) or known.guess(
        headings, [typed for _number, typed in cells[: known.SAMPLE]]
    )
    return cells, rest


def _remembered(digest: str) -> list[str]:
    if not digest:
        return []
    before = GuestList.objects.filter(headings_hash=digest, undone_at__isnull=True)
    newest = before.order_by(NEWEST, "pk").first()
    return newest.columns if newest is not None else []


# --- What each row is worth -----------------------------------------------------------


def _judge(
    guest_list: GuestList,
    found: Iterable[tuple[GuestRow, Any]],
    *,
    now: dt.datetime,
    others: Iterable[GuestRow] = (),
) -> None:
    """Say of each row whether it is ready, wrong or there already; `others` are rows
    of the same list that stay as they are."""
    today = current().localdate(now)
    seen = _seen(guest_list.event)
    for other in others:
        if other.state == State.READY:
            values = guest_of(other, guest_list, today=today).values
            seen.update(dict.fromkeys(reading.keys(values), other.number))
    for row, typed in found:
        guest = reading.check(reading.typed_of(typed, guest_list.columns), today=today)
        row.problems = [
            {"column": column, "code": code} for column, code in guest.problems.items()
        ]
        row.state = State.WRONG if guest.problems else State.READY
        if row.state == State.READY:
            _judge_double(row, guest.values, seen)


def _judge_double(row: GuestRow, values: dict[str, Any], seen: dict[Any, Any]) -> None:
    keys = list(reading.keys(values))
    before = next((seen[key] for key in keys if key in seen), None)
    if before is None:
        seen.update(dict.fromkeys(keys, row.number))
        return
    row.state = State.DOUBLE
    code = before if isinstance(before, str) else "twice"
    problem = {"column": "", "code": code}
    row.problems = [problem if code != "twice" else problem | {"row": before}]


def _seen(event: Event) -> dict[Any, Any]:
    """By what those who are known of already are known again."""
    seen: dict[Any, Any] = {}
    names = (
        "given_name",
        "family_name",
        "birth_date",
        "phone",
        "mobile",
        "email",
        "hint",
    )
    standing = event.participants.standing().order_by()
    for values in standing.values(*names).iterator(chunk_size=BATCH):
        seen.update(dict.fromkeys(reading.keys(values), "there"))
    for case in event.cases.select_related("person"):
        values = {name: getattr(case.person, name, "") for name in names}
        seen.update(dict.fromkeys(reading.keys(values), "is_case"))
    return seen


def guest_of(row: GuestRow, guest_list: GuestList, *, today: dt.date) -> reading.Guest:
    """Return a row as it is understood; `today` is the authority's local day."""
    return reading.check(reading.typed_of(row.read, guest_list.columns), today=today)


def _count(guest_list: GuestList, *, taken: int, rows: Iterable[GuestRow]) -> None:
    """Put the numbers on the list; `taken` are contacts already."""
    every = list(rows)
    guest_list.accepted = taken + sum(one.state == State.READY for one in every)
    guest_list.rejected = guest_list.rows - guest_list.accepted
    guest_list.problems = [
        {"row": one.number, **problem} for one in every for problem in one.problems
    ][:MOST_PROBLEMS]


# --- Mending --------------------------------------------------------------------------


def _locked(guest_list: GuestList) -> GuestList:
    guest_list = (
        GuestList.objects.select_for_update(of=("self",))
        .select_related("event")
        .get(pk=guest_list.pk)
    )
    if guest_list.undone_at is not None:
        raise Undone
    if guest_list.event.discarded_at is not None:
        raise events.Discarded
    return guest_list


@retrying_transaction
def name_columns(
    guest_list: GuestList, columns: Sequence[str], *, by: User, now: dt.datetime
) -> GuestList:
    """Say what the columns of a list are, as it is remembered from now on; every row is
    read again. Raises Undone and AlreadyTaken."""
    guest_list = _locked(guest_list)
    if _taken(guest_list):
        raise AlreadyTaken
    guest_list.columns = list(columns)
    rows = list(guest_list.guest_rows.order_by("number"))
    left_out = [row for row in rows if row.state == State.LEFT_OUT]
    again = [row for row in rows if row.state != State.LEFT_OUT]
    _judge(guest_list, [(row, row.read) for row in again], now=now)
    GuestRow.objects.bulk_update(again, ["state", "problems"], batch_size=BATCH)
    _count(guest_list, taken=0, rows=[*again, *left_out])
    guest_list.save(update_fields=["columns", "accepted", "rejected", "problems"])
    audit.record("guest_list.columns_named", guest_list, by=by, now=now)
    return guest_list


def _taken(guest_list: GuestList) -> int:
    """How many rows of a list are contacts already."""
    return guest_list.rows - guest_list.guest_rows.count()


@retrying_transaction
def mend(
    guest_list: GuestList,
    mended: dict[int, dict[str, str]],
    *,
    left_out: Iterable[int] = (),
    taken_all_the_same: Iterable[int] = (),
    by: User,
    now: dt.datetime,
) -> GuestList:
    """Put what an official typed in place of rows, by their numbers; leave others out;
    take doubles all the same, of whom an official says that they are two people.

    Raises Undone.
    """
    guest_list = _locked(guest_list)
    taken = _taken(guest_list)
    rows = list(guest_list.guest_rows.order_by("number"))
    out, both = set(left_out), set(taken_all_the_same)
    changed = [row for row in rows if row.number in mended]
    for row in changed:
        row.cells = json.dumps(mended[row.number])
    others = [row for row in rows if row.number not in mended]
    _judge(guest_list, [(r, r.read) for r in changed], now=now, others=others)
    for row in rows:
        if row.number in both and row.state == State.DOUBLE:
            row.state, row.problems = State.READY, []
        if row.number in out:
            row.state, row.problems = State.LEFT_OUT, []
    touched = [row for row in rows if row.number in {*mended, *out, *both}]
    GuestRow.objects.bulk_update(
        touched, ["cells", "state", "problems"], batch_size=BATCH
    )
    _count(guest_list, taken=taken, rows=rows)
    guest_list.save(update_fields=["accepted", "rejected", "problems"])
    audit.record(
        "guest_list.mended", guest_list, by=by, now=now, codes={"rows": len(touched)}
    )
    return guest_list


# --- Taking in ------------------------------------------------------------------------


@retrying_transaction(repeatable=True)
def take_in(
    guest_list: GuestList, *, by: User, now: dt.datetime, most: int = STEP
) -> int:
    """Make contacts of the next rows that are ready, each with one exposure to each
    case that was at the event; return how many are left.

    Raises Undone, events.Discarded.
    """
    guest_list = _locked(guest_list)
    today = current().localdate(now)
    rows = list(guest_list.guest_rows.ready().order_by("number")[:most])
    if not rows:
        return 0
    left = guest_list.guest_rows.ready().count() - len(rows)
    made = [
        _contact(
            guest_list, guest_of(row, guest_list, today=today).values, by=by, now=now
        )
        for row in rows
    ]
    Contact.objects.bulk_create(made, batch_size=BATCH)
    guest_list.guest_rows.filter(pk__in=[row.pk for row in rows]).delete()
    if not left and guest_list.taken_at is None:
        guest_list.taken_at, guest_list.taken_by = now, by
    guest_list.save(update_fields=["taken_at", "taken_by"])
    audit.record(
        "guest_list.taken", guest_list, by=by, now=now,
        codes={"rows": len(rows), "left": left},
    )  # fmt: skip
    event = guest_list.event
    cases = list(event.cases.select_related("disease").order_by("pk"))
    events.expose(event, made, cases, by=by, now=now)
    return left


def _contact(
    guest_list: GuestList, values: dict[str, Any], *, by: User, now: dt.datetime
) -> Contact:
    contact = Contact(
        event=guest_list.event,
        guest_list=guest_list,
        origin=Origin.EVENT,
        named_at=now,
        named_by=by,
        **{name: value for name, value in values.items() if value},
    )
    search.write(contact)
    return contact


@retrying_transaction
def add_guest(
    event: Event, values: dict[str, Any], *, by: User, now: dt.datetime
) -> Contact:
    """Record one guest, typed: a contact at once, on the event's list of the typed.

    Raises AlreadyThere, IsCase, events.Discarded.
    """
    event = events.locked(event)
    seen = _seen(event)
    known_as = {seen[key] for key in reading.keys(values) if key in seen}
    if known_as:
        raise IsCase if "is_case" in known_as else AlreadyThere
    typed = event.guest_lists.filter(way=GuestList.Way.TYPED, undone_at__isnull=True)
    guest_list = typed.order_by(NEWEST, "pk").first() or GuestList(
        event=event, way=GuestList.Way.TYPED, received_at=now, received_by=by,
        taken_at=now, taken_by=by,
    )  # fmt: skip
    guest_list.rows += 1
    guest_list.accepted += 1
    guest_list.save()
    contact = _contact(guest_list, values, by=by, now=now)
    contact.save(force_insert=True)
    audit.record("contact.named", contact, by=by, now=now)
    cases = list(event.cases.select_related("disease").order_by("pk"))
    events.expose(event, [contact], cases, by=by, now=now)
    contact.refresh_from_db()
    return contact


def may_be_undone(guest_list: GuestList, *, now: dt.datetime) -> bool:
    """Whether a list can still be undone at that moment."""
    if guest_list.received_at is None or guest_list.undone_at is not None:
        return False
    since = guest_list.taken_at or guest_list.received_at
    return now <= since + UNDO


@retrying_transaction
def undo(guest_list: GuestList, *, by: User, now: dt.datetime) -> int:
    """Take a guest list back: its contacts are erased, but those with whom somebody has
    worked since; return how many of these stay. Raises Undone, TooLate.
    """
    guest_list = _locked(guest_list)
    if not may_be_undone(guest_list, now=now):
        raise TooLate
    guest_list.undone_at, guest_list.undone_by = now, by
    guest_list.save(update_fields=["undone_at", "undone_by"])
    guest_list.guest_rows.all().delete()
    untouched = guest_list.participants.filter(
        person__isnull=True,
        told_at__isnull=True,
        dismissed_at__isnull=True,
        reviewed_at__isnull=True,
        version=1,
    )
    keys = list(untouched.order_by().values_list("pk", flat=True))
    for start in range(0, len(keys), BATCH):
        Contact.objects.filter(pk__in=keys[start : start + BATCH]).delete()
    stay = guest_list.participants.count()
    audit.record(
        "guest_list.undone", guest_list, by=by, now=now,
        codes={"erased": len(keys), "stay": stay},
    )  # fmt: skip
    return stay
