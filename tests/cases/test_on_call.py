import datetime as dt
import re

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django_tenants.utils import schema_context

from cases import calls, containment, escalation, on_call
from cases.models import Escalation, OnCallAlarm, OnCallNotice, Routine
from cases.tasks import on_call_all
from health_authorities.models import HealthAuthority
from quarano.audit.models import Event
from quarano.notifications import outbox
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from tests import factories as make
from tests import world as worlds

Reason = Escalation.Reason
MINUTE = dt.timedelta(minutes=1)
FIRST, SECOND = "+491713920099", "+491713920098"
OFFICE = [[["08:00", "16:00"]]] * 5 + [[], []]
NIGHT = dt.datetime(2026, 11, 24, 21, 0, tzinfo=dt.UTC)  # Tuesday, 22:00
MORNING = dt.datetime(2026, 11, 25, 7, 30, tzinfo=dt.UTC)  # Wednesday, 8:30


@pytest.fixture
def on_call_at(authority):
    """Say who is on call; the row in public and the one that is remembered."""

    def say(*phones, hours=OFFICE):
        first, second = [*phones, "", ""][:2]
        fields = {
            "on_call_phone": first,
            "on_call_phone_second": second,
            "staffed_hours": hours,
        }
        with schema_context("public"):
            HealthAuthority.objects.filter(pk=authority.pk).update(**fields)
        for name, value in fields.items():
            setattr(authority, name, value)

    say(FIRST, SECOND)
    return say


@pytest.fixture
def monitoring(on_call_at):
    return make.MonitoringFactory(person__family_name="Sommer")


@pytest.fixture
def anna(authority):
    return make.AnnaFactory()


def emergency(monitoring, *, now=NIGHT, occasion="night", signs=("confusion",)):
    return escalation.raise_(
        monitoring,
        Reason.EMERGENCY,
        occasion=occasion,
        facts={"signs": list(signs)},
        worse=True,
        now=now,
    )


def told():
    """Who was told in which round, in order."""
    notices = OnCallNotice.objects.order_by("round", "telephone")
    return list(notices.values_list("round", "telephone"))


def messages():
    return Message.objects.filter(template="cases/messages/on_call")


def recipients():
    messages = Message.objects.filter(template="cases/messages/on_call")
    return list(
        messages.order_by("written_at", "purpose").values_list("recipient", flat=True)
    )


def link_to(telephone):
    message = Message.objects.filter(purpose__contains=f":{telephone}:").latest(
        "written_at"
    )
    return re.search(r"/on-call/\S+/", render(message).body)[0]


# --- The first telephone -------------------------------------------------------------


def test_an_emergency_sign_at_night_goes_to_the_first_telephone_at_once(monitoring):
    emergency(monitoring)
    assert told() == [(1, 1)]
    assert recipients() == [FIRST]


def test_the_message_names_nobody_and_no_symptom(monitoring, authority):
    emergency(monitoring)
    body = render(messages().get()).body
    assert "Neckartal" in body
    assert "/on-call/" in body
    for word in ("Sommer", monitoring.person.given_name, "confus", "erwirr", "COVID"):
        assert word not in body
    assert len(body.strip()) <= 160  # one text message
    assert messages().get().about is None
    assert str(monitoring.person_id) not in str(messages().values().get())


def test_while_somebody_is_there_nobody_is_woken(monitoring):
    emergency(monitoring, now=make.NOW)  # 10:00
    assert told() == []


def test_on_a_holiday_of_the_state_the_telephone_is_told(monitoring):
    # Friday, Christmas Day, 10:00
    emergency(monitoring, now=dt.datetime(2026, 12, 25, 9, 0, tzinfo=dt.UTC))
    assert told() == [(1, 1)]


def test_other_reasons_wake_nobody(monitoring):
    escalation.raise_(monitoring, Reason.FEVER, occasion="a", facts={}, now=NIGHT)
    on_call.run(now=NIGHT)
    assert told() == []


def test_without_a_telephone_nothing_is_sent(monitoring, on_call_at):
    on_call_at()
    emergency(monitoring)
    on_call.run(now=NIGHT + 20 * MINUTE)
    assert not OnCallAlarm.objects.exists()


def test_where_nobody_said_the_hours_the_telephone_is_told_at_any_hour(
    monitoring, on_call_at
):
    on_call_at(FIRST, hours=[])
    emergency(monitoring, now=make.NOW)
    assert told() == [(1, 1)]


def test_what_nobody_saw_to_before_closing_is_told_at_closing(monitoring):
    closing = dt.datetime(2026, 11, 24, 15, 0, tzinfo=dt.UTC)
    emergency(monitoring, now=closing - 5 * MINUTE)
    on_call.run(now=closing - MINUTE)
    assert told() == []
    on_call.run(now=closing)
    assert told() == [(1, 1)]


def test_what_was_called_about_before_closing_wakes_nobody(monitoring, anna):
    closing = dt.datetime(2026, 11, 24, 15, 0, tzinfo=dt.UTC)
    emergency(monitoring, now=closing - 9 * MINUTE)
    calls.record_call(
        monitoring.person, outcome="reached", by=anna, now=closing - 5 * MINUTE
    )
    on_call.run(now=closing + MINUTE)
    assert told() == []


# --- Round by round ------------------------------------------------------------------


def walk(minutes):
    """The job of each minute."""
    for minute in range(1, minutes + 1):
        on_call.run(now=NIGHT + minute * MINUTE)


def test_not_taken_in_15_minutes_the_second_is_told_then_both(monitoring):
    emergency(monitoring)
    walk(14)
    assert told() == [(1, 1)]
    walk(15)
    assert told() == [(1, 1), (2, 2)]
    walk(46)
    assert told() == [(1, 1), (2, 2), (3, 1), (3, 2), (4, 1), (4, 2)]


def test_the_minutes_are_the_routines(monitoring):
    Routine.objects.update(on_call_minutes=5)
    emergency(monitoring)
    walk(5)
    assert told() == [(1, 1), (2, 2)]


def test_with_one_telephone_that_one_is_told_again(monitoring, on_call_at):
    on_call_at(FIRST)
    emergency(monitoring)
    walk(31)
    assert told() == [(1, 1), (2, 1), (3, 1)]


def test_the_job_may_run_twice(monitoring):
    emergency(monitoring)
    for _ in range(3):
        on_call.run(now=NIGHT + 15 * MINUTE)
    assert told() == [(1, 1), (2, 2)]
    assert len(recipients()) == 2


def test_a_first_telephone_that_cannot_be_told_is_passed_over(monitoring):
    emergency(monitoring)
    message = outbox.claim(messages().get().pk, now=NIGHT)
    outbox.failed(message, problem="refused", permanent=True, now=NIGHT)
    on_call.run(now=NIGHT + MINUTE)
    assert told() == [(1, 1), (2, 2)]
    # That is no reason to hurry for ever.
    message = outbox.claim(
        messages().exclude(state="failed").get().pk, now=NIGHT + MINUTE
    )
    outbox.failed(message, problem="refused", permanent=True, now=NIGHT + MINUTE)
    on_call.run(now=NIGHT + 2 * MINUTE)
    assert told() == [(1, 1), (2, 2)]


def test_it_rings_on_when_the_office_opens_and_nobody_has_acted(monitoring):
    emergency(monitoring, now=MORNING - 40 * MINUTE)
    on_call.run(now=MORNING)
    assert told() == [(1, 1), (2, 2)]


# --- Until somebody takes it ---------------------------------------------------------


def ended():
    alarm = OnCallAlarm.objects.get()
    return alarm.end, alarm.ended_at, alarm.ended_by, alarm.telephone


def test_looking_at_the_link_changes_nothing_and_taking_it_ends_the_alarm(monitoring):
    emergency(monitoring)
    path, browser = link_to(1), Client(headers={"host": "neckartal.localhost"})
    with time_machine.travel(NIGHT + 4 * MINUTE, tick=False):
        page = browser.get(path, headers={"accept-language": "en"}).content.decode()
        assert "Urgent matter at the Gesundheitsamt Neckartal" in page
        assert "Sommer" not in page
        assert ended()[0] == ""
        assert browser.post(path).status_code == 302
        page = browser.get(path, headers={"accept-language": "en"}).content.decode()
    assert "You have taken it" in page
    assert ended() == ("taken", NIGHT + 4 * MINUTE, None, 1)
    walk(60)
    assert told() == [(1, 1)]


def test_taking_needs_the_pages_own_form(monitoring):
    emergency(monitoring)
    strict = Client(headers={"host": "neckartal.localhost"}, enforce_csrf_checks=True)
    assert strict.post(link_to(1)).status_code == 403
    assert ended()[0] == ""


def test_the_second_telephone_reads_that_the_first_has_taken_it(monitoring):
    emergency(monitoring)
    walk(15)
    first, second = link_to(1), link_to(2)
    browser = Client(headers={"host": "neckartal.localhost", "accept-language": "en"})
    with time_machine.travel(NIGHT + 16 * MINUTE, tick=False):
        browser.post(first)
    with time_machine.travel(NIGHT + 20 * MINUTE, tick=False):
        browser.post(second)
        page = browser.get(second).content.decode()
    assert "Taken from the other on-call telephone" in page
    assert ended() == ("taken", NIGHT + 16 * MINUTE, None, 1)
    assert Event.objects.filter(verb="on_call.taken").count() == 1


def test_a_link_of_nobody_is_said_to_be_none(monitoring, authority, other_authority):
    emergency(monitoring)
    path = link_to(1)
    for host, address in (
        ("neckartal.localhost", "/on-call/guessed/"),
        # Nor does it open anything at the other authority.
        ("spreetal.localhost", path),
    ):
        browser = Client(headers={"host": host})
        assert browser.get(address).status_code == 404
        assert browser.post(address).status_code == 404
    connection.set_tenant(authority)
    assert ended()[0] == ""


def test_what_was_not_sent_yet_stays_unsent_once_it_is_taken(monitoring):
    emergency(monitoring)
    on_call.take(OnCallNotice.objects.get(), now=NIGHT + MINUTE)
    assert messages().get().state == Message.State.VOID
    assert messages().get().token == ""


@pytest.mark.parametrize("act", ["call", "settle", "snooze", "assign"])
def test_an_official_who_acts_ends_the_alarm(monitoring, anna, act):
    found, at = emergency(monitoring), NIGHT + 7 * MINUTE
    if act == "call":
        calls.record_call(monitoring.person, outcome="no_answer", by=anna, now=at)
    elif act == "settle":
        escalation.settle(found, outcome="hospital", by=anna, now=at)
    elif act == "snooze":
        escalation.snooze(found, until=MORNING, by=anna, now=at)
    else:
        escalation.assign([found], to=anna, by=anna, now=at)
    on_call.run(now=NIGHT + 15 * MINUTE)
    assert told() == [(1, 1)]
    assert ended()[0] == "acted"
    if act != "snooze":
        assert ended()[1:3] == (at, anna)


def test_a_death_ends_the_alarm_in_the_same_transaction(monitoring, anna):
    emergency(monitoring)
    containment.record_death(
        monitoring.person, died_on=NIGHT.date(), by=anna, now=NIGHT + MINUTE
    )
    assert ended() == ("acted", NIGHT + MINUTE, anna, None)
    assert messages().get().state == Message.State.VOID
    walk(60)
    assert told() == [(1, 1)]


def test_a_worse_sign_after_it_was_taken_rings_anew(monitoring):
    emergency(monitoring)
    on_call.take(OnCallNotice.objects.get(), now=NIGHT + 5 * MINUTE)
    emergency(monitoring, now=NIGHT + 60 * MINUTE, occasion="later", signs=["fainting"])
    assert OnCallAlarm.objects.count() == 2
    assert OnCallAlarm.objects.open().count() == 1


def test_a_worse_sign_while_it_rings_is_the_same_alarm(monitoring):
    emergency(monitoring)
    emergency(monitoring, now=NIGHT + 5 * MINUTE, occasion="later", signs=["fainting"])
    assert told() == [(1, 1)]
    walk(15)
    assert told() == [(1, 1), (2, 2)]


def test_the_timetable_finds_the_authority_with_an_alarm(monitoring, jobs_at_once):
    emergency(monitoring)
    with time_machine.travel(NIGHT + 15 * MINUTE, tick=False):
        on_call_all()
    assert told() == [(1, 1), (2, 2)]


# --- What officials see --------------------------------------------------------------


def test_the_escalation_tells_who_was_told_and_who_took_it(monitoring):
    found = emergency(monitoring)
    walk(15)
    on_call.take(OnCallNotice.objects.get(telephone=2), now=NIGHT + 18 * MINUTE)
    [alarm] = on_call.told([found])[found.pk]
    assert [(one["telephone"], one["at"]) for one in alarm["told"]] == [
        (1, NIGHT),
        (2, NIGHT + 15 * MINUTE),
    ]
    assert alarm["alarm"].ended_at == NIGHT + 18 * MINUTE
    assert alarm["alarm"].telephone == 2


def test_a_telephone_that_was_not_reached_is_named(monitoring):
    found = emergency(monitoring)
    message = outbox.claim(messages().get().pk, now=NIGHT)
    outbox.failed(message, problem="refused", permanent=True, now=NIGHT)
    [alarm] = on_call.told([found])[found.pk]
    assert alarm["told"][0]["has_failed"]


@pytest.mark.parametrize("page", ["/people/{}/", "/worklist/panel/{}/"])
def test_pages_say_who_was_told_and_who_took_it(monitoring, authority, page):
    emergency(monitoring)
    walk(15)
    with time_machine.travel(NIGHT + 16 * MINUTE, tick=False):
        browser = worlds.client_of(
            "neckartal.localhost", worlds.hire("Anna", "case_worker")
        )
        address = page.format(monitoring.person_id)
        shown = browser.get(address, follow=True).content.decode()
        assert "nobody has taken it yet" in shown
        connection.set_tenant(authority)
        on_call.take(OnCallNotice.objects.get(telephone=2), now=NIGHT + 16 * MINUTE)
        shown = browser.get(address, follow=True).content.decode()
    assert "nobody has taken it yet" not in shown
    assert "taken from the second telephone" in shown


@pytest.mark.parametrize("page", ["/people/{}/", "/worklist/panel/{}/"])
def test_a_staffed_clock_is_named(monitoring, page):
    escalation.raise_(
        monitoring, Reason.MESSAGE_FAILED, occasion="x", facts={}, now=NIGHT
    )
    with time_machine.travel(NIGHT, tick=False):
        browser = worlds.client_of(
            "neckartal.localhost", worlds.hire("Anna", "case_worker")
        )
        shown = browser.get(
            page.format(monitoring.person_id), follow=True
        ).content.decode()
    # Eight staffed hours from Wednesday, 8:00
    assert "Wed 16:00, staffed hours" in shown
