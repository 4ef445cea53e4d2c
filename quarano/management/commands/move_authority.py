import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from quarano import clock, placement
from quarano.cockroach import locality
from quarano.cockroach.roles import as_owner
from quarano.management.progress import Bar

LOOK = 5.0  # seconds


class Command(BaseCommand):
    help = (
        "Lets the rows of an authority live in another region of the cluster, and "
        "shows how its ranges follow. May be broken off and called again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("schema", help="such as 'neckartal'")
        parser.add_argument("--to", required=True, help="region, such as 'eu-west-1'")
        parser.add_argument(
            "--wait", type=float, default=300, help="seconds to look on at most"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        schema, region = options["schema"], options["to"]
        with as_owner():
            follow(
                self,
                lambda: placement.move(schema, region, now=clock.now()),
                f"ranges of {schema} are led from {region}",
                options["wait"],
            )


def follow(command: BaseCommand, look: Any, words: str, wait: float) -> None:
    """Do it, and show how far the cluster has followed, for `wait` seconds at most."""
    bar, until = Bar(command.stdout), time.monotonic() + wait
    try:
        share = look()
        bar.show(share.there, share.of, words)
        while not share.is_whole and time.monotonic() < until:
            time.sleep(LOOK)
            share = look()
            bar.show(share.there, share.of, words)
    except placement.NoRegions:
        command.stdout.write("PostgreSQL has no regions: nothing was moved.")
        return
    except placement.NotFounded as error:
        raise CommandError(f"{error} is no authority that is founded") from error
    except locality.UnknownRegion as error:
        raise CommandError(f"no node of {error} has joined the cluster yet") from error
    except locality.NotInDatabase as error:
        raise CommandError(f"run manage.py add_region {error} first") from error
    bar.end()
    if not share.is_whole:
        command.stdout.write("The cluster is still at it; call again to look.")
