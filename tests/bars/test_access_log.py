"""Who saw or changed whom, and what an official did; also of those who are gone."""

import csv
import datetime as dt
import uuid
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django_tenants.utils import tenant_context

from cases.models import Person
from quarano.accounts import staff
from quarano.accounts.models import User
from quarano.audit import log
from quarano.audit.models import Event
from quarano.oversight.models import Alarm
from tests import world as worlds

PAGE = "/oversight/access-log/"
DAYS = {"since": "2026-11-01", "until": "2026-11-24"}
pytestmark = pytest.mark.undisturbed


@pytest.fixture
def world(authority):
    with time_machine.travel(worlds.NOW, tick=False):
        yield worlds.build()


@pytest.fixture
def gone(world, authority):
    """Somebody who looked at Ida, was in the list of a search, and left; so did Ida."""
    with tenant_context(authority):
        temp = worlds.hire("Temp", "case_worker")
    client = world.client(temp)
    client.get(f"/people/{world.ida.pk}/")
    client.get("/people/", {"q": "Sommer"})
    with tenant_context(authority):
        log.record("comment.written", world.ida, by=temp, now=worlds.NOW, fields=["x"])
        person, official = world.ida.pk, temp.pk
        User.objects.filter(pk=official).delete()
        Person.objects.filter(pk=person).update(given_name="Erased")
    return person, official


def answer(world, role="administrator", **asked):
    response = world.client(world.staff[role]).get(PAGE, {**DAYS, **asked})
    connection.set_tenant(world.authority)
    return response


def rows(response):
    return response.content.decode().count("<time ")


def command(name, *args):
    out = StringIO()
    call_command(name, *args, stdout=out)
    return list(csv.DictReader(StringIO(out.getvalue())))


@pytest.mark.bar(67)
def test_bar_67_one_command_says_who_saw_or_changed_a_person(world, gone):
    person, official = gone
    lines = command("who_saw", "neckartal", str(person))
    by_temp = [line for line in lines if line["actor"] == str(official)]
    verbs = {line["verb"] for line in by_temp}
    assert verbs == {"file.opened", "search.viewed", "comment.written"}
    assert {line["who"] for line in by_temp} == {"an account that is gone"}
    assert all(dt.datetime.fromisoformat(line["at"]).tzinfo for line in lines)


@pytest.mark.bar(67)
def test_bar_67_one_command_says_what_an_official_saw_and_did(world, gone):
    person, official = gone
    lines = command("what_did", "neckartal", str(official))
    assert {line["verb"] for line in lines} >= {"file.opened", "search.viewed"}
    about = [line for line in lines if not line["verb"].startswith("login.")]
    assert all(str(person) in line["people"] for line in about)
    days = ("--since", "2026-01-01", "--until", "2026-11-23")
    assert command("what_did", "neckartal", str(official), *days) == []


@pytest.mark.bar(67)
def test_bar_67_the_commands_are_recorded_themselves(world, gone):
    person, official = gone
    for name, key in (("who_saw", person), ("what_did", official)):
        command(name, "neckartal", str(key))
    asked = Event.objects.filter(verb="audit.viewed").order_by("at", "pk")
    assert {event.person for event in asked} == {person, None}
    assert {"official": str(official)} in [event.codes for event in asked]
    with pytest.raises(CommandError, match="nowhere"):
        command("who_saw", "nowhere", str(person))


@pytest.mark.bar(67)
def test_bar_67_the_page_answers_both_also_for_who_is_gone(world, gone):
    person, official = gone
    response = answer(world, person=f"https://x.example/people/{person}/")
    assert response.status_code == 200
    text = response.content.decode()
    assert "an account that is gone" in text
    assert "Among the people found" in text
    assert rows(response) >= 3
    response = answer(world, official=str(official))
    assert str(person) in response.content.decode()
    assert f"gone: {str(official)[:8]}" in response.content.decode()


@pytest.mark.bar(67)
def test_bar_67_reading_the_log_is_in_the_log(world, gone):
    person, _official = gone
    answer(world, person=str(person))
    event = Event.objects.get(verb="audit.viewed")
    assert event.person == person
    assert event.actor == world.staff["administrator"].pk
    assert "Access log read" in answer(world, person=str(person)).content.decode()


def test_the_log_names_nobody_who_is_followed(world):
    text = answer(world, person=str(world.ida.pk)).content.decode()
    assert "Sommer" not in text
    assert "ida@" not in text


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"person": "Ida Sommer"}, "Paste the address"),
        ({"person": ""}, "Ask for a person or for an official"),
        ({"person": str(uuid.uuid4()), "since": "2026-11-24", "until": "2026-11-01"},
         "From the first day on"),
        ({"person": str(uuid.uuid4()), "since": "2024-01-01"}, "for a year at most"),
        ({"official": "x", "person": ""}, "Select a valid choice"),
    ],
)  # fmt: skip
def test_a_question_that_is_none_is_said_so(world, asked, says):
    response = answer(world, **asked)
    assert response.status_code == 422
    assert says in response.content.decode()
    assert not Event.objects.filter(verb="audit.viewed").exists()


def test_nobody_of_whom_nothing_is_recorded(world):
    response = answer(world, person=str(uuid.uuid4()))
    assert "Nothing was recorded in this time" in response.content.decode()


def test_the_log_goes_on_over_the_page(world, authority):
    anna = world.staff["case_worker"]
    Event.objects.bulk_create(
        Event(at=worlds.NOW, actor=anna.pk, actor_kind="staff", verb="x.y")
        for _ in range(150)
    )
    first = answer(world, official=str(anna.pk))
    assert rows(first) == 100
    after = first.context["after"]
    response = world.client(world.staff["administrator"]).get(f"{PAGE}?{after}")
    connection.set_tenant(authority)
    rest = Event.objects.filter(actor=anna.pk).count() - 100
    assert rows(response) == rest


# --- Alarms -------------------------------------------------------------------------


def settle(world, role, pk, **typed):
    client = world.client(world.staff[role])
    response = client.post(f"/oversight/alarms/{pk}/settle/", typed)
    connection.set_tenant(world.authority)
    return response


TYPED = {"outcome": "explained", "word": "She was asked to help out."}


def test_an_alarm_is_settled_with_a_word(world):
    alarm = Alarm.objects.get()
    page = world.client(world.staff["supervisor"]).get("/oversight/alarms/")
    assert "very many people in a short time" in page.content.decode()
    connection.set_tenant(world.authority)
    assert settle(world, "supervisor", alarm.pk, outcome="").status_code == 422
    assert settle(world, "supervisor", alarm.pk, **TYPED).status_code == 302
    alarm.refresh_from_db()
    assert (alarm.outcome, alarm.word) == (TYPED["outcome"], TYPED["word"])
    assert alarm.settled_by == world.staff["supervisor"].pk
    event = Event.objects.get(verb="alarm.settled")
    assert TYPED["word"] not in str(event.codes)
    assert settle(world, "administrator", alarm.pk, **TYPED).status_code == 302
    alarm.refresh_from_db()
    assert alarm.settled_by == world.staff["supervisor"].pk, "the first word stays"


def test_nobody_settles_an_alarm_about_themselves(world):
    boss = world.staff["supervisor"]
    alarm = Alarm.objects.get()
    Alarm.objects.update(actor=boss.pk)
    response = settle(world, "supervisor", alarm.pk, **TYPED)
    assert response.status_code == 422
    assert "Somebody else has to look" in response.content.decode()
    assert Alarm.objects.open().exists()


def test_case_workers_see_neither_alarms_nor_log(world):
    client = world.client(world.staff["case_worker"])
    for path in ("/oversight/alarms/", PAGE):
        assert client.get(path).status_code == 403


def test_a_data_protection_officer_begins_with_the_alarms(world, authority):
    with tenant_context(authority):
        officer = worlds.hire("Dora", "data_protection")
    client = world.client(officer)
    assert client.get("/").url == "/oversight/alarms/"
    assert client.get("/oversight/alarms/").status_code == 200
    assert client.get(PAGE).status_code == 200
    assert client.get(f"/people/{world.ida.pk}/").status_code == 403


# --- What else is in the log --------------------------------------------------------


def event_of(response, **more):
    """The event of just that request."""
    found = Event.objects.filter(request_id=response["X-Request-ID"], **more)
    assert found.count() == 1, list(found.values_list("verb", "codes"))
    event = found.get()
    assert event.at.utcoffset() == dt.timedelta()
    assert event.address == "127.0.0.1"
    return event


ROUTES = [
    (route, name, view)
    for route, name, view in worlds.routes("quarano.urls")
    if name != "admin:app_list"
]


@pytest.mark.bar(70)
@pytest.mark.parametrize("role", ["ida", "case_worker", "epidemiologist"])
def test_bar_70_every_refusal_of_a_role_is_recorded(world, authority, role):
    """Each address that answers 403 to GET or POST, found by asking all of them."""
    from django.urls import reverse

    user = world.staff.get(role) or world.ida.user
    client, refused = world.client(user), 0
    for route, name, _view in ROUTES:
        arguments = worlds.arguments(route, world.ids, world.token)
        path = reverse(name, urlconf="quarano.urls", kwargs=arguments)
        for method in ("get", "post"):
            # A gateway's report has a signature in place of a login.
            if "logout" in name or name.startswith("report_"):
                continue
            response = getattr(client, method)(path)
            if response.status_code == 403:
                refused += 1
                with tenant_context(authority):
                    event = event_of(response, verb="access.refused")
                assert event.actor == user.pk
                assert event.codes["page"] == name
    assert refused > 3


@pytest.mark.bar(70)
def test_bar_70_an_unknown_or_foreign_id_is_recorded(world, authority):
    path = f"/people/{uuid.UUID(int=7)}/"
    response = world.client(world.staff["case_worker"]).get(path)
    assert response.status_code == 404
    with tenant_context(authority):
        event = event_of(response, verb="access.refused")
    assert event.codes == {"page": "desk:person", "why": "unknown"}


@pytest.mark.bar(70)
def test_bar_70_a_form_of_another_site_is_recorded(world, authority):
    client = world.client(world.staff["case_worker"])
    client.handler.enforce_csrf_checks = True
    response = client.post("/worklist/settle/", headers={"origin": "https://evil.x"})
    assert response.status_code == 403
    with tenant_context(authority):
        event = event_of(response, verb="access.refused")
    assert event.codes["why"] == "csrf"


@pytest.mark.bar(70)
def test_bar_70_who_is_not_signed_in_fills_no_log(world, authority):
    with tenant_context(authority):
        before = Event.objects.count()
    client = world.client()
    for path in (f"/people/{world.ida.pk}/", "/nothing/", "/admin/"):
        client.get(path)
    with tenant_context(authority):
        assert Event.objects.count() == before


@pytest.mark.bar(70)
def test_bar_70_a_change_of_roles_is_recorded(world, authority):
    temp = worlds.hire("Temp", "case_worker")
    client = world.client(world.staff["administrator"])
    response = client.post(
        f"/admin/accounts/user/{temp.pk}/change/",
        {"roles": ["case_worker", "physician"], "is_active": "on", "active_until": ""},
    )
    assert response.status_code == 302
    with tenant_context(authority):
        event = event_of(response, verb="staff.roles_changed")
    assert event.codes["after"] == ["case_worker", "physician"]
    assert event.actor == world.staff["administrator"].pk


@pytest.mark.bar(70)
def test_bar_70_closing_and_ending_accounts_is_recorded(world, authority):
    temp, ada = worlds.hire("Temp", "case_worker"), world.staff["administrator"]
    staff.end_on(temp, day=worlds.TODAY, by=ada, now=worlds.NOW)
    staff.deactivate(temp, by=ada, now=worlds.NOW)
    staff.reactivate(temp, by=ada, now=worlds.NOW)
    verbs = Event.objects.filter(subject=temp.pk).values_list("verb", flat=True)
    assert sorted(verbs) == [
        "staff.deactivated",
        "staff.end_changed",
        "staff.reactivated",
    ]
