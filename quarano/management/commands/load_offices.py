from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from health_authorities import offices


class Command(BaseCommand):
    help = (
        "Load the directory of responsible offices from the national register's file "
        "(TransmittingSiteSearchText.xml); may be repeated with a newer one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["file"].open("rb") as file:
                loaded = offices.load(file)
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        except offices.NotARegister as error:
            raise CommandError(f"{options['file']} is not the register: {error}") from (
                error
            )
        self.stdout.write(
            f"{loaded.entries} entries read: {loaded.offices} offices with "
            f"{loaded.texts} search texts, {loaded.removed} offices removed"
        )
