"""Bars 26 to 30: codes and links, what messages say, a citizen's sessions."""

import datetime as dt
import inspect
import io
import logging
import re
import secrets
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.template import Context
from django.template.loader import get_template
from django.test import Client
from django.utils import translation

from cases import enrolment
from cases.models import Disease, EnrolmentCode, Monitoring, Person, Reporter, Routine
from quarano.accounts.models import User
from quarano.audit.models import Event
from quarano.logs import Discreet, Plain
from quarano.notifications import texts
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from tests import world as worlds
from tests.bars.rows import rows

pytestmark = pytest.mark.undisturbed
NOW = worlds.NOW
KOLJA = {"birth_date_day": "30", "birth_date_month": "9", "birth_date_year": "1994"}
TEMPLATES = Path(settings.BASE_DIR, "templates")


@pytest.fixture
def world(authority):
    with time_machine.travel(NOW, tick=False):
        yield worlds.build()


@pytest.fixture
def logged():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Plain("%(levelname)s %(name)s %(reference)s %(message)s"))
    handler.addFilter(Discreet())
    root = logging.getLogger()
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


def invite(world):
    return enrolment.invite(
        world.kolja, channel="mail", by=world.staff["case_worker"], now=NOW
    )


# --- 26 and 27 -----------------------------------------------------------------------


@pytest.mark.bar(26)
def test_bar_26_codes_come_from_a_source_that_nobody_foretells(monkeypatch):
    """256 bits for a link, 65 for the part of a code that is proof."""
    bits = []
    asked, drawn = secrets.token_urlsafe, secrets.choice
    monkeypatch.setattr(
        secrets, "token_urlsafe", lambda n=None: bits.append(n * 8) or asked(n)
    )
    draws = []
    monkeypatch.setattr(secrets, "choice", lambda one: draws.append(one) or drawn(one))
    code = enrolment.new_code()
    assert len(code) == enrolment.SELECTOR + enrolment.VERIFIER == len(draws)
    assert set(draws) == {enrolment.ALPHABET}
    assert len(set(enrolment.ALPHABET)) == 32
    assert enrolment.VERIFIER * 5 >= 64
    assert "secrets.token_urlsafe(32)" in inspect.getsource(
        enrolment.invite.__wrapped__
    )


@pytest.mark.bar(26)
def test_bar_26_no_code_and_no_token_stays_anywhere(world, logged):
    """Not in a table in the clear, a log, the audit, an answer, or an address after
    the first redirect; typed right, typed wrong, and followed as a link."""
    code, spelled, token = invite(world)
    client = world.client()
    seen = [client.get(f"/enrolment/link/{token}/")]
    seen += [client.get(seen[0].url), client.post("/enrolment/", KOLJA | {"x": token})]
    typed = world.client()
    seen.append(typed.post("/enrolment/?code", {"code": spelled, **KOLJA}))
    wrong = spelled[:-1] + ("0" if spelled[-1] != "0" else "1")
    seen.append(typed.post("/enrolment/?code", {"code": wrong, **KOLJA}))
    seen.append(typed.put(f"/enrolment/link/{token}/"))
    bare = spelled.replace("-", "")
    proofs = (spelled, bare, bare[4:], token)
    for answer in seen[:-2]:
        told = answer.content.decode() + str(answer.headers) + str(answer.cookies)
        assert not [one for one in proofs if one in told]
    stored = str(rows("neckartal"))
    assert not [one for one in proofs if one in stored]
    assert "405" in logged.getvalue()
    assert not [one for one in proofs if one in logged.getvalue()]
    assert code.verifier_hash.startswith("argon2$argon2id$")
    assert re.fullmatch("[0-9a-f]{64}", code.token_hash)
    assert Event.objects.filter(subject=code.pk).exists()


@pytest.mark.bar(27)
def test_bar_27_guessing_a_code_is_hopeless_even_without_limits():
    """A thousand guesses a second for a year, at one code whose selector is known."""
    guesses = 1_000 * 365 * 24 * 3600
    assert guesses / 32**enrolment.VERIFIER < 1e-6
    assert guesses / 2**256 < 1e-60


@pytest.mark.bar(27)
@pytest.mark.committed
def test_bar_27_five_of_two_hundred_guesses_at_once_are_judged(
    place, at_once, monkeypatch
):
    """The sixth finds no code any more, the right one included."""
    code, spelled, _token = invited(place)
    judged = []
    judge = enrolment.check_password
    monkeypatch.setattr(
        enrolment, "check_password",
        lambda typed, stored: judged.append(typed) or judge(typed, stored),
    )  # fmt: skip
    wrong = [spelled[:4] + f"{number:013d}" for number in range(200)]
    ends = at_once(
        lambda number: enrolment.look_up_code(wrong[number], now=NOW), 200, tenant=place
    )
    assert ends == [None] * 200
    assert len(set(judged)) == 5
    code.refresh_from_db()
    assert code.wrong_tries == 5
    assert enrolment.look_up_code(spelled, now=NOW) is None
    assert Event.objects.filter(verb="code.locked").count() == 1


# --- 28 ------------------------------------------------------------------------------


def invited(place):
    """A person with a code in an authority where tests may commit."""
    Routine.objects.create(valid_from=dt.date(2026, 1, 1), drafted_at=NOW)
    anna = User.objects.create_user(
        email="anna@scratch.example", name="Anna", roles=["case_worker"], created_at=NOW
    )
    ida = Person.objects.create(given_name="Ida", family_name="Sommer", recorded_at=NOW)
    Monitoring.objects.create(
        person=ida, disease=Disease.objects.create(code="covid-19"), kind="quarantine",
        start=NOW.date(), opened_at=NOW, reported_at=NOW,
    )  # fmt: skip
    return enrolment.invite(ida, channel="none", by=anna, now=NOW)


@pytest.mark.bar(28)
@pytest.mark.committed
def test_bar_28_of_a_hundred_who_redeem_at_once_one_has_the_account(place, at_once):
    code, _spelled, _token = invited(place)

    def redeem(number):
        enrolment.register(
            code, email=f"{number}@mail.example", password="rivers and mills",
            language="en", now=NOW,
        )  # fmt: skip
        return "registered"

    ends = at_once(redeem, 100, tenant=place)
    assert len(ends) == 100
    assert ends.count("registered") == 1
    assert {type(end) for end in ends} == {str, enrolment.CodeOver}
    assert User.objects.filter(roles=[]).count() == 1
    assert Reporter.objects.count() == 1
    assert Event.objects.filter(verb="code.used").count() == 1


@pytest.mark.bar(28)
@pytest.mark.parametrize(
    "over", ["used", "replaced", "expired", "cancelled", "by phone", "died"]
)
def test_bar_28_a_code_that_is_over_opens_nothing(world, over):
    """Neither typed, nor as a link, nor where the birth date was confirmed before."""
    anna = world.staff["case_worker"]
    code, spelled, token = invite(world)
    before = world.client()
    before.get(f"/enrolment/link/{token}/")
    assert before.post("/enrolment/", KOLJA).url == "/enrolment/register/"
    if over == "used":
        enrolment.register(
            code, email="k@mail.example", password=worlds.PASSWORD, language="en",
            now=NOW,
        )  # fmt: skip
    elif over == "replaced":
        invite(world)
    elif over == "expired":
        EnrolmentCode.objects.filter(pk=code.pk).update(expires_at=NOW)
    elif over == "cancelled":
        EnrolmentCode.objects.filter(pk=code.pk).update(voided_at=NOW)
    elif over == "by phone":
        enrolment.by_phone(world.kolja, by=anna, now=NOW)
    else:
        Person.objects.filter(pk=world.kolja.pk).update(died_on=NOW.date())
    users = User.objects.count()
    login = {"login": "evil@mail.example", "password": worlds.PASSWORD}
    answer = before.post("/enrolment/register/", login)
    assert answer.url == "/enrolment/"
    for client, typed in ((world.client(), {"code": spelled}), (world.client(), {})):
        if not typed:
            client.get(f"/enrolment/link/{token}/")
        answer = client.post("/enrolment/", KOLJA | typed)
        if answer.status_code == 302:  # confirmed, and over at the next step
            answer = client.post("/enrolment/register/", login)
            assert answer.url == "/enrolment/"
        else:
            assert answer.status_code == 422
    assert User.objects.count() == users


@pytest.mark.bar(28)
def test_bar_28_twenty_looks_of_a_scanner_change_nothing(world):
    _code, _spelled, token = invite(world)
    without = frozenset({"django_session"})
    before = rows("neckartal", without=without)
    for _look in range(20):
        scanner = Client(headers={"host": world.host, "user-agent": "scanner"})
        for path in (f"/enrolment/link/{token}/", "/enrolment/", "/enrolment/register/",
                     "/enrolment/continue/", "/enrolment/help/"):  # fmt: skip
            scanner.get(path)
            scanner.head(path)
            scanner.options(path)
    assert rows("neckartal", without=without) == before
    human = world.client()
    human.get(f"/enrolment/link/{token}/")
    assert human.post("/enrolment/", KOLJA).url == "/enrolment/register/"


# --- 29 ------------------------------------------------------------------------------

# Beginnings of words, in both languages.
HEALTH = re.compile(
    r"\b(corona|covid|sars|virus|infe[ck]|krank|erkrank|ill(ness)?\b|disease|sick|"
    r"fieber|fever|sympto|husten|cough|quarant|isolation|isolier|test(s|ed|ung)?\b|"
    r"positiv|ansteck|contagi|patient|diagnos|gesundheitszustand|health\b|"
    r"arzt|ärzt|doctor|physician|tagebuch|diary|temperatur|absonder|kontaktperson|"
    r"exposure|exposed)",
    re.IGNORECASE,
)
FILES = sorted(
    path
    for path in TEMPLATES.rglob("*.txt")
    if path.parent.name == "messages" and re.search(r"\.(mail|sms)\.txt$", path.name)
)


class Office:
    """An authority whose own name has no word of the list in it."""

    name, short_name, cases_phone = "Amt Neckartal", "Amt", "0711 1"


@pytest.mark.bar(29)
@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_bar_29_no_shipped_message_says_a_word_of_health(language):
    """Letters go into an envelope; mails and text messages lie open."""
    assert len(FILES) >= 14
    branches = (
        "password_changed", "recovery_codes_generated", "totp_activated",
        "totp_deactivated", "other",
    )  # fmt: skip
    for path in FILES:
        template = get_template(str(path.relative_to(TEMPLATES))).template
        for what in branches:
            given = {
                "authority": Office, "what": what, "url": "https://x.example/a/",
                "code": "0AAA", "token": "t", "minutes": 10, "days": 7,
            }  # fmt: skip
            with translation.override(language):
                said = template.render(Context(given, autoescape=False))
            said = re.sub(r"https?://\S+", "", said)
            found = HEALTH.search(said)
            assert not found, (path.name, language, found.group())


# What a message may know of its recipient: never a name, a day, or a diagnosis.
KNOWN = {"path", "days", "minutes", "what"}


@pytest.mark.bar(29)
def test_bar_29_no_message_knows_a_name(authority):
    """Everything written while a world full of canaries is made, and three days on."""
    from cases import tasks as cases_tasks
    from diaries import tasks as diaries_tasks

    with time_machine.travel(NOW, tick=False):
        worlds.build("CANARY")
    with time_machine.travel(NOW + 3 * worlds.DAY, tick=False):
        for task in (diaries_tasks.remind, diaries_tasks.end, cases_tasks.escalate):
            task("neckartal")
            connection.set_tenant(authority)
    # Of what lies open on its way; a letter is addressed, and in an envelope.
    messages = list(Message.objects.filter(channel__in=["mail", "sms"]))
    assert len(messages) > 2
    for message in messages:
        assert set(message.parameters) <= KNOWN, message.template
        for language, _name in settings.LANGUAGES:
            message.language = language
            told = render(message)
            for text in (told.subject, told.body, told.sender_name):
                assert "CANARY" not in text
                assert not re.search(
                    r"\b(Ida|Lena|Kolja|Sommer|Winter|Brenner)\b", text
                )


@pytest.mark.bar(29)
def test_bar_29_an_authority_can_ask_for_no_name_in_its_own_texts(authority):
    """Placeholders are on a list per text, and none of them is a person's."""
    assert texts.KINDS
    for kind in texts.KINDS.values():
        if kind.channels == (texts.LETTER,):
            continue  # addressed, in an envelope
        named = set(kind.allowed)
        assert not {
            one for one in named if re.search(r"name|birth|person|disease", one)
        }
        hostile = texts.Text("{given_name} {person.name} {authority.name} {0} %s", "2")
        assert not re.search("Ida", hostile.filled({"given_name_": "Ida"}))


# --- 30 ------------------------------------------------------------------------------


@pytest.mark.bar(30)
def test_bar_30_a_citizen_sees_and_ends_sessions_and_nothing_is_kept(world):
    """On a device that others use: signed out, the browser is told to forget, and what
    the Back button asks for is asked anew, of nobody who is signed in."""
    phone, shared = world.client(world.ida.user), world.client(world.ida.user)
    pages = [
        f"/diary/{world.ida.pk}/help/", f"/diary/{world.ida.pk}/days/",
        f"/diary/{world.ida.pk}/dates/", "/account/sessions/",
    ]  # fmt: skip
    for path in pages:
        answer = shared.get(path)
        assert answer.status_code == 200, path
        assert "no-store" in answer.headers["Cache-Control"], path
    left = shared.post("/account/logout/")
    assert '"cache"' in left.headers["Clear-Site-Data"]
    assert '"storage"' in left.headers["Clear-Site-Data"]
    for path in pages:
        answer = shared.get(path)
        assert answer.status_code == 302, path
        assert "Sommer" not in answer.content.decode()
    assert phone.get(pages[0]).status_code == 200, "the phone goes on"
