"""Before a grave step: who has not shown it lately is asked who it is."""

import re

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import reverse
from django.utils.html import escape

from quarano.accounts import confirmation
from quarano.accounts.models import StaffInvitation, User
from tests.accounts.conftest import LOGIN, PASSWORD, browser, code_of, enter

ASKED, GO_ON = "/account/reauthenticate/", "/account/go-on/"
INVITE = "/admin/accounts/staffinvitation/add/"
SOMEBODY = {
    "name": "Nuria Öz", "email": "nuria@neckartal.example", "roles": ["case_worker"],
}  # fmt: skip


@pytest.fixture
def desk(ruth, clock):
    """The administrator's browser, six minutes after signing in."""
    client = browser()
    enter(client, ruth)
    clock.shift(301)
    return client


def hidden(page):
    """The fields that a page sends again."""
    found = re.findall(
        r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.content.decode()
    )
    return [(name, value) for name, value in found if name != "csrfmiddlewaretoken"]


@pytest.mark.bar(24)
def test_an_invitation_is_sent_after_the_password_was_given_again(desk):
    answer = desk.post(INVITE, SOMEBODY)
    assert answer.url == f"{ASKED}?next=%2Faccount%2Fgo-on%2F"
    assert not StaffInvitation.objects.filter(email=SOMEBODY["email"]).exists()
    answer = desk.post(answer.url, {"password": PASSWORD})
    assert answer.url == GO_ON
    page = desk.get(GO_ON)
    assert f'action="{INVITE}"'.encode() in page.content
    assert escape("Nuria Öz") in page.content.decode()
    answer = desk.post(INVITE, dict(hidden(page)))
    assert answer.status_code == 302
    assert StaffInvitation.objects.get(email=SOMEBODY["email"]).name == "Nuria Öz"


@pytest.mark.bar(24)
def test_what_was_sent_is_not_sent_again_by_going_back(desk):
    asked = desk.post(INVITE, SOMEBODY)
    desk.post(asked.url, {"password": PASSWORD})
    desk.post(INVITE, dict(hidden(desk.get(GO_ON))))
    assert desk.get(GO_ON).url == "/", "nothing waits any more"


@pytest.mark.bar(24)
def test_roles_and_closing_ask_who_it_is(desk, anna):
    page = reverse("admin:accounts_user_change", args=[anna.pk], urlconf="quarano.urls")
    assert desk.get(page).status_code == 200, "looking is free"
    for changed in ({"roles": ["supervisor"]}, {"roles": ["case_worker"]}):
        assert desk.post(page, changed).url.startswith(ASKED)
    assert User.objects.get(pk=anna.pk).roles == ["case_worker"]
    assert User.objects.get(pk=anna.pk).is_active


@pytest.mark.bar(24)
def test_a_lost_factor_is_replaced_by_somebody_who_is_there(desk, anna):
    answer = desk.post(
        "/admin/accounts/user/",
        {"action": "send_new_link", "_selected_action": [str(anna.pk)]},
    )
    assert answer.url.startswith(ASKED)
    assert User.objects.get(pk=anna.pk).has_usable_password()


@pytest.mark.bar(24)
@pytest.mark.parametrize(("seconds", "asks"), [(299, False), (300, False), (301, True)])
def test_five_minutes_are_enough_and_no_more(ruth, clock, seconds, asks):
    client = browser()
    enter(client, ruth)
    clock.shift(seconds)
    answer = client.post(INVITE, SOMEBODY)
    assert answer.url.startswith(ASKED) is asks


@pytest.mark.bar(24)
def test_a_wrong_password_does_not_confirm(desk):
    asked = desk.post(INVITE, SOMEBODY)
    assert (
        b"This password is not right"
        in desk.post(asked.url, {"password": "quite another password"}).content
    )
    assert desk.get(GO_ON).url.startswith(ASKED)


def test_the_second_factor_confirms_as_well(desk, ruth, clock):
    clock.shift(31)
    asked = desk.post(INVITE, SOMEBODY)
    other = asked.url.replace(ASKED, "/account/second-factor/reauthenticate/")
    answer = desk.post(other, {"code": code_of(ruth)})
    assert answer.url == GO_ON
    assert desk.get(GO_ON).status_code == 200


def test_what_waits_is_forgotten_after_a_quarter_of_an_hour(desk, clock):
    asked = desk.post(INVITE, SOMEBODY)
    clock.shift(15 * 60 + 1)
    desk.post(asked.url, {"password": PASSWORD})
    assert desk.get(GO_ON).url == "/"


def test_what_waits_is_the_latest_and_goes_with_the_session(desk, ruth):
    desk.post(INVITE, SOMEBODY)
    asked = desk.post(INVITE, SOMEBODY | {"name": "Nils Rot"})
    desk.post(asked.url, {"password": PASSWORD})
    page = desk.get(GO_ON)
    assert ("name", "Nils Rot") in hidden(page)
    desk.post("/account/logout/")
    assert desk.get(GO_ON).url.startswith(LOGIN)


def test_a_region_sends_the_whole_page_to_the_question(desk):
    answer = desk.post(INVITE, SOMEBODY, headers={"hx-request": "true"})
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"].startswith(ASKED)


def test_the_way_back_is_the_page_before_and_never_another_site(desk):
    for before, back in (
        ("http://neckartal.localhost/admin/?q=1", "/admin/?q=1"),
        ("https://elsewhere.example/", "/"),
    ):
        asked = desk.post(INVITE, SOMEBODY, headers={"referer": before})
        assert asked.url.startswith(ASKED)
        assert desk.session[confirmation.KEPT]["back"] == back


def test_a_view_is_asked_about_by_what_it_does():
    @confirmation.freshly_confirmed
    def export(request):
        return HttpResponse("rows")

    @confirmation.freshly_confirmed(only="POST")
    def form(request):
        return HttpResponse("form")

    request = RequestFactory().get("/export/")
    request.session, request.user = {}, User()
    assert export(request).url.startswith(ASKED)
    assert form(request).content == b"form"
    sent = RequestFactory().post("/export/")
    sent.session, sent.user = {}, User()
    assert form(sent).url.startswith(ASKED)
