"""What is done with many contacts at once: 'these 14 of the school class'.

Each in a transaction of its own, so that one who must be looked at singly does not hold
up the others.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from cases import duplicates, enrolment
from cases.containment import Refused
from contacts import tracing
from contacts.models import Contact, Exposure
from quarano.accounts.models import User
from quarano.forms import key_of

MOST = 500


@dataclass
class Done:
    """Who was taken over, and who was left out with the reason in words."""

    taken: list[tracing.TakenOver] = field(default_factory=list)
    left: list[tuple[Contact, str]] = field(default_factory=list)


def chosen(keys: Iterable[str], *, user: User) -> list[Contact]:
    """Return the contacts of these keys that this official may see, urgent first."""
    known = [pk for key in list(keys)[:MOST] if (pk := key_of(key))]
    found = Contact.objects.open_to(user).filter(pk__in=known)
    return list(found.order_by("-urgent", "family_name", "given_name", "pk"))


def accept(contacts: Sequence[Contact], *, by: User, now: dt.datetime) -> int:
    """Accept what waits of all; return of how many contacts something did."""
    waiting = Exposure.objects.waiting().filter(contact__in=list(contacts))
    return len({one.contact_id for one in tracing.accept(waiting, by=by, now=now)})


def take_over(
    contacts: Sequence[Contact],
    *,
    issue: bool,
    channel: str,
    by: User,
    now: dt.datetime,
) -> Done:
    """Take over all that can be without a question; `channel` as in tracing.

    Somebody who looks like a known person is left for an official to say who it is.
    """
    done = Done()
    for contact in contacts:
        if contact.person_id is None and _may_be_known(contact):
            done.left.append((contact, _("somebody like this is known already.")))
            continue
        try:
            found = _one(contact, issue=issue, channel=channel, by=by, now=now)
        except Refused as refusal:
            done.left.append((contact, str(refusal)))
        else:
            done.taken.append(found)
    return done


def _one(
    contact: Contact, *, issue: bool, channel: str, by: User, now: dt.datetime
) -> tracing.TakenOver:
    """Take over one; whom no invitation can reach is followed all the same."""
    who = tracing.details_of(contact)
    try:
        return tracing.take_over(
            contact, who, issue=issue, channel=channel, by=by, now=now
        )
    except enrolment.NoWayToReach:
        return tracing.take_over(contact, who, issue=issue, by=by, now=now)


def _may_be_known(contact: Contact) -> bool:
    typed = {name: getattr(contact, name) for name in duplicates.COMPARED}
    return bool(duplicates.similar(**typed))
