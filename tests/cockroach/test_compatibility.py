import pytest
from django.db import migrations, models
from django.db.migrations.state import ModelState, ProjectState
from django.db.models.functions import Now

from quarano.cockroach.compatibility import breaks


@pytest.fixture
def before() -> ProjectState:
    """An app `field` with one model, as the release before knows it."""
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=60)),
        ("count", models.SmallIntegerField(null=True)),
        ("degrees", models.DecimalField(max_digits=4, decimal_places=1)),
    ]
    state.add_model(ModelState("field", "Case", fields))
    return state


def alter(name: str, field: models.Field) -> migrations.AlterField:
    return migrations.AlterField("Case", name, field)


def add(field: models.Field) -> migrations.AddField:
    return migrations.AddField("Case", "more", field)


@pytest.mark.parametrize(
    "step",
    [
        add(models.TextField(null=True)),
        add(models.TextField(default="", db_default="")),
        add(models.DateTimeField(db_default=Now())),
        migrations.AddIndex("Case", models.Index(fields=["name"], name="by_name")),
        migrations.CreateModel("Other", [("id", models.UUIDField(primary_key=True))]),
        alter("name", models.CharField(max_length=61)),
        alter("name", models.CharField(max_length=60, blank=True)),
        alter("name", models.TextField()),
        alter("count", models.BigIntegerField(null=True)),
        alter("degrees", models.DecimalField(max_digits=6, decimal_places=2)),
        migrations.RunSQL("UPDATE field_case SET count = 0"),
        migrations.RunPython(migrations.RunPython.noop),
    ],
)
def test_what_the_running_code_never_notices(before, step):
    assert breaks("field", [step], before) == []


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (add(models.TextField(default="")), "adds Case.more, NOT NULL"),
        (migrations.RemoveField("Case", "name"), "drops Case.name"),
        (migrations.RenameField("Case", "name", "title"), "renames Case.name"),
        (migrations.DeleteModel("Case"), "drops the table of Case"),
        (migrations.RenameModel("Case", "Episode"), "renames the table of Case"),
        (migrations.AlterModelTable("Case", "episode"), "renames the table of Case"),
        (alter("name", models.CharField(max_length=59)), "is shortened to 59"),
        (alter("count", models.SmallIntegerField()), "becomes NOT NULL"),
        (alter("count", models.CharField(max_length=9, null=True)), "changes from"),
        (
            alter("name", models.CharField(max_length=60, db_column="title")),
            "is renamed",
        ),
        (
            alter("degrees", models.DecimalField(max_digits=4, decimal_places=2)),
            "holds fewer digits",
        ),
        (migrations.RunSQL("ALTER TABLE x\nDROP COLUMN y"), "SQL that takes"),
        (migrations.RunSQL([("ALTER TABLE x RENAME TO y", None)]), "SQL that takes"),
        (
            migrations.SeparateDatabaseAndState(
                [migrations.RemoveField("Case", "name")], []
            ),
            "drops Case.name",
        ),
    ],
)
def test_what_the_running_code_could_not_live_with(before, step, words):
    (found,) = breaks("field", [step], before)
    assert words in found


def test_a_column_that_the_same_release_made_may_go_again(before):
    """Steps are judged one after the other, each on what those before it left."""
    steps = [
        add(models.CharField(max_length=9, null=True)),
        migrations.AlterField("Case", "more", models.CharField(max_length=8)),
    ]
    (narrowed,) = breaks("field", steps, before)[:1]
    assert narrowed == "Case.more becomes NOT NULL"


def test_only_the_state_of_the_database_counts(before):
    step = migrations.SeparateDatabaseAndState(
        [], [migrations.RemoveField("Case", "name")]
    )
    assert breaks("field", [step], before) == []
