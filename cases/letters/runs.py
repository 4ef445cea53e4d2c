"""Print runs: letters taken out of the outbox together, printed, and posted.

A letter is in one open run at most, so that nobody prints what somebody else has in
hand. What is void by then (a death, an official's withdrawal) is left out.
"""

import datetime as dt
from collections.abc import Collection
from uuid import UUID

from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _

from cases import containment, history
from cases.containment import Refused
from cases.letters.writing import ORDER
from cases.models import Letter, LetterKind, Order, Person, PrintRun, Service
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction
from quarano.letters.typesetting import MOST
from quarano.notifications import outbox
from quarano.notifications.models import Message

# An order that is sent by post counts as served on the fourth day after it was posted
# (VwVfG, section 41 (2), as in force since 1 January 2025).
DAYS_BY_POST = 4


class NothingWaits(Refused):
    message = _("No letter waits any more: somebody else has taken them.")


class RunEnded(Refused):
    message = _("This print run is closed already.")


class NotPrinted(Refused):
    message = _("Print the letters first.")


def waiting(user: User) -> QuerySet[Message]:
    """Return the letters that wait to be printed, to people this official may see."""
    people = Person.objects.open_to(user).order_by().values("pk")
    return Message.objects.filter(
        channel=Message.Channel.LETTER, state=Message.State.WAITING, about__in=people
    ).order_by("written_at", "pk")


@retrying_transaction
def open_run(
    *, by: User, now: dt.datetime, only: Collection[UUID] | None = None
) -> PrintRun:
    """Take what waits (at most MOST, or `only` these) into a new run; return it.

    Raises NothingWaits.
    """
    wanted = waiting(by).exclude(expires_at__lte=now)
    if only is not None:
        wanted = wanted.filter(pk__in=list(only))
    messages = outbox.take_letters(
        list(wanted.values_list("pk", flat=True)[:MOST]), now=now
    )
    if not messages:
        raise NothingWaits
    run = PrintRun.objects.create(opened_at=now, opened_by=by)
    letters = [
        Letter(run=run, message=message, kind=kind_of(message), position=place)
        for place, message in enumerate(messages, 1)
    ]
    for letter in letters:
        assert letter.message.about is not None  # `waiting` asks for it
        letter.person_id = letter.message.about
    Letter.objects.bulk_create(letters)
    audit.record("letters.taken", run, by=by, now=now, codes={"letters": len(messages)})
    return run


def kind_of(message: Message) -> str:
    """Return which letter a message of this channel is."""
    return LetterKind(message.template.rpartition("/")[2]).value


@retrying_transaction
def note_print(run: PrintRun, *, by: User, now: dt.datetime) -> list[Letter]:
    """Note that the run's PDF is made once more; return the letters in it, in order.

    Raises RunEnded; NothingWaits where every letter was withdrawn meanwhile.
    """
    run = _locked_open(run)
    letters = in_hand(run)
    if not letters:
        raise NothingWaits
    run.prints += 1
    run.printed_at, run.printed_by = now, by
    run.save(update_fields=["prints", "printed_at", "printed_by"])
    audit.record(
        "letters.printed", run, by=by, now=now,
        codes={"letters": len(letters), "times": run.prints},
    )  # fmt: skip
    return letters


def _locked_open(run: PrintRun) -> PrintRun:
    run = history.locked(run)
    if not run.is_open:
        raise RunEnded
    return run


def in_hand(run: PrintRun) -> list[Letter]:
    """Return the letters of an open run that are still to be sent, in order."""
    return list(
        run.letters.filter(message__state=Message.State.SENDING)
        .select_related("message", "person")
        .order_by("position")
    )


@retrying_transaction
def post(run: PrintRun, *, by: User, now: dt.datetime) -> PrintRun:
    """Note that the printed letters lie in the post; orders get an attempt of service.

    Raises RunEnded, NotPrinted.
    """
    run = _locked_open(run)
    if not run.prints:
        raise NotPrinted
    for letter in in_hand(run):
        outbox.sent(letter.message, now=now)
        if letter.message.template == ORDER:
            _serve(letter, by=by, now=now)
        audit.record(
            "letter.posted", letter, by=by, now=now, codes={"letter": letter.kind}
        )
    run.posted_at, run.posted_by = now, by
    run.save(update_fields=["posted_at", "posted_by"])
    audit.record("letters.posted", run, by=by, now=now)
    return run


def _serve(letter: Letter, *, by: User, now: dt.datetime) -> None:
    order = Order.objects.filter(pk=letter.message.parameters["order"]).first()
    if order is None:
        return
    today = current().localdate(now)
    containment.serve(
        order,
        way=Service.Way.POST,
        effective_on=today + dt.timedelta(days=DAYS_BY_POST),
        note=", ".join(letter.person.postal_address(today)),
        by=by,
        now=now,
    )


@retrying_transaction
def put_back(run: PrintRun, *, by: User, now: dt.datetime) -> PrintRun:
    """Give the letters back to the outbox: they were not posted. Raises RunEnded."""
    run = _locked_open(run)
    outbox.put_back_letters([letter.message_id for letter in in_hand(run)])
    run.put_back_at, run.put_back_by = now, by
    run.save(update_fields=["put_back_at", "put_back_by"])
    audit.record("letters.put_back", run, by=by, now=now)
    return run


def history_of_runs(user: User, *, limit: int = 30) -> list[PrintRun]:
    """Return the newest runs that this official may open, with what became of them."""
    return list(
        PrintRun.objects.open_to(user)
        .select_related("opened_by", "printed_by", "posted_by", "put_back_by")
        .prefetch_related("letters__message")
        .order_by(F("opened_at").desc())[:limit]
    )
