"""Print the secret with which a gateway signs an authority's delivery reports."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from health_authorities.models import HealthAuthority
from quarano.notifications import bounces, signatures


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "schema", help="the authority's schema; 'public' for the operator's mail"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        schema = options["schema"]
        known = HealthAuthority.objects.filter(schema_name=schema).exists()
        if not known and schema != bounces.PUBLIC:
            raise CommandError(f"No authority has the schema {schema}.")
        self.stdout.write(signatures.secret(schema, settings.FIELD_KEYS[0]))
