"""Say what each authority's domain has to say, so that its mail is believed.

Asks no name server: compare by hand, or with `dig`.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from health_authorities.models import HealthAuthority
from quarano.notifications import dns


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("schema", nargs="?", help="one authority; all without it")

    def handle(self, *args: Any, **options: Any) -> None:
        found = HealthAuthority.objects.order_by("name")
        if options["schema"]:
            found = found.filter(schema_name=options["schema"])
            if not found:
                raise CommandError(f"No authority has the schema {options['schema']}.")
        for authority in found:
            self.stdout.write(f"\n{authority.name}, {authority.sender}")
            for one in dns.records(authority):
                self.stdout.write(f"  {one.why}")
                self.stdout.write(f"    {one.name}. IN {one.kind} {_quoted(one)}")
            for hint in dns.hints(authority):
                self.stdout.write(f"  ! {hint}")


def _quoted(record: dns.Record) -> str:
    return f'"{record.value}"' if record.kind == "TXT" else record.value
