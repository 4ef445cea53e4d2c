from django.http import HttpResponse
from django.urls import get_resolver
from django.views.decorators.http import require_POST

from quarano.accounts.access import OPEN_DOOR, SIGNED_IN, may, open_door, signed_in
from tests.accounts.conftest import browser, code_of, enter


def test_each_decorator_leaves_its_mark_through_others():
    def view(request):
        return HttpResponse()

    assert require_POST(open_door(view)).guard == OPEN_DOOR
    assert require_POST(signed_in(view)).guard == SIGNED_IN
    assert require_POST(may("cases.invite")(view)).guard == "cases.invite"


def test_a_page_without_the_permission_is_refused(ruth, anna, clock):
    client = browser()
    answer = client.get("/cases/take-up/?kind=case")
    assert answer.status_code == 404 or answer.url.startswith("/account/login/")
    enter(client, ruth)
    assert client.get("/worklist/").status_code == 403


def test_sign_in_leads_back_to_the_page_that_was_asked_for(anna, clock):
    client = browser()
    answer = client.get("/account/sessions/?a=b")
    assert answer.url == "/account/login/?next=/account/sessions/%3Fa%3Db"
    # A form that is sent too late leads home: it cannot be sent again by itself.
    answer = client.post("/account/sessions/")
    assert answer.url == "/account/login/?next=/"


def test_nobody_is_sent_to_another_site(anna, clock):
    client = browser()
    page = "/account/login/?next=https://evil.example/"
    client.post(page, {"login": anna.email, "password": "neckar spree havel 21"})

    answer = client.post(
        "/account/second-factor/authenticate/", {"code": code_of(anna)}
    )
    assert answer.url == "/"


def test_allauths_own_addresses_are_listed_one_by_one():
    names = {
        name
        for name in get_resolver("quarano.urls").reverse_dict
        if isinstance(name, str) and name.startswith(("account_", "mfa_", "user"))
    }
    assert "account_signup" not in names
    assert "account_email" not in names
    assert "account_request_login_code" not in names
    assert {"account_login", "mfa_activate_totp", "usersessions_list"} <= names
