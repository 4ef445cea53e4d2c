"""Every address, opened by every role: status, markup, statements, languages."""

import re
from collections import Counter

import html5lib
import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from health_authorities import memory, middleware
from quarano.accounts.access import OPEN_DOOR, SIGNED_IN
from quarano.accounts.models import Role, User
from tests import world as worlds

AUTHORITY = "quarano.urls"
PUBLIC = "quarano.urls_public"
OWN_PERSON = "own person"
# Statements of a page beyond those of every request (session, login, roles …).
EVERY_REQUEST = 6
STATEMENTS = {
    "desk:worklist": 8,
    "desk:person": 13,  # contacts are one
    "desk:panel": 16,
    "cases:orders": 12,
    "diaries:diary": 12,
    "diaries:ladder": 12,
    "diaries:sent": 14,
    "diaries:record": 14,
}
OTHERS = 12
VISITORS = ("nobody", "ida", "lena", *worlds.ROLES)
pytestmark = pytest.mark.undisturbed


@pytest.fixture
def world(authority, settings):
    # As in production: hosts and versions of the policy are remembered for a while.
    settings.AUTHORITY_CACHE_SECONDS = 30
    memory.forget()
    middleware.forget()
    with time_machine.travel(worlds.NOW, tick=False):
        yield worlds.build()
    memory.forget()
    middleware.forget()


def visitor(world, name):
    if name == "nobody":
        return None
    return world.staff.get(name) or getattr(world, name).user


def address(name, route, world, ids=None):
    return reverse(
        name,
        urlconf=AUTHORITY,
        kwargs=worlds.arguments(route, ids or world.ids, world.token),
    )


def is_admin(name):
    return name.startswith("admin:")


ROUTES = [
    (route, name, view)
    for route, name, view in worlds.routes(AUTHORITY)
    # Reached only with its own regular expression.
    if name != "admin:app_list"
]


def allowed(guard, user, world):
    """The statuses that a guard promises to a visitor."""
    if guard == OPEN_DOOR:
        return {200, 302, 404, 405, 429}
    if user is None:
        return {302, 405}
    if guard == SIGNED_IN:
        return {200, 302, 403, 404, 405}
    if guard == OWN_PERSON:
        is_own = user == world.ida.user
        return {200, 302, 405} if is_own else {404, 405}
    if user.may(guard):
        return {200, 302, 404, 405}
    return {403, 405}


@pytest.mark.bar(1)
@pytest.mark.parametrize("name", VISITORS)
def test_every_address_answers_as_its_guard_says(world, name):
    user = visitor(world, name)
    client = world.client(user)
    wrong, seen = [], Counter()
    for route, url_name, view in ROUTES:
        path = address(url_name, route, world)
        client.raise_request_exception = True
        connection.set_schema_to_public()
        response = client.get(path)
        seen[response.status_code] += 1
        if is_admin(url_name):
            may = user is not None and (
                user.may("site.administer") or user.may("policy.approve")
            )
            wanted = {200, 302, 403, 404} if may else {302, 403}
        else:
            wanted = allowed(view.guard, user, world)
        if response.status_code not in wanted:
            wrong.append(f"{url_name}: {response.status_code}, wanted {wanted}")
        if user is not None and response.status_code == 200:
            assert "no-store" in response.headers["Cache-Control"], url_name
        assert "Content-Security-Policy" in response.headers, url_name
    assert not wrong
    # Not only ways to sign-in: real pages.
    assert seen[200] >= 5


@pytest.mark.bar(1)
def test_the_addresses_of_a_role_reach_real_objects(world):
    client = world.client(world.staff["supervisor"])
    reached = 0
    objects = [(r, n) for r, n, v in ROUTES if "<uuid:pk>" in r]
    for route, name in objects:
        connection.set_schema_to_public()
        status = client.get(address(name, route, world)).status_code
        reached += status in {200, 302, 405}
    assert reached >= 0.95 * len(objects)


CONTROLS = ("input", "select", "textarea")


def problems(html):
    """What is wrong with a page's markup."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parse(html)
    found = [f"{code} {more}" for _place, code, more in parser.errors]
    ids = re.findall(r'\sid="([^"]+)"', html)
    found += [f"id {one} twice" for one, count in Counter(ids).items() if count > 1]
    wrapped = {id(inner) for label in tree.iter("label") for inner in label.iter()}
    labelled = {label.get("for") for label in tree.iter("label")}
    for control in (one for kind in CONTROLS for one in tree.iter(kind)):
        named = "aria-label" in control.attrib or "aria-labelledby" in control.attrib
        if control.get("type") in {"hidden", "submit"} or named:
            continue
        if control.get("id") not in labelled and id(control) not in wrapped:
            found.append(f"no label: {control.tag} {control.attrib}")
    return found


PAGES = [
    (route, name, view)
    for route, name, view in ROUTES
    if not is_admin(name) and "download" not in name
]


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", ["nobody", "ida", "supervisor"])
def test_pages_are_valid_in_both_languages(world, name, language):
    user = visitor(world, name)
    if user is not None:
        User.objects.filter(pk=user.pk).update(language=language)
        user.refresh_from_db()
    client = world.client(user, **{"accept-language": language})
    client.cookies["django_language"] = language
    wrong = {}
    for route, url_name, _view in PAGES:
        connection.set_schema_to_public()
        response = client.get(address(url_name, route, world))
        if response.status_code != 200:
            continue
        html = response.content.decode()
        if not html.strip().startswith("<!DOCTYPE"):
            html = f"<!DOCTYPE html><title>region</title>{html}"
        elif f'lang="{language}"' not in html:
            wrong[url_name] = ["another language"]
        if found := problems(html):
            wrong[url_name] = found[:4]
    assert not wrong


@pytest.mark.parametrize("name", ["ida", "supervisor"])
def test_pages_ask_few_statements(world, name):
    client = world.client(visitor(world, name))
    many = {}
    for route, url_name, _view in PAGES:
        path = address(url_name, route, world)
        connection.set_schema_to_public()
        client.get(path)
        connection.set_schema_to_public()
        with CaptureQueriesContext(
            connection,
        ) as asked:
            response = client.get(path)
        limit = STATEMENTS.get(url_name, OTHERS) + EVERY_REQUEST
        if response.status_code == 200 and len(asked) > limit:
            many[url_name] = f"{len(asked)} > {limit}"
    assert not many


# They show and change rows of public, which no other page of an authority reads.
OF_PUBLIC = {"desk:first_hour", "desk:authority"}


def switches(asked) -> list[str]:
    """The statements that enter a schema."""
    said = (one["sql"] for one in asked.captured_queries)
    return [sql for sql in said if re.match(r"\s*SET (LOCAL )?search_path", sql)]


@pytest.mark.parametrize("name", ["ida", "supervisor", "administrator"])
def test_a_request_enters_its_schema_once(world, name):
    client = world.client(visitor(world, name))
    many = {}
    for route, url_name, _view in ROUTES:
        path = address(url_name, route, world)
        connection.set_schema_to_public()
        client.get(path)  # now hosts are remembered
        connection.set_schema_to_public()  # somebody else had the connection
        with CaptureQueriesContext(connection) as asked:
            client.get(path)
        if len(switches(asked)) > 1 and url_name not in OF_PUBLIC:
            many[url_name] = switches(asked)
    assert not many


def test_lists_ask_no_more_with_more_people(world):
    anna = world.staff["case_worker"]
    client = world.client(anna)
    paths = [
        "/worklist/?tab=all",
        "/people/?q=neckartal.example",
        f"/people/{world.ida.pk}/",
        "/contacts/?state=all",
    ]

    def count():
        counts = []
        for path in paths:
            connection.set_schema_to_public()
            client.get(path)
            connection.set_schema_to_public()
            with CaptureQueriesContext(connection) as asked:
                assert client.get(path).status_code == 200
            counts.append(len(asked))
        return counts

    before = count()
    connection.set_tenant(world.authority)
    for number in range(12):
        worlds.index_case(f"Person{number}", "Person", f"p{number:02d}" + "x" * number,
                          by=anna, mark="")  # fmt: skip
    assert count() == before


def test_the_admin_renders_for_the_administrator(world):
    client = world.client(world.staff["administrator"])
    shown = 0
    for route, name, _view in ROUTES:
        if is_admin(name) and "logout" not in name:
            connection.set_schema_to_public()
            response = client.get(address(name, route, world))
            shown += response.status_code == 200
            assert response.status_code in {200, 302, 403, 404}, name
    assert shown >= 12


def test_the_operators_site_answers_every_address(db, settings):
    connection.set_schema_to_public()
    from quarano import founding

    founding.keep_roles(founding.OPERATION)
    assert Role.objects.filter(code="operator").exists()
    olga = User.objects.create_user(
        email="olga@quarano.example", name="Olga", roles=["operator"],
        created_at=worlds.NOW, language="en", password=worlds.PASSWORD,
    )  # fmt: skip
    for user in (None, olga):
        client = worlds.client_of(settings.PUBLIC_HOST, user)
        for route, name, _view in worlds.routes(PUBLIC):
            if name == "admin:app_list" or "<path" in route:
                continue
            try:
                path = reverse(
                    name, urlconf=PUBLIC, kwargs=worlds.arguments(route, {}, "token")
                )
            except NoReverseMatch:
                pytest.fail(f"{name} wants an argument that nobody has named")
            connection.set_schema_to_public()
            response = client.get(path)
            assert response.status_code in {200, 302, 403, 404, 405}, name
            if is_admin(name) and user is None:
                assert response.status_code == 302, name
