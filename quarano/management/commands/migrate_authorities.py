from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from health_authorities import schemas as authorities
from quarano.audit import APPEND_ONLY
from quarano.cockroach import migrating, schemas
from quarano.cockroach.lagging import missing
from quarano.cockroach.preparing import WouldBreak, ask
from quarano.cockroach.roles import as_owner
from quarano.management.progress import Bar


class Command(BaseCommand):
    help = (
        "Brings the template and every authority's schema up to date, while the site "
        "is up. May be broken off and called again. prepare_database calls it too."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--plan", action="store_true", help="say what would be done, and do nothing"
        )
        parser.add_argument(
            "--expect-downtime",
            action="store_true",
            help="web and workers are stopped: migrate what they could not live with",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        with as_owner():
            connection.set_schema_to_public()
            if missing(["public"]):
                raise CommandError("public lags behind: run manage.py prepare_database")
            if options["plan"]:
                self._tell_plan()
                return
            try:
                ask(authorities.places, expect_downtime=options["expect_downtime"])
            except WouldBreak as error:
                raise CommandError(str(error)) from error
            if missing([schemas.TEMPLATE]):
                schemas.make_template()
            migrate(self)

    def _tell_plan(self) -> None:
        places = authorities.places()
        plan = migrating.plan([schemas.TEMPLATE, *places])
        for step in plan.steps:
            way = "replayed" if step.is_replayed else "one by one"
            self.stdout.write(f"{step}: {_counted(step.schemas)}, {way}")
            for what in step.breaks:
                self.stdout.write(f"  not while the release before runs: {what}")
        for schema in plan.wholly:
            self.stdout.write(f"{schema}: from the beginning")
        if not plan.work:
            self.stdout.write(f"Nothing to do: {len(places)} authorities.")


def _counted(names: Any) -> str:
    others = [name for name in names if name != schemas.TEMPLATE]
    template = " and the template" if len(others) < len(names) else ""
    return f"{len(others)} authorities{template}"


def migrate(command: BaseCommand) -> None:
    """Migrate all authorities, tell how it goes, and raise for those that failed."""
    bar = Bar(command.stdout)
    outcome = migrating.run(
        authorities.places,
        append_only=APPEND_ONLY,
        report=lambda one: bar.show(
            one.done, one.total, f"{one.schema} {one.migration}"
        ),
    )
    bar.end()
    authorities.forget()
    tell(command, outcome)


def tell(command: BaseCommand, outcome: migrating.Outcome) -> None:
    """Say what was done; raises CommandError that names what failed."""
    if outcome.done:
        command.stdout.write(f"{outcome.done} migrations applied.")
    if outcome.failed:
        lines = [f"{name}: {why}" for name, why in sorted(outcome.failed.items())]
        raise CommandError(
            f"{len(lines)} authorities were not migrated, all others were:\n"
            + "\n".join(lines)
        )
