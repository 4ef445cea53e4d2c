from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from health_authorities import schemas as authorities
from quarano import founding
from quarano.audit import APPEND_ONLY
from quarano.cockroach.preparing import WouldBreak, ask, no_places, prepare
from quarano.management.commands.migrate_authorities import tell
from quarano.management.progress import Bar


class Command(BaseCommand):
    help = "Brings public schema, template and every authority up to date."
    requires_system_checks = []  # web and worker make them; this comes first

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--only-template", action="store_true", help="leave the authorities alone"
        )
        parser.add_argument(
            "--expect-downtime",
            action="store_true",
            help="web and workers are stopped: migrate what they could not live with",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        alone = options["only_template"]
        places = no_places if alone else authorities.places
        bar = Bar(self.stdout)
        try:
            ask(places, expect_downtime=options["expect_downtime"])
        except WouldBreak as error:
            raise CommandError(str(error)) from error
        outcome = prepare(
            append_only=APPEND_ONLY,
            places=places,
            verbosity=max(0, options["verbosity"] - 1),
            report=lambda one: bar.show(
                one.done, one.total, f"{one.schema} {one.migration}"
            ),
        )
        bar.end()
        authorities.forget()
        tell(self, outcome)
        if not alone:
            founding.keep_roles_everywhere()
