"""Bringing every authority's schema up to date, while the site is up.

A migration that is SQL only is collected once and said again in each schema, in a
transaction with the note that it was: what breaks off goes on at the next call. All
others run in the ordinary way, schema by schema. Schemas that fail are named and hold
up nobody.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from django.contrib.contenttypes.management import (
    inject_rename_contenttypes_operations,
)
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.state import ProjectState

from quarano.cockroach import locality, roles, schemas
from quarano.cockroach.compatibility import breaks
from quarano.cockroach.lagging import Key, missing
from quarano.cockroach.replaying import (
    CannotReplay,
    Score,
    collect,
    copied_types,
    is_sql_only,
    with_foreign_keys_inside,
)
from quarano.cockroach.roles import as_owner
from quarano.cockroach.transactions import causes, retrying

# Schemas in one transaction: on CockroachDB the commit of DDL is what costs, on
# PostgreSQL an authority's tables are locked until it.
TOGETHER_ON_COCKROACH = 20
LOCK_SECONDS = 3  # how long a statement waits for a lock while others wait behind it
ROUNDS = 5  # how often a schema whose tables were in use is tried
PAUSE = 1.0  # seconds between rounds
ROUNDS_OF_FOUNDING = 3  # schemas that were founded meanwhile

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """One migration, and the schemas that lack it."""

    migration: Migration
    before: ProjectState
    schemas: Sequence[str]

    @property
    def key(self) -> Key:
        return self.migration.app_label, self.migration.name

    @property
    def is_replayed(self) -> bool:
        return is_sql_only(self.migration)

    @property
    def breaks(self) -> list[str]:
        """What the running release could not live with."""
        return breaks(self.migration.app_label, self.migration.operations, self.before)

    def __str__(self) -> str:
        return ".".join(self.key)


@dataclass
class Plan:
    """What is to be done, in its order; `wholly` are schemas that take the long way."""

    steps: list[Step] = field(default_factory=list)
    wholly: list[str] = field(default_factory=list)

    @property
    def work(self) -> int:
        """How many times a migration is applied to a schema."""
        return sum(len(step.schemas) for step in self.steps) + len(self.wholly)


@dataclass
class Outcome:
    """How it went: how often a migration was applied, and what failed where."""

    done: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    done: int
    total: int
    migration: str
    schema: str


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Report to nobody."""


def plan(names: Sequence[str]) -> Plan:
    """Return what the schemas lack, migration by migration, in an order that works."""
    loader = MigrationLoader(None)
    keys = set(loader.disk_migrations)
    lacking = missing(names, wanted=keys)
    if not lacking:
        return Plan()
    squashed = {key for key, one in loader.disk_migrations.items() if one.replaces}
    squashed |= {
        old for key in squashed for old in loader.disk_migrations[key].replaces
    }
    wholly = [
        name
        for name, lack in lacking.items()
        if lack is None or lack & squashed or len(lack) == len(keys)
    ]
    found = Plan(wholly=wholly)
    wanted: dict[Key, list[str]] = {}
    for name, lack in lacking.items():
        if name not in wholly:
            for key in lack or ():
                wanted.setdefault(key, []).append(name)
    executor = MigrationExecutor(connection)
    executor.loader = loader
    state = ProjectState(real_apps=loader.unmigrated_apps)
    order = executor.migration_plan(loader.graph.leaf_nodes(), clean_start=True)
    inject_rename_contenttypes_operations(plan=order)
    for migration, _backwards in order:
        key = (migration.app_label, migration.name)
        if key in wanted:
            found.steps.append(Step(migration, state.clone(), sorted(wanted[key])))
        state = migration.mutate_state(state, preserve=False)
    return found


def run(
    places: Callable[[], Mapping[str, str]],
    *,
    append_only: Sequence[str] = (),
    report: Report = silent,
) -> Outcome:
    """Bring the schemas up to date and return how it went.

    `places` names them, each with the region its tables live in (empty: none); it is
    asked again at the end, for those that were founded meanwhile. Runs as the owner,
    outside any transaction.
    """
    outcome = Outcome()
    with as_owner():
        for _round in range(ROUNDS_OF_FOUNDING):
            connection.set_schema_to_public()
            regions = places()
            found = plan([name for name in regions if name not in outcome.failed])
            if not found.work:
                break
            _Run(regions, append_only, report, outcome).carry_out(found)
        # One that another process migrated, or founded anew, did not fail.
        still = missing(list(outcome.failed))
        outcome.failed = {k: v for k, v in outcome.failed.items() if k in still}
        connection.set_schema_to_public()
    return outcome


class _Run:
    def __init__(
        self,
        regions: Mapping[str, str],
        append_only: Sequence[str],
        report: Report,
        outcome: Outcome,
    ) -> None:
        self.regions = regions
        self.append_only = append_only
        self.report = report
        self.outcome = outcome
        self.total = self.passed = 0
        self.has_regions = locality.has_regions()

    def carry_out(self, found: Plan) -> None:
        self.total = found.work
        for schema in found.wholly:
            self._settle("all migrations", schema, self._wholly(schema))
        for step in found.steps:
            todo = [one for one in step.schemas if one not in self.outcome.failed]
            self.passed += len(step.schemas) - len(todo)
            if todo:
                self._carry_out_step(step, todo)

    def _carry_out_step(self, step: Step, todo: list[str]) -> None:
        score = self._score(step, todo[0]) if step.is_replayed else None
        if score is not None:
            for _round in range(ROUNDS):
                todo = self._replay_all(step, score, todo)
                if not todo:
                    return
                time.sleep(PAUSE)
        executor = MigrationExecutor(connection)
        for schema in todo:
            self._settle(str(step), schema, self._ordinary(executor, step, schema))

    def _score(self, step: Step, schema: str) -> Score | None:
        """The migration as SQL; None where it has to run in the ordinary way."""
        app, name = step.key
        try:
            connection.set_schema(schema)
            statements = collect(step.migration, step.before)
            if connection.vendor == "cockroachdb":
                statements = with_foreign_keys_inside(statements)
        except (CannotReplay, DatabaseError, ValueError) as error:
            # ValueError: a name that is looked up is not there as expected.
            logger.info("%s is not replayed: %s", step, error)
            return None
        finally:
            connection.set_schema_to_public()
        return Score(app, name, statements, schemas.TEMPLATE)

    def _replay_all(self, step: Step, score: Score, todo: list[str]) -> list[str]:
        """Replay in groups; return those whose tables were in use."""
        again: list[str] = []
        together = TOGETHER_ON_COCKROACH if connection.vendor == "cockroachdb" else 1
        groups = [todo[at : at + together] for at in range(0, len(todo), together)]
        while groups:
            group = groups.pop(0)
            try:
                self._replay(score, group)
            except DatabaseError as error:
                if sqlstate(error) == "55P03":
                    again += group
                elif len(group) > 1:
                    self._take_back(step, group, error)
                    groups = [[one] for one in group] + groups
                else:
                    self._take_back(step, group, error)
                    executor = MigrationExecutor(connection)
                    problem = self._ordinary(executor, step, group[0])
                    self._settle(str(step), group[0], problem)
            else:
                for schema in group:
                    self._settle(str(step), schema, "")
        return again

    def _replay(self, score: Score, group: Sequence[str]) -> None:
        lines: list[str] = []
        if connection.vendor == "postgresql":
            lines.append(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        for schema in group:
            lines += score.lines(
                schema,
                region=self.regions[schema] if self.has_regions else "",
                append_only=self.append_only,
            )

        @retrying
        def replay() -> None:
            with schemas.ddl_transaction(), connection.cursor() as cursor:
                cursor.execute(";\n".join(lines))

        try:
            replay()
        finally:
            connection.search_path_set_schemas = None  # the batch changed it

    def _take_back(self, step: Step, group: Sequence[str], error: Exception) -> None:
        """Where CockroachDB committed the note but not the DDL, remove the note."""
        if sqlstate(error) != "XXA00":
            return
        with connection.cursor() as cursor:
            for schema in group:
                connection.set_schema(schema)
                cursor.execute(
                    "DELETE FROM django_migrations WHERE app = %s AND name = %s",
                    step.key,
                )
        connection.set_schema_to_public()

    def _ordinary(self, executor: MigrationExecutor, step: Step, schema: str) -> str:
        """Apply one migration as Django does; return what went wrong, or nothing."""
        try:
            connection.set_schema(schema)
            if not missing([schema], [step.key]):
                return ""  # somebody else was here meanwhile
            connection.set_schema(schema)
            together = step.migration.atomic and connection.vendor == "postgresql"
            with transaction.atomic() if together else nullcontext():
                # First: rows of tables to come harm nobody, missing ones would.
                with connection.cursor() as cursor:
                    cursor.execute(";\n".join(copied_types(schemas.TEMPLATE, schema)))
                # Django itself writes the note after the commit where an index or a
                # foreign key was deferred.
                executor.apply_migration(step.before.clone(), step.migration)
            self._see_to(schema)
        except Exception as error:  # noqa: BLE001 - whatever a migration raises
            return described(error)
        finally:
            connection.set_schema_to_public()
        return ""

    def _wholly(self, schema: str) -> str:
        """Let django-tenants migrate one schema; return what went wrong, or nothing."""
        try:
            call_command(
                "migrate_schemas",
                tenant=True,
                schema_name=schema,
                interactive=False,
                verbosity=0,
            )
            self._see_to(schema)
        except Exception as error:  # noqa: BLE001 - whatever a migration raises
            return described(error)
        finally:
            connection.set_schema_to_public()
        return ""

    def _see_to(self, schema: str) -> None:
        """What replayed SQL does by itself: new tables at home, append-only ones so."""
        locality.bring_home(schema, self.regions[schema])
        roles.keep_append_only(schema, self.append_only)

    def _settle(self, migration: str, schema: str, problem: str) -> None:
        self.passed += 1
        if problem:
            self.outcome.failed[schema] = f"{migration}: {problem}"
            logger.error("%s was not migrated: %s: %s", schema, migration, problem)
        else:
            self.outcome.done += 1
        self.report(Progress(self.passed, self.total, migration, schema))


def sqlstate(error: BaseException) -> str:
    """The first SQLSTATE in the chain of causes; empty: none."""
    states = (getattr(one, "sqlstate", None) or "" for one in causes(error))
    return next(filter(None, states), "")


def described(error: BaseException) -> str:
    """Name an error without the values that its details hold."""
    for cause in causes(error):
        diagnosis = getattr(cause, "diag", None)
        if primary := getattr(diagnosis, "message_primary", None):
            return f"{type(error).__name__} {sqlstate(error)} {primary}"
    first = str(error).strip().splitlines()
    return f"{type(error).__name__} {first[0] if first else ''}".strip()
