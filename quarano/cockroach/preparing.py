"""From an empty database, or that of an earlier release, to what this one needs."""

from collections.abc import Callable, Mapping, Sequence

from django.core.management import call_command
from django.db import connection
from django_tenants.utils import schema_exists

from quarano.cockroach import locality, migrating, schemas
from quarano.cockroach.lagging import missing
from quarano.cockroach.roles import as_owner, ensure_app_role

Places = Callable[[], Mapping[str, str]]


class WouldBreak(Exception):
    """The running release could not live with a migration; says with which."""


def no_places() -> Mapping[str, str]:
    """For where no authority is to be migrated."""
    return {}


def risks(places: Places) -> list[str]:
    """What the running release could not live with, in words; empty: nothing.

    Of a database that nobody works with yet nothing is asked.
    """
    with as_owner():
        connection.set_schema_to_public()
        lacking = missing(["public"])
        if lacking.get("public", set()) is None:
            return []
        names = ["public", *places()]
        if schema_exists(schemas.TEMPLATE):
            names.append(schemas.TEMPLATE)
        found = migrating.plan(names)
        connection.set_schema_to_public()
        return [f"{step}: {what}" for step in found.steps for what in step.breaks]


def ask(places: Places, *, expect_downtime: bool) -> None:
    """Ask whether all may be migrated while the release before runs.

    Raises WouldBreak, unless somebody says that web and workers are stopped.
    """
    if not expect_downtime and (found := risks(places)):
        raise WouldBreak(
            "\n".join(
                [
                    "The release that runs could not live with these migrations:",
                    *found,
                    "Stop web and workers, then call again with --expect-downtime.",
                ]
            )
        )


def prepare(
    *,
    append_only: Sequence[str],
    places: Places | None = None,
    verbosity: int = 0,
    report: migrating.Report = migrating.silent,
) -> migrating.Outcome:
    """Bring the role, public, the template and every authority up to date; idempotent.

    `places` names the authorities' schemas and their regions; without it only public
    and the template are seen to. The tables named in `append_only` can only be read and
    added to by the app. Runs as the owner, outside any transaction, before web and
    worker of the new release start. The template comes before the authorities, so that
    one founded meanwhile is right.
    """
    with as_owner():
        connection.set_schema_to_public()
        schemas.leave_unlocked()
        ensure_app_role()
        if missing(["public"]):
            call_command(
                "migrate_schemas", shared=True, interactive=False, verbosity=verbosity
            )
            connection.set_schema_to_public()
        ensure_app_role(append_only)
        if missing([schemas.TEMPLATE]):
            schemas.make_template(verbosity)
        locality.make_global()
        outcome = migrating.run(
            places or no_places, append_only=append_only, report=report
        )
        connection.set_schema_to_public()
    return outcome
