"""Every process ends alike whichever of its statements the database refuses.

The table says how to call each; a process that is not in it turns a test red. Rows of
people, orders, messages and the audit trail are compared: each written exactly once.
"""

import copy
import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cases import (
    calls,
    comments,
    containment,
    daily_rules,
    enrolment,
    escalation,
    history,
    intake,
    objecting,
    on_call,
    policy,
    settling,
)
from cases.letters import letterhead, runs, writing
from cases.models import (
    Case,
    Disease,
    Escalation,
    Monitoring,
    OnCallAlarm,
    Person,
    Policy,
    PolicyExample,
    Routine,
)
from cases.views import arrival
from contacts import events, naming, sources, tracing
from contacts.guest_lists import hosts as guest_hosts
from contacts.guest_lists import receiving
from contacts.models import Contact, Event, Exposure, GuestList
from contacts.transmission.figures import Cluster
from diaries import endings, planning, submission, symptoms
from diaries.models import Entry, Symptom
from diaries.slots import Slot
from health_authorities import details, hosts, offices
from health_authorities.models import (
    Domain,
    FoundingRequest,
    HealthAuthority,
    Office,
    PlacementRequest,
    current,
)
from quarano import founding, placement, practice
from quarano.accounts import (
    adapter,
    invitations,
    logins,
    passkeys,
    presence,
    receivers,
    staff,
)
from quarano.accounts import (
    forms as account_forms,
)
from quarano.accounts.models import StaffInvitation, User
from quarano.audit import chain
from quarano.cockroach.roles import as_owner
from quarano.cockroach.transactions import retrying_transaction
from quarano.desk import first_hour
from quarano.letters import typesetting
from quarano.notifications import box, outbox, reports, texts
from quarano.notifications.models import Message
from quarano.notifications.transports import Rendered
from quarano.oversight import watch
from quarano.oversight.models import Alarm
from quarano.oversight.rules import Finding
from quarano.records import consistency
from quarano.texts import trial
from tests import world as worlds
from tests.faults import everything, processes, survives
from tests.test_pages import switches
from tests.world import DAY, NOW, TODAY, World

pytestmark = pytest.mark.undisturbed

HOUR = dt.timedelta(hours=1)
Reason = Escalation.Reason
Process = Callable[[], object]
TABLE: dict[str, Callable[[World], Process]] = {}

# Random, or sealed anew in each run, so that two runs differ by right.
RANDOM = (
    "user.password",
    "enrolmentcode.selector",
    "enrolmentcode.verifier_hash",
    "enrolmentcode.token_hash",
    "staffinvitation.token_hash",
    "message.token",
    "oncallnotice.token_hash",
    "proof.token",
    "proof.token_hash",
    "seal.hash",
    "seal.before",
    "event.subject",
    "guestlist.token_hash",
    "guestlist.selector",
    "guestlist.verifier_hash",
)
# No process but a view whose writes are a library's: tests/accounts/test_signing_in.py.
ELSEWHERE = {"quarano.accounts.logins.begin", "quarano.accounts.views.sign_out"}


def calling(process: Callable[..., object]) -> Callable[..., object]:
    """Enter into the table how a process is called: prepare, then return the call."""

    def enter(prepare: Callable[[World], Process]) -> Callable[[World], Process]:
        TABLE[f"{process.__module__}.{process.__qualname__}"] = prepare
        return prepare

    return enter


def isolation(world: World) -> Monitoring:
    return Monitoring.objects.get(person=world.ida)


def whole(func: Callable[..., object]) -> Callable[..., object]:
    """Run as one transaction what in production is a single statement or two: within
    the transaction of a test nothing else could go on after a refusal."""
    return retrying_transaction(func)


def quarantine(world: World) -> Monitoring:
    return Monitoring.objects.get(person=world.kolja)


def raised(world: World, reason: str, occasion: str = "new") -> Escalation:
    found = escalation.raise_(
        isolation(world), reason, occasion=occasion, facts={}, now=NOW
    )
    assert found is not None
    return found


# --- contacts: where a case came from -----------------------------------------------


def both(world: World) -> tuple[Case, Case]:
    return Case.objects.get(person=world.ida), Case.objects.get(person=world.lena)


@calling(sources.link)
def _(world):
    ida, lena = both(world)
    by = world.staff["case_worker"]
    return lambda: sources.link(ida, source=lena, by=by, now=NOW)


@calling(sources.reject)
def _(world):
    ida, lena = both(world)
    by = world.staff["case_worker"]
    sources.link(ida, source=lena, by=by, now=NOW)
    return lambda: sources.reject(ida, source=lena, by=by, now=NOW)


@calling(sources._raise)
def _(world):
    ida, _lena = both(world)
    found = Cluster("place", "zum löwen", 3, TODAY - 4 * DAY, TODAY, ida.pk)
    about = sources._around(ida, now=NOW)
    assert about is not None
    return lambda: sources._raise(found, 3, about, now=NOW)


# --- cases: people and cases --------------------------------------------------------


@calling(intake.take_up)
def _(world):
    report = intake.Report(
        given_name="Mona", family_name="Reich", email="mona@mail.example",
        birth_date=dt.date(1970, 1, 2), disease=Disease.objects.get(),
        onset=TODAY - 2 * DAY, specimen_date=TODAY - DAY, test_kind="pcr",
    )  # fmt: skip
    return lambda: intake.take_up(report, by=world.staff["case_worker"], now=NOW)


@calling(intake.add_person)
def _(world):
    details = intake.PersonDetails(
        given_name="Mona", family_name="Reich", protected=True
    )
    return lambda: intake.add_person(details, by=world.staff["case_worker"], now=NOW)


@calling(intake.open_quarantine)
def _(world):
    disease = Disease.objects.get()
    details = intake.PersonDetails(given_name="Mona", family_name="Reich")
    return lambda: intake.open_quarantine(
        details, disease=disease, last_exposure=TODAY - DAY,
        by=world.staff["case_worker"], now=NOW,
    )  # fmt: skip


@calling(intake.revise_case)
def _(world):
    case = isolation(world).case
    return lambda: intake.revise_case(
        case, {"onset": TODAY - 2 * DAY}, by=world.staff["case_worker"], now=NOW
    )


@calling(intake.change_details)
def _(world):
    return lambda: intake.change_details(
        world.ida, {"city": "Neckarsand", "email": "new@mail.example"},
        by=world.staff["case_worker"], now=NOW, version=world.ida.version,
    )  # fmt: skip


@calling(intake.look_at_details)
def _(world):
    world.ida.birth_date, world.ida.birth_date_source = None, ""
    world.ida.email, world.ida.street = "", ""
    world.ida.save()
    for one in Escalation.objects.filter(reason=Reason.DETAILS_MISSING):
        one.delete()
    raised_for = escalation.raise_(
        world.lena, Reason.DETAILS_MISSING, occasion="birth_date",
        facts={"missing": ["birth_date"]}, now=NOW,
    )  # fmt: skip
    assert raised_for
    return lambda: intake.look_at_details(world.lena, now=NOW)


@calling(history.revise)
def _(world):
    return lambda: history.revise(
        world.ida, {"city": "Neckarsand"}, person=world.ida,
        by=world.staff["case_worker"], now=NOW, verb="person.changed",
    )  # fmt: skip


@calling(arrival._with_details)
def _(world):
    anna, disease = world.staff["case_worker"], Disease.objects.get()
    return lambda: arrival._with_details(
        lambda person: intake.open_quarantine(
            person, disease=disease, last_exposure=TODAY, by=anna, now=NOW
        ),
        world.kolja, {"city": "Neckarsand"}, takes_over=True, by=anna, now=NOW,
    )  # fmt: skip


@calling(calls.record_call)
def _(world):
    return lambda: calls.record_call(
        world.kolja, outcome="reached", note="well", by=world.staff["case_worker"],
        now=NOW,
    )  # fmt: skip


@calling(comments.write)
def _(world):
    return lambda: comments.write(
        world.ida, "Rang twice.", by=world.staff["case_worker"], now=NOW
    )


# --- cases: isolation and quarantine ------------------------------------------------


@calling(containment.open_monitoring)
def _(world):
    person = intake.add_person(
        intake.PersonDetails(given_name="Mona", family_name="Reich"), by=None, now=NOW
    )
    disease = Disease.objects.get()
    return lambda: containment.open_monitoring(
        person, kind="quarantine", disease=disease, anchor_kind="last_exposure",
        anchor_day=TODAY, reported_at=NOW, by=world.staff["case_worker"], now=NOW,
    )  # fmt: skip


@calling(containment.rebuild_end)
def _(world):
    monitoring = quarantine(world)
    Monitoring.objects.filter(pk=monitoring.pk).update(until=TODAY + 40 * DAY)
    return lambda: containment.rebuild_end(monitoring)


@calling(consistency.rebuild)
def _(world):
    spoilt = {"search_text": "", "last_entry_at": None, "last_reached_at": NOW}
    Person.objects.filter(pk=world.ida.pk).update(**spoilt)
    Monitoring.objects.filter(person=world.ida).update(until=TODAY + 40 * DAY)
    return lambda: consistency.rebuild(world.ida, now=NOW)


@calling(containment.propose)
def _(world):
    monitoring = quarantine(world)
    Monitoring.objects.filter(pk=monitoring.pk).update(anchor_day=TODAY)
    return lambda: containment.propose(monitoring, now=NOW)


@calling(containment._look_again)
def _(world):
    monitoring = quarantine(world)
    Monitoring.objects.filter(pk=monitoring.pk).update(anchor_day=TODAY)
    return lambda: containment._look_again(monitoring, now=NOW)


@calling(containment._issue)
def _(world):
    monitoring, anna = quarantine(world), world.staff["case_worker"]
    return lambda: containment.issue(monitoring, by=anna, now=NOW)


@calling(containment.expose_again)
def _(world):
    monitoring = quarantine(world)
    return lambda: containment.expose_again(
        monitoring, last_exposure=TODAY, by=world.staff["case_worker"], now=NOW
    )


@calling(containment.extend)
def _(world):
    monitoring = isolation(world)
    return lambda: containment.extend(
        monitoring, until=monitoring.until + 2 * DAY, reasons="fever",
        by=world.staff["physician"], now=NOW,
    )  # fmt: skip


@calling(containment.shorten)
def _(world):
    monitoring = isolation(world)
    return lambda: containment.shorten(
        monitoring, until=monitoring.until - DAY, reasons="well",
        by=world.staff["physician"], now=NOW,
    )  # fmt: skip


@calling(containment.lift)
def _(world):
    monitoring = isolation(world)
    return lambda: containment.lift(
        monitoring, reasons="well", by=world.staff["case_worker"], now=NOW
    )


@calling(containment.serve)
def _(world):
    order = isolation(world).orders.issued().get()
    return lambda: containment.serve(
        order, way="post", effective_on=TODAY, by=world.staff["case_worker"], now=NOW
    )


@calling(containment.conclude)
def _(world):
    monitoring = isolation(world)
    return lambda: containment.conclude(
        monitoring, conclusion="moved", by=world.staff["case_worker"], now=NOW
    )


@calling(containment.lapse)
def _(world):
    monitoring = isolation(world)
    for one in Escalation.objects.open().filter(person=world.ida):
        escalation.settle(one, outcome="called", by=world.staff["case_worker"], now=NOW)
    return lambda: containment.lapse(monitoring, now=NOW + 30 * DAY)


@calling(containment.reopen)
def _(world):
    monitoring = isolation(world)
    containment.conclude(
        monitoring, conclusion="moved", by=world.staff["case_worker"], now=NOW
    )
    return lambda: containment.reopen(monitoring, by=world.staff["supervisor"], now=NOW)


@calling(containment.record_death)
def _(world):
    return lambda: containment.record_death(
        world.kolja, died_on=TODAY, by=world.staff["case_worker"], now=NOW
    )


@calling(containment.set_hospital)
def _(world):
    case = isolation(world).case
    return lambda: containment.set_hospital(
        case, TODAY, None, by=world.staff["case_worker"], now=NOW
    )


# --- cases: enrolment ---------------------------------------------------------------


def code_of(world):
    return world.kolja.enrolment_codes.get()


@calling(enrolment.invite)
def _(world):
    return lambda: enrolment.invite(
        world.kolja, channel="mail", by=world.staff["case_worker"], now=NOW
    )


@calling(writing.write_order)
def _(world):
    order = isolation(world).orders.issued().get()
    writing.withdraw(world.ids["letter"], by=world.staff["case_worker"], now=NOW)
    return lambda: writing.write_order(order, by=world.staff["case_worker"], now=NOW)


@calling(writing.write_release)
def _(world):
    anna, monitoring = world.staff["case_worker"], isolation(world)
    containment.lift(monitoring, reasons="discarded", by=anna, now=NOW)
    return lambda: writing.write_release(monitoring, by=anna, now=NOW)


@calling(writing.withdraw)
def _(world):
    return lambda: writing.withdraw(
        world.ids["letter"], by=world.staff["case_worker"], now=NOW
    )


@calling(runs.open_run)
def _(world):
    return lambda: runs.open_run(by=world.staff["case_worker"], now=NOW)


@calling(runs.note_print)
def _(world):
    anna = world.staff["case_worker"]
    run = runs.open_run(by=anna, now=NOW)
    return lambda: runs.note_print(run, by=anna, now=NOW)


@calling(runs.post)
def _(world):
    anna = world.staff["case_worker"]
    run = runs.open_run(by=anna, now=NOW)
    runs.note_print(run, by=anna, now=NOW)
    return lambda: runs.post(run, by=anna, now=NOW)


@calling(runs.put_back)
def _(world):
    anna = world.staff["case_worker"]
    run = runs.open_run(by=anna, now=NOW)
    return lambda: runs.put_back(run, by=anna, now=NOW)


@calling(letterhead.set_logo)
def _(world):
    picture, ada = typesetting.Logo(b"<svg/>", "svg"), world.staff["administrator"]
    return lambda: letterhead.set_logo(picture, by=ada, now=NOW)


@calling(letterhead.remove_logo)
def _(world):
    picture, ada = typesetting.Logo(b"<svg/>", "svg"), world.staff["administrator"]
    letterhead.set_logo(picture, by=ada, now=NOW)
    return lambda: letterhead.remove_logo(by=ada, now=NOW)


@calling(enrolment.by_phone)
def _(world):
    return lambda: enrolment.by_phone(
        world.kolja, by=world.staff["case_worker"], now=NOW
    )


@calling(enrolment.confirm_birth_date)
def _(world):
    code = code_of(world)
    return lambda: enrolment.confirm_birth_date(code, dt.date(1900, 1, 1), now=NOW)


@calling(enrolment.look_up_code)
def _(world):
    code = code_of(world)
    return lambda: enrolment.look_up_code(f"{code.selector}{'0' * 13}", now=NOW)


@calling(enrolment.note_guessing)
def _(world):
    return lambda: enrolment.note_guessing(600, now=NOW)


@calling(enrolment.register)
def _(world):
    code = code_of(world)
    return lambda: enrolment.register(
        code, email="kolja@mail.example", password=worlds.PASSWORD, language="de",
        now=NOW,
    )  # fmt: skip


@calling(enrolment.report_for)
def _(world):
    code = code_of(world)
    return lambda: enrolment.report_for(code, world.ida.user, kind="helper", now=NOW)


@calling(enrolment.keep_language)
def _(world):
    return lambda: enrolment.keep_language(world.ida.user, language="de", now=NOW)


@calling(enrolment.acknowledge)
def _(world):
    world.ida.user.acknowledgements.all().delete()
    return lambda: enrolment.acknowledge(world.ida.user, now=NOW)


def registered(world):
    user = enrolment.register(
        code_of(world), email="kolja@mail.example", password=worlds.PASSWORD,
        language="en", now=NOW,
    )  # fmt: skip
    return user, quarantine(world)


@calling(enrolment.save_details)
def _(world):
    user, _monitoring = registered(world)
    return lambda: enrolment.save_details(
        world.kolja, {"city": "Neckarsand"}, by=user, now=NOW
    )


@calling(enrolment.save_questionnaire)
def _(world):
    monitoring = isolation(world)
    return lambda: enrolment.save_questionnaire(
        monitoring, {"onset": TODAY - 6 * DAY, "doctor": "Dr. Lang"},
        by=world.ida.user, now=NOW,
    )  # fmt: skip


@calling(enrolment.complete)
def _(world):
    user, monitoring = registered(world)
    enrolment.save_details(world.kolja, {}, by=user, now=NOW)
    enrolment.save_questionnaire(monitoring, {"has_symptoms": False}, by=user, now=NOW)
    return lambda: enrolment.complete(monitoring, by=user, now=NOW)


# --- cases: on call -----------------------------------------------------------------


def rings(world: World) -> OnCallAlarm:
    current().on_call_phone = "+491713920099"
    current().on_call_phone_second = "+491713920098"
    raised(world, Reason.EMERGENCY)
    return OnCallAlarm.objects.get()


@calling(on_call.alert)
def _(world):
    current().on_call_phone = ""
    one = raised(world, Reason.EMERGENCY)
    current().on_call_phone = "+491713920099"
    return lambda: on_call.alert(one, now=NOW)


@calling(on_call.follow)
def _(world):
    alarm = rings(world)
    return lambda: on_call.follow(alarm, now=NOW + HOUR)


@calling(on_call.take)
def _(world):
    notice = rings(world).notices.get()
    return lambda: on_call.take(notice, now=NOW + HOUR)


# --- cases: escalations -------------------------------------------------------------


@calling(escalation.raise_)
def _(world):
    monitoring = isolation(world)
    return lambda: escalation.raise_(
        monitoring, Reason.SILENT, occasion="since", facts={}, now=NOW
    )


@calling(escalation.ease)
def _(world):
    monitoring = isolation(world)
    return lambda: escalation.ease(monitoring, [Reason.FEVER], now=NOW)


@calling(escalation.withdraw)
def _(world):
    monitoring = raised(world, Reason.SUSPICIOUS_SYMPTOM, "entry").monitoring
    return lambda: escalation.withdraw(
        monitoring, Reason.SUSPICIOUS_SYMPTOM, occasion="entry", now=NOW
    )


@calling(escalation.clear)
def _(world):
    raised(world, Reason.SILENT)
    monitoring = isolation(world)
    return lambda: escalation.clear(monitoring, [Reason.SILENT], now=NOW)


@calling(escalation.clear_all)
def _(world):
    one = raised(world, Reason.SILENT)
    return lambda: escalation.clear_all([one.pk], now=NOW)


@calling(escalation.settle)
def _(world):
    one = raised(world, Reason.SILENT)
    return lambda: escalation.settle(
        one, outcome="called", word="well", by=world.staff["case_worker"], now=NOW
    )


@calling(settling.settle)
def _(world):
    case = Case.objects.get(person=world.ida)
    one = escalation.raise_(
        case, Reason.ONSET_DIFFERS, occasion="2026-11-19",
        facts={"diary": "2026-11-19", "case": "2026-11-20"}, now=NOW,
    )  # fmt: skip
    return lambda: settling.settle(
        one, outcome="confirmed", word="", by=world.staff["case_worker"], now=NOW
    )


@calling(escalation.settle_many)
def _(world):
    both = [raised(world, Reason.SILENT), raised(world, Reason.ENDS)]
    return lambda: escalation.settle_many(
        both, outcome="nothing", word="", by=world.staff["supervisor"], now=NOW
    )


@calling(escalation.snooze)
def _(world):
    one = raised(world, Reason.SILENT)
    return lambda: escalation.snooze(
        one, until=NOW + HOUR, by=world.staff["case_worker"], now=NOW
    )


@calling(escalation.assign)
def _(world):
    one, anna = raised(world, Reason.SILENT), world.staff["case_worker"]
    return lambda: escalation.assign([one], to=anna, by=anna, now=NOW)


@calling(escalation.undo)
def _(world):
    one, anna = raised(world, Reason.SILENT), world.staff["case_worker"]
    escalation.settle(one, outcome="called", by=anna, now=NOW)
    return lambda: escalation.undo(one, by=anna, now=NOW)


@calling(daily_rules._call_late)
def _(world):
    monitoring = quarantine(world)
    return lambda: daily_rules._call_late(monitoring, due_at=NOW, now=NOW)


@calling(daily_rules._forget_filled)
def _(world):
    escalation.raise_(
        world.lena, Reason.DETAILS_MISSING, occasion="birth_date",
        facts={"missing": ["birth_date"]}, now=NOW,
    )  # fmt: skip
    return lambda: daily_rules._forget_filled({}, now=NOW)


# --- cases: policy and routine ------------------------------------------------------


@calling(policy.draft_policy)
def _(world):
    shipped = Policy.objects.get()
    return lambda: policy.draft_policy(
        shipped, by=world.staff["administrator"], now=NOW
    )


def draft(world):
    return policy.draft_policy(
        Policy.objects.get(), by=world.staff["administrator"], now=NOW
    )


@calling(policy.revise_policy)
def _(world):
    drafted = draft(world)
    return lambda: policy.revise_policy(
        drafted, {"remedies": "x"}, by=world.staff["administrator"], now=NOW
    )


@calling(policy.approve_policy)
def _(world):
    drafted = draft(world)
    return lambda: policy.approve_policy(drafted, by=world.staff["physician"], now=NOW)


@calling(policy.discard_policy)
def _(world):
    drafted = draft(world)
    return lambda: policy.discard_policy(
        drafted, by=world.staff["administrator"], now=NOW
    )


@calling(policy.draft_routine)
def _(world):
    routine = Routine.objects.get()
    return lambda: policy.draft_routine(
        routine, by=world.staff["administrator"], now=NOW
    )


@calling(policy.revise_routine)
def _(world):
    anna = world.staff["administrator"]
    drafted = policy.draft_routine(Routine.objects.get(), by=anna, now=NOW)
    return lambda: policy.revise_routine(drafted, {"old_age": 65}, by=anna, now=NOW)


@calling(policy.discard_routine)
def _(world):
    anna = world.staff["administrator"]
    drafted = policy.draft_routine(Routine.objects.get(), by=anna, now=NOW)
    return lambda: policy.discard_routine(drafted, by=anna, now=NOW)


# --- diaries ------------------------------------------------------------------------

EVENING = Slot(TODAY, Entry.Half.EVENING)


@calling(submission.submit)
def _(world):
    return lambda: submission.submit(
        world.ida, EVENING, by=world.ida.user, via=Entry.Via.SELF, now=NOW + 9 * HOUR,
        answers=submission.Answers(temperature=Decimal("40.1"), symptoms={"cough": 3}),
    )  # fmt: skip


@calling(submission.amend)
def _(world):
    entry = world.ida.entries.get(day=TODAY)
    return lambda: submission.amend(
        entry, by=world.ida.user, now=NOW, version=entry.version,
        answers=submission.Answers(temperature=Decimal("36.9"), symptoms={}),
    )  # fmt: skip


@calling(planning._write)
def _(world):
    now = NOW + 12 * HOUR
    people = planning._whom(planning.OWN, now=now)
    return lambda: planning._write(planning.OWN, people, now=now)


@calling(endings._lapsed)
def _(world):
    monitoring, shipped = isolation(world), Policy.objects.get()
    routine, known_symptoms = Routine.objects.get(), Symptom.objects.in_bulk()
    return lambda: endings._lapsed(
        monitoring, shipped, routine, known_symptoms, now=NOW + 30 * DAY
    )


@calling(symptoms.add)
def _(world):
    anna = world.staff["administrator"]
    return lambda: symptoms.add(Symptom(code="hiccup"), by=anna, now=NOW)


@calling(symptoms.revise)
def _(world):
    one, anna = Symptom.objects.earliest("position"), world.staff["administrator"]
    return lambda: symptoms.revise(one, {"position": 7}, by=anna, now=NOW)


# --- Logins and staff ---------------------------------------------------------------


def invited(world):
    return invitations.invite(
        name="Mia", email="mia@neckartal.example", roles=["case_worker"],
        by=world.staff["administrator"], now=NOW,
    )  # fmt: skip


@calling(invitations.invite)
def _(world):
    invited(world)
    return lambda: invited(world)


@calling(invitations.renew)
def _(world):
    anna = world.staff["case_worker"]
    return lambda: invitations.renew(anna, by=world.staff["administrator"], now=NOW)


@calling(invitations.withdraw)
def _(world):
    invitation, _token = invited(world)
    return lambda: invitations.withdraw(
        invitation, by=world.staff["administrator"], now=NOW
    )


@calling(invitations.accept)
def _(world):
    _invitation, token = invited(world)
    return lambda: invitations.accept(token, password=worlds.PASSWORD, now=NOW)


@calling(staff.change_roles)
def _(world):
    return lambda: staff.change_roles(
        world.staff["case_worker"], roles=["supervisor"],
        by=world.staff["administrator"], now=NOW,
    )  # fmt: skip


@calling(staff.deactivate)
def _(world):
    return lambda: staff.deactivate(
        world.staff["case_worker"], by=world.staff["administrator"], now=NOW
    )


@calling(staff.reactivate)
def _(world):
    anna, ada = world.staff["case_worker"], world.staff["administrator"]
    staff.deactivate(anna, by=ada, now=NOW)
    return lambda: staff.reactivate(anna, by=ada, now=NOW)


@calling(staff.end_on)
def _(world):
    return lambda: staff.end_on(
        world.staff["case_worker"], day=TODAY + DAY, by=world.staff["administrator"],
        now=NOW,
    )  # fmt: skip


@calling(presence.erase_expired)
def _(world):
    world.client(world.ida.user)
    connection.set_tenant(world.authority)
    return lambda: presence.erase_expired(now=NOW + 30 * DAY)


@calling(logins.send_code)
def _(world):
    return lambda: logins.send_code(world.ida.user, "123456", now=NOW)


@calling(logins.keep_language)
def _(world):
    return lambda: logins.keep_language(world.ida.user, language="de")


@calling(logins.end_sessions)
def _(world):
    return lambda: logins.end_sessions(world.ida.user)


@calling(logins.tell)
def _(world):
    return lambda: logins.tell(world.ida.user, "webauthn_added", now=NOW)


def passkey(user: User, number: int = 0) -> Authenticator:
    return passkeys.add(
        user, credential={"id": f"key{number}"}, name="Firefox, Linux", now=NOW
    )


@calling(passkeys.add)
def _(world):
    return lambda: passkey(world.ida.user)


@calling(passkeys._counted)
def _(world):
    made = passkey(world.ida.user)

    def counts():
        assert passkeys._counted(made, counter=1, now=NOW)

    return counts


@calling(passkeys.rename)
def _(world):
    made = passkey(world.ida.user)
    return lambda: passkeys.rename(made, name="Phone")


@calling(passkeys.remove)
def _(world):
    made = passkey(world.ida.user)
    return lambda: passkeys.remove(made)


@calling(presence.end)
def _(world):
    user, key = world.ida.user, "a" * 32
    Session.objects.create(session_key=key, session_data="", expire_date=NOW + HOUR)
    UserSession.objects.create(user=user, session_key=key, ip="192.0.2.1")
    return lambda: presence.end(user, marks=[presence._mark(key)], now=NOW)


@calling(adapter._write)
def _(world):
    return lambda: adapter._write(
        "accounts/messages/password_reset", "ida@mail.example", language="en",
        parameters={"what": "password_reset"}, token="secret",
    )  # fmt: skip


@calling(receivers.note)
def _(world):
    return lambda: receivers.note("login.succeeded", world.ida.user)


@calling(account_forms._is_new)
def _(world):
    secret = generate_totp_secret()
    TOTP.activate(world.staff["case_worker"], secret)
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
    one = Authenticator.objects.get(user=world.staff["case_worker"], type="totp")

    def opens():
        assert account_forms._is_new(one, code)

    return opens


@calling(first_hour.mark)
def _(world):
    return lambda: first_hour.mark(
        current(), step="policy", by=world.staff["administrator"], now=NOW
    )


@calling(first_hour.unmark)
def _(world):
    by = world.staff["administrator"]
    first_hour.mark(current(), step="put_away", by=by, now=NOW)
    return lambda: first_hour.unmark(current(), step="put_away", by=by, now=NOW)


# --- Messages and the trail ---------------------------------------------------------


def waiting(world: World) -> Message:
    """Kolja's invitation."""
    return Message.objects.get(about=world.kolja.pk, state=Message.State.WAITING)


@calling(outbox.claim)
def _(world):
    message = waiting(world)
    return lambda: whole(outbox.claim)(message.pk, now=NOW)


@calling(outbox.claim_some)
def _(world):
    return lambda: outbox.claim_some(3, now=NOW)


@calling(outbox.begin)
def _(world):
    outbox.claim_some(3, now=NOW)
    message = Message.objects.filter(state=Message.State.SENDING)[0]
    return lambda: whole(outbox.begin)(message, now=NOW)


@calling(outbox.sent)
def _(world):
    message = outbox.claim(waiting(world).pk, now=NOW)
    return lambda: whole(outbox.sent)(message, now=NOW)


@calling(outbox.failed)
def _(world):
    message = outbox.claim(waiting(world).pk, now=NOW)
    return lambda: whole(outbox.failed)(
        message, problem="refused", permanent=True, now=NOW
    )


@calling(outbox.expire)
def _(world):
    Message.objects.filter(pk=waiting(world).pk).update(expires_at=NOW - HOUR)
    return lambda: whole(outbox.expire)(now=NOW)


@calling(reports.note)
def _(world):
    message = outbox.claim(waiting(world).pk, now=NOW)
    lost = reports.Report(reports.UNDELIVERED, reason="absent")
    return lambda: reports.note(message.pk, lost, now=NOW)


INVITATION = ("cases/messages/invitation", "sms", "de")


@calling(texts.revise)
def _(world):
    by = world.staff["administrator"]
    return lambda: texts.revise(
        *INVITATION, source="Bitte hier: {link}", based_on="1", by=by, now=NOW
    )


@calling(texts.restore)
def _(world):
    by = world.staff["administrator"]
    texts.revise(*INVITATION, source="Hier: {link}", based_on="1", by=by, now=NOW)
    return lambda: texts.restore(*INVITATION, based_on="2", by=by, now=NOW)


@calling(trial.send)
def _(world):
    me = world.staff["administrator"]
    return lambda: trial.send(
        me, text="Post\n\nHier", channel="mail", of="x", by=me, now=NOW
    )


@calling(chain._seal_batch)
def _(world):
    return lambda: chain._seal_batch(now=NOW)


@calling(box.keep)
def _(world):
    message = outbox.write(
        "boxed", template="cases/messages/invitation", channel="mail",
        recipient="ida@example.org", language="en", now=NOW,
    )  # fmt: skip
    rendered = Rendered("ida@example.org", "s", "b", "x@y.example", "X", "<1>", NOW)
    return lambda: box.keep(message, rendered, now=NOW)


# --- Authorities, in public ---------------------------------------------------------


def operator() -> User:
    return User.objects.create_user(
        email="olga@quarano.example", name="Olga", roles=["operator"], created_at=NOW
    )


@calling(hosts.add)
def _(world):
    olga = operator()
    return lambda: hosts.add(
        "new.localhost", authority=world.authority, by=olga, now=NOW
    )


@calling(details.revise)
def _(world):
    return lambda: details.revise(
        world.authority, {"city": "Neckarsand"}, version=1, by=None, now=NOW
    )


def a_practice() -> HealthAuthority:
    return HealthAuthority.objects.create(
        name="Gesundheitsamt Neckartal (PRACTICE)", short_name="Neckartal (PRACTICE)",
        schema_name="neckartal_practice", rki_code="9.99.0.00.", federal_state="08",
        sender="nobody@practice.invalid", is_practice=True, founded_at=NOW,
    )  # fmt: skip


@calling(practice._claim)
def _(world):
    authority = a_practice()
    return lambda: practice._claim(authority, now=NOW)


@calling(practice._keep_staff)
def _(world):
    return lambda: practice._keep_staff("neckartal", "spreetal")


@calling(practice._hire)
def _(world):
    office = practice.office()
    return lambda: practice._hire(office, now=NOW)


@calling(hosts.change_details)
def _(world):
    olga = operator()
    return lambda: hosts.change_details(
        world.authority, {"city": "Neckarsand"}, by=olga, now=NOW
    )


@calling(hosts.make_primary)
def _(world):
    olga = operator()
    domain = hosts.add("new.localhost", authority=world.authority, by=olga, now=NOW)
    return lambda: hosts.make_primary(domain, by=olga, now=NOW)


@calling(hosts.remove)
def _(world):
    olga = operator()
    hosts.add("new.localhost", authority=world.authority, by=olga, now=NOW)
    domain = Domain.objects.get(domain="new.localhost")
    return lambda: hosts.remove(domain, by=olga, now=NOW)


@calling(offices._store)
def _(world):
    known_offices = {"9.99.9.99.": Office(code="9.99.9.99.", name="Somewhere")}
    return lambda: offices._store(1, known_offices, {"9.99.9.99.": {"99999"}})


def wish() -> FoundingRequest:
    return FoundingRequest(
        name="Somewhere", short_name="Somewhere", schema_name="somewhere",
        host="somewhere.localhost", rki_code="1.01.0.01.", federal_state="01",
        sender="a@b.example", administrator_name="Ada",
        administrator_email="ada@b.example", requested_at=NOW,
    )  # fmt: skip


@calling(founding.ask_for)
def _(world):
    olga = operator()
    return lambda: founding.ask_for(wish(), by=olga, now=NOW)


@calling(placement.ask_for)
def _(world):
    olga = operator()
    wanted = PlacementRequest(authority=world.authority, region="eu-west-1")
    return lambda: placement.ask_for(copy.copy(wanted), by=olga, now=NOW)


@calling(placement._note_region)
def _(world):
    return lambda: placement._note_region(world.authority, "eu-west-1", now=NOW)


@calling(founding.ask_again)
def _(world):
    olga = operator()
    asked = founding.ask_for(wish(), by=olga, now=NOW)
    FoundingRequest.objects.filter(pk=asked.pk).update(state="failed")
    return lambda: founding.ask_again(asked.pk, by=olga, now=NOW)


@calling(founding._reserve)
def _(world):
    from health_authorities.models import HealthAuthority

    def reserve():
        wanted = HealthAuthority(
            name="Somewhere", short_name="Somewhere", schema_name="somewhere",
            rki_code="1.01.0.01.", federal_state="01", sender="a@b.example",
        )  # fmt: skip
        return founding._reserve(wanted, host="somewhere.localhost")

    return reserve


@calling(founding._fill)
def _(world):
    for model in (PolicyExample, Policy, Disease, Routine, Symptom):
        model.objects.all().delete()
    return lambda: founding._fill(current(), now=NOW)


@calling(founding._open)
def _(world):
    StaffInvitation.objects.all().delete()
    return lambda: founding._open(
        current(), "Ada Verwaltung", "ada@spreetal.example", now=NOW
    )


# --- audit and oversight -------------------------------------------------------------


def sealed_and_old() -> None:
    chain.seal(now=NOW)


@calling(chain._cut)
def _(world):
    sealed_and_old()
    later = NOW + DAY
    return lambda: chain._cut(before=later, now=later)


@calling(chain._erase_batch)
def _(world):
    sealed_and_old()

    def erase():
        with as_owner():
            chain._erase_batch(3)

    return erase


@calling(watch.raise_alarm)
def _(world):
    finding = Finding("night", TODAY.isoformat(), NOW)
    anna = world.staff["case_worker"]
    return lambda: watch.raise_alarm(anna.pk, finding=finding, by=None, now=NOW)


@calling(watch.settle)
def _(world):
    alarm, by = Alarm.objects.get(), world.staff["supervisor"]
    return lambda: watch.settle(alarm, outcome="explained", word="x", by=by, now=NOW)


@calling(watch.forget)
def _(world):
    alarm, by = Alarm.objects.get(), world.staff["supervisor"]
    watch.settle(alarm, outcome="explained", word="x", by=by, now=NOW)
    return lambda: watch.forget(before=NOW + DAY)


# --- Contacts ------------------------------------------------------------------------

BAKER = naming.ContactDetails(given_name="Kim", family_name="Ofen", hint="the baker")
MET = naming.Meeting(day=TODAY, setting="work", distance="near", minutes=60)


def anna(world: World) -> User:
    return world.staff["case_worker"]


def berta() -> Contact:
    """Whom Ida named; waits for an official."""
    return Contact.objects.get(met__given_name="Ida")


def berta_is_followed(world: World) -> Monitoring:
    found = tracing.take_over(
        berta(), tracing.details_of(berta()), by=anna(world), now=NOW
    )
    assert found.monitoring is not None
    return found.monitoring


@calling(naming.name_contact)
def _(world):
    by = anna(world)
    return lambda: naming.name_contact(world.ida, BAKER, meetings=[MET], by=by, now=NOW)


@calling(naming.name_or_add)
def _(world):
    by = anna(world)
    return lambda: naming.name_or_add(
        world.ida, None, BAKER, meetings=[MET], by=by, now=NOW
    )


@calling(enrolment.contacts_named)
def _(world):
    monitoring, by = isolation(world), world.ida.user
    return lambda: enrolment.contacts_named(monitoring, by=by, now=NOW)


@calling(naming.record_exposure)
def _(world):
    contact, by = berta(), world.ida.user
    return lambda: naming.record_exposure(contact, MET, by=by, now=NOW)


@calling(naming.revise_exposure)
def _(world):
    exposure, by = berta().exposures.get(), world.ida.user
    return lambda: naming.revise_exposure(exposure, {"minutes": 3}, by=by, now=NOW)


@calling(naming.withdraw_exposure)
def _(world):
    exposure, by = berta().exposures.get(), anna(world)
    return lambda: naming.withdraw_exposure(exposure, why="x", by=by, now=NOW)


@calling(naming.revise_contact)
def _(world):
    contact, by = berta(), anna(world)
    changes = {"health_staff": "yes", "hint": "the other baker"}
    return lambda: naming.revise_contact(contact, changes, by=by, now=NOW)


@calling(naming.state_day)
def _(world):
    ida, by = world.ida, world.ida.user
    return lambda: naming.state_day(ida, TODAY, said="nobody", by=by, now=NOW)


@calling(tracing.accept)
def _(world):
    exposures, by = list(berta().exposures.all()), anna(world)
    return lambda: tracing.accept(exposures, by=by, now=NOW)


@calling(tracing.review)
def _(world):
    contact, by = berta(), anna(world)
    return lambda: tracing.review(contact, by=by, now=NOW)


@calling(tracing.dismiss)
def _(world):
    contact, by = berta(), anna(world)
    return lambda: tracing.dismiss(contact, why="x", by=by, now=NOW)


@calling(tracing.bring_back)
def _(world):
    contact, by = berta(), anna(world)
    tracing.dismiss(contact, why="x", by=by, now=NOW)
    return lambda: tracing.bring_back(contact, by=by, now=NOW)


@calling(tracing.tell)
def _(world):
    contact, by = berta(), anna(world)
    return lambda: tracing.tell(contact, by=by, now=NOW)


@calling(tracing.take_over)
def _(world):
    contact, by = berta(), anna(world)
    who = tracing.details_of(contact)
    return lambda: tracing.take_over(
        contact, who, issue=True, channel="sms", by=by, now=NOW
    )


@calling(tracing.weigh_contact)
def _(world):
    contact = berta()
    contact.exposures.update(setting="household")
    return lambda: tracing.weigh_contact(contact, by=None, now=NOW)


@calling(tracing.weigh_person)
def _(world):
    person = berta_is_followed(world).person
    person.contacts_of.get().exposures.update(setting="household")
    return lambda: tracing.weigh_person(person, by=None, now=NOW)


@calling(tracing.weigh_case)
def _(world):
    berta_is_followed(world)
    case = Case.objects.get(person=world.ida)
    Case.objects.filter(pk=case.pk).update(onset=TODAY + 5 * DAY)
    return lambda: tracing.weigh_case(case, by=None, now=NOW)


@calling(tracing.record_immunity)
def _(world):
    person, by = berta_is_followed(world).person, anna(world)
    disease = Disease.objects.get()
    return lambda: tracing.record_immunity(
        person, disease=disease, kind="vaccination",
        day=TODAY - 60 * DAY, dose=2, proof_seen=True, by=by, now=NOW,
    )  # fmt: skip


@calling(tracing.take_up_case)
def _(world):
    berta_is_followed(world)
    case = Case.objects.get(person=world.ida)
    naming.name_contact(world.kolja, BAKER, meetings=[MET], by=anna(world), now=NOW)
    Contact.objects.filter(met=world.kolja).update(met=world.ida)
    Exposure.objects.filter(case__isnull=True).update(met=world.ida)
    return lambda: tracing.take_up_case(case, by=None, now=NOW)


@calling(containment.restate)
def _(world):
    monitoring, by = Monitoring.objects.get(person=world.kolja), anna(world)
    return lambda: containment.restate(monitoring, TODAY - DAY, by=by, now=NOW)


@calling(objecting.object_to)
def _(world):
    monitoring, by = isolation(world), world.ida.user
    return lambda: objecting.object_to(
        monitoring, step="onset", day=TODAY - 2 * DAY, by=by, now=NOW
    )


@calling(containment.rest_on)
def _(world):
    monitoring, by = berta_is_followed(world), anna(world)
    basis = containment.Basis("last_exposure", TODAY, None, "close")
    return lambda: containment.rest_on(monitoring, basis, by=by, now=NOW)


# --- Events and guest lists ----------------------------------------------------------

SHIFT = events.Details(
    name="Shift", kind="work", place="Mill", starts_at=NOW - DAY, ends_at=NOW - DAY / 2
)


def gathering() -> Event:
    """Where Ida sang; one guest taken in, one ready, one to be mended."""
    return Event.objects.get(name__endswith="Choir")


def pasted() -> GuestList:
    return GuestList.objects.get(way="pasted")


@calling(events.record)
def _(world):
    case, by = world.ida.cases.get(), anna(world)
    return lambda: events.record(SHIFT, cases=[case], by=by, now=NOW)


@calling(events.revise)
def _(world):
    event, by = gathering(), anna(world)
    ends_at = NOW - DAY
    return lambda: events.revise(
        event, {"place": "Barn", "ends_at": ends_at}, by=by, now=NOW
    )


@calling(events.discard)
def _(world):
    event, by = gathering(), anna(world)
    return lambda: events.discard(event, why="another day", by=by, now=NOW)


@calling(events.note_case)
def _(world):
    event, case, by = gathering(), world.lena.cases.get(), anna(world)
    return lambda: events.note_case(event, case, by=by, now=NOW)


@calling(events.remove_case)
def _(world):
    event, case, by = gathering(), world.ida.cases.get(), anna(world)
    return lambda: events.remove_case(event, case, by=by, now=NOW)


@calling(receiving.receive)
def _(world):
    event, by = gathering(), anna(world)
    rows = receiving.lines("Kim Alt; 0621 3344556\nNobody")
    return lambda: receiving.receive(event, rows, way="pasted", by=by, now=NOW)


@calling(receiving.name_columns)
def _(world):
    by = anna(world)
    rows = receiving.lines("Name;Tel\nKim Alt;0621 3344556")
    kept = receiving.receive(gathering(), rows, way="pasted", by=by, now=NOW)
    return lambda: receiving.name_columns(kept, ["name", "hint"], by=by, now=NOW)


@calling(receiving.mend)
def _(world):
    kept, by = pasted(), anna(world)
    row = {"family_name": "Mended", "hint": "sang bass"}
    return lambda: receiving.mend(kept, {3: row}, left_out=[2], by=by, now=NOW)


@calling(receiving.take_in)
def _(world):
    kept, by = pasted(), anna(world)
    return lambda: receiving.take_in(kept, by=by, now=NOW)


@calling(receiving.add_guest)
def _(world):
    event, by = gathering(), anna(world)
    values = {"given_name": "Kim", "family_name": "Alt", "hint": "sang alto"}
    return lambda: receiving.add_guest(event, values, by=by, now=NOW)


@calling(receiving.undo)
def _(world):
    kept, by = pasted(), anna(world)
    return lambda: receiving.undo(kept, by=by, now=NOW)


@calling(guest_hosts.ask)
def _(world):
    event, by = gathering(), anna(world)
    Event.objects.filter(pk=event.pk).update(host_email="host@choir.example")
    return lambda: guest_hosts.ask(event, by=by, now=NOW)


@calling(guest_hosts.withdraw)
def _(world):
    waiting, by = GuestList.objects.get(way="host"), anna(world)
    return lambda: guest_hosts.withdraw(waiting, by=by, now=NOW)


@calling(guest_hosts.confirm)
def _(world):
    _list, _code, token = guest_hosts.ask(gathering(), by=anna(world), now=NOW)
    return lambda: guest_hosts.confirm(token, "0" * 17, now=NOW)


@calling(guest_hosts.hand_in)
def _(world):
    waiting = GuestList.objects.get(way="host")
    rows = receiving.lines("Kim Alt; 0621 3344556\nNobody")
    return lambda: guest_hosts.hand_in(waiting, rows, now=NOW)


# --- The tests ----------------------------------------------------------------------

IN_PUBLIC = (
    "health_authorities.",
    "quarano.founding.",
    "quarano.placement.",
    "quarano.practice.",
)
# Founding fills an empty schema: the other authority's, where nobody was made.
EMPTY = {
    "quarano.founding._fill",
    "quarano.founding._open",
    "quarano.practice._keep_staff",
}


# They change nothing the second time, but answer otherwise, and whoever calls them
# goes by the answer: what was committed unheard must not run again.
ANSWERS = {
    "cases.containment._look_again": "what the official had seen before",
    "quarano.notifications.outbox.begin": "whether this worker may hand over",
    "quarano.notifications.outbox.claim": "whether this worker may hand over",
    "quarano.notifications.outbox.claim_some": "what this worker may hand over",
    "quarano.practice._claim": "whether this worker may set the practice up anew",
}


def room(name: str) -> str:
    return name.rpartition(".")[0]


@pytest.mark.bar(44)
def test_every_process_is_in_the_table():
    missing = set(processes()) - set(TABLE) - set(ELSEWHERE)
    assert not missing, f"say in the table how to call {sorted(missing)}"


def test_the_table_names_nothing_that_is_no_process():
    assert not (set(TABLE) | set(ELSEWHERE)) - set(processes())


@pytest.mark.bar(44)
@pytest.mark.parametrize("module", sorted({room(name) for name in TABLE}))
def test_processes_end_alike_whichever_statement_is_refused(
    module, authority, other_authority
):
    for name, world in played(module, authority, other_authority):
        check(name, world)


def played(module, authority, other_authority):
    """Each process of a module in the schema where it works, undone afterwards."""
    with time_machine.travel(NOW, tick=False):
        world = worlds.build()
        for name in sorted(name for name in TABLE if room(name) == module):
            with transaction.atomic():
                if name in EMPTY:
                    connection.set_tenant(other_authority)
                elif name.startswith(IN_PUBLIC):
                    connection.set_schema_to_public()
                else:
                    connection.set_tenant(authority)
                yield name, world
                transaction.set_rollback(True)


@pytest.mark.bar(45)
@pytest.mark.parametrize("module", sorted({room(name) for name in TABLE}))
def test_only_what_finds_its_own_work_is_repeated_after_a_commit_unheard_of(
    module, authority, other_authority
):
    """Both ways: what says `repeatable` ends alike when it ran twice, and what ends
    alike says so."""
    said = processes()
    for name, world in played(module, authority, other_authority):
        process = TABLE[name](world)
        process()
        once = everything(RANDOM)
        try:
            with transaction.atomic():
                process()
            twice = everything(RANDOM)
        except Exception as error:  # noqa: BLE001 - compared below
            twice = repr(error)
        finds_its_own = once == twice and name not in ANSWERS
        assert said[name] == finds_its_own, f"{name}: {differs(once, twice)}"


def differs(once, twice) -> str:
    if isinstance(twice, str):
        return f"the second run says {twice}"
    other = {one for one in once | twice if once.get(one) != twice.get(one)}
    if other:
        return f"the second run changes {sorted(other)}"
    return "it ends alike: say @…(repeatable=True), or in ANSWERS why not"


def check(name: str, world: World) -> None:
    process = TABLE[name](world)
    touched = changed_by(process, name) | {"audit.Event", "notifications.Message"}
    try:
        assert survives(process, lambda: everything(RANDOM, only=touched)) > 0
    except AssertionError as error:
        raise AssertionError(f"{name}: {error}") from error


# They write rows of public beside the authority's own.
OF_PUBLIC: set[str] = set()


def changed_by(process: Process, name: str) -> set[str]:
    """The models whose rows the process makes, changes or deletes.

    It stays in the schema that was entered: on a cluster each SET of the search path is
    a journey of its own.
    """
    before = everything(RANDOM)
    with transaction.atomic():
        with CaptureQueriesContext(connection) as asked:
            process()
        if not name.startswith(IN_PUBLIC) and name not in OF_PUBLIC:
            assert len(switches(asked)) <= 1, switches(asked)
        after = everything(RANDOM)
        transaction.set_rollback(True)
    return {one for one in before | after if before.get(one) != after.get(one)}
