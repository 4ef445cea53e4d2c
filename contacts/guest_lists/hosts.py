"""A host hands in the list: a link by mail or word, and a code by telephone.

Both together open one page, once, that says nothing but whose list is asked for.
"""

import datetime as dt
import json
import secrets
from collections.abc import Sequence

from django.contrib.auth.hashers import check_password, make_password

from cases import containment, history
from cases.enrolment import SELECTOR, as_typed, new_code, spelled
from cases.models import Routine
from contacts import events
from contacts.guest_lists import receiving
from contacts.models import Event, GuestList
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction
from quarano.encryption import fingerprint
from quarano.notifications import outbox
from quarano.sheets import Row

TRIES = 5
MESSAGE = "contacts/messages/guest_list"


class LinkOver(containment.Refused):
    """The link is used, replaced, locked or too old."""


@retrying_transaction
def ask(event: Event, *, by: User, now: dt.datetime) -> tuple[GuestList, str, str]:
    """Ask the host for the list; return what is stored, the code and the link's token.

    The link goes to the host's address, where one is known; the code is read out. An
    earlier link is over from now on. Raises events.Discarded.
    """
    event = events.locked(event)
    _void(event, now=now)
    code, token = new_code(), secrets.token_urlsafe(32)
    routine = Routine.objects.in_force(on=current().localdate(now))
    guest_list = GuestList.objects.create(
        event=event,
        way=GuestList.Way.HOST,
        asked_at=now,
        asked_by=by,
        token_hash=fingerprint(token),
        selector=code[:SELECTOR],
        verifier_hash=make_password(code[SELECTOR:]),
        expires_at=now + dt.timedelta(hours=routine.code_hours),
    )
    audit.record("guest_list.asked", guest_list, by=by, now=now)
    if event.host_email:
        outbox.write(
            f"guest_list:{guest_list.pk}",
            template=MESSAGE,
            channel="mail",
            recipient=event.host_email,
            language=current().default_language,
            now=now,
            parameters={"path": "/guest-list/{token}/"},
            token=json.dumps({"token": token}),
            expires_at=guest_list.expires_at,
        )
    return guest_list, spelled(code), token


@retrying_transaction(repeatable=True)
def withdraw(guest_list: GuestList, *, by: User, now: dt.datetime) -> None:
    """End a host's link before it was used."""
    event = history.locked(guest_list.event)
    if _void(event, now=now):
        audit.record("guest_list.link_voided", guest_list, by=by, now=now)


def _void(event: Event, *, now: dt.datetime) -> int:
    """End every link of an event that was not used, run out or not."""
    waiting = event.guest_lists.filter(
        way=GuestList.Way.HOST, received_at__isnull=True, voided_at__isnull=True
    )
    keys = list(waiting.values_list("pk", flat=True))
    for key in keys:
        outbox.void(now=now, prefix=f"guest_list:{key}")
    return GuestList.objects.filter(pk__in=keys).update(voided_at=now)


def look_up(token: str, *, now: dt.datetime) -> GuestList | None:
    """Return what a link opens now; changes nothing."""
    live = GuestList.objects.open_links(at=now).select_related("event")
    return live.filter(token_hash=fingerprint(token)).first()


@retrying_transaction
def confirm(token: str, code: str, *, now: dt.datetime) -> GuestList | None:
    """Return the list that link and code open together.

    Takes about as long whether or not there is one. A wrong code counts; after five
    the link is over.
    """
    code = as_typed(code)
    live = GuestList.objects.open_links(at=now).select_for_update()
    guest_list = live.filter(token_hash=fingerprint(token)).first()
    if guest_list is None:
        make_password(code[SELECTOR:])
        return None
    is_right = check_password(code[SELECTOR:], guest_list.verifier_hash)
    if is_right and secrets.compare_digest(code[:SELECTOR], guest_list.selector):
        return guest_list
    guest_list.wrong_tries += 1
    if guest_list.wrong_tries >= TRIES:
        guest_list.expires_at = now
        audit.record("guest_list.link_locked", guest_list, by=None, now=now)
    guest_list.save(update_fields=["wrong_tries", "expires_at"])
    return None


@retrying_transaction
def hand_in(
    guest_list: GuestList,
    found: Sequence[Row | tuple[int, dict[str, str]]],
    *,
    file_name: str = "",
    now: dt.datetime,
) -> GuestList:
    """Keep what a host handed in until an official takes it in; the link is used up.

    Of many at once one wins, the others raise LinkOver; events.Discarded.
    """
    live = GuestList.objects.open_links(at=now).select_for_update()
    opened = live.filter(pk=guest_list.pk).first()
    if opened is None:
        raise LinkOver
    return receiving.receive(
        opened.event,
        found,
        way=GuestList.Way.HOST,
        file_name=file_name,
        by=None,
        now=now,
        guest_list=opened,
    )
