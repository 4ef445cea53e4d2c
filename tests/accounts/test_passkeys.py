"""Passkeys: two factors in one, for this host only, each answer good once."""

import json

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection, transaction
from django_tenants.utils import tenant_context
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from quarano.accounts import passkeys, staff
from quarano.accounts.models import User
from quarano.audit.models import Event
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from tests.accounts.conftest import (
    LOGIN,
    PASSWORD,
    browser,
    code_of,
    enter,
    make_user,
)
from tests.accounts.keys import SoftKey, raw, text
from tests.accounts.test_signing_in import NEW_DEVICE, sent_code

ADD, CHALLENGE_TO_ADD = "/account/passkeys/add/", "/account/passkeys/add/challenge/"
ENTER, CHALLENGE = "/account/passkeys/enter/", "/account/passkeys/challenge/"
CONFIRM = "/account/passkeys/confirm/"
CHANGE = "/account/passkeys/change/"
HUB, SESSIONS = "/account/second-factor/", "/account/sessions/"
CHOOSE = "/account/second-factor/choose/"
CODES = "/account/second-factor/recovery-codes/"


def add(client, key=None, **more):
    """Make a passkey as the page does; return it and the answer."""
    key = key or SoftKey()
    options = client.post(CHALLENGE_TO_ADD).json()
    return key, client.post(ADD, {"credential": key.make(options), **more})


def sign_in(client, key, **more):
    options = client.post(CHALLENGE).json()
    return client.post(ENTER, {"credential": key.answer(options), **more})


@pytest.fixture
def key(anna, clock):
    """Anna's passkey, beside her app."""
    client = browser()
    enter(client, anna)
    made, answer = add(client)
    assert answer.status_code == 302
    return made


# --- Signing in ----------------------------------------------------------------------


def test_a_passkey_alone_signs_in_an_official(anna, key):
    client = browser()
    answer = sign_in(client, key)
    assert (answer.status_code, answer.url) == (302, "/")
    assert client.get("/worklist/").status_code == 200, "both factors were given"
    assert Event.objects.filter(verb="login.succeeded", actor=anna.pk).count() == 2


def test_a_passkey_signs_in_a_citizen_on_any_device_without_a_code(ida, clock):
    client = browser()
    enter(client, ida)
    client.post(NEW_DEVICE, {"code": sent_code()})
    key, _answer = add(client)
    answer = sign_in(browser(), key)
    assert (answer.status_code, answer.url) == (302, "/")


def test_a_citizen_with_a_passkey_still_has_password_and_code(ida, clock):
    client = browser()
    enter(client, ida)
    client.post(NEW_DEVICE, {"code": sent_code()})
    add(client)
    other = browser()
    clock.shift(1)
    assert enter(other, ida).url == NEW_DEVICE
    assert other.post(NEW_DEVICE, {"code": sent_code()}).url == "/"


def test_a_browser_that_was_known_stays_so_when_a_passkey_is_made(ida, clock):
    client = browser()
    enter(client, ida)
    client.post(NEW_DEVICE, {"code": sent_code()})
    add(client)
    client.post("/account/logout/")
    assert client.post(LOGIN, {"login": ida.email, "password": PASSWORD}).url == "/"


def test_a_passkey_serves_as_second_factor_after_the_password(anna, key):
    client = browser()
    client.post(f"{LOGIN}?next=/worklist/", {"login": anna.email, "password": PASSWORD})
    page = client.get("/account/second-factor/authenticate/")
    assert b"Use your passkey" in page.content
    answer = sign_in(client, key)
    assert answer.url == "/worklist/", "where one wanted to go at first"
    assert client.get("/worklist/").status_code == 200


def test_an_official_with_a_passkey_only_needs_it_after_the_password(roles, clock):
    omar = make_user("Omar", "case_worker")
    client = browser()
    enter(client, omar)
    key, answer = add(client)
    assert answer.url == CODES
    again = browser()
    answer = again.post(LOGIN, {"login": omar.email, "password": PASSWORD})
    assert answer.url == "/account/second-factor/authenticate/"
    assert again.get("/worklist/").status_code == 302
    assert sign_in(again, key).url == "/"
    assert again.get("/worklist/").status_code == 200


@pytest.mark.bar(16)
def test_staff_without_second_factor_may_choose_a_passkey(roles, clock, monkeypatch):
    monkeypatch.setattr(transaction, "on_commit", lambda tell, **_kwargs: tell())
    omar = make_user("Omar", "case_worker")
    client = browser()
    enter(client, omar)
    assert client.get("/worklist/").url == CHOOSE
    assert b"Make a passkey" in client.get(CHOOSE).content
    assert client.get(ADD).status_code == 200
    _key, answer = add(client)
    assert answer.url == CODES
    assert client.get(CODES).status_code == 200
    assert client.get("/worklist/").status_code == 200
    assert {"webauthn", "recovery_codes"} == kinds(omar)


def test_citizens_get_no_recovery_codes_that_they_do_not_need(ida, clock):
    client = browser()
    enter(client, ida)
    client.post(NEW_DEVICE, {"code": sent_code()})
    add(client)
    assert kinds(ida) == {"webauthn"}


def kinds(user):
    return set(Authenticator.objects.filter(user=user).values_list("type", flat=True))


def test_a_closed_account_is_not_opened_by_a_passkey(anna, ruth, key, clock):
    from quarano import clock as house

    staff.deactivate(anna, by=ruth, now=house.now())
    client = browser()
    assert sign_in(client, key).url == "/account/inactive/"
    assert client.get(SESSIONS).status_code == 302
    assert "account_authentication_methods" not in client.session


def test_an_account_that_is_over_is_not_opened_by_a_passkey(anna, key):
    from datetime import date

    User.objects.filter(pk=anna.pk).update(active_until=date(2026, 11, 23))
    assert sign_in(browser(), key).url == "/account/inactive/"


def test_nobody_is_sent_to_another_site_by_a_passkey(anna, key):
    assert sign_in(browser(), key, next="https://elsewhere.example/").url == "/"
    assert sign_in(browser(), key, next="/worklist/").url == "/worklist/"


# --- What is refused -----------------------------------------------------------------


def refused(client, credential):
    answer = client.post(ENTER, {"credential": credential})
    assert answer.url == LOGIN
    assert client.get(SESSIONS).status_code == 302
    return True


@pytest.mark.bar(17)
def test_an_answer_opens_once(anna, key):
    client = browser()
    answer = key.answer(client.post(CHALLENGE).json())
    assert client.post(ENTER, {"credential": answer}).url == "/"
    client.post("/account/logout/")
    assert refused(client, answer), "no challenge waits"
    client.post(CHALLENGE)
    assert refused(client, answer), "another challenge waits"
    assert refused(browser(), answer), "nor in another browser"


@pytest.mark.bar(17, 21)
def test_an_answer_opens_once_also_for_requests_at_the_same_time(anna, key):
    from django.contrib.sessions.models import Session

    client = browser()
    answer = key.answer(client.post(CHALLENGE).json())
    name = client.cookies["sessionid"].value
    before = Session.objects.get(pk=name)
    assert client.post(ENTER, {"credential": answer}).url == "/"
    # A second request that has read the session before the first wrote it.
    Session.objects.update_or_create(
        session_key=name,
        defaults={
            "session_data": before.session_data,
            "expire_date": before.expire_date,
        },
    )
    other = browser()
    other.cookies["sessionid"] = name
    assert refused(other, answer)


@pytest.mark.bar(17)
def test_a_challenge_is_good_for_five_minutes(anna, key, clock):
    client = browser()
    for seconds, opens in ((299, True), (301, False)):
        options = client.post(CHALLENGE).json()
        clock.shift(seconds)
        answer = client.post(ENTER, {"credential": key.answer(options)})
        assert (answer.url == "/") is opens
        client.post("/account/logout/")


def test_a_key_without_finger_or_pin_is_no_second_factor(anna, key):
    key.verified = False
    client = browser()
    assert refused(client, key.answer(client.post(CHALLENGE).json()))


def test_a_key_without_finger_or_pin_is_not_even_saved(anna, clock):
    client = browser()
    enter(client, anna)
    _key, answer = add(client, SoftKey(verified=False))
    assert answer.status_code == 422
    assert "webauthn" not in kinds(anna)


@pytest.mark.parametrize(
    "origin",
    ["https://neckartal.localhost.evil.example", "http://evil.neckartal.localhost",
     "http://neckartal.localhost:8443", "http://spreetal.localhost", "null", ""],
)  # fmt: skip
def test_an_answer_of_another_page_is_refused(anna, key, origin):
    key.origin = origin
    client = browser()
    assert refused(client, key.answer(client.post(CHALLENGE).json()))


def test_an_answer_within_another_sites_frame_is_refused(anna, key):
    client = browser()
    options = client.post(CHALLENGE).json()
    assert refused(client, key.answer(options, crossOrigin=True))


def test_an_answer_for_another_host_is_refused(anna, key):
    client = browser()
    options = client.post(CHALLENGE).json()
    assert refused(client, key.answer(options, host="spreetal.localhost"))


@pytest.mark.bar(10)
def test_a_passkey_opens_nothing_at_another_authority(anna, key, other_authority):
    client = browser("spreetal.localhost")
    options = client.post(CHALLENGE).json()
    assert options["publicKey"]["rpId"] == "spreetal.localhost"
    key.origin = "http://spreetal.localhost"
    assert client.post(ENTER, {"credential": key.answer(options)}).url == LOGIN
    with tenant_context(other_authority):
        assert not Event.objects.filter(verb="login.succeeded").exists()


def test_another_key_with_the_same_name_is_refused(anna, key):
    thief = SoftKey()
    thief.id, thief.handle = key.id, key.handle
    client = browser()
    assert refused(client, thief.answer(client.post(CHALLENGE).json()))


def test_a_key_that_claims_to_be_somebody_elses_is_refused(anna, ida, key):
    key.handle = text(ida.pk.hex.encode())
    client = browser()
    assert refused(client, key.answer(client.post(CHALLENGE).json()))


def test_a_copied_key_betrays_itself_by_its_counter(anna, key):
    key.counter = 7
    assert sign_in(browser(), key).url == "/"
    key.counter = 7
    client = browser()
    assert refused(client, key.answer(client.post(CHALLENGE).json()))
    assert Event.objects.filter(verb="login.passkey_copied", actor=anna.pk).exists()
    key.counter = 8
    assert sign_in(browser(), key).url == "/"


def test_a_challenge_serves_what_it_was_made_for(anna, key, clock):
    client = browser()
    sign_in(client, key)
    options = client.post(CHALLENGE).json()
    answer = client.post(CONFIRM, {"credential": key.answer(options)})
    assert answer.status_code == 422


def test_a_key_is_saved_once_and_for_one_login(anna, key, ruth, clock):
    client = browser()
    enter(client, ruth)
    _key, answer = add(client, key)
    assert answer.status_code == 422
    assert "webauthn" not in kinds(ruth)


def test_ten_passkeys_are_the_most(ida, clock):
    client = browser()
    enter(client, ida)
    client.post(NEW_DEVICE, {"code": sent_code()})
    for number in range(11):
        _key, answer = add(client)
        assert answer.status_code == (302 if number < 10 else 422)
    assert Authenticator.objects.filter(user=ida).count() == 10


@pytest.mark.bar(20)
def test_wrong_answers_are_limited_per_address(anna, key):
    wrong = SoftKey()
    wrong.id, wrong.handle = key.id, key.handle
    client = browser()
    for _try in range(100):
        client.post(ENTER, {"credential": "{}"})
    assert sign_in(client, key).url == LOGIN
    assert sign_in(browser(REMOTE_ADDR="192.0.2.7"), key).url == "/"


JUNK = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=12),
    lambda inner: some.lists(inner, max_size=3)
    | some.dictionaries(
        some.sampled_from(
            ["id", "rawId", "type", "response", "clientDataJSON", "signature",
             "authenticatorData", "attestationObject", "userHandle"]
        ),
        inner,
        max_size=6,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(junk=JUNK, part=some.sampled_from(["", "response"]), cut=some.integers(0, 200))
def test_no_answer_breaks_the_door(anna, key, junk, part, cut):
    """Whatever is sent, nobody is let in, and nothing but a refusal is answered."""
    from django.core.cache import cache

    cache.clear()
    client = browser()
    answer = json.loads(key.answer(client.post(CHALLENGE).json()))
    if part and isinstance(junk, dict):
        answer["response"] |= junk
    elif part:
        field = sorted(answer["response"])[cut % 4]
        whole = raw(answer["response"][field])
        answer["response"][field] = text(whole[: cut % len(whole)])
    else:
        answer = junk
    assert client.post(ENTER, {"credential": json.dumps(answer)}).status_code == 302
    if not isinstance(junk, dict) or not part:
        assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "words", ["9" * 5000, "[" * 20_000, "NaN", "", "\x00", "{}" * 20_000, '{"id": 1}']
)
def test_what_is_no_answer_is_refused(anna, key, words):
    client = browser()
    client.post(CHALLENGE)
    assert refused(client, words)


# --- Is it you? ----------------------------------------------------------------------


@pytest.mark.bar(24)
def test_a_passkey_confirms_who_it_is(anna, key, clock):
    client = browser()
    sign_in(client, key)
    clock.shift(301)
    asked = client.get(ADD)
    assert asked.url.startswith("/account/reauthenticate/")
    assert b"Use your passkey" in client.get(asked.url).content
    options = client.post(f"{CONFIRM}challenge/").json()
    assert len(options["publicKey"]["allowCredentials"]) == 1
    answer = client.post(f"{CONFIRM}?next={ADD}", {"credential": key.answer(options)})
    assert answer.url == ADD
    assert client.get(ADD).status_code == 200


@pytest.mark.bar(24)
def test_somebody_elses_passkey_confirms_nothing(anna, key, ruth, clock):
    client = browser()
    enter(client, ruth)
    clock.shift(301)
    client.post(f"{CONFIRM}challenge/")
    options = client.post(f"{CONFIRM}challenge/").json()
    answer = client.post(f"{CONFIRM}?next={ADD}", {"credential": key.answer(options)})
    assert answer.status_code == 422
    assert client.get(ADD).status_code == 302


@pytest.mark.bar(24)
@pytest.mark.parametrize("page", [ADD, f"{CHANGE}?passkey=x", CODES])
def test_nothing_of_ones_factors_changes_unasked(anna, key, clock, page):
    client = browser()
    sign_in(client, key)
    clock.shift(301)
    assert client.get(page).url.startswith("/account/reauthenticate/")
    assert client.post(CHALLENGE_TO_ADD).status_code == 403


# --- One's own passkeys --------------------------------------------------------------


def test_passkeys_are_listed_named_and_removed(anna, key, clock):
    client = browser()
    sign_in(client, key)
    [mine] = passkeys.of(anna)
    page = client.get(HUB)
    assert mine.name in page.content.decode()
    assert str(Authenticator.objects.get(type="webauthn").pk) not in mine.mark
    answer = client.post(CHANGE, {"passkey": mine.mark, "name": "My <phone>"})
    assert answer.url == HUB
    assert b"My &lt;phone&gt;" in client.get(HUB).content
    assert client.post(CHANGE, {"passkey": mine.mark, "remove": "1"}).url == HUB
    assert kinds(anna) == {"totp", "recovery_codes"}
    assert client.get(HUB).status_code == 200, "this session goes on"
    assert refused(browser(), key.answer(browser().post(CHALLENGE).json()))


def test_nobody_names_or_removes_anothers_passkey(anna, ruth, key, clock):
    [hers] = passkeys.of(anna)
    client = browser()
    enter(client, ruth)
    for sent in ({"name": "mine"}, {"remove": "1"}):
        answer = client.post(CHANGE, {"passkey": hers.mark, **sent})
        assert answer.status_code == 404
    assert passkeys.of(anna) == [hers]


def test_an_official_keeps_one_factor(roles, clock):
    omar = make_user("Omar", "case_worker")
    client = browser()
    enter(client, omar)
    add(client)
    [only] = passkeys.of(omar)
    page = client.post(CHANGE, {"passkey": only.mark, "remove": "1"}, follow=True)
    assert b"Officials keep a second factor" in page.content
    assert passkeys.of(omar) == [only]


def test_the_app_may_go_where_a_passkey_stays(anna, key):
    client = browser()
    sign_in(client, key)
    assert b"second-factor/app/remove" in client.get(HUB).content
    assert client.post("/account/second-factor/app/remove/").status_code == 302
    assert "totp" not in kinds(anna)
    assert client.get("/worklist/").status_code == 200


@pytest.mark.bar(18)
def test_the_owner_is_told_and_other_sessions_end(anna, key, clock):
    other = browser()
    clock.shift(31)
    enter(other, anna)
    client = browser()
    sign_in(client, key)
    add(client)
    [added, _first] = passkeys.of(anna)[::-1]
    assert other.get(SESSIONS).status_code == 302
    client.post(CHANGE, {"passkey": added.mark, "remove": "1"})
    told = [
        render(message).body
        for message in Message.objects.filter(recipient=anna.email)
        if message.template.endswith("security_notice")
    ]
    assert sum("A passkey was made" in body for body in told) == 2
    assert sum("was removed" in body for body in told) == 1
    verbs = Event.objects.filter(verb="login.second_factor_changed", actor=anna.pk)
    assert verbs.filter(codes__kind="webauthn").count() == 3


@pytest.mark.bar(18)
def test_who_has_a_mobile_number_only_is_told_by_sms(authority, clock):
    from quarano.accounts import logins
    from tests.accounts.test_signing_in import clock_now

    kolja = User.objects.create_user(
        email=None, mobile="+4917139200155", name="Kolja", password=PASSWORD,
        created_at=clock_now(),
    )  # fmt: skip
    logins.tell(kolja, "webauthn_added", now=clock_now())
    message = Message.objects.get(template="accounts/messages/security_notice")
    assert (message.channel, message.recipient) == ("sms", "+4917139200155")
    assert "Gesundheitsamt Neckartal" in render(message).body


def test_what_is_stored_of_a_passkey_is_no_secret(anna, key):
    stored = Authenticator.objects.get(user=anna, type="webauthn").data
    assert set(stored) == {"name", "credential", "counter"}
    assert set(stored["credential"]["response"]) == {
        "clientDataJSON",
        "attestationObject",
    }


def test_the_key_is_made_for_this_host_and_names_the_authority(anna, clock):
    client = browser()
    enter(client, anna)
    asked = client.post(CHALLENGE_TO_ADD).json()["publicKey"]
    assert asked["rp"] == {
        "id": "neckartal.localhost",
        "name": "Gesundheitsamt Neckartal",
    }
    assert asked["user"]["name"] == anna.email
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["authenticatorSelection"]["residentKey"] == "required"


def test_the_operator_has_passkeys_too(db, clock):
    from tests.accounts.conftest import make_roles, with_second_factor

    connection.set_schema_to_public()
    make_roles()
    olga = with_second_factor(make_user("Olga", "operator"))
    client = browser("localhost")
    enter(client, olga)
    key, answer = add(client, SoftKey("http://localhost"))
    assert answer.status_code == 302
    assert sign_in(browser("localhost"), key).url == "/"


def test_a_citizen_is_offered_one_and_may_say_no(ida, clock):
    client = browser()
    enter(client, ida)
    client.post(NEW_DEVICE, {"code": sent_code()})
    page = client.get("/account/passkeys/offer/?next=/enrolment/continue/")
    assert b'href="/enrolment/continue/"' in page.content
    add(client)
    answer = client.get("/account/passkeys/offer/?next=/enrolment/continue/")
    assert answer.url == "/enrolment/continue/", "who has one is not asked"
    elsewhere = client.get("/account/passkeys/offer/?next=//evil.example/")
    assert elsewhere.url == "/"


def test_asking_for_a_page_begins_no_challenge(anna, clock):
    client = browser()
    client.get(LOGIN)
    assert client.get(CHALLENGE).status_code == 405
    assert passkeys.CHALLENGE not in client.session


def test_code_of_app_is_still_right_beside_a_passkey(anna, key, clock):
    clock.shift(31)
    client = browser()
    client.post(LOGIN, {"login": anna.email, "password": PASSWORD})
    answer = client.post(
        "/account/second-factor/authenticate/", {"code": code_of(anna)}
    )
    assert answer.url == "/"
