import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from django.http import HttpRequest

from cases.models import Person
from quarano.audit import log as audit
from quarano.audit.models import Event

# Regions that are read within this time of the opening belong to it.
ONE_READING = dt.timedelta(minutes=15)


def opened(
    request: HttpRequest,
    person: Person,
    *,
    now: dt.datetime,
    shown: Iterable[UUID] = (),
) -> None:
    """Record that a file is read, unless that was recorded a quarter of an hour ago:
    its regions are refreshed one by one, and that is one reading.

    `shown` are other people whom it names, such as contacts.
    """
    is_known = Event.objects.filter(
        person=person.pk,
        actor=request.user.pk,
        verb="file.opened",
        at__gt=now - ONE_READING,
    ).exists()
    if not is_known:
        others = sorted(set(shown) - {person.pk})
        audit.viewed(request, "file.opened", now=now, person=person, shown=others)
