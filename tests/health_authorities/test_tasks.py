import logging

import pytest
from celery import Task
from django.db import connection
from django.utils import timezone
from django_tenants.utils import schema_context

from health_authorities.models import HealthAuthority, current
from health_authorities.tasks import authority_task, in_authorities_with
from quarano.audit import log
from quarano.audit.models import Event
from quarano.celery import app
from quarano.clock import now

seen: list[tuple[str, str, tuple[object, ...]]] = []


@authority_task
def look(*args: object) -> None:
    seen.append((current().schema_name, str(timezone.get_current_timezone()), args))


@authority_task(public=True)
def look_anywhere() -> None:
    seen.append((connection.schema_name, "", ()))


@authority_task
def stumble() -> None:
    raise RuntimeError("stumbled")


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    seen.clear()


def test_a_task_works_in_the_authority_it_is_given(authority, other_authority):
    connection.set_schema_to_public()

    look("neckartal", "a")
    look("spreetal", "b")

    assert seen == [
        ("neckartal", "Europe/Berlin", ("a",)),
        ("spreetal", "Europe/Berlin", ("b",)),
    ]
    assert connection.schema_name == "public"
    assert str(timezone.get_current_timezone()) == "UTC"


@pytest.mark.parametrize("name", ["", "public", "nowhere", "authority_template"])
def test_a_task_refuses_what_is_no_authority(authority, name):
    connection.set_schema_to_public()

    with pytest.raises(HealthAuthority.DoesNotExist):
        look(name)
    assert seen == []


def test_a_task_refuses_an_authority_not_founded_yet(authority):
    connection.set_schema_to_public()
    HealthAuthority.objects.filter(pk=authority.pk).update(founded_at=None)

    with pytest.raises(HealthAuthority.DoesNotExist):
        look("neckartal")


def test_a_failing_task_leaves_the_authority(authority):
    connection.set_schema_to_public()

    with pytest.raises(RuntimeError):
        stumble("neckartal")
    assert connection.schema_name == "public"


def test_some_tasks_may_work_in_public(db):
    look_anywhere("public")

    assert seen == [("public", "", ())]


def events(schema: str) -> tuple[str, list[object]]:
    return f'SELECT 1 FROM "{schema}".audit_event WHERE verb = %s', ["file.opened"]


def test_only_authorities_with_work_get_a_task(
    authority, other_authority, jobs_at_once
):
    log.record("file.opened", None, by=None, now=now())

    assert in_authorities_with(events, look, "x") == ["neckartal"]
    assert [(schema, args) for schema, _, args in seen] == [("neckartal", ("x",))]
    assert connection.schema_name == authority.schema_name


def test_all_authorities_are_asked_in_one_question(
    authority, other_authority, jobs_at_once, django_assert_num_queries
):
    for entered in (authority, other_authority):
        with schema_context(entered.schema_name):
            log.record("file.opened", None, by=None, now=now())
    connection.set_schema_to_public()

    asked = []
    with connection.execute_wrapper(
        lambda execute, sql, *rest: asked.append(sql) or execute(sql, *rest)
    ):
        found = in_authorities_with(events, look_anywhere)

    assert found == ["neckartal", "spreetal"]
    assert sum("audit_event" in sql for sql in asked) == 1


def test_an_authority_that_cannot_answer_holds_up_no_other(
    authority, jobs_at_once, caplog
):
    log.record("file.opened", None, by=None, now=now())
    connection.set_schema_to_public()
    HealthAuthority.objects.create(
        name="Broken",
        short_name="Broken",
        schema_name="broken",
        rki_code="1.01.0.01.",
        sender="broken@example.org",
        founded_at=now(),
    )

    with caplog.at_level(logging.ERROR):
        assert in_authorities_with(events, look) == ["neckartal"]
    assert "broken" in caplog.text


def test_public_has_work_too_where_it_is_asked(db, jobs_at_once):
    Event.objects.all()
    log.record("file.opened", None, by=None, now=now())

    assert in_authorities_with(events, look_anywhere) == []
    assert in_authorities_with(events, look_anywhere, public=True) == ["public"]


# Those that hand out tasks, and those that work in public alone.
WITHOUT_AUTHORITY = {
    "quarano.tasks.found_requested",
    "quarano.tasks.place_requested",
    "quarano.tasks.tick",
    "quarano.tasks.reset_practice",
    "quarano.notifications.tasks.read_mailbox",
}


def ours() -> dict[str, Task]:
    app.loader.import_default_modules()
    return {
        name: task
        for name, task in app.tasks.items()
        if not name.startswith(("celery.", "tests.", "quarano.demo."))
    }


def test_every_job_of_the_timetable_exists():
    wanted = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert wanted <= set(ours())


def test_every_task_enters_an_authority_or_hands_out():
    astray = {
        name
        for name, task in ours().items()
        if not hasattr(task, "enters") and not name.endswith("_all")
    }

    assert astray == WITHOUT_AUTHORITY


@pytest.mark.parametrize("name", ["", "nowhere", "authority_template", "pg_catalog"])
def test_no_task_works_in_a_schema_that_is_no_authoritys(db, name):
    for task in ours().values():
        if hasattr(task, "enters"):
            with pytest.raises(HealthAuthority.DoesNotExist):
                task(name)


def test_no_task_of_an_authority_works_in_public(db):
    inside = [task for task in ours().values() if task.__dict__.get("enters")]

    assert len(inside) > 5
    for task in inside:
        if task.enters == "authority":
            with pytest.raises(HealthAuthority.DoesNotExist):
                task("public")
