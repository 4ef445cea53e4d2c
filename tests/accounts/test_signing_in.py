import datetime as dt
import time

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.cache import caches
from django.db import connection, transaction
from django_tenants.utils import tenant_context

from quarano.accounts import staff
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
    make_roles,
    make_user,
    recovery_codes,
    with_second_factor,
)

AUTHENTICATE = "/account/second-factor/authenticate/"
SET_UP = "/account/second-factor/app/"
CHOOSE = "/account/second-factor/choose/"
SESSIONS = "/account/sessions/"
NEW_DEVICE = "/account/login/new-device/"


def test_an_official_signs_in_with_password_and_second_factor(anna, clock):
    client = browser()
    answer = client.post(LOGIN, {"login": anna.email, "password": PASSWORD})
    assert answer.url == AUTHENTICATE
    assert client.get(SESSIONS).url.startswith(LOGIN), (
        "the password alone opens nothing"
    )
    answer = client.post(AUTHENTICATE, {"code": code_of(anna)})
    assert (answer.status_code, answer.url) == (302, "/")
    assert client.get(SESSIONS).status_code == 200
    assert Event.objects.filter(verb="login.succeeded", actor=anna.pk).count() == 1


@pytest.mark.bar(17)
def test_a_code_of_the_app_opens_once(anna, clock):
    client = browser()
    assert enter(client, anna).url == "/"
    for later in (0, 31):  # still the tolerated step after half a minute
        clock.shift(later)
        again = browser()
        again.post(LOGIN, {"login": anna.email, "password": PASSWORD})
        answer = again.post(AUTHENTICATE, {"code": code_of(anna, -(later // 30))})
        assert b"This code is not right" in answer.content
    assert enter(browser(), anna).url == "/", "the next one opens"


@pytest.mark.bar(17, 18)
def test_a_recovery_code_opens_once(anna, clock):
    code = recovery_codes(anna)[0]
    for opens in (True, False):
        client = browser()
        client.post(LOGIN, {"login": anna.email, "password": PASSWORD})
        answer = client.post(AUTHENTICATE, {"code": code})
        assert (answer.status_code == 302) is opens
    assert b"9 are left" in signed_in_with(anna, clock).content
    notice = Message.objects.get(parameters__what="recovery_code_used")
    assert (notice.recipient, notice.channel) == (anna.email, "mail")
    assert "was used" in render(notice).body
    assert (
        Event.objects.filter(
            verb="login.second_factor_given", codes__kind="recovery_codes"
        ).count()
        == 1
    )


def signed_in_with(user, clock):
    client = browser()
    enter(client, user)
    return client.get("/account/second-factor/")


@pytest.mark.bar(17)
def test_a_clock_may_be_one_step_off_and_no_more(anna, clock):
    for steps, opens in ((1, True), (3, False)):
        client = browser()
        client.post(LOGIN, {"login": anna.email, "password": PASSWORD})
        answer = client.post(AUTHENTICATE, {"code": code_of(anna, steps)})
        assert (answer.status_code == 302) is opens


def test_secrets_of_the_second_factor_are_sealed(anna):
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert anna.secret not in stored
    for code in recovery_codes(anna):
        assert code not in stored


@pytest.mark.bar(16)
@pytest.mark.parametrize(
    "page",
    ["/", "/account/sessions/", "/account/second-factor/", "/admin/", "/worklist/",
     "/account/second-factor/recovery-codes/", "/account/password/change/"],
)  # fmt: skip
def test_staff_without_second_factor_reach_only_its_set_up(roles, clock, page):
    omar = make_user("Omar", "case_worker", "administrator")
    client = browser()
    assert enter(client, omar).url == "/"
    answer = client.get(page)
    assert (answer.status_code, answer.url) == (302, CHOOSE)
    assert client.get(CHOOSE).status_code == 200
    assert client.get(SET_UP).status_code == 200
    assert client.get("/account/logout/").status_code == 200


def test_setting_up_shows_recovery_codes_and_opens_the_rest(roles, clock, monkeypatch):
    omar = make_user("Omar", "case_worker")
    client = browser()
    enter(client, omar)
    page = client.get(SET_UP)
    assert b"<svg" in page.content
    assert b"data:image" not in page.content
    omar.secret = page.context["form"].secret
    # The test's own transaction never commits; allauth tells of the factor after it.
    monkeypatch.setattr(transaction, "on_commit", lambda tell, **_kwargs: tell())
    answer = client.post(SET_UP, {"code": code_of(omar)})
    assert answer.url == "/account/second-factor/recovery-codes/"
    page = client.get(answer.url)
    assert recovery_codes(omar)[0] in page.content.decode()
    assert client.get(SESSIONS).status_code == 200


@pytest.mark.bar(16)
def test_djangos_own_sign_in_is_no_door(ruth, clock):
    client = browser()
    assert client.get("/admin/login/").url.startswith(LOGIN)
    answer = client.post(
        "/admin/login/", {"username": ruth.email, "password": PASSWORD}
    )
    assert answer.url.startswith(LOGIN)
    assert client.get("/admin/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_nobody_signs_up(authority, clock):
    assert browser().get("/account/signup/").status_code == 404


def test_officials_keep_their_second_factor(anna, clock):
    client = browser()
    enter(client, anna)
    client.post("/account/second-factor/app/remove/")
    assert Authenticator.objects.filter(user=anna, type="totp").exists()


# --- Sessions ------------------------------------------------------------------------


@pytest.mark.bar(22)
def test_a_session_ends_half_an_hour_after_the_last_page(anna, clock):
    client = browser()
    enter(client, anna)
    for _minutes in range(3):
        clock.shift(29 * 60)
        assert client.get(SESSIONS).status_code == 200
    clock.shift(31 * 60)
    assert client.get(SESSIONS).status_code == 302


@pytest.mark.bar(22)
def test_a_poll_does_not_extend_a_session(anna, clock):
    client = browser()
    enter(client, anna)
    for _minutes in range(2):
        clock.shift(14 * 60)
        assert client.get(SESSIONS, headers={"X-Poll": "1"}).status_code == 200
    clock.shift(3 * 60)
    assert client.get(SESSIONS).status_code == 302


@pytest.mark.bar(22)
def test_a_session_ends_twelve_hours_after_signing_in(anna, clock):
    client = browser()
    enter(client, anna)
    for _half_hour in range(24):
        clock.shift(29 * 60)
        assert client.get(SESSIONS).status_code == 200
    clock.shift(25 * 60)
    assert client.get(SESSIONS).status_code == 302


def test_a_session_is_written_at_most_once_a_minute(anna, clock):
    client = browser()
    enter(client, anna)
    clock.shift(61)
    client.get(SESSIONS)
    written = client.session.get("_seen")
    clock.shift(50)
    client.get(SESSIONS)
    assert client.session.get("_seen") == written
    clock.shift(11)
    client.get(SESSIONS)
    assert client.session.get("_seen") == int(time.time())


def test_the_session_from_before_signing_in_is_worthless(anna, clock):
    client = browser()
    client.get(LOGIN)
    client.post(LOGIN, {"login": anna.email, "password": PASSWORD})
    before = client.cookies["sessionid"].value
    client.post(AUTHENTICATE, {"code": code_of(anna)})
    assert client.cookies["sessionid"].value != before
    stranger = browser()
    stranger.cookies["sessionid"] = before
    assert stranger.get(SESSIONS).status_code == 302


@pytest.mark.bar(22)
def test_roles_password_and_closing_end_sessions_at_once(anna, ruth, clock):
    def by_roles():
        staff.change_roles(anna, roles=["supervisor"], by=ruth, now=clock_now())

    def by_password():
        user = User.objects.get(pk=anna.pk)
        user.set_password("another long pass phrase")
        user.save()

    def by_closing():
        staff.deactivate(anna, by=ruth, now=clock_now())

    for end in (by_roles, by_password, by_closing):
        client = browser()
        user = User.objects.get(pk=anna.pk)
        user.secret = anna.secret
        password = "another long pass phrase" if end is by_closing else PASSWORD
        clock.shift(60)
        enter(client, user, password)
        assert client.get(SESSIONS).status_code == 200
        end()
        assert client.get(SESSIONS).status_code == 302, end.__name__
    answer = browser().post(
        LOGIN, {"login": anna.email, "password": "another long pass phrase"}
    )
    assert answer.url == "/account/inactive/"


def clock_now():
    from quarano import clock

    return clock.now()


def test_an_account_ends_after_its_last_day(anna, clock):
    from datetime import date

    User.objects.filter(pk=anna.pk).update(active_until=date(2026, 11, 24))
    client = browser()
    enter(client, anna)
    assert client.get(SESSIONS).status_code == 200
    User.objects.filter(pk=anna.pk).update(active_until=date(2026, 11, 23))
    assert client.get(SESSIONS).url.startswith(LOGIN)
    answer = browser().post(LOGIN, {"login": anna.email, "password": PASSWORD})
    assert answer.url == "/account/inactive/"


@pytest.mark.bar(10)
def test_a_session_is_worth_nothing_at_another_authority(anna, other_authority, clock):
    client = browser()
    enter(client, anna)
    key = client.cookies["sessionid"].value
    stranger = browser("spreetal.localhost")
    stranger.cookies["sessionid"] = key
    assert stranger.get(SESSIONS).status_code == 302
    # Even a row that was copied over does not open.
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO spreetal.django_session "
            "SELECT * FROM neckartal.django_session WHERE session_key = %s",
            [key],
        )
    with tenant_context(other_authority):
        from quarano.accounts.sessions import SessionStore

        assert SessionStore(key).load() == {}


@pytest.mark.bar(22, 30)
def test_signing_out_asks_the_browser_to_forget(anna, clock):
    client = browser()
    enter(client, anna)
    answer = client.post("/account/logout/")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert client.get(SESSIONS).status_code == 302
    assert Event.objects.filter(verb="login.ended", actor=anna.pk).exists()


def test_the_operator_signs_in_on_the_public_host(db, clock):
    connection.set_schema_to_public()
    make_roles()
    olga = with_second_factor(make_user("Olga", "operator"))
    client = browser("localhost")
    assert enter(client, olga).url == "/"
    assert client.get(SESSIONS).status_code == 200
    elsewhere = browser()
    answer = elsewhere.post(LOGIN, {"login": olga.email, "password": PASSWORD})
    assert answer.status_code == 200, "no such login at an authority"


# --- Citizens: a code on a new device ------------------------------------------------


def codes_sent():
    return Message.objects.filter(purpose__startswith="sign-in-code:")


def sent_code():
    message = codes_sent().latest("written_at")
    body = render(message).body
    return next(word for word in body.split() if word.isdigit() and len(word) == 6)


def test_a_citizen_types_a_code_on_a_new_device_only(ida, clock):
    client = browser()
    answer = client.post(LOGIN, {"login": ida.email, "password": PASSWORD})
    assert answer.url == NEW_DEVICE
    assert client.get(SESSIONS).status_code == 302
    page = client.get(NEW_DEVICE)
    assert b"your e-mail address" in page.content
    code = sent_code()
    answer = client.post(NEW_DEVICE, {"code": f"{code[:3]} {code[3:]}"})
    assert (answer.status_code, answer.url) == (302, "/")
    client.post("/account/logout/")
    answer = client.post(LOGIN, {"login": ida.email, "password": PASSWORD})
    assert answer.url == "/", "the device is known now"
    assert enter(browser(), ida).url == NEW_DEVICE, "another one is not"


def test_a_known_device_is_forgotten_with_the_password(ida, clock):
    client = browser()
    enter(client, ida)
    client.post(NEW_DEVICE, {"code": sent_code()})
    client.post("/account/logout/")
    ida.set_password("quite another password")
    ida.save()
    assert enter(client, ida, "quite another password").url == NEW_DEVICE


@pytest.mark.bar(21)
def test_tries_at_once_are_counted_one_by_one(ida, clock):
    """Each request of many reads the session as it was before the others."""
    client = browser()
    enter(client, ida)
    code = sent_code()
    wrong = "000000" if code != "000000" else "000001"
    before = Session.objects.get(pk=client.cookies["sessionid"].value)
    for _try in range(5):
        assert client.post(NEW_DEVICE, {"code": wrong}).status_code == 422
        Session.objects.filter(pk=before.pk).update(session_data=before.session_data)
    assert client.post(NEW_DEVICE, {"code": code}).status_code == 422


def test_a_stored_session_tells_no_token(authority, clock):
    client = browser()
    token = f"tell-tale{'x' * 34}"
    for path in ("/account/invitation/", "/enrolment/link/"):
        client.get(f"{path}{token}/")
        row = Session.objects.get(pk=client.cookies["sessionid"].value)
        clear = signing.b64_decode(row.session_data.split(":")[0].encode())
        assert b"tell-tale" not in clear
        assert client.session.get("staff_invitation") == token


def test_what_is_no_token_leaves_no_session(authority):
    client = browser()
    for path in ("/account/invitation/", "/enrolment/link/"):
        for token in ("x", "x" * 4000, "ü" * 43):
            assert client.get(f"{path}{token}/").status_code == 404
    assert "sessionid" not in client.cookies


def test_a_session_that_no_key_opens_is_nobodys(anna, clock, settings):
    client = browser()
    enter(client, anna)
    Session.objects.update(session_data="bm90aGluZw==")
    assert client.get(SESSIONS).status_code == 302


def test_a_code_is_lost_after_five_wrong_tries_or_ten_minutes(ida, clock):
    client = browser()
    enter(client, ida)
    code = sent_code()
    wrong = "000000" if code != "000000" else "000001"
    for _try in range(5):
        assert client.post(NEW_DEVICE, {"code": wrong}).status_code == 422
    assert client.post(NEW_DEVICE, {"code": code}).status_code == 422
    clock.shift(1)
    client.post(NEW_DEVICE, {"again": "1"})
    code = sent_code()
    clock.shift(601)
    assert client.post(NEW_DEVICE, {"code": code}).status_code == 422
    client.post(NEW_DEVICE, {"again": "1"})
    assert client.post(NEW_DEVICE, {"code": sent_code()}).status_code == 302


def test_a_code_lies_nowhere_in_the_clear(ida, clock):
    client = browser()
    enter(client, ida)
    code = sent_code()
    assert code not in str(dict(client.session))
    message = Message.objects.get(purpose__startswith="sign-in-code:")
    with connection.cursor() as cursor:
        cursor.execute("SELECT token, parameters FROM notifications_message")
        assert code not in str(cursor.fetchall())
    assert (message.expires_at - message.written_at).total_seconds() == 600


def test_a_mobile_number_is_a_login_and_gets_its_code_by_sms(kolja, clock):
    client = browser()
    answer = client.post(LOGIN, {"login": "0171 392 00 155", "password": PASSWORD})
    assert answer.url == NEW_DEVICE
    message = Message.objects.get(purpose__startswith="sign-in-code:")
    assert (message.channel, message.recipient) == ("sms", "+4917139200155")
    assert client.post(NEW_DEVICE, {"code": sent_code()}).url == "/"


@pytest.fixture
def kolja(authority, clock):
    """A citizen who registered with a mobile number."""
    return User.objects.create_user(
        email=None, mobile="+4917139200155", name="Kolja", password=PASSWORD,
        created_at=clock_now(),
    )  # fmt: skip


def by_number(client):
    return client.post(LOGIN, {"login": "0171 39200155", "password": PASSWORD})


def test_a_new_code_by_sms_replaces_the_one_before(kolja, clock):
    client = browser()
    by_number(client)
    assert b"ending in 55" in client.get(NEW_DEVICE).content
    first = sent_code()
    clock.shift(120)
    assert client.post(NEW_DEVICE, {"again": "1"}).url == NEW_DEVICE
    second = sent_code()
    states = codes_sent().order_by("written_at").values_list("state", flat=True)
    assert list(states) == ["void", "waiting"], "the old one does not leave any more"
    if first != second:
        assert client.post(NEW_DEVICE, {"code": first}).status_code == 422
    assert client.post(NEW_DEVICE, {"code": second}).url == "/"


@pytest.mark.bar(20)
def test_codes_by_sms_are_few_for_a_sign_in_and_for_an_hour(kolja, clock):
    client = browser()
    by_number(client)
    for sendings in (2, 3):
        clock.shift(1)
        assert client.post(NEW_DEVICE, {"again": "1"}).url == NEW_DEVICE, sendings
    page = client.post(NEW_DEVICE, {"again": "1"}, follow=True)
    assert b"Too many codes were asked for" in page.content
    assert codes_sent().count() == 3
    for _number in range(7):
        clock.shift(1)
        assert by_number(browser()).url == NEW_DEVICE
    answer = by_number(browser())
    assert answer.url == LOGIN
    assert codes_sent().count() == 10, "an hour of one number"


def test_an_sms_that_is_late_is_not_sent_any_more(kolja, clock):
    from quarano.notifications import outbox

    by_number(browser())
    clock.shift(601)
    outbox.expire(now=clock_now())
    assert (codes_sent().get().state, codes_sent().get().token) == ("void", "")


def test_a_citizen_reaches_no_page_of_officials(ida, clock):
    client = browser()
    enter(client, ida)
    client.post(NEW_DEVICE, {"code": sent_code()})
    assert client.get("/worklist/").status_code == 403
    assert client.get("/admin/").status_code in (302, 403)


# --- Enumeration and guessing --------------------------------------------------------


def test_known_and_unknown_addresses_get_the_same_answers(anna, ida, clock):
    def tried(login):
        answer = browser().post(LOGIN, {"login": login, "password": "wrong" * 4})
        text = answer.content.decode().replace(login, "")
        return answer.status_code, sorted(answer.cookies), _without_tokens(text)

    first = tried("nobody@neckartal.example")
    assert tried(anna.email) == tried(ida.email) == first
    assert tried("+4917139200199")[0] == first[0]


def _without_tokens(text):
    import re

    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)


def test_a_reset_tells_nobody_whether_the_address_is_known(ida, clock):
    answers = []
    for email in (ida.email, "nobody@neckartal.example"):
        client = browser()
        answer = client.post("/account/password/reset/", {"email": email})
        page = client.get(answer.url)
        answers.append(
            (answer.status_code, answer.url, _without_tokens(page.content.decode()))
        )
    assert answers[0] == answers[1]
    assert Message.objects.filter(purpose__startswith="account:").count() == 2


@pytest.mark.bar(18)
def test_a_reset_gives_a_password_and_never_a_session(anna, clock):
    client = browser()
    client.post("/account/password/reset/", {"email": anna.email})
    body = render(Message.objects.get(recipient=anna.email)).body
    link = next(word for word in body.split() if "password/reset/key" in word)
    assert link.startswith("http://neckartal.localhost")
    path = link.partition("localhost")[2].partition("/")[2]
    answer = client.get(f"/{path}")
    assert answer.status_code == 302
    assert "set-password" in answer.url, "the key leaves the address"
    short = client.post(answer.url, {"password1": "thirteen char"})
    assert b"at least 15" in short.content
    done = client.post(answer.url, {"password1": "a river and a mill"})
    assert done.status_code == 302
    assert client.get(SESSIONS).status_code == 302
    answer = client.post(LOGIN, {"login": anna.email, "password": "a river and a mill"})
    assert answer.url == AUTHENTICATE, "the second factor stays"
    notice = Message.objects.filter(
        recipient=anna.email, parameters__what="password_reset"
    )
    assert notice.count() == 1, "the owner is told"


@pytest.mark.bar(20)
def test_guessing_is_limited_per_account_and_the_owner_is_not_locked_out(anna, clock):
    for number in range(10):
        browser(REMOTE_ADDR=f"10.0.0.{number}").post(
            LOGIN, {"login": anna.email, "password": "wrong" * 4}
        )
    answer = browser().post(LOGIN, {"login": anna.email, "password": PASSWORD})
    assert b"Too many tries" in answer.content
    clock.shift(5 * 60 + 1)
    assert enter(browser(), anna).url == "/"


@pytest.mark.bar(20)
def test_guessing_from_one_address_is_limited_over_all_authorities(
    authority, other_authority, clock
):
    for number in range(100):
        host = ("neckartal", "spreetal")[number % 2] + ".localhost"
        client = browser(host, REMOTE_ADDR="10.9.9.9")
        # A header that anybody can send makes no other address.
        client.post(
            LOGIN,
            {"login": f"{number}@mail.example", "password": "wrong" * 4},
            headers={"X-Forwarded-For": f"10.1.1.{number}"},
        )
    client = browser(REMOTE_ADDR="10.9.9.9")
    answer = client.post(LOGIN, {"login": "x@mail.example", "password": "wrong" * 4})
    assert b"Too many tries" in answer.content
    client = browser(REMOTE_ADDR="10.9.9.8")
    answer = client.post(LOGIN, {"login": "x@mail.example", "password": "wrong" * 4})
    assert b"do not match" in answer.content


def test_failed_sign_ins_are_noted_without_what_was_typed(anna, clock):
    browser().post(LOGIN, {"login": "my secret", "password": "wrong" * 4})
    event = Event.objects.get(verb="login.failed")
    assert "my secret" not in str(vars(event))


@pytest.mark.bar(14, 15)
def test_passwords_are_hashed_with_argon2_and_common_ones_refused(anna, clock):
    assert anna.password.startswith("argon2$argon2id$")
    client = browser()
    enter(client, anna)
    page = "/account/password/change/"
    for bad in ("short", "password123456789" * 8, "anna@neckartal.example"):
        answer = client.post(page, {"oldpassword": PASSWORD, "password1": bad})
        assert answer.status_code == 200
    answer = client.post(
        page, {"oldpassword": PASSWORD, "password1": "a river and a mill"}
    )
    assert answer.status_code == 302
    assert client.get(SESSIONS).status_code == 200, "this session goes on"
    assert caches["shared"] is not None


@pytest.mark.bar(70)
def test_bar_70_every_step_of_the_second_factor_is_recorded(anna, clock, monkeypatch):
    # Within the test's transaction nothing is ever committed.
    monkeypatch.setattr(transaction, "on_commit", lambda call, **_: call())

    def told(response):
        found = Event.objects.filter(request_id=response["X-Request-ID"])
        assert all(event.at.utcoffset() == dt.timedelta() for event in found)
        return [(one.verb, one.codes, one.actor) for one in found.order_by("at", "pk")]

    client = browser()
    client.post(LOGIN, {"login": anna.email, "password": PASSWORD})
    door = "/account/second-factor/authenticate/"
    wrong = told(client.post(door, {"code": "000000"}))
    assert wrong == [("login.failed", {"step": "second factor"}, anna.pk)]
    given = told(client.post(door, {"code": code_of(anna)}))
    assert ("login.second_factor_given", {"kind": "totp"}, anna.pk) in given
    assert ("login.succeeded", {}, anna.pk) in given

    clock.shift(60)
    made = told(client.post("/account/second-factor/recovery-codes/new/"))
    changed = "login.second_factor_changed"
    assert made == [(changed, {"kind": "recovery_codes"}, anna.pk)]
    other = browser()
    other.post(LOGIN, {"login": anna.email, "password": PASSWORD})
    by_code = told(other.post(door, {"code": recovery_codes(anna)[0]}))
    assert ("login.second_factor_given", {"kind": "recovery_codes"}, anna.pk) in by_code
    ended = told(other.post("/account/logout/"))
    assert ended == [("login.ended", {}, anna.pk)]
