"""Every authority is brought up to date, whatever breaks off or fails."""

import secrets
import threading
from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import schema_context

from health_authorities import schemas as authorities
from quarano.cockroach import migrating, preparing, roles, schemas
from quarano.cockroach.lagging import missing
from quarano.cockroach.replaying import (
    CannotReplay,
    Score,
    at_home,
    with_foreign_keys_inside,
)
from tests.cockroach.test_schemas import describe
from tests.releases import NAME, release  # noqa: F401 - a fixture

# DDL inside a test's own transaction, so that all of it is gone again.
pytestmark = [pytest.mark.usefixtures("db"), pytest.mark.postgresql]

COLUMN = """migrations.AddField("SetUpMark", "remark",
    models.CharField(max_length=40, default="", db_default=""))"""
TABLE = """migrations.CreateModel("Shelf", [
    ("id", models.UUIDField(primary_key=True)),
    ("mark", models.ForeignKey("desk.SetUpMark",
        on_delete=django.db.models.deletion.CASCADE, null=True)),
    ("case", models.ForeignKey("cases.Case", related_name="+",
        on_delete=django.db.models.deletion.CASCADE)),
    ("height", models.DecimalField(max_digits=4, decimal_places=1)),
    ], options={"constraints": [
        models.CheckConstraint(name="shelf_high", condition=models.Q(height__gt=0)),
        models.UniqueConstraint(fields=["mark", "height"], name="shelf_once"),
    ], "indexes": [models.Index(fields=["height"], name="shelf_by_height")]})"""
LINK = """migrations.AddField("SetUpMark", "case", models.ForeignKey("cases.Case",
    related_name="+", on_delete=django.db.models.deletion.SET_NULL, null=True))"""
WIDER = """migrations.AlterField("SetUpMark", "step",
    models.CharField(max_length=20, serialize=False, primary_key=True))"""
ROWS = 'migrations.RunSQL("INSERT INTO desk_setupmark SELECT * FROM desk_setupmark")'
PYTHON = "migrations.RunPython(work, migrations.RunPython.noop)"
BREAKING = 'migrations.RemoveField("SetUpMark", "made_at")'


@pytest.fixture
def clones():
    """Three schemas as founding makes them."""
    names = [f"clone_{secrets.token_hex(3)}" for _ in range(3)]
    for name in names:
        with schemas.ddl_transaction():
            schemas.clone_tables(schemas.TEMPLATE, name)
            roles.grant_schema(name, append_only=[])
        connection.set_schema_to_public()
    return sorted(names)


def run(names, **options):
    return migrating.run(lambda: dict.fromkeys(names, ""), **options)


def columns(schema: str, table: str = "desk_setupmark") -> set[str]:
    with roles.as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s",
            [schema, table],
        )
        return {name for (name,) in cursor.fetchall()}


def types(schema: str) -> tuple[set, set]:
    with roles.as_owner(), schema_context(schema):
        kinds = set(ContentType.objects.values_list("app_label", "model"))
        granted = set(
            Permission.objects.values_list("content_type__model", "codename", "name")
        )
        return kinds, granted


# --- What comes out -------------------------------------------------------------------


def test_replaying_comes_to_what_migrating_comes_to(release, clones):  # noqa: F811
    release.bring(COLUMN, TABLE, LINK, WIDER)
    schemas.make_template()
    one, other, _ = clones

    outcome = run([one])
    with roles.as_owner():
        call_command("migrate_schemas", schema_name=other, tenant=True, verbosity=0)

    assert outcome.failed == {}
    assert {"desk_shelf"} <= {row[0] for row in describe(one)["columns"]}
    assert describe(one) == describe(other) == describe(schemas.TEMPLATE)
    assert types(one) == types(other)
    assert ("desk", "shelf") in types(one)[0]
    assert missing(clones) == {clones[2]: {("desk", NAME)}}


def test_the_app_works_in_a_new_table_at_once(release, clones):  # noqa: F811
    release.bring(TABLE)
    schemas.make_template()
    run(clones, append_only=["desk_shelf"])
    for name in clones:
        with schema_context(name), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM desk_shelf")
            cursor.execute(
                "SELECT has_table_privilege('quarano_app', %s, 'INSERT'), "
                "has_table_privilege('quarano_app', %s, 'DELETE')",
                [f"{name}.desk_shelf"] * 2,
            )
            assert cursor.fetchone() == (True, False)


def test_sql_is_collected_once_and_said_to_each(release, clones):  # noqa: F811
    release.bring(COLUMN)
    with CaptureQueriesContext(connection) as asked:
        outcome = run(clones)
    said = [one["sql"] for one in asked.captured_queries]
    batches = [sql for sql in said if "ADD COLUMN" in sql]
    assert len(batches) == 3
    assert all("search_path" in sql and "django_migrations" in sql for sql in batches)
    assert outcome.done == 3
    assert all("remark" in columns(name) for name in clones)


def test_python_runs_in_each_schema(release, clones):  # noqa: F811
    work = """
def work(apps, editor):
    with editor.connection.cursor() as cursor:
        cursor.execute("CREATE TABLE of_python AS SELECT current_schema() AS here")
    assert apps.get_model("desk", "SetUpMark")._meta.get_field("remark")
"""
    release.bring(COLUMN, PYTHON, before=work)
    assert run(clones).done == 3
    for name in clones:
        with roles.as_owner(), schema_context(name), connection.cursor() as cursor:
            cursor.execute("SELECT here FROM of_python")
            assert cursor.fetchone() == (name,)
    assert missing(clones) == {}


def test_a_migration_without_a_transaction_runs_in_the_ordinary_way(
    release,  # noqa: F811
    clones,
):
    release.bring(COLUMN, atomic=False)
    (step,) = migrating.plan(clones).steps
    assert not step.is_replayed
    assert run(clones).done == 3
    assert missing(clones) == {}


def test_with_nothing_to_do_fifty_are_one_question():
    with CaptureQueriesContext(connection) as asked:
        outcome = run(["neckartal", "spreetal"] * 25)
    assert outcome.done == 0
    said = [one["sql"] for one in asked.captured_queries if "SELECT" in one["sql"]]
    assert len(said) <= 1


# --- What goes wrong ------------------------------------------------------------------


def forbid(schema: str) -> None:
    """Let the column be there already: adding it fails."""
    with roles.as_owner(), schema_context(schema), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE desk_setupmark ADD COLUMN remark int8")


def allow(schema: str) -> None:
    with roles.as_owner(), schema_context(schema), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE desk_setupmark DROP COLUMN remark")


def test_one_that_fails_is_named_and_stops_nobody(release, clones):  # noqa: F811
    release.bring(COLUMN)
    forbid(clones[1])

    outcome = run(clones)

    assert list(outcome.failed) == [clones[1]]
    assert f"desk.{NAME}: ProgrammingError 42701" in outcome.failed[clones[1]]
    assert outcome.done == 2
    assert missing(clones) == {clones[1]: {("desk", NAME)}}

    allow(clones[1])
    assert run(clones).failed == {}
    assert missing(clones) == {}


def test_a_python_migration_that_fails_leaves_nothing_in_its_schema(
    release,  # noqa: F811
    clones,
):
    work = f"""
def work(apps, editor):
    if editor.connection.schema_name == "{clones[1]}":
        raise ValueError("not here")
"""
    release.bring(COLUMN, PYTHON, before=work)
    outcome = run(clones)
    assert list(outcome.failed) == [clones[1]]
    assert "not here" in outcome.failed[clones[1]]
    assert [("remark" in columns(name)) for name in clones] == [True, False, True]


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_run_that_broke_off_goes_on(release, clones, at):  # noqa: F811
    release.bring(COLUMN, TABLE)
    schemas.make_template()

    def die(progress):
        if progress.done == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(clones, report=die)
    assert len(missing(clones)) == 3 - at

    assert run(clones).done == 3 - at
    assert missing(clones) == {}
    assert all("remark" in columns(name) for name in clones)


def test_what_is_founded_meanwhile_is_migrated_too(release, clones):  # noqa: F811
    release.bring(COLUMN)
    answers = iter([clones[:2], clones])
    outcome = migrating.run(lambda: dict.fromkeys(next(answers, clones), ""))
    assert outcome.done == 3
    assert missing(clones) == {}


def test_a_schema_that_is_not_there_is_named(release, clones):  # noqa: F811
    release.bring(COLUMN)
    outcome = run([*clones, "nowhere_at_all"])
    assert list(outcome.failed) == ["nowhere_at_all"]
    assert missing(clones) == {}


def test_no_value_of_a_row_is_told(release, clones):  # noqa: F811
    release.bring(
        'migrations.RunSQL("INSERT INTO django_content_type (app_label, model) '
        "VALUES ('desk', 'setupmark')\")"
    )
    outcome = run(clones[:1])
    (told,) = outcome.failed.values()
    assert "23505" in told
    assert "setupmark" not in told


@pytest.mark.committed
def test_tables_in_use_are_tried_again(
    django_db_setup,
    django_db_blocker,
    release,  # noqa: F811
    monkeypatch,
):
    """A long transaction of the site holds nobody up, and is not held up for long."""
    monkeypatch.setattr(migrating, "LOCK_SECONDS", 1)
    monkeypatch.setattr(migrating, "PAUSE", 0.1)
    name = f"clone_{secrets.token_hex(3)}"
    release.bring(COLUMN)
    held, go = threading.Event(), threading.Event()

    def use() -> None:
        try:
            with schema_context(name), transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1 FROM desk_setupmark")
                held.set()
                go.wait(20)
        finally:
            connection.close()

    with django_db_blocker.unblock():
        # The test's own transaction would keep the clone to itself.
        def work() -> None:
            try:
                with schemas.ddl_transaction():
                    schemas.clone_tables(schemas.TEMPLATE, name)
                    roles.grant_schema(name, append_only=[])
                user = threading.Thread(target=use)
                user.start()
                held.wait(10)
                threading.Timer(1.5, go.set).start()
                outcomes.append(run([name]))
                user.join()
            finally:
                schemas.drop(name)
                connection.close()

        outcomes: list[migrating.Outcome] = []
        runner = threading.Thread(target=work)
        runner.start()
        runner.join(60)
    assert outcomes[0].failed == {}
    assert outcomes[0].done == 1


# --- By command -----------------------------------------------------------------------


def called(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_the_command_tells_each_step_and_is_done_at_the_second_call(release):  # noqa: F811
    release.bring(COLUMN)
    with pytest.raises(CommandError, match="prepare_database"):
        called("migrate_authorities")
    assert authorities.lagging() == ["public", "neckartal", "spreetal"]

    told = called("prepare_database")

    assert f"  1/2 neckartal desk.{NAME}" in told
    assert "2 migrations applied." in told
    assert authorities.lagging() == []
    assert called("migrate_authorities") == ""
    with roles.as_owner():
        assert missing([schemas.TEMPLATE]) == {}


def test_the_plan_says_what_would_be_done_and_does_nothing(release):  # noqa: F811
    assert "Nothing to do: 2 authorities." in called("migrate_authorities", "--plan")
    release.bring(COLUMN)
    with roles.as_owner():
        call_command("migrate_schemas", shared=True, verbosity=0)
    told = called("migrate_authorities", "--plan")
    assert f"desk.{NAME}: 2 authorities and the template, replayed" in told
    assert authorities.lagging() == ["neckartal", "spreetal"]


def test_what_the_running_release_could_not_live_with_is_refused(release):  # noqa: F811
    release.bring(BREAKING)
    for command in ("prepare_database", "migrate_authorities"):
        if command == "migrate_authorities":
            with roles.as_owner():
                call_command("migrate_schemas", shared=True, verbosity=0)
        with pytest.raises(CommandError, match=r"drops SetUpMark\.made_at"):
            called(command)
        assert "made_at" in columns("neckartal")
    assert "not while" in called("migrate_authorities", "--plan")

    called("prepare_database", "--expect-downtime")
    assert "made_at" not in columns("neckartal")


def test_a_new_installation_is_asked_nothing(monkeypatch):
    """Nobody works with it yet."""
    monkeypatch.setattr(preparing, "missing", lambda names: {"public": None})
    assert preparing.risks(authorities.places) == []


def test_the_command_fails_where_one_authority_failed(release):  # noqa: F811
    release.bring(COLUMN)
    forbid("spreetal")
    with pytest.raises(CommandError, match=r"1 authorities were not[^$]+\nspreetal: "):
        called("prepare_database")
    assert authorities.lagging() == ["spreetal"]
    assert "remark" in columns("neckartal")


# --- For CockroachDB: what is said, without a server ----------------------------------

MADE = 'CREATE TABLE "a" ("id" uuid NOT NULL PRIMARY KEY, "b_id" uuid NOT NULL'
KEY = 'CONSTRAINT "a_b" FOREIGN KEY ("b_id") REFERENCES "b" ("id")'
INDEX = 'CREATE INDEX "a_by_b" ON "a" ("b_id")'
ADDED = f'ALTER TABLE "a" ADD {KEY} DEFERRABLE INITIALLY DEFERRED'
COLLECTED = [f"{MADE})", ADDED, INDEX]


def test_a_new_tables_foreign_key_stands_inside_it():
    assert with_foreign_keys_inside(COLLECTED) == [f"{MADE}, {KEY})", INDEX]


def test_a_foreign_key_of_a_table_that_is_there_is_not_replayed():
    with pytest.raises(CannotReplay):
        with_foreign_keys_inside(COLLECTED[1:])


def test_a_new_table_is_made_in_the_authoritys_region():
    made = at_home(COLLECTED, "eu-south")
    assert made[0].endswith(') LOCALITY REGIONAL BY TABLE IN "eu-south"')
    assert made[1:] == COLLECTED[1:]
    assert at_home(COLLECTED, "") == COLLECTED


def test_a_score_ends_with_the_note_that_it_was_played():
    score = Score("cases", "0002_it's", ['ALTER TABLE "a" ADD "x" int'], "template")
    lines = list(score.lines("neckartal", region="eu-south"))
    assert lines[0] == 'SET LOCAL search_path = "neckartal"'
    assert lines[1] == 'ALTER TABLE "a" ADD "x" int'
    assert lines[2].endswith("VALUES ('cases', '0002_it''s', now())")
    assert len(lines) == 3


def test_twenty_authorities_share_a_transaction_on_cockroachdb(monkeypatch, clones):
    groups = []
    one = migrating._Run(dict.fromkeys("abc", ""), [], migrating.silent, None)
    monkeypatch.setattr(connection, "vendor", "cockroachdb")
    monkeypatch.setattr(one, "_replay", lambda score, group: groups.append(len(group)))
    monkeypatch.setattr(one, "_settle", lambda *_: None)
    names = [f"a{number}" for number in range(45)]
    assert one._replay_all("step", None, names) == []
    assert groups == [20, 20, 5]
