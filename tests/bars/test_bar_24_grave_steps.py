"""Bar 24: before a grave step, somebody who signed in a while ago is asked again.

Deletion is no step of its own in Quarano (people go by retention), and there is no
glass to break; exports are asked about wherever an address is named for one.
"""

import re

import pytest
import time_machine
from django.db import connection
from django.urls import reverse

from quarano.accounts.models import StaffInvitation, User
from tests import world as worlds

pytestmark = [pytest.mark.undisturbed, pytest.mark.bar(24)]
# Doors of the second factor that change and show nothing of it.
HARMLESS = re.compile(r"mfa_(index|authenticate|reauthenticate\w*)$")
EXPORT = re.compile(r"export|download|access_copy|print_pdf")
AGAIN = "reauthenticate/"


@pytest.fixture
def world(authority):
    with time_machine.travel(worlds.NOW, tick=False) as clock:
        found = worlds.build()
        found.clock = clock
        yield found


def factor_doors():
    for _route, name, view in worlds.routes("quarano.urls"):
        signed_in = getattr(view, "guard", "") == "signed in"
        if name.startswith("mfa_") and signed_in and not HARMLESS.match(name):
            yield name


def export_doors():
    for route, name, _view in worlds.routes("quarano.urls"):
        if EXPORT.search(name) and not name.startswith(("mfa_", "admin:")):
            yield route, name


def is_asked(answer):
    return answer.status_code == 302 and AGAIN in answer.url


@pytest.mark.parametrize("role", ["administrator", "ida"])
def test_bar_24_each_door_of_the_second_factor_asks_again_after_five_minutes(
    world, role
):
    user = world.staff.get(role) or world.ida.user
    client = world.client(user)
    doors = sorted(factor_doors())
    assert len(doors) >= 5
    world.clock.shift(301)
    for name in doors:
        path = reverse(name, urlconf="quarano.urls", kwargs=extra(name))
        # What needs no factor that one has may say so first; nobody gets further.
        for answer in (client.get(path), client.post(path, {"code": "000000"})):
            assert is_asked(answer) or answer.status_code in {302, 404, 405}, name
        if "generate" in name or "activate" in name:
            assert is_asked(client.post(path, {"code": "000000"})) or not_there(
                client.get(path)
            ), name


def extra(name):
    """Arguments that a door of the second factor may want."""
    for route, one, _view in worlds.routes("quarano.urls"):
        if one == name and "<int:" in route:
            return {"pk": 1}
    return {}


def not_there(answer):
    """Such as an app that is not set up."""
    return answer.status_code == 404 or (
        answer.status_code == 302 and "second-factor" in answer.url
    )


@pytest.mark.parametrize(("later", "asked"), [(290, False), (301, True)])
def test_bar_24_roles_change_only_after_a_fresh_confirmation(world, later, asked):
    client = world.client(world.staff["administrator"])
    anna = world.staff["case_worker"]
    invited = StaffInvitation.objects.count()
    world.clock.shift(later)
    answers = [
        client.post(
            f"/admin/accounts/user/{anna.pk}/change/",
            {"roles": ["supervisor"], "is_active": "on"},
        ),
        client.post(
            "/admin/accounts/staffinvitation/add/",
            {"name": "Mara", "email": "mara@office.example", "roles": ["case_worker"]},
        ),
    ]
    assert [is_asked(one) for one in answers] == [asked, asked]
    connection.set_tenant(world.authority)
    assert User.objects.get(pk=anna.pk).roles == (
        ["case_worker"] if asked else ["supervisor"]
    )
    assert StaffInvitation.objects.count() == invited + (not asked)


def test_bar_24_every_export_asks_again_after_five_minutes(world):
    roles = ("supervisor", "administrator", "epidemiologist")
    clients = [world.client(world.staff[role]) for role in roles]
    world.clock.shift(301)
    doors = list(export_doors())
    assert doors
    for route, name in doors:
        given = worlds.arguments(route, world.ids, world.token)
        path = reverse(name, urlconf="quarano.urls", kwargs=given)
        answers = [client.post(path) for client in clients]
        assert any(map(is_asked, answers)), name
        assert not any(one.status_code == 200 for one in answers), name


@pytest.mark.parametrize(("later", "asked"), [(290, False), (301, True)])
def test_bar_24_what_the_authority_says_of_itself_changes_only_when_confirmed(
    world, later, asked
):
    client = world.client(world.staff["administrator"])
    texts = client.get("/texts/").content.decode()
    text = re.search(r"/texts/(?!mail/)[a-z0-9._-]+/(?=\")", texts).group()
    world.clock.shift(later)
    for path, do in (("/authority/", ""), (text, "save"), (text, "restore")):
        assert client.get(path).status_code == 200, "shown freely"
        assert is_asked(client.post(path, {"do": do})) is asked, (path, do)
    assert not is_asked(client.post(text, {"do": "preview"})), "changes nothing"
    logo = reverse("cases:logo", urlconf="quarano.urls")
    assert is_asked(client.get(logo)) is asked, "a file cannot wait"
    assert is_asked(client.post(logo, {"remove": "1"})) is asked
