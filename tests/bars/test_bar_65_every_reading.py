"""Whoever is shown to an official is in one event of that request, never in two."""

import html
import re
from collections import Counter

import pytest
import time_machine
from django.db import connection, transaction
from django.urls import reverse
from django_tenants.utils import tenant_context

from cases.models import Person
from quarano.audit.models import Event
from quarano.cockroach.roles import as_owner
from tests import world as worlds

pytestmark = pytest.mark.undisturbed
READING = (".opened", ".viewed", ".offered", ".exported", ".printed")
LISTS = {"worklist.viewed", "search.viewed", "duplicates.offered", "contacts.viewed"}
ROUTES = [
    (route, name)
    for route, name, _view in worlds.routes("quarano.urls")
    if name != "admin:app_list" and "logout" not in name
]


@pytest.fixture
def world(authority):
    with time_machine.travel(worlds.NOW, tick=False):
        yield worlds.build()


@pytest.fixture
def families(world):
    rows = Person.objects.values_list("pk", "family_name")
    found = {pk: re.compile(rf"\b{html.escape(name)}\b") for pk, name in rows}
    assert len(found) == 3
    return found


def address(name, route, world):
    arguments = worlds.arguments(route, world.ids, world.token)
    return reverse(name, urlconf="quarano.urls", kwargs=arguments)


def forget(authority):
    """As if nobody had read anything yet."""
    with tenant_context(authority), as_owner():
        Event.objects.all().delete()


def readings(response, authority, user):
    """How often each person is in each kind of reading of this request."""
    with tenant_context(authority):
        events = Event.objects.filter(
            request_id=response.headers["X-Request-ID"], actor=user.pk
        )
        told = Counter()
        for event in events:
            if event.verb.endswith(READING):
                told.update((event.verb, pk) for pk in [event.person, *event.shown])
    connection.set_schema_to_public()
    told.pop(("", None), None)
    return Counter({key: n for key, n in told.items() if key[1] is not None})


def judge(response, told, families):
    """What is wrong with the events of an answer."""
    if response.status_code not in {200, 422}:
        return [f"{verb} though nobody was shown" for verb, _pk in told]
    text = response.content.decode(errors="replace")
    named = {pk for pk, family in families.items() if family.search(text)}
    seen = {pk for _verb, pk in told}
    wrong = [f"doubled: {verb}" for (verb, _pk), count in told.items() if count > 1]
    wrong += ["not recorded"] * len(named - seen)
    # A region of a file need not repeat the name; a list names whom it shows.
    listed = {pk for verb, pk in told if verb in LISTS}
    wrong += [f"recorded, but not shown: {len(listed - named)}"] * bool(listed - named)
    return wrong


def targets(page):
    """The regions of a page that htmx may ask for by their id."""
    return sorted(set(re.findall(r'\sid="([\w-]+)"[^>]*\shx-get', page)))


@pytest.mark.bar(65)
@pytest.mark.parametrize("role", ["supervisor", "administrator"])
def test_bar_65_every_page_records_whom_it_shows(world, families, authority, role):
    user, wrong, named = world.staff[role], {}, 0
    client = world.client(user)
    for route, name in ROUTES:
        path = address(name, route, world)
        ways = [{}]
        forget(authority)
        page = client.get(path)
        if "html" in page.headers.get("Content-Type", ""):
            ways += [
                {"HX-Request": "true", "HX-Target": one}
                for one in targets(page.content.decode(errors="replace"))
            ]
        for headers in ways:
            forget(authority)
            response = client.get(path, headers=headers)
            told = readings(response, authority, user)
            named += len(told)
            if found := judge(response, told, families):
                wrong[f"{name} {headers.get('HX-Target', '')}"] = found
    assert wrong == {}
    assert named > (20 if role != "administrator" else -1)


@pytest.mark.bar(65)
def test_bar_65_a_form_that_is_shown_again_records_whom_it_names(
    world, families, authority
):
    user, wrong = world.staff["physician"], {}
    client = world.client(user)
    for route, name in ROUTES:
        if name.startswith("admin:"):
            continue
        path = address(name, route, world)
        for headers in ({}, {"HX-Request": "true"}):
            with transaction.atomic():
                forget(authority)
                connection.set_schema_to_public()
                response = client.post(path, {}, headers=headers)
                told = readings(response, authority, user)
                if found := judge(response, told, families):
                    wrong[name] = found
                transaction.set_rollback(True)
    assert wrong == {}


@pytest.mark.bar(65)
def test_bar_65_the_regions_of_an_open_file_belong_to_its_reading(
    world, families, authority
):
    user = world.staff["supervisor"]
    client = world.client(user)
    forget(authority)
    client.get(f"/people/{world.ida.pk}/")
    for route, name in ROUTES:
        if re.search(r"(people|file)/<uuid:pk>", route):
            client.get(address(name, route, world), headers={"HX-Request": "true"})
    with tenant_context(authority):
        opened = Event.objects.filter(verb="file.opened", person=world.ida.pk)
        # The page itself is among them: opened anew, it is read anew.
        assert opened.count() == 2


@pytest.mark.bar(65)
def test_bar_65_search_hits_are_recorded_each_with_its_search(
    world, families, authority
):
    user = world.staff["case_worker"]
    client = world.client(user)
    for query in ("Sommer", "Winter Lena", "neckartal.example", "+49171", "nobody"):
        forget(authority)
        response = client.get("/people/", {"q": query})
        told = readings(response, authority, user)
        assert judge(response, told, families) == [], query


@pytest.mark.bar(65)
def test_bar_65_a_poll_records_only_what_it_newly_shows(world, authority):
    client = world.client(world.staff["case_worker"])
    forget(authority)
    for headers in ({}, {"X-Poll": "1"}, {"X-Poll": "1"}):
        client.get("/worklist/?tab=all", headers={"HX-Request": "true", **headers})
    with tenant_context(authority):
        assert Event.objects.filter(verb="worklist.viewed").count() == 1


@pytest.mark.bar(65)
def test_bar_65_no_site_of_administration_shows_anybody(world, families):
    from quarano.admin import authority_admin, operator_admin

    for site in (authority_admin, operator_admin):
        labels = {model._meta.label for model in site._registry}
        about = {"cases.Person", "cases.Case", "cases.Monitoring", "diaries.Entry"}
        assert not labels & about
