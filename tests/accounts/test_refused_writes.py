"""Signing in, sessions, factors, admin: each of their writes refused once, with 40001.

They are no processes of ours, but allauth's and Django's; CockroachDB refuses them as
well. What a person sees and what is kept must be the same as if nothing had happened.
"""

import re
from collections import Counter

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection, transaction

from diaries.models import Symptom
from quarano.accounts import invitations
from quarano.accounts.models import StaffInvitation, User
from quarano.audit.models import Event
from quarano.cockroach import transactions
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from tests.accounts.conftest import (
    LOGIN,
    NOW,
    PASSWORD,
    browser,
    code_of,
    enter,
    make_user,
    recovery_codes,
)
from tests.accounts.keys import SoftKey
from tests.faults import OfWrites, survives

pytestmark = pytest.mark.undisturbed
AUTHENTICATE = "/account/second-factor/authenticate/"
NEW_DEVICE = "/account/login/new-device/"
NEW_PASSWORD = "a river, a mill and a weir"


def kept():
    """What signing in leaves behind, without what is random."""
    connection.set_schema("neckartal")
    factors = Authenticator.objects.values_list("user__name", "type", "last_used_at")
    users = sorted(User.objects.all(), key=lambda user: str(user.email))
    return {
        "events": Counter(Event.objects.values_list("verb", "subject_kind")),
        "messages": Counter(Message.objects.values_list("template", "channel")),
        "sessions": Session.objects.count(),
        "browsers": UserSession.objects.count(),
        "factors": sorted(map(str, factors)),
        "codes": sorted(
            len(one.wrap().get_unused_codes())
            for one in Authenticator.objects.filter(type="recovery_codes")
        ),
        "users": [
            (user.email, user.is_active, str(user.last_login), user.roles,
             user.check_password(PASSWORD), user.check_password(NEW_PASSWORD))
            for user in users
        ],
        "symptoms": sorted(map(str, Symptom.objects.values_list("pk", "names"))),
        "invited": sorted(StaffInvitation.objects.values_list("email", flat=True)),
    }  # fmt: skip


def is_run_again(client, step, *, at_least, without=()):
    """Assert that a step of a browser ends alike whichever write is refused once."""
    before = dict(client.cookies)
    answers = []

    def take():
        cache.clear()
        client.cookies.clear()
        client.cookies.update(before)
        client.raise_request_exception = False
        answer = step(client)
        path = re.sub(r"[0-9a-f-]{20,}|[?].*", "…", getattr(answer, "url", ""))
        answers.append((answer.status_code, path))

    def look():
        found = kept()
        return {one: found[one] for one in found if one not in without}, *answers[-1:]

    statements = survives(take, look, kind=OfWrites)
    assert answers[0][0] in {200, 204, 302}
    assert set(answers) == {answers[0]}
    assert statements >= at_least


@pytest.fixture
def nearly(anna, clock):
    """Anna's browser, her password given and her code still asked for."""
    client = browser()
    client.post(LOGIN, {"login": anna.email, "password": PASSWORD})
    return client


@pytest.fixture
def entered(anna, clock):
    """Anna's browser, signed in."""
    client = browser()
    enter(client, anna)
    return client


def test_a_password_at_the_door(anna, clock):
    typed = {"login": anna.email, "password": PASSWORD}
    is_run_again(browser(), lambda one: one.post(LOGIN, typed), at_least=1)


def test_a_wrong_password(anna, clock):
    typed = {"login": anna.email, "password": "not hers at all, no"}
    is_run_again(browser(), lambda one: one.post(LOGIN, typed), at_least=1)


def test_a_code_of_the_app(anna, nearly):
    code = code_of(anna)
    is_run_again(nearly, lambda one: one.post(AUTHENTICATE, {"code": code}), at_least=4)


def test_a_recovery_code(anna, nearly):
    code = recovery_codes(anna)[0]
    is_run_again(nearly, lambda one: one.post(AUTHENTICATE, {"code": code}), at_least=4)


def test_a_citizen_on_a_new_device(ida, clock):
    typed = {"login": ida.email, "password": PASSWORD}
    client = browser()
    is_run_again(client, lambda one: one.post(LOGIN, typed), at_least=2)
    client.post(LOGIN, typed)
    sent = Message.objects.filter(purpose__startswith="sign-in-code:").latest("pk")
    code = next(
        word for word in render(sent).body.split() if word.isdigit() and len(word) == 6
    )
    is_run_again(client, lambda one: one.post(NEW_DEVICE, {"code": code}), at_least=3)


def test_a_change_of_the_password(entered):
    typed = {
        "oldpassword": PASSWORD,
        "password1": NEW_PASSWORD,
        "password2": NEW_PASSWORD,
    }
    path = "/account/password/change/"
    is_run_again(entered, lambda one: one.post(path, typed), at_least=4)


def test_a_lost_password(anna, clock):
    client, path = browser(), "/account/password/reset/"
    typed = {"email": anna.email}
    is_run_again(client, lambda one: one.post(path, typed), at_least=2)
    client.post(path, typed)
    body = render(Message.objects.get(recipient=anna.email)).body
    link = next(word for word in body.split() if "password/reset/key" in word)
    form = client.get("/" + link.partition("localhost")[2].partition("/")[2]).url
    typed = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    is_run_again(client, lambda one: one.post(form, typed), at_least=3)


def test_a_page_a_minute_later_is_last_seen_then(entered, clock):
    clock.shift(61)
    is_run_again_reading(entered)


def is_run_again_reading(client):
    """The session's own row is what is written."""
    before = dict(client.cookies)
    found = []

    def take():
        client.cookies.clear()
        client.cookies.update(before)
        client.raise_request_exception = False
        found.append(client.get("/account/sessions/").status_code)

    def seen():
        connection.set_schema("neckartal")
        return client.session.get("_seen"), *found[-1:]

    assert survives(take, seen, kind=OfWrites) >= 1
    assert set(found) == {200}


def test_signing_out(entered):
    is_run_again(entered, lambda one: one.post("/account/logout/"), at_least=2)


def test_ending_the_other_browsers(anna, entered):
    enter(browser(), anna)
    path = "/account/sessions/"
    is_run_again(entered, lambda one: one.post(path, {"others": "1"}), at_least=2)


def test_new_recovery_codes(entered):
    path = "/account/second-factor/recovery-codes/new/"
    is_run_again(entered, lambda one: one.post(path), at_least=2)


def test_a_second_factor_is_set_up(roles, clock, monkeypatch):
    omar = make_user("Omar", "case_worker")
    client = browser()
    enter(client, omar)
    path = "/account/second-factor/app/"
    omar.secret = client.get(path).context["form"].secret
    monkeypatch.setattr(transaction, "on_commit", lambda tell, **_kwargs: tell())
    # Told within the transaction here, so that the session begun anew is lost with it.
    is_run_again(
        client,
        lambda one: one.post(path, {"code": code_of(omar)}),
        at_least=2,
        without=["sessions", "browsers"],
    )


def test_a_passkey_is_made_and_opens(anna, entered):
    key = SoftKey()
    options = entered.post("/account/passkeys/add/challenge/").json()
    made = {"credential": key.make(options), "name": "Telephone"}
    path = "/account/passkeys/add/"
    is_run_again(entered, lambda one: one.post(path, made), at_least=4)
    entered.post(path, made)

    client = browser()
    answer = key.answer(client.post("/account/passkeys/challenge/").json())
    path = "/account/passkeys/enter/"
    is_run_again(client, lambda one: one.post(path, {"credential": answer}), at_least=5)


@pytest.fixture
def desk(ruth, clock):
    """The administrator's browser; saving by her is audited, not her signing in."""
    client = browser()
    enter(client, ruth)
    return client


def test_an_administrator_changes_an_account(desk, anna):
    path = f"/admin/accounts/user/{anna.pk}/change/"
    form = {"roles": ["supervisor"], "active_until": "2026-12-31", "is_active": "on"}
    is_run_again(desk, lambda one: one.post(path, form), at_least=4)


def test_an_administrator_invites(desk):
    path = "/admin/accounts/staffinvitation/add/"
    form = {"name": "Nina", "email": "nina@n.example", "roles": ["case_worker"]}
    is_run_again(desk, lambda one: one.post(path, form), at_least=4)


def test_an_administrator_renames_a_symptom(desk):
    path = "/admin/diaries/symptom/cough/change/"
    opened = desk.get(path).context["adminform"].form
    values = {name: opened[name].value() for name in opened.fields}
    form = {name: value for name, value in values.items() if value not in (None, False)}
    form["name_de"] = "Reizhusten"
    is_run_again(desk, lambda one: one.post(path, form), at_least=3)


def test_without_the_retry_such_a_test_is_red(anna, clock, monkeypatch):
    nothing = (transactions.Plea.NOTHING, "")
    monkeypatch.setattr(transactions, "plea", lambda error: nothing)
    typed = {"login": anna.email, "password": PASSWORD}
    with pytest.raises(AssertionError, match="differs after refusing"):
        is_run_again(browser(), lambda one: one.post(LOGIN, typed), at_least=1)


def test_is_it_you_by_a_code(anna, entered, clock):
    clock.shift(400)
    code, path = code_of(anna), "/account/second-factor/reauthenticate/"
    is_run_again(entered, lambda one: one.post(path, {"code": code}), at_least=3)


def test_is_it_you_by_the_password(anna, entered, clock):
    clock.shift(400)
    path = "/account/reauthenticate/"
    is_run_again(entered, lambda one: one.post(path, {"password": PASSWORD}),
                 at_least=1)  # fmt: skip


def test_an_invitation_is_accepted(ruth, clock):
    _invitation, token = invitations.invite(
        name="Nina", email="nina@n.example", roles=["case_worker"], by=ruth, now=NOW
    )
    client = browser()
    client.get(f"/account/invitation/{token}/")
    typed = {"password": NEW_PASSWORD}
    is_run_again(client, lambda one: one.post("/account/invitation/", typed),
                 at_least=5)  # fmt: skip
