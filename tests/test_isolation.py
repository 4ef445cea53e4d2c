"""Nora works for the other authority: she finds nothing of Anna's, on any way."""

import hashlib
import json
import re

import pytest
import time_machine
from django.apps import apps
from django.core.cache import cache
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.urls import reverse
from django_tenants.utils import schema_context, tenant_context

from cases.models import Person
from health_authorities.models import HealthAuthority
from quarano.notifications.models import Message
from tests import world as worlds

AUTHORITY = "quarano.urls"
CANARY = "CANARYB"
pytestmark = pytest.mark.undisturbed


@pytest.fixture
def both(authority, other_authority):
    """Anna's world, and Nora's with a canary in everything that can be typed."""
    with time_machine.travel(worlds.NOW, tick=False):
        with tenant_context(authority):
            ours = worlds.build()
        with tenant_context(other_authority):
            theirs = worlds.build(CANARY)
        connection.set_schema_to_public()
        yield ours, theirs


ROUTES = [
    (route, name)
    for route, name, _view in worlds.routes(AUTHORITY)
    if name != "admin:app_list"
]
WITH_IDS = [
    (route, name)
    for route, name in ROUTES
    if re.search(r"<uuid:|<path:object_id>", route)
]


def address(name, route, ids, token):
    arguments = worlds.arguments(route, ids, token)
    return reverse(name, urlconf=AUTHORITY, kwargs=arguments)


def foreign_routes():
    for route, name in WITH_IDS:
        if name.split("_")[0] == "admin:diaries" or "symptom" in name:
            continue
        yield route, name


def without_token(response):
    """The answer without what differs in every answer."""
    text = response.content.decode()
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|/(nothing|\w+)/(change|history|delete)/",
                  "ID", text)  # fmt: skip


def fingerprint(schema):
    """A hash of every row that the authority's people and officials made."""
    with schema_context("public"):
        authority = HealthAuthority.objects.get(schema_name=schema)
    digest = hashlib.sha256()
    with tenant_context(authority):
        for model in sorted(apps.get_models(), key=lambda one: one._meta.label):
            label = model._meta.app_label
            if label in {"cases", "contacts", "diaries", "accounts", "notifications"}:
                rows = model._base_manager.order_by("pk").values()
                digest.update(json.dumps(list(rows), default=str).encode())
    connection.set_schema_to_public()
    return digest.hexdigest()


@pytest.mark.bar(5)
@pytest.mark.parametrize("role", ["supervisor", "administrator"])
def test_foreign_ids_are_as_unknown_as_any(both, role):
    ours, theirs = both
    client = ours.client(ours.staff[role])
    ids = worlds.unknown_ids(ours.ids)
    for route, name in foreign_routes():
        foreign = client.get(address(name, route, theirs.ids, "x"))
        unknown = client.get(address(name, route, ids, "x"))
        assert foreign.status_code == unknown.status_code, name
        assert foreign.status_code in {302, 403, 404, 405}, name
        assert CANARY not in foreign.content.decode(), name
        if foreign.status_code == 404:
            assert without_token(foreign) == without_token(unknown), name


@pytest.mark.bar(2)
def test_no_page_of_ours_shows_a_canary(both):
    ours, _theirs = both
    for user in (None, *ours.staff.values(), ours.ida.user):
        client = ours.client(user)
        for route, name in ROUTES:
            response = client.get(address(name, route, ours.ids, ours.token))
            told = response.content.decode(errors="replace") + str(response.headers)
            assert CANARY not in told, name


def test_the_canaries_are_seen_at_home(both):
    """Else this file could not fail."""
    _ours, theirs = both
    client = theirs.client(theirs.staff["supervisor"])
    text = client.get(f"/people/{theirs.ida.pk}/").content.decode()
    for what in ("Ida", "Uferweg", "comment", "baker", "note", "remarks"):
        assert f"{CANARY} {what}" in text, what


@pytest.mark.bar(2)
@pytest.mark.parametrize("query", [CANARY, "Sommer", "Ida", "spreetal.example"])
def test_search_finds_nobody_of_theirs(both, query):
    ours, _theirs = both
    page = ours.client(ours.staff["supervisor"]).get("/people/", {"q": query})
    text = page.content.decode()
    assert f"{CANARY} " not in text
    assert "ida@spreetal.example" not in text


@pytest.mark.bar(3)
def test_posts_with_foreign_ids_change_nothing_there(both):
    ours, theirs = both
    before = fingerprint("spreetal")
    client = ours.client(ours.staff["supervisor"])
    physician = ours.client(ours.staff["physician"])
    filled = {
        "reasons": "x", "until": "2027-01-01", "outcome": "called", "word": "x",
        "text": "x", "way": "oral", "effective_on": "2026-11-24", "channel": "none",
        "conclusion": "released", "died_on": "2026-11-24", "given_name": "X",
        "order": str(theirs.ids["order"]), "temperature": "37.0",
        "people": str(theirs.ids["person"]), "person": str(theirs.ids["person"]),
        "escalations": str(theirs.ids["escalation"]),
    }  # fmt: skip
    for route, name in foreign_routes():
        path = address(name, route, theirs.ids, "x")
        for browser in (client, physician):
            assert browser.post(path, filled).status_code in {302, 403, 404, 405}, name
    for path in ("/worklist/settle/", "/worklist/assign/"):
        client.post(path, filled)
    assert fingerprint("spreetal") == before


@pytest.mark.bar(1, 5)
def test_a_citizen_reaches_no_other_citizen(both):
    ours, _theirs = both
    client = ours.client(ours.lena.user)
    before = fingerprint("neckartal")
    for route, name in WITH_IDS:
        path = address(name, route, ours.ids, "x")
        for response in (client.get(path), client.post(path, {"temperature": "37"})):
            assert response.status_code in {302, 403, 404, 405}, name
            assert "Sommer" not in response.content.decode(), name
    assert fingerprint("neckartal") == before


@pytest.mark.bar(10)
def test_a_cookie_of_one_authority_is_nobody_at_the_other(both):
    ours, theirs = both
    nora = theirs.client(theirs.staff["case_worker"])
    stranger = Client(headers={"host": ours.host})
    stranger.cookies = nora.cookies
    response = stranger.get(f"/people/{ours.ida.pk}/")
    assert response.status_code == 302
    assert response.url.startswith("/account/login/")


@pytest.mark.bar(10)
def test_the_same_session_row_moved_over_signs_nobody_in(both, authority):
    """Even with her row copied, the session says where it was made."""
    from django.contrib.sessions.models import Session

    ours, theirs = both
    nora = theirs.client(theirs.staff["case_worker"])
    key = nora.cookies["sessionid"].value
    with schema_context("spreetal"):
        row = Session.objects.get(pk=key)
    with tenant_context(authority):
        Session.objects.create(
            session_key=key, session_data=row.session_data,
            expire_date=row.expire_date,
        )  # fmt: skip
    stranger = Client(headers={"host": ours.host})
    stranger.cookies = nora.cookies
    assert stranger.get("/worklist/").status_code == 302


@pytest.mark.bar(10)
@pytest.mark.parametrize(
    "host", ["nowhere.localhost", "127.0.0.1", "neckartal.localhost.evil.example", "x"]
)
def test_unknown_hosts_find_nothing(both, host):
    ours, _theirs = both
    client = Client(headers={"host": host})
    client.cookies = ours.client(ours.staff["supervisor"]).cookies
    response = client.get(f"/people/{ours.ida.pk}/")
    assert response.status_code in {400, 404}
    assert "Ida" not in response.content.decode()


def test_jobs_work_in_the_authority_they_are_told(both, authority):
    from diaries import tasks

    before = fingerprint("spreetal")
    with time_machine.travel(worlds.NOW + 3 * worlds.DAY, tick=False):
        tasks.escalate_missed("neckartal")
        tasks.remind("neckartal")
        tasks.end("neckartal")
    assert fingerprint("spreetal") == before
    for nowhere in ("public", "nowhere", ""):
        with pytest.raises(HealthAuthority.DoesNotExist):
            tasks.remind(nowhere)
        connection.set_schema_to_public()


def test_messages_are_about_people_of_their_own_authority(both, other_authority):
    ours, theirs = both
    with tenant_context(other_authority):
        about = set(Message.objects.exclude(about=None).values_list("about", flat=True))
    assert about
    assert not about & {ours.ida.pk, ours.lena.pk, ours.kolja.pk}
    assert theirs.kolja.pk in about


def test_the_cache_of_one_authority_is_empty_at_the_other(both, authority):
    with tenant_context(authority):
        cache.set("who", "Ida")
    with schema_context("spreetal"):
        assert cache.get("who") is None


@pytest.mark.bar(8)
def test_a_missing_table_raises_instead_of_reading_public(authority):
    """Were public in the path, the same table there would answer."""
    with pytest.raises(ProgrammingError), transaction.atomic():
        list(HealthAuthority.objects.all())
    assert list(Person.objects.all()) == []


@pytest.mark.bar(8)
def test_no_table_of_the_field_is_in_public(authority):
    connection.set_schema_to_public()
    labels = {"cases", "contacts", "diaries"}
    tables = {
        m._meta.db_table for m in apps.get_models() if m._meta.app_label in labels
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = 'public'"
        )
        found = {name for (name,) in cursor.fetchall()}
    assert tables
    assert not tables & found


@pytest.mark.bar(11)
def test_the_operators_admin_knows_nobody(db):
    from quarano.admin import operator_admin

    registered = {model._meta.label for model in operator_admin._registry}
    assert not {
        one
        for one in registered
        if one.split(".")[0] in {"cases", "contacts", "diaries"}
    }
