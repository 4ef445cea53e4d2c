import datetime as dt
import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django_tenants.utils import tenant_context

from cases import enrolment
from cases.history import ChangedMeanwhile
from cases.models import (
    Acknowledgement,
    Case,
    Disease,
    EnrolmentCode,
    Escalation,
    Monitoring,
    Person,
    Policy,
    Questionnaire,
    Reporter,
    Routine,
)
from quarano.accounts.models import User
from quarano.audit.models import Event
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from tests.faults import survives

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
HOURS = dt.timedelta(hours=1)
BORN = dt.date(1992, 3, 2)
PASSWORD = "rivers and mills"
BIRTH = {"birth_date_day": "2", "birth_date_month": "3", "birth_date_year": "1992"}
LANDING = "/enrolment/"


@pytest.fixture
def anna(authority):
    return User.objects.create_user(
        email="anna@neckartal.example",
        name="Anna",
        roles=["case_worker"],
        created_at=NOW,
    )


@pytest.fixture
def disease(authority):
    found, _ = Disease.objects.get_or_create(code="covid-19")
    if not Policy.objects.filter(disease=found).exists():
        Policy.objects.create(
            disease=found,
            valid_from=dt.date(2026, 1, 1),
            shipped=True,
            drafted_at=NOW,
            approved_at=NOW,
        )
    if not Routine.objects.exists():
        Routine.objects.create(valid_from=dt.date(2026, 1, 1), drafted_at=NOW)
    return found


@pytest.fixture
def follow(disease):
    def take(given="Ida", family="Sommer", born=BORN, **fields):
        person = Person.objects.create(
            given_name=given,
            family_name=family,
            birth_date=born,
            birth_date_source="official" if born else "",
            recorded_at=NOW,
            **{"email": f"{given.lower()}@mail.example", "language": "en"} | fields,
        )
        case = Case.objects.create(
            person=person, disease=disease, reported_at=NOW, recorded_at=NOW
        )
        Monitoring.objects.create(
            person=person,
            disease=disease,
            case=case,
            kind="isolation",
            start=NOW.date(),
            opened_at=NOW,
            reported_at=NOW,
        )
        return person

    return take


@pytest.fixture
def ida(follow):
    return follow()


def invite(person, anna, **kwargs):
    return enrolment.invite(person, by=anna, **{"now": NOW} | kwargs)


def sent_messages():
    return Message.objects.filter(purpose__startswith="invitation:")


def registered(person, anna, email="ida@mail.example"):
    code, _spelled, _token = invite(person, anna)
    return enrolment.register(
        code, email=email, password=PASSWORD, language="en", now=NOW
    )


@pytest.fixture
def client(authority):
    with time_machine.travel(NOW, tick=False):
        yield browser()


def browser(**kwargs):
    headers = {"host": "neckartal.localhost", "accept-language": "en"}
    return Client(headers=headers, **kwargs)


def state_of(person):
    return person.monitorings.get().enrolment


# --- Codes ---------------------------------------------------------------------------


@pytest.mark.bar(26)
def test_codes_are_distinct_and_evenly_spread():
    codes = [enrolment.new_code() for _number in range(10_000)]
    assert len(set(codes)) == 10_000
    counts = Counter("".join(codes))
    assert set(counts) == set(enrolment.ALPHABET)
    expected = 170_000 / 32
    chi = sum((count - expected) ** 2 / expected for count in counts.values())
    # 31 degrees of freedom: red by chance once in ten thousand million runs, and
    # for certain where one character comes a fifth too often.
    assert chi < 110


def test_a_code_is_17_characters_in_groups_for_the_ear():
    assert re.fullmatch(
        r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{5}",
        enrolment.spelled(enrolment.new_code()),
    )
    assert not set("ILOU") & set(enrolment.ALPHABET)


def test_capitals_hyphens_and_confused_letters_do_not_matter(ida, anna):
    code, spelled, _token = invite(ida, anna)
    confused = spelled.lower().replace("-", "  ").replace("0", "o").replace("1", "l")
    assert enrolment.look_up_code(confused, now=NOW) == code
    assert enrolment.look_up_code(spelled[:-1], now=NOW) is None
    assert enrolment.look_up_code("", now=NOW) is None


@pytest.mark.bar(26)
def test_neither_code_nor_token_lies_anywhere_in_the_clear(ida, anna):
    code, spelled, token = invite(ida, anna)
    assert code.verifier_hash.startswith("argon2$argon2id$")
    bare = spelled.replace("-", "")
    tables = ("cases_enrolmentcode", "notifications_message", "audit_event")
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {table}")
            dump = str(cursor.fetchall())
            for secret in (spelled, bare, bare[4:], token):
                assert secret not in dump, table


# --- Inviting ------------------------------------------------------------------------


def test_inviting_notes_the_state_and_writes_a_message(ida, anna):
    code, _spelled, _token = invite(ida, anna)
    assert state_of(ida) == "invited"
    assert ida.monitorings.get().invited_at == NOW
    assert code.expires_at == NOW + 72 * HOURS
    message = sent_messages().get()
    assert message.purpose == f"invitation:{code.pk}:mail"
    assert (message.recipient, message.about) == (ida.email, ida.pk)
    assert message.expires_at == code.expires_at
    event = Event.objects.get(verb="person.invited")
    assert (event.person, event.actor) == (ida.pk, anna.pk)


def test_a_code_by_letter_lives_fourteen_days(ida, anna):
    ida.street, ida.city = "Uferweg 1", "Neckarfurt"
    ida.save()
    code, _spelled, _token = invite(ida, anna, channel="letter")
    assert code.expires_at == NOW + dt.timedelta(days=14)
    assert code.by_letter
    letter = sent_messages().get()
    assert (letter.channel, letter.state) == ("letter", "waiting")
    assert letter.expires_at == code.expires_at


def test_the_first_channel_of_the_person_is_taken(follow, anna):
    kolja = follow("Kolja", email="", mobile="+4917139200155")
    invite(kolja, anna)
    message = sent_messages().get()
    assert (message.channel, message.recipient) == ("sms", "+4917139200155")


def test_nobody_is_invited_without_address_or_monitoring(follow, anna):
    nobody = follow("Nina", email="")
    with pytest.raises(enrolment.NoWayToReach):
        invite(nobody, anna)
    monitoring = nobody.monitorings.get()
    monitoring.status, monitoring.conclusion = "concluded", "moved"
    monitoring.concluded_at, monitoring.concluded_by = NOW, anna
    monitoring.save()
    with pytest.raises(enrolment.NotMonitored):
        invite(nobody, anna, channel="none")


@pytest.mark.bar(28)
def test_a_new_code_voids_the_old_one_and_its_message(ida, anna):
    first, spelled, token = invite(ida, anna)
    second, _spelled, _token = invite(ida, anna)
    assert enrolment.look_up_code(spelled, now=NOW) is None
    assert enrolment.look_up_token(token, now=NOW) is None
    states = dict(Message.objects.values_list("purpose", "state"))
    assert states[f"invitation:{first.pk}:mail"] == "void"
    assert states[f"invitation:{second.pk}:mail"] == "waiting"


@pytest.mark.bar(28)
def test_a_code_dies_to_the_second(ida, anna):
    _code, spelled, token = invite(ida, anna)
    last = NOW + 72 * HOURS - dt.timedelta(seconds=1)
    assert enrolment.look_up_code(spelled, now=last)
    assert enrolment.look_up_token(token, now=last)
    assert enrolment.look_up_code(spelled, now=NOW + 72 * HOURS) is None
    assert enrolment.look_up_token(token, now=NOW + 72 * HOURS) is None


FORBIDDEN = (
    "corona", "covid", "quarantine", "quarantäne", "isolation", "symptom", "infect",
    "infekt", "test", "krank", "ill", "sommer", "ida ", "diary", "tagebuch", "positiv",
)  # fmt: skip


@pytest.mark.bar(29)
@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
@pytest.mark.parametrize("channel", ["mail", "sms"])
def test_the_message_is_neutral(follow, anna, authority, language, channel):
    ida = follow(mobile="+4917139200155", language=language)
    invite(ida, anna, channel=channel)
    message = sent_messages().get()
    rendered = render(message)
    text = f"{rendered.subject}\n{rendered.body}".lower()
    token = json.loads(message.token)
    text = text.replace(token["token"].lower(), "").replace(token["code"].lower(), "")
    for word in FORBIDDEN:
        assert not re.search(rf"\b{word.strip()}", text), word
    assert authority.name.lower() in text
    assert "/enrolment/link/" in text


def test_by_phone_ends_codes_and_asks_for_no_account(ida, anna):
    code, _spelled, token = invite(ida, anna)
    enrolment.by_phone(ida, by=anna, now=NOW)
    assert state_of(ida) == "by_phone"
    assert enrolment.look_up_token(token, now=NOW) is None
    assert sent_messages().get().state == "void"
    assert EnrolmentCode.objects.get(pk=code.pk).voided_at == NOW


# --- The birth date ------------------------------------------------------------------


@pytest.mark.bar(27)
def test_five_wrong_birth_dates_end_the_code(ida, anna):
    code, spelled, _token = invite(ida, anna)
    for _try in range(5):
        assert not enrolment.confirm_birth_date(code, dt.date(1992, 3, 3), now=NOW)
    assert not enrolment.confirm_birth_date(code, BORN, now=NOW)
    assert enrolment.look_up_code(spelled, now=NOW) is None
    assert Event.objects.filter(verb="code.locked", person=ida.pk).count() == 1


def test_the_right_birth_date_after_four_wrong_ones_opens(ida, anna):
    code, _spelled, _token = invite(ida, anna)
    for _try in range(4):
        enrolment.confirm_birth_date(code, dt.date(1992, 3, 3), now=NOW)
    assert enrolment.confirm_birth_date(code, BORN, now=NOW)


def test_an_unknown_birth_date_is_stated_by_the_person(follow, anna):
    kolja = follow("Kolja", born=None)
    code, _spelled, _token = invite(kolja, anna)
    assert enrolment.confirm_birth_date(code, BORN, now=NOW)
    kolja.refresh_from_db()
    assert (kolja.birth_date, kolja.birth_date_source) == (BORN, "self")
    assert not enrolment.confirm_birth_date(code, dt.date(1992, 3, 3), now=NOW)


# --- The login -----------------------------------------------------------------------


def test_registering_links_person_and_login(ida, anna):
    user = registered(ida, anna)
    ida.refresh_from_db()
    assert ida.user == user
    assert (user.roles, user.language) == ([], "en")
    assert state_of(ida) == "registered"
    reporter = Reporter.objects.get()
    assert (reporter.user, reporter.person, reporter.kind) == (user, ida, "self")
    today = NOW.date()
    assert list(Person.objects.reported_by(user, on=today)) == [ida]


def test_a_code_makes_one_account(ida, anna):
    code, _spelled, _token = invite(ida, anna)
    enrolment.register(
        code, email="ida@mail.example", password=PASSWORD, language="en", now=NOW
    )
    with pytest.raises(enrolment.CodeOver):
        enrolment.register(
            code, email="eve@mail.example", password=PASSWORD, language="en", now=NOW
        )
    assert not User.objects.filter(email="eve@mail.example").exists()


def test_an_address_in_use_leaves_the_code_unused(follow, anna):
    registered(follow(), anna)
    kolja = follow("Kolja")
    code, spelled, _token = invite(kolja, anna)
    with pytest.raises(enrolment.AddressInUse):
        enrolment.register(
            code, email="IDA@mail.example", password=PASSWORD, language="en", now=NOW
        )
    assert enrolment.look_up_code(spelled, now=NOW) == code


def test_one_login_keeps_two_diaries(follow, anna):
    mother = registered(follow(), anna)
    child = follow("Kim", email="")
    code, _spelled, _token = invite(child, anna, channel="none")
    enrolment.report_for(code, mother, kind="custody", now=NOW)
    assert state_of(child) == "registered"
    assert Person.objects.reported_by(mother, on=NOW.date()).count() == 2
    assert Person.objects.get(pk=child.pk).user is None


def test_a_new_code_lets_the_owner_in_again(ida, anna):
    user = registered(ida, anna)
    code, _spelled, _token = invite(ida, anna)
    assert state_of(ida) == "registered", "nobody falls back"
    again = enrolment.register(
        code, email="new@mail.example", password="mills and rivers", language="de",
        now=NOW,
    )  # fmt: skip
    assert again.pk == user.pk
    assert again.session_epoch > user.session_epoch, "other devices are signed out"
    assert Reporter.objects.count() == 1


def test_registering_settles_not_registered(ida, anna):
    from cases import escalation

    code, _spelled, _token = invite(ida, anna)
    escalation.raise_(
        ida.monitorings.get(),
        Escalation.Reason.NOT_REGISTERED,
        occasion=str(code.pk),
        facts={},
        now=NOW,
    )
    enrolment.register(
        code, email="ida@mail.example", password=PASSWORD, language="en", now=NOW
    )
    assert not Escalation.objects.open().exists()


# --- The steps -----------------------------------------------------------------------


def test_the_notice_is_noted_once_with_version_and_time(ida, anna):
    user = registered(ida, anna)
    enrolment.acknowledge(user, now=NOW)
    enrolment.acknowledge(user, now=NOW + HOURS)
    seen = Acknowledgement.objects.get()
    assert (seen.notice, seen.seen_at) == (enrolment.NOTICE, NOW)


def test_steps_are_found_again(ida, anna):
    user = registered(ida, anna)
    monitoring = enrolment.unfinished(user, on=NOW.date())
    assert monitoring.person == ida
    assert enrolment.next_step(user, monitoring) == "enrolment:notice"
    enrolment.acknowledge(user, now=NOW)
    assert enrolment.next_step(user, monitoring) == "enrolment:details"
    enrolment.save_details(ida, {"city": "Neckarfurt"}, by=user, now=NOW)
    assert enrolment.next_step(user, monitoring) == "enrolment:questionnaire"
    with pytest.raises(enrolment.StepsMissing):
        enrolment.complete(monitoring, by=user, now=NOW)
    enrolment.save_questionnaire(monitoring, {"has_symptoms": False}, by=user, now=NOW)
    assert enrolment.next_step(user, monitoring) == "contacts:asked"
    enrolment.contacts_named(monitoring, by=user, now=NOW)
    assert enrolment.next_step(user, monitoring) is None
    done = enrolment.complete(monitoring, by=user, now=NOW + HOURS)
    assert (done.enrolment, done.enrolled_at) == ("enrolled", NOW + HOURS)
    assert enrolment.unfinished(user, on=NOW.date()) is None


def test_completing_settles_the_first_call(ida, anna):
    from cases import escalation

    user = registered(ida, anna)
    monitoring = ida.monitorings.get()
    for reason in ("first_call", "first_call_overdue"):
        escalation.raise_(monitoring, reason, occasion=reason, facts={}, now=NOW)
    enrolment.save_details(ida, {}, by=user, now=NOW)
    enrolment.save_questionnaire(monitoring, {"has_symptoms": False}, by=user, now=NOW)
    enrolment.complete(monitoring, by=user, now=NOW)
    reasons = Escalation.objects.open().values_list("reason", flat=True)
    assert not {"first_call", "first_call_overdue"} & set(reasons)


def test_details_changed_by_the_citizen_are_a_visible_change(ida, anna):
    user = registered(ida, anna)
    enrolment.save_details(ida, {"city": "Neckarfurt"}, by=user, now=NOW, version=1)
    event = Event.objects.get(verb="person.changed", actor=user.pk)
    assert (event.fields, event.actor_kind) == (["city"], "citizen")
    with pytest.raises(ChangedMeanwhile):
        enrolment.save_details(ida, {"city": "Bad"}, by=user, now=NOW, version=1)


def test_a_stated_onset_counts_where_nobody_had_asked(ida, anna):
    user = registered(ida, anna)
    onset = dt.date(2026, 11, 21)
    changes = {"has_symptoms": True, "onset": onset, "symptoms": ["cough"]}
    enrolment.save_questionnaire(
        ida.monitorings.get(), changes, by=user, now=NOW, version=1
    )
    case = ida.cases.get()
    assert (case.onset_kind, case.onset) == ("date", onset)
    assert case.onset_source == "questionnaire"
    proposal = ida.monitorings.get().orders.get()
    assert not proposal.is_issued, "a named official issues"


def test_an_earlier_onset_than_recorded_is_for_an_official(ida, anna):
    user = registered(ida, anna)
    Case.objects.update(
        onset_kind="date", onset=dt.date(2026, 11, 22), onset_source="official"
    )
    changes = {"has_symptoms": True, "onset": dt.date(2026, 11, 20)}
    monitoring = ida.monitorings.get()
    enrolment.save_questionnaire(monitoring, changes, by=user, now=NOW)
    assert ida.cases.get().onset == dt.date(2026, 11, 22)
    differs = Escalation.objects.open().get(reason="onset_differs")
    assert differs.facts == {"diary": "2026-11-20", "case": "2026-11-22"}


def test_answers_are_sealed(ida, anna):
    user = registered(ida, anna)
    enrolment.save_questionnaire(
        ida.monitorings.get(),
        {"has_conditions": True, "conditions": "Asthma"},
        by=user,
        now=NOW,
    )
    with connection.cursor() as cursor:
        for table in ("cases_questionnaire", "cases_revision", "audit_event"):
            cursor.execute(f"SELECT * FROM {table}")
            assert "Asthma" not in str(cursor.fetchall()), table


PROCESSES = ["invite", "by_phone", "confirm", "register", "details", "answers"]


@pytest.mark.parametrize("process", PROCESSES)
def test_the_processes_survive_refused_statements(ida, anna, process):
    code, _spelled, _token = invite(ida, anna)
    user, monitoring = None, ida.monitorings.get()
    if process in ("details", "answers"):
        user = enrolment.register(
            code, email="ida@mail.example", password=PASSWORD, language="en", now=NOW
        )
    run = {
        "invite": lambda: invite(ida, anna),
        "by_phone": lambda: enrolment.by_phone(ida, by=anna, now=NOW),
        "confirm": lambda: enrolment.confirm_birth_date(
            code, dt.date(1992, 3, 3), now=NOW
        ),
        "register": lambda: enrolment.register(
            code, email="i@mail.example", password=PASSWORD, language="en", now=NOW
        ),
        "details": lambda: enrolment.save_details(
            ida, {"city": "Neckarfurt"}, by=user, now=NOW
        ),
        "answers": lambda: enrolment.save_questionnaire(
            monitoring,
            {"has_symptoms": True, "onset": NOW.date()},
            by=user,
            now=NOW,
        ),
    }[process]

    def state():
        # What is random is left out: keys, tokens, salted hashes, sealed texts.
        rows = [
            *EnrolmentCode.objects.values_list("voided_at", "used_at", "wrong_tries"),
            *User.objects.values_list("email", "session_epoch"),
            *Person.objects.values_list("city", "version"),
            *Monitoring.objects.values_list("enrolment", "invited_at", "until"),
            *Questionnaire.objects.values_list("has_symptoms", "onset", "version"),
            *Case.objects.values_list("onset", "version"),
            *Reporter.objects.values_list("kind"),
            *Event.objects.values_list("verb", "subject_kind"),
            *Message.objects.values_list("template", "state"),
        ]
        return sorted(map(str, rows))

    survives(run, state)


# --- Pages ---------------------------------------------------------------------------


@pytest.mark.bar(26, 28)
def test_a_link_changes_nothing_until_the_birth_date_is_sent(ida, anna, client):
    _code, _spelled, token = invite(ida, anna)
    for _scan in range(20):
        scanner = browser()
        assert scanner.get(f"/enrolment/link/{token}/").url == LANDING
        assert scanner.head(f"/enrolment/link/{token}/").status_code == 302
    assert state_of(ida) == "invited"
    client.get(f"/enrolment/link/{token}/")
    page = client.get(LANDING)
    assert token not in page.content.decode(), "the token has left page and address"
    answer = client.post(LANDING, BIRTH)
    assert (answer.status_code, answer.url) == (302, "/enrolment/register/")


def test_a_citizen_enrols_from_code_to_diary(ida, anna, client):
    _code, spelled, _token = invite(ida, anna)
    answer = client.post(LANDING, {"code": spelled.lower(), **BIRTH})
    assert answer.url == "/enrolment/register/"
    short = client.post(answer.url, {"login": "ida@mail.example", "password": "short"})
    assert short.status_code == 422
    answer = client.post(
        answer.url, {"login": "ida@mail.example", "password": PASSWORD}
    )
    assert answer.url == "/account/passkeys/offer/?next=%2Fenrolment%2Fcontinue%2F"
    assert b'href="/enrolment/continue/"' in client.get(answer.url).content
    assert client.get("/enrolment/continue/").url == "/enrolment/notice/"
    assert b"Article 13 GDPR" in client.get("/enrolment/notice/").content
    answer = client.post("/enrolment/notice/")
    assert answer.url == "/enrolment/details/"
    page = client.get(answer.url)
    data = sent(page.context["form"]) | {
        "street": "Fährgasse 2", "postal_code": "70001", "city": "Neckarfurt",
    }  # fmt: skip
    answer = client.post(answer.url, data)
    assert answer.url == "/enrolment/questionnaire/"
    page = client.get(answer.url)
    assert b"checked" not in page.content, "nothing is preselected"
    data = sent(page.context["form"]) | no_to_all()
    answer = client.post(answer.url, data)
    assert answer.url == "/contacts/enrolment/"
    answer = client.post("/contacts/enrolment/")
    assert answer.url == f"/diary/{ida.pk}/"
    assert state_of(ida) == "enrolled"
    ida.refresh_from_db()
    assert ida.street == "Fährgasse 2"
    assert client.get("/enrolment/details/").url == "/", "there is nothing left to do"


def sent(form):
    """What a browser sends when nothing is changed."""
    data = {}
    for bound in form:
        value = bound.value()
        name = bound.html_name
        if bound.field.show_hidden_initial:
            data[bound.html_initial_name] = "" if value is None else value
        if value not in (None, False, []):
            data[name] = value
    return data


def no_to_all():
    questions = (
        "has_symptoms", "has_source_guess", "has_conditions", "is_medical_staff",
        "met_vulnerable",
    )  # fmt: skip
    return dict.fromkeys(questions, "False")


def test_every_mismatch_gets_the_same_answer(ida, anna, client):
    _code, spelled, _token = invite(ida, anna)
    wrong_day = BIRTH | {"birth_date_day": "3"}
    other = "0000-0000-0000-00000"
    answers = [
        browser().post(LANDING, {"code": spelled, **wrong_day}),
        browser().post(LANDING, {"code": other, **BIRTH}),
        browser().post(LANDING, {"code": "nonsense", **BIRTH}),
    ]
    EnrolmentCode.objects.update(expires_at=NOW)
    answers.append(browser().post(LANDING, {"code": spelled, **BIRTH}))
    texts = {answer.context["form"].non_field_errors()[0] for answer in answers}
    assert texts == {
        "This code and birth date do not match. Check both, or ask for a new code."
    }
    assert {answer.status_code for answer in answers} == {422}
    assert {len(answer.cookies) for answer in answers} == {len(answers[0].cookies)}


@pytest.mark.bar(28)
def test_used_replaced_and_invented_links_look_alike(ida, anna, client):
    registered(ida, anna)
    code, _spelled, used = invite(ida, anna)
    enrolment.register(
        code, email="ida@mail.example", password=PASSWORD, language="en", now=NOW
    )
    _code, _spelled, replaced = invite(ida, anna)
    invite(ida, anna)
    seen = set()
    for token in (used, replaced, "invented" * 5 + "xyz"):
        visitor = browser()
        visitor.get(f"/enrolment/link/{token}/")
        answer = visitor.post(LANDING, BIRTH)
        text = re.sub(r'value="\w{64}"', "", answer.content.decode())
        seen.add((answer.status_code, text))
    assert len(seen) == 1


def test_guessing_is_limited_over_all_authorities(authority, client):
    def guess(host, address):
        guesser = Client(
            headers={"host": f"{host}.localhost", "X-Forwarded-For": "10.1.1.1"},
            REMOTE_ADDR=address,
        )
        return guesser.post(LANDING, {"code": "nonsense", **BIRTH}).status_code

    hosts = ("neckartal", "spreetal")
    answers = [guess(hosts[number % 2], "10.7.7.7") for number in range(21)]
    assert answers == [422] * 20 + [429]
    assert guess("neckartal", "10.7.7.8") == 422


@pytest.mark.bar(27)
def test_many_who_guess_keep_nobody_out(ida, anna, client):
    """Beyond 600 wrong tries an hour each address has five; and it is written down."""
    _code, spelled, _token = invite(ida, anna)
    caches["shared"].set("limit:mismatch:", 599, 3600)

    def guess(place):
        guesser = Client(
            headers={"host": "neckartal.localhost"}, REMOTE_ADDR=f"10.9.9.{place}"
        )
        return guesser.post(LANDING, {"code": "nonsense", **BIRTH}).status_code

    assert [guess(1) for _try in range(6)] == [422] * 5 + [429]
    assert [guess(2) for _try in range(6)] == [422] * 5 + [429]
    assert Event.objects.filter(verb="code.guessed_often").count() == 1
    answer = client.post(LANDING, {"code": spelled, **BIRTH})
    assert answer.url == "/enrolment/register/", "whoever has a code comes in"


@pytest.mark.bar(27)
def test_five_wrong_codes_end_the_codes_that_begin_alike(ida, anna):
    code, spelled, _token = invite(ida, anna)
    wrong = spelled[:5] + "0000-0000-00000"
    for tries in range(1, 6):
        assert enrolment.look_up_code(wrong, now=NOW) is None
        code.refresh_from_db()
        assert code.wrong_tries == tries
    assert enrolment.look_up_code(spelled, now=NOW) is None
    assert Event.objects.filter(verb="code.locked", subject=code.pk).count() == 1


def test_many_addresses_of_one_network_are_one_guesser(authority):
    def guess(place):
        guesser = Client(
            headers={"host": "neckartal.localhost"}, REMOTE_ADDR=f"2001:db8::{place:x}"
        )
        return guesser.post(LANDING, {"code": "nonsense", **BIRTH}).status_code

    assert [guess(place) for place in range(1, 22)] == [422] * 20 + [429]


def test_a_slip_of_the_pen_is_no_guess(authority, client):
    for _slip in range(25):
        answer = client.post(LANDING, {"code": "nonsense"})
        assert answer.status_code == 422
    assert caches["shared"].get("limit:mismatch:") == 0


def test_many_guesses_at_once_get_no_further(authority):
    def guess(_number):
        guesser = Client(
            headers={"host": "neckartal.localhost"}, REMOTE_ADDR="10.7.7.9"
        )
        try:
            return guesser.post(LANDING, {"code": "nonsense", **BIRTH}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(guess, range(40)))
    assert answers == {422: 20, 429: 20}


def test_an_official_keeps_the_other_account(ida, anna, client):
    _code, spelled, _token = invite(ida, anna)
    client.post(LANDING, {"code": spelled, **BIRTH})
    client.force_login(anna)
    session = client.session
    session["account_authentication_methods_user_id"] = str(anna.pk)
    session["account_authentication_methods_user"] = str(anna.pk)
    session["account_authentication_methods"] = [{"method": "mfa", "at": 0}]
    session.save()
    page = client.get("/enrolment/report-for/")
    assert b"signed in as an official" in page.content
    assert Reporter.objects.count() == 0


def test_a_parent_keeps_the_childs_diary_too(follow, anna, client):
    ida = follow()
    mother = registered(ida, anna)
    child = follow("Kim", email="")
    _code, spelled, _token = invite(child, anna, channel="none")
    client.force_login(mother)
    answer = client.post(LANDING, {"code": spelled, **BIRTH})
    answer = client.get(answer.url)
    assert answer.url == "/enrolment/report-for/"
    answer = client.post(answer.url, {"kind": "custody"})
    assert answer.url == "/enrolment/continue/"
    assert Reporter.objects.get(person=child).kind == "custody"


def test_a_postal_code_of_another_office_is_asked_about(ida, anna, client):
    from django_tenants.utils import schema_context

    from health_authorities.models import Office, SearchText

    with schema_context("public"):
        office = Office.objects.create(
            code="1.05.5.15.", name="Stadt Münster", street="Stühmerweg 8",
            postal_code="48147", city="Münster", phone="0251 492-5300",
        )  # fmt: skip
        SearchText.objects.create(office=office, text="48147")
    user = registered(ida, anna)
    enrolment.acknowledge(user, now=NOW)
    client.force_login(user)
    page = client.get("/enrolment/details/")
    data = sent(page.context["form"]) | {
        "street": "Domplatz 1", "postal_code": "48147", "city": "Münster",
    }  # fmt: skip
    answer = client.post("/enrolment/details/", data)
    text = answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")
    text = text.replace("&nbsp;", " ").replace("\N{NON-BREAKING HYPHEN}", "-")
    assert answer.status_code == 422
    for fact in ("Stadt Münster", "Stühmerweg 8", "0251 492-5300", "Domplatz 1"):
        assert fact in text
    ida.refresh_from_db()
    assert ida.postal_code == "", "nothing is saved before the answer"
    assert b'value="48147"' in answer.content
    wrong = client.post("/enrolment/details/", data | {"confirmed": "48149"})
    assert wrong.status_code == 422, "what was confirmed is another code"
    answer = client.post("/enrolment/details/", data | {"confirmed": "48147"})
    assert answer.url == "/enrolment/questionnaire/"


def test_each_yes_asks_for_its_words(ida, anna, client):
    user = registered(ida, anna)
    enrolment.acknowledge(user, now=NOW)
    enrolment.save_details(ida, {}, by=user, now=NOW)
    client.force_login(user)
    page = client.get("/enrolment/questionnaire/")
    data = sent(page.context["form"]) | no_to_all()
    answer = client.post(
        "/enrolment/questionnaire/",
        data | {"has_conditions": "True", "has_symptoms": "True"},
    )
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"conditions", "onset"}
    empty = client.post("/enrolment/questionnaire/", sent(page.context["form"]))
    assert set(no_to_all()) <= set(empty.context["form"].errors)


def test_two_who_save_at_once_see_both_versions(ida, anna, client):
    user = registered(ida, anna)
    enrolment.acknowledge(user, now=NOW)
    client.force_login(user)
    page = client.get("/enrolment/details/")
    data = sent(page.context["form"]) | {
        "street": "Fährgasse 2", "postal_code": "70001", "city": "Neckarfurt",
    }  # fmt: skip
    enrolment.save_details(ida, {"street": "Am Markt 1"}, by=anna, now=NOW)
    answer = client.post("/enrolment/details/", data)
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "Am Markt 1" in text
    assert "Fährgasse 2" in text
    again = data | {"version": answer.context["form"]["version"].value()}
    assert client.post("/enrolment/details/", again).status_code == 302
    ida.refresh_from_db()
    assert ida.street == "Fährgasse 2"


def test_steps_need_a_login_and_are_nobody_elses(ida, anna, client, follow):
    for step in ("notice", "details", "questionnaire", "continue"):
        answer = client.get(f"/enrolment/{step}/")
        assert answer.url.startswith("/account/login/"), step
    other = registered(follow("Kolja"), anna, email="kolja@mail.example")
    enrolment.acknowledge(other, now=NOW)
    client.force_login(other)
    assert b"Ida" not in client.get("/enrolment/details/").content


def test_a_login_opens_only_the_diaries_it_keeps(ida, anna, client, follow):
    kolja = registered(follow("Kolja"), anna, email="kolja@mail.example")
    client.force_login(kolja)
    own = Person.objects.get(user=kolja)
    assert client.get(f"/diary/{own.pk}/dates/").status_code == 200
    foreign = client.get(f"/diary/{ida.pk}/dates/")
    missing = client.get(f"/diary/{anna.pk}/dates/")
    assert foreign.status_code == missing.status_code == 404
    Reporter.objects.filter(user=kolja).update(until=NOW.date())
    assert client.get(f"/diary/{own.pk}/dates/").status_code == 200
    with time_machine.travel(NOW + dt.timedelta(days=1), tick=False):
        client.force_login(kolja)
        assert client.get(f"/diary/{own.pk}/dates/").status_code == 404


def test_the_language_that_is_chosen_is_kept_for_pages_and_messages(ida, anna, client):
    assert b'lang="en"' in client.get(LANDING).content
    user = registered(ida, anna)
    client.force_login(user)
    client.post("/language/", {"language": "de", "next": LANDING})
    assert b'lang="de"' in client.get(LANDING).content
    ida.refresh_from_db()
    user.refresh_from_db()
    assert (ida.language, user.language) == ("de", "de")


def test_a_language_without_texts_stays_noted(follow, anna):
    kim = follow("Kim", language="tr")
    registered(kim, anna, email="kim@mail.example")
    kim.refresh_from_db()
    assert kim.language == "tr"


def test_a_code_opens_nothing_at_another_authority(ida, anna, other_authority):
    _code, spelled, token = invite(ida, anna)
    with tenant_context(other_authority):
        assert enrolment.look_up_code(spelled, now=NOW) is None
        assert enrolment.look_up_token(token, now=NOW) is None


def test_who_has_neither_address_nor_mobile_hears_of_the_telephone(anna, ida):
    _row, code, _token = enrolment.invite(ida, channel="none", by=anna, now=NOW)
    with time_machine.travel(NOW, tick=False):
        browser = Client(headers={"host": "neckartal.localhost"})
        page = browser.post(LANDING, {"code": code, **BIRTH}, follow=True)
    assert "your diary can be kept by telephone" in page.content.decode()
