from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django_tenants.utils import schema_context

from quarano import clock, founding
from quarano.accounts import invitations


class Command(BaseCommand):
    help = (
        "Invite an operator, who founds authorities and sees no citizen: prints a "
        "link that is good once and sends it by mail."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        with schema_context("public"):
            founding.keep_roles(founding.OPERATION)
            try:
                invitation, token = invitations.invite(
                    name=options["name"],
                    email=options["email"],
                    roles=[founding.OPERATOR],
                    by=None,
                    now=clock.now(),
                )
            except invitations.AddressInUse as error:
                raise CommandError("the address has an account already") from error
            link = founding.invitation_link(token)
        self.stdout.write(f"Good once, until {invitation.expires_at:%c}: {link}")
