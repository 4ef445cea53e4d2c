"""Letters as pages show them: what waits, a print run, one person's."""

import datetime as dt
from typing import Any

from cases.letters import runs
from cases.models import Letter, LetterKind, Person, PrintRun
from quarano.accounts.models import User
from quarano.letters.typesetting import MOST
from quarano.notifications.models import Message

LATEST = 8


def waiting(user: User, *, now: dt.datetime) -> dict[str, Any]:
    """What waits to be printed, and the newest runs, open ones first."""
    found = list(runs.waiting(user)[: 2 * MOST])
    people = Person.objects.in_bulk([one.about for one in found])
    every = runs.history_of_runs(user)
    return {
        "letters": [
            {
                "message": one,
                "person": people[one.about],
                "kind": LetterKind(runs.kind_of(one)).label,
                "is_over": one.expires_at is not None and one.expires_at <= now,
            }
            for one in found
            if one.about in people
        ],
        "open_runs": [_line(one) for one in every if one.is_open],
        "runs": [_line(one) for one in every if not one.is_open],
        "most": MOST,
    }


def _line(run: PrintRun) -> dict[str, Any]:
    letters = list(run.letters.all())
    void = [one for one in letters if one.message.state == Message.State.VOID]
    return {"run": run, "count": len(letters), "void": len(void)}


def run(found: PrintRun) -> dict[str, Any]:
    """A run's letters in their order, and which of them must be taken out again."""
    letters = list(
        found.letters.select_related("message", "person").order_by("position")
    )
    void = [one for one in letters if one.message.state == Message.State.VOID]
    run = PrintRun.objects.select_related(
        "opened_by", "printed_by", "posted_by", "put_back_by"
    ).get(pk=found.pk)
    return {
        "run": run,
        "letters": letters,
        "void": void,
        "has_orders": any(one.kind == LetterKind.ORDER for one in letters),
        "has_invitations": any(one.kind == LetterKind.INVITATION for one in letters),
        "days_by_post": runs.DAYS_BY_POST,
    }


def of_person(person: Person, *, user: User) -> dict[str, Any]:
    """The newest letters to a person: waiting, in print, posted, taken out."""
    found = list(
        Message.objects.filter(
            about=person.pk, channel=Message.Channel.LETTER
        ).order_by("-written_at", "-pk")[:LATEST]
    )
    places = (
        {
            one.message_id: one
            for one in Letter.objects.filter(message__in=found)
            .select_related("run__opened_by", "run__posted_by")
            .order_by("run__opened_at")
        }
        if found
        else {}
    )
    return {
        "rows": [
            {
                "message": one,
                "kind": LetterKind(runs.kind_of(one)).label,
                "place": places.get(one.pk),
            }
            for one in found
        ],
        "may_print": user.may("letters.print"),
    }
