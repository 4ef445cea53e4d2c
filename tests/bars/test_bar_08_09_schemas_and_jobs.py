"""Bars 8 and 9: a table that is missing is an error, a job works where it is told."""

import inspect
from uuid import uuid4

import pytest
import time_machine
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import ProgrammingError, connection
from django_tenants.utils import tenant_context

from health_authorities.models import HealthAuthority
from quarano.celery import app
from quarano.cockroach import roles
from quarano.cockroach.schemas import TEMPLATE
from quarano.notifications.models import Message
from tests import world as worlds
from tests.bars.rows import fingerprint, tables

pytestmark = pytest.mark.undisturbed
OURS = ("quarano.", "health_authorities.", "cases.", "diaries.")


# --- 8 -------------------------------------------------------------------------------


@pytest.mark.bar(8)
@pytest.mark.committed
def test_bar_08_a_missing_table_is_an_error_even_where_public_has_one(place):
    """Reading and writing, for each table that the operator's schema has as well."""
    twice = set(tables("public")) & set(tables(place.schema_name))
    assert {"accounts_user", "django_session", "audit_event"} <= twice
    for table in sorted(twice):
        with roles.as_owner(), connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE "{table}" RENAME TO away')
        for statement in ("SELECT 1 FROM", "DELETE FROM"):
            with pytest.raises(ProgrammingError), connection.cursor() as cursor:
                cursor.execute(f'{statement} "{table}" WHERE 1 = 0')
        with roles.as_owner(), connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE away RENAME TO "{table}"')


@pytest.mark.bar(8)
def test_bar_08_no_table_of_an_authority_alone_is_in_public(authority):
    shared = set(settings.SHARED_APPS)
    names = {
        model._meta.db_table
        for config in apps.get_app_configs()
        if config.name in settings.TENANT_APPS and config.name not in shared
        for model in config.get_models(include_auto_created=True)
    }
    assert len(names) > 15
    assert names <= set(tables("neckartal"))
    assert not names & set(tables("public"))


@pytest.mark.bar(8)
def test_bar_08_public_is_never_in_the_path_of_an_authority(authority):
    with connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        assert "public" not in cursor.fetchone()[0]


# --- 9 -------------------------------------------------------------------------------

# The template is closed to the role in which jobs work.
EVERYWHERE = ("public", "neckartal", "spreetal")
NOWHERE = ("", "nowhere", TEMPLATE, None)
# What a task takes beside its schema; ids of the authority it is told.
MORE = {
    "quarano.notifications.tasks.hand_over": lambda: (0, _turn()),
    "quarano.notifications.tasks.deliver": lambda: (str(_waiting()),),
    "quarano.notifications.tasks.note_bounce": lambda: (str(_waiting()), "delayed", ""),
}


def _waiting():
    found = Message.objects.filter(state="waiting").order_by("written_at", "pk").first()
    return found.pk if found else uuid4()


def _turn():
    """A turn of delivery that the authority has begun."""
    cache.set("delivery:0", "turn", 600)
    return "turn"


def our_tasks():
    app.loader.import_default_modules()
    return {
        name: task for name, task in sorted(app.tasks.items()) if name.startswith(OURS)
    }


def more(name, schema):
    if name not in MORE:
        return ()
    with tenant_context(HealthAuthority(schema_name=schema)):
        return MORE[name]()


@pytest.mark.bar(9)
def test_bar_09_each_task_works_in_the_schema_it_is_told_and_nowhere_else(
    both,
    jobs_at_once,
    settings,
):
    settings.TRANSPORTS = dict.fromkeys(
        ("mail", "sms"), "quarano.notifications.transports.Console"
    )
    settings.DEBUG = True
    changing = set()
    with time_machine.travel(worlds.NOW + 3 * worlds.DAY, tick=False):
        for name, task in our_tasks().items():
            enters = getattr(task, "enters", None)
            if enters is None:
                continue
            before = {schema: fingerprint(schema) for schema in EVERYWHERE}
            with pytest.raises(TypeError):
                task()
            refused = NOWHERE if enters == "public" else (*NOWHERE, "public")
            for schema in refused:
                with pytest.raises(HealthAuthority.DoesNotExist):
                    task(schema, *more(name, "spreetal"))
                connection.set_schema_to_public()
            unchanged = {schema: fingerprint(schema) for schema in EVERYWHERE}
            assert unchanged == before, f"{name} works without a schema"
            # Told one authority, and given an id of the other.
            task("neckartal", *more(name, "spreetal"))
            connection.set_schema_to_public()
            task("neckartal", *more(name, "neckartal"))
            connection.set_schema_to_public()
            after = {schema: fingerprint(schema) for schema in EVERYWHERE}
            changed = {one for one in EVERYWHERE if after[one] != before[one]}
            assert changed <= {"neckartal"}, f"{name} works in {changed}"
            changing |= {name} if changed else set()
    assert len(changing) >= 4, "else this test could not fail"


@pytest.mark.bar(9)
def test_bar_09_a_task_names_its_schema_or_takes_nothing(db):
    """Those that ask who has work take no argument, so no message can mislead them."""
    asking = set()
    for name, task in our_tasks().items():
        parameters = inspect.signature(task.run).parameters
        if getattr(task, "enters", None) is None:
            asking.add(name)
            assert not parameters, name
            with pytest.raises(TypeError):
                task("neckartal")
        else:
            # The first parameter of `authority_task` is the schema.
            code = task.run.__wrapped__.__code__
            assert bool(code.co_argcount) == (name in MORE), name
    assert {"diaries.tasks.remind_all", "quarano.tasks.found_requested"} <= asking


@pytest.mark.bar(9)
def test_bar_09_nothing_but_json_is_taken_from_the_broker(settings):
    assert settings.CELERY_ACCEPT_CONTENT == ["json"]
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == "json"
