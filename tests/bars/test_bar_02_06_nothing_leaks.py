"""Bars 2 and 6: no canary of the other authority anywhere, and no id to count on."""

import html
import io
import logging
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import html5lib
import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django_tenants.utils import tenant_context

from cases import tasks as cases_tasks
from diaries import tasks as diaries_tasks
from quarano.logs import Discreet, Plain
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from tests import world as worlds
from tests.test_isolation import CANARY, ROUTES, address

pytestmark = pytest.mark.undisturbed
PARTIALS = {
    name
    for path in Path(settings.BASE_DIR, "templates").rglob("*.html")
    for name in re.findall(r"{% partialdef ([\w-]+)", path.read_text())
}
ROLES = ("nobody", "ida", "case_worker", "supervisor", "administrator")


@pytest.fixture
def logged():
    """Everything that is logged meanwhile, as it would stand in the log."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Plain("%(levelname)s %(name)s %(reference)s %(message)s"))
    handler.addFilter(Discreet())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


def answers(client, ids, token):
    """Every page, and every region that it names, as this visitor gets them."""
    for route, name in ROUTES:
        path = address(name, route, ids, token)
        connection.set_schema_to_public()
        response = client.get(path)
        yield name, response
        if response.status_code != 200:
            continue
        for part in PARTIALS & set(re.findall(r'\bid="([\w-]+)"', text_of(response))):
            headers = {"HX-Request": "true", "HX-Target": part}
            connection.set_schema_to_public()
            yield f"{name}#{part}", client.get(path, headers=headers)


def text_of(response):
    return response.content.decode(errors="replace")


@pytest.mark.bar(2)
def test_bar_02_no_answer_job_mail_or_log_holds_a_canary(both, logged):
    ours, theirs = both
    regions = 0
    for role in ROLES:
        user = {"nobody": None, "ida": ours.ida.user}.get(role, ours.staff.get(role))
        client = ours.client(user)
        for ids in (ours.ids, theirs.ids):
            for name, response in answers(client, ids, ours.token):
                regions += "#" in name
                told = text_of(response) + str(response.headers) + str(response.cookies)
                assert CANARY not in told, (name, role)
                assert "spreetal" not in told, (name, role)
    assert regions > 20
    with time_machine.travel(worlds.NOW + 3 * worlds.DAY, tick=False):
        for task in (diaries_tasks.remind, diaries_tasks.escalate_missed,
                     diaries_tasks.end, cases_tasks.escalate):  # fmt: skip
            task("neckartal")
    with tenant_context(ours.authority):
        messages = [render(one) for one in Message.objects.all()]
    assert len(messages) > 3
    for message in messages:
        assert CANARY not in str(message)
        assert "spreetal" not in str(message)
    assert "40" in logged.getvalue(), "refusals are logged"
    assert CANARY not in logged.getvalue()


# --- 6: countable ids ---------------------------------------------------------------

# Numbers that name no row: a page of a list, the version of the form that was filled,
# a day in a date of three boxes, how bad a symptom is, how many are shown.
NUMBERS = re.compile(
    r"(page|p|version|.*_(day|month|year)|.*severity.*|symptom.*|initial-.*|"
    r"o|.*is_active__exact|active__exact|characteristic__exact|emergency__exact|index|select_across|.*TOTAL_FORMS|.*INITIAL_FORMS|.*_NUM_FORMS|hours|days|action-checkbox)$"
)


def countable(name, response):
    """The numbers in addresses, form values, ids and file names of an answer."""
    where = response.headers.get("Location", "")
    yield from in_address(name, where)
    named = response.headers.get("Content-Disposition", "")
    if number := re.search(r"\d+(?=\.\w+\W*$)", named):
        yield f"{name}: file {number.group()}"
    if "html" not in response.headers.get("Content-Type", ""):
        return
    tree = html5lib.parse(text_of(response), namespaceHTMLElements=False)
    for element in tree.iter():
        for key, value in element.attrib.items():
            if key in {"href", "action", "formaction", "src"} or key.startswith("hx-"):
                yield from in_address(name, html.unescape(value))
            if key in {"id", "for"} and re.search(r"(^|-)\d{3,}$", value):
                yield f"{name}: id {value}"
        field, value = element.get("name", ""), element.get("value", "")
        if value.isdigit() and element.tag in {"input", "button"}:
            shown = element.get("type") in {"text", "number", "tel", None}
            if not shown and not NUMBERS.match(field):
                yield f"{name}: {field}={value}"


def in_address(name, where):
    parts = urlsplit(where)
    if parts.scheme == "tel" or parts.path.startswith("/static/"):
        return
    for part in parts.path.split("/"):
        if part.isdigit():
            yield f"{name}: {where}"
    for key, value in parse_qsl(parts.query):
        if value.isdigit() and not NUMBERS.match(key):
            yield f"{name}: {where}"


@pytest.mark.bar(6)
def test_bar_06_no_row_is_named_by_a_number(both):
    ours, _theirs = both
    found, seen = set(), 0
    for user in (ours.ida.user, ours.staff["supervisor"], ours.staff["administrator"]):
        for name, response in answers(ours.client(user), ours.ids, ours.token):
            seen += 1
            found |= set(countable(name, response))
    assert seen > 200
    with tenant_context(ours.authority):
        for message in Message.objects.all():
            body = render(message).body
            for where in re.findall(r"https?://\S+", body):
                found |= set(in_address(message.template, where))
    assert not found, "\n".join(sorted(found))


@pytest.mark.bar(6)
@pytest.mark.parametrize("conf", ["quarano.urls", "quarano.urls_public"])
def test_bar_06_no_address_asks_for_a_number(conf):
    for route, name, _view in worlds.routes(conf):
        assert "<int:" not in route, name
        assert r"\d+" not in route, name
