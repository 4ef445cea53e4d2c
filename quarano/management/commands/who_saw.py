import csv
import datetime as dt
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django_tenants.utils import schema_context, tenant_context

from health_authorities.models import HealthAuthority
from quarano import clock
from quarano.audit import log
from quarano.audit.models import Event
from quarano.oversight import trail

COLUMNS = [
    "at", "who", "actor", "what", "verb", "people", "fields", "address", "request",
]  # fmt: skip


class Command(BaseCommand):
    help = (
        "Who saw or changed a person of an authority, and when, as CSV; the person may "
        "be erased already. Asking is recorded."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("schema", help="the authority's schema")
        parser.add_argument("key", type=UUID, help="the person's or official's number")
        parser.add_argument("--since", type=dt.date.fromisoformat, help="first day")
        parser.add_argument("--until", type=dt.date.fromisoformat, help="last day")

    def handle(self, *args: Any, **options: Any) -> None:
        with schema_context("public"):
            authority = HealthAuthority.objects.filter(
                schema_name=options["schema"], founded_at__isnull=False
            ).first()
        if authority is None:
            raise CommandError(f"no such authority: {options['schema']}")
        now = clock.now()
        with tenant_context(authority):
            since, until = _span(authority, options, now=now)
            self.record(options["key"], now=now)
            events = self.events(options["key"], since=since, until=until)
            table = csv.writer(self.stdout)
            table.writerow(COLUMNS)
            for line in trail.in_words(events):
                table.writerow(_cells(line))

    def record(self, key: UUID, *, now: dt.datetime) -> None:
        """Write down what was asked."""
        log.record("audit.viewed", None, by=None, now=now, person=key)

    def events(
        self, key: UUID, *, since: dt.datetime, until: dt.datetime
    ) -> QuerySet[Event]:
        """What answers the question."""
        return trail.of_person(key, since=since, until=until)


def _span(
    authority: HealthAuthority, options: dict[str, Any], *, now: dt.datetime
) -> tuple[dt.datetime, dt.datetime]:
    """From the first day's beginning to the last one's end; without days, all."""
    first = options["since"] or dt.date(2000, 1, 1)
    last = options["until"] or authority.localdate(now)
    begins, ends = (
        dt.datetime.combine(day, dt.time(), authority.zone)
        for day in (first, last + dt.timedelta(days=1))
    )
    return begins, ends


def _cells(line: trail.Line) -> list[str]:
    event = line.event
    return [
        event.at.astimezone(dt.UTC).isoformat(),
        line.who,
        str(event.actor or ""),
        line.what,
        event.verb,
        " ".join(str(key) for key in [event.person, *event.shown] if key),
        " ".join(event.fields),
        event.address or "",
        event.request_id,
    ]
