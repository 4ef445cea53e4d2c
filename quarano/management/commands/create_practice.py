from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django_tenants.utils import schema_context, tenant_context

from health_authorities.models import HealthAuthority
from quarano import clock, founding, practice
from quarano.accounts.models import StaffInvitation
from quarano.notifications.models import Message


class Command(BaseCommand):
    help = (
        "Found the practice of an authority: invented people, nothing is sent, new "
        "every night. Prints the one-time link for its first administrator, for its "
        "mail goes nowhere. May be repeated."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        wanted = {
            "--of": "schema of the real authority, such as 'neckartal'",
            "--host": "such as 'practice.neckartal.quarano.example'",
            "--administrator-name": "first administrator of the practice",
            "--administrator-email": "their address; nothing is sent to it",
        }
        for option, meaning in wanted.items():
            parser.add_argument(option, required=True, help=meaning)

    def handle(self, *args: Any, **options: Any) -> None:
        with schema_context("public"):
            real = HealthAuthority.objects.filter(schema_name=options["of"]).first()
        if real is None:
            raise CommandError(f"no authority has the schema {options['of']}")
        try:
            made = practice.found(
                real,
                host=options["host"],
                administrator_name=options["administrator_name"],
                administrator_email=options["administrator_email"],
                now=clock.now(),
                report=lambda step: self.stdout.write(f"  {founding.STEPS[step]}"),
            )
        except practice.NoPractice as error:
            raise CommandError(f"{error} is itself a practice") from error
        except founding.AlreadyTaken as error:
            raise CommandError(f"{error} belongs to another authority") from error
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self._tell_link(made)
        self.stdout.write("  playing the last three weeks …")
        practice.reset(made, now=clock.now())
        self.stdout.write(f"{made.name} answers at {made.url()}")

    def _tell_link(self, made: HealthAuthority) -> None:
        """Before the message goes into the box and its token is forgotten."""
        with tenant_context(made):
            invitation = StaffInvitation.objects.filter(accepted_at__isnull=True)
            first = invitation.order_by("invited_at").first()
            purpose = f"staff-invitation:{first.pk}" if first else ""
            message = Message.objects.filter(purpose=purpose).first()
            if message and message.token:
                link = founding.invitation_link(message.token)
                self.stdout.write(f"Good once: {link}")
