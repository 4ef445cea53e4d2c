"""The house holds its shape: layers, clock, tenancy, guards."""

import ast
from pathlib import Path

import pytest
from django.apps import apps
from django.urls import URLPattern, URLResolver

ROOT = Path(__file__).resolve().parent.parent
LAYERS = [
    {
        "quarano.clock", "quarano.encryption", "quarano.htmx", "quarano.cockroach",
        "quarano.audit", "quarano.charts", "quarano.letters", "quarano.forms",
        "quarano.templatetags", "quarano.embedded", "quarano.middleware",
        "quarano.glossary", "quarano.sheets", "quarano.telephones",
    },
    {"health_authorities"},
    {"quarano.notifications"},
    {"quarano.accounts"},
    {"cases"},
    {"contacts"},
    {"diaries"},
    {"quarano"},
]  # fmt: skip
CODE = sorted(
    path
    for folder in ("quarano", "health_authorities", "cases", "contacts", "diaries")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
)


def layer(module: str) -> int | None:
    """The place of the longest known prefix, None for what is not ours."""
    found = None
    for place, names in enumerate(LAYERS):
        for name in names:
            inside = module == name or module.startswith(name + ".")
            if inside and (found is None or len(name) > found[0]):
                found = len(name), place
    return found[1] if found else None


def imported(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from quarano import clock` is an import of quarano.clock.
            if node.module == "quarano":
                yield from (f"quarano.{alias.name}" for alias in node.names)
            else:
                yield node.module


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", CODE, ids=module_of)
def test_a_module_imports_only_from_its_left(path):
    own = layer(module_of(path))
    # The demo's clock is the one thing that the clock asks upwards, in demo mode only.
    allowed = {"quarano.clock": {"quarano.demo"}}.get(module_of(path), set())
    # The lowest layer is one room each: what lies beside it counts as left.
    above = {
        name
        for name in imported(ast.parse(path.read_text()))
        if (place := layer(name)) is not None and place > own and name not in allowed
    }
    assert not above, f"{module_of(path)} imports upwards: {sorted(above)}"


# Where the demo is asked for, all of them behind `settings.DEMO`.
DOORS_TO_THE_DEMO = {
    "quarano.clock", "quarano.management.commands.seed", "quarano.views",
}  # fmt: skip


@pytest.mark.parametrize("path", CODE, ids=module_of)
def test_nothing_that_runs_without_the_demo_rests_on_it(path):
    own = module_of(path)
    if own.startswith("quarano.demo") or own in DOORS_TO_THE_DEMO:
        return
    names = set(imported(ast.parse(path.read_text())))
    assert not {name for name in names if name.startswith("quarano.demo")}


EDGES = {
    "views",
    "tasks",
    "commands",
    "middleware",
    "demo",
    "clock",
    "context",
    "admin",
    "bench",
}


@pytest.mark.parametrize("path", CODE, ids=module_of)
def test_the_clock_is_read_at_the_edges_only(path):
    parts = set(module_of(path).split("."))
    stems = {part.split("_")[0] for part in parts}
    if stems & EDGES or "desk" in parts or "accounts" in parts:
        return
    text = path.read_text()
    for reading in ("timezone.now(", "clock.now(", "date.today(", "datetime.now("):
        assert reading not in text, f"{module_of(path)} reads the clock: {reading}"


@pytest.mark.parametrize("app", ["cases", "contacts", "diaries"])
def test_tenancy_is_invisible_in_the_field(app):
    for path in (ROOT / app).rglob("*.py"):
        words = path.read_text().lower()
        assert "tenant" not in words, path
        assert "schema_name" not in words or path.name in {
            "tasks.py", "reminders.py", "submission.py",
        }, path  # fmt: skip


def views(patterns):
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            yield pattern


FOREIGN = ("django.contrib.admin", "allauth.", "django.views.static")


@pytest.mark.bar(1)
@pytest.mark.parametrize("conf", ["quarano.urls", "quarano.urls_public"])
def test_every_view_says_who_may_open_it(conf):
    from importlib import import_module

    unguarded = []
    for pattern in views(import_module(conf).urlpatterns):
        view = pattern.callback
        if view.__module__.startswith(FOREIGN) or "admin" in view.__module__:
            continue
        if not getattr(view, "guard", None):
            unguarded.append(f"{pattern.name}: {view.__module__}.{view.__name__}")
    assert not unguarded


def test_an_authority_has_at_most_60_tables():
    from django.conf import settings

    labels = {
        config.label
        for config in apps.get_app_configs()
        if config.name in settings.TENANT_APPS
    }
    tables = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in labels and model._meta.managed
    }
    assert len(tables) + 1 <= 60  # and django_migrations


@pytest.mark.bar(6)
def test_every_key_of_ours_is_a_uuid_or_a_code():
    for model in apps.get_models():
        if model.__module__.split(".")[0] in {
            "cases",
            "contacts",
            "diaries",
            "health_authorities",
        } or (model.__module__.startswith("quarano.")):
            kind = model._meta.pk.get_internal_type()
            assert kind in {"UUIDField", "CharField", "OneToOneField"}, model


def is_view(path):
    """A module of views, or one of a package of them."""
    return path.stem.startswith("views") or "views" in path.parts


def test_no_form_is_saved_in_a_view():
    for path in CODE:
        if is_view(path):
            assert "form.save(" not in path.read_text(), path


def test_no_view_reads_people_but_by_their_rights():
    for path in CODE:
        if is_view(path) and "demo" not in path.parts:
            text = path.read_text()
            for reading in ("Person.objects.get(", "Person.objects.all(",
                            "Person.objects.filter(", "Case.objects.get(",
                            "Monitoring.objects.get("):  # fmt: skip
                assert reading not in text, f"{path}: {reading}"
