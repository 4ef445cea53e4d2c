from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django_tenants.utils import schema_context, tenant_context

from cases.models import Person
from health_authorities.everywhere import PUBLIC
from health_authorities.models import HealthAuthority
from quarano import clock
from quarano.records import consistency


class Command(BaseCommand):
    help = (
        "Compute anew what is stored twice (ends, last entries, search, slots, "
        "escalations) and name what differs; ends with 1 where anything does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("schema", nargs="*", help="schemas; without any, all")
        parser.add_argument(
            "--repair", action="store_true", help="write anew what can be rebuilt"
        )
        parser.add_argument(
            "--sample",
            type=int,
            help="so many people of each authority, others each time; default: all",
        )
        parser.add_argument(
            "--most", type=int, default=20, help="lines per kind that are printed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with schema_context(PUBLIC):
            known = {
                one.schema_name: one
                for one in HealthAuthority.objects.filter(founded_at__isnull=False)
            }
        if unknown := set(options["schema"]) - set(known):
            raise CommandError(f"no such schema: {', '.join(sorted(unknown))}")
        left = 0
        for schema in sorted(options["schema"] or known):
            with tenant_context(known[schema]):
                left += self._look_at(
                    schema,
                    repair=options["repair"],
                    most=options["most"],
                    sample=options["sample"],
                )
        if left:
            raise CommandError(f"{left} rows differ")
        self.stdout.write("Everything agrees.")

    def _look_at(
        self, schema: str, *, repair: bool, most: int, sample: int | None
    ) -> int:
        now = clock.now()
        seen: Counter[str] = Counter()
        broken: set[Any] = set()
        left = 0
        for one in consistency.differences(now=now, sample=sample):
            seen[one.what] += 1
            if seen[one.what] <= most:
                self.stderr.write(f"{schema}: {one}")
            if repair and one.rebuildable:
                broken.add(one.person)
            else:
                left += 1
        for what, count in sorted(seen.items()):
            if count > most:
                self.stderr.write(f"{schema}: {what}: {count} in all")
        for person in Person.objects.filter(pk__in=broken).order_by("pk"):
            consistency.rebuild(person, now=now)
        if broken:
            self.stdout.write(f"{schema}: {len(broken)} people rebuilt")
        return left
