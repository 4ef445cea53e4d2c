from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django_tenants.utils import schema_context

from health_authorities.everywhere import PUBLIC
from health_authorities.models import HealthAuthority
from quarano.audit import chain


class Command(BaseCommand):
    help = (
        "Walk the chain of the audit events and name each that was changed, removed "
        "or re-ordered. Keep the printed heads elsewhere: only a head that was noted "
        "shows that the newest links were cut off."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "schema", nargs="*", help="schemas to walk through; without any, all"
        )
        parser.add_argument(
            "--noted",
            action="append",
            default=[],
            metavar="SCHEMA=POSITION:HASH",
            help="a head printed earlier, which must still be there",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        noted: dict[str, list[chain.Head]] = {}
        for text in options["noted"]:
            schema, _, head = text.partition("=")
            position, _, link = head.partition(":")
            if not position.isdigit():
                raise CommandError(f"{text!r} is not SCHEMA=POSITION:HASH")
            noted.setdefault(schema, []).append(chain.Head(int(position), link))
        with schema_context(PUBLIC):
            known = HealthAuthority.objects.filter(founded_at__isnull=False)
            schemas = [
                PUBLIC,
                *known.order_by("schema_name").values_list("schema_name", flat=True),
            ]
        if unknown := {*options["schema"], *noted} - set(schemas):
            raise CommandError(f"no such schema: {', '.join(sorted(unknown))}")
        flaws = 0
        for schema in options["schema"] or schemas:
            with schema_context(schema):
                flaws += self._walk(schema, noted.get(schema, []))
        if flaws:
            raise CommandError(f"{flaws} flaws found")

    def _walk(self, schema: str, noted: list[chain.Head]) -> int:
        count = 0
        for flaw in chain.verify():
            count += 1
            self.stderr.write(f"{schema}: {flaw}")
        for head in noted:
            if not chain.contains(head):
                count += 1
                self.stderr.write(f"{schema}: the noted head {head} is gone")
        head = chain.head()
        self.stdout.write(
            f"{schema}: {head.position} events sealed, "
            f"{chain.unsealed()} to be sealed, head {head}"
        )
        return count
