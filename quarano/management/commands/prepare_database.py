from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from quarano import founding
from quarano.audit import APPEND_ONLY
from quarano.cockroach import schemas


class Command(BaseCommand):
    help = "Brings public schema, template and every authority up to date."
    requires_system_checks = []  # web and worker make them; this comes first

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--only-template", action="store_true", help="leave the authorities alone"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        schemas.prepare(
            append_only=APPEND_ONLY,
            authorities=not options["only_template"],
            verbosity=max(0, options["verbosity"] - 1),
        )
        if not options["only_template"]:
            founding.keep_roles_everywhere()
