from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from quarano import placement
from quarano.cockroach.roles import as_owner
from quarano.management.commands.move_authority import follow


class Command(BaseCommand):
    help = (
        "Spreads the database to a region whose nodes have joined the cluster, and "
        "shows how its ranges follow. May be broken off and called again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("region", help="such as 'eu-west-1'")
        parser.add_argument(
            "--wait", type=float, default=300, help="seconds to look on at most"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        region = options["region"]
        with as_owner():
            follow(
                self,
                lambda: placement.spread(region),
                f"ranges have a copy in {region}",
                options["wait"],
            )
