from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.loader import render_to_string
from django.utils import translation
from django_tenants.utils import schema_context, tenant_context

from cases.due_times import routine_on
from health_authorities.models import HealthAuthority
from quarano import clock
from quarano.records.register import record_of


class Command(BaseCommand):
    help = (
        "The record of processing activities under Art. 30 GDPR, generated from the "
        "classification of every field and the authority's routine."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        languages = [code for code, _name in settings.LANGUAGES]
        parser.add_argument("schema", help="the authority's schema")
        parser.add_argument("--language", choices=languages, default="de")
        parser.add_argument("--format", choices=["md", "html"], default="md")

    def handle(self, *args: Any, **options: Any) -> None:
        with schema_context("public"):
            authority = HealthAuthority.objects.filter(
                schema_name=options["schema"], founded_at__isnull=False
            ).first()
        if authority is None:
            raise CommandError(f"no such authority: {options['schema']}")
        today = authority.localdate(clock.now())
        template = f"records/record_of_processing.{options['format']}"
        with tenant_context(authority), translation.override(options["language"]):
            record = record_of(authority, routine_on(today))
            text = render_to_string(
                template,
                {"record": record, "day": today, "language": options["language"]},
            )
        self.stdout.write(text.strip())
