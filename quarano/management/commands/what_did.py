import datetime as dt
from uuid import UUID

from django.db.models import QuerySet

from quarano.audit import log
from quarano.audit.models import Event
from quarano.management.commands import who_saw
from quarano.oversight import trail


class Command(who_saw.Command):
    help = (
        "What an official of an authority saw and did, and when, as CSV; the account "
        "may be gone already. Asking is recorded."
    )

    def record(self, key: UUID, *, now: dt.datetime) -> None:
        """Write down what was asked."""
        codes = {"official": str(key)}
        log.record("audit.viewed", None, by=None, now=now, codes=codes)

    def events(
        self, key: UUID, *, since: dt.datetime, until: dt.datetime
    ) -> QuerySet[Event]:
        """What answers the question."""
        return trail.of_official(key, since=since, until=until)
