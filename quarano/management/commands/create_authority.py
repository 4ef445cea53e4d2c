from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django_tenants.utils import tenant_context

from health_authorities.states import FederalState
from quarano import clock, founding
from quarano.accounts.models import StaffInvitation
from quarano.cockroach.schemas import TemplateMissing
from quarano.notifications.models import Message


class Command(BaseCommand):
    help = (
        "Found an authority: schema, host, roles, policy, symptoms, and a one-time "
        "link for its first administrator. May be repeated if it broke off."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        states = ", ".join(f"{code} {name}" for code, name in FederalState.choices)
        wanted = {
            "--name": "in full, such as 'Gesundheitsamt Neckartal'",
            "--short-name": "such as 'Neckartal'",
            "--schema": "small letters, digits and _, such as 'neckartal'",
            "--host": "such as 'neckartal.quarano.example'",
            "--code": "in the national register, such as '1.08.2.21.'",
            "--state": f"federal state: {states}",
            "--sender": "address that its mail comes from",
            "--administrator-name": "first administrator",
            "--administrator-email": "where the one-time link goes",
        }
        for option, meaning in wanted.items():
            parser.add_argument(option, required=True, help=meaning)
        optional = {
            "--region": "where its rows must live (CockroachDB)",
            "--district": "",
            "--street": "",
            "--postal-code": "",
            "--city": "",
            "--cases-phone": "hotline for cases",
            "--cases-email": "",
            "--contacts-phone": "hotline for contacts",
            "--contacts-email": "",
        }
        for option, meaning in optional.items():
            parser.add_argument(option, default="", help=meaning)

    def handle(self, *args: Any, **options: Any) -> None:
        details = {
            name: options[name]
            for name in (
                "district", "street", "postal_code", "city", "cases_phone",
                "cases_email", "contacts_phone", "contacts_email",
            )
        }  # fmt: skip
        try:
            authority = founding.found(
                name=options["name"],
                short_name=options["short_name"],
                schema_name=options["schema"],
                host=options["host"],
                rki_code=options["code"],
                federal_state=options["state"],
                sender=options["sender"],
                administrator_name=options["administrator_name"],
                administrator_email=options["administrator_email"],
                region=options["region"],
                now=clock.now(),
                report=lambda step: self.stdout.write(f"  {founding.STEPS[step]}"),
                **details,
            )
        except founding.AlreadyTaken as error:
            raise CommandError(f"{error} belongs to another authority") from error
        except TemplateMissing as error:
            raise CommandError("run manage.py prepare_database first") from error
        except ValidationError as error:
            lines = [
                f"{field}: {' '.join(messages)}"
                for field, messages in error.message_dict.items()
            ]
            raise CommandError("\n".join(lines)) from error
        self.stdout.write(f"{authority.name} answers at {authority.url()}")
        with tenant_context(authority):
            self._tell_link()

    def _tell_link(self) -> None:
        """The link is in the outbox until it is sent; nowhere else in clear."""
        invitation = StaffInvitation.objects.order_by("invited_at").first()
        if invitation is None:
            return
        self.stdout.write(f"An invitation goes to {invitation.email}.")
        purpose = f"staff-invitation:{invitation.pk}"
        message = Message.objects.filter(purpose=purpose).first()
        if message and message.token:
            link = founding.invitation_link(message.token)
            self.stdout.write(f"Good once, until {invitation.expires_at:%c}: {link}")
