import datetime as dt

import pytest
from django.db import connection

from cases import calls, containment
from cases.models import Case, Monitoring, Person, Reporter, Routine
from diaries import planning, reminders
from diaries.slots import Slot
from diaries.tasks import remind_all
from quarano.accounts.models import User
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from tests.diaries.conftest import (
    DAY,
    ENDS,
    MONDAY,
    OPENED,
    TUESDAY,
    WEDNESDAY,
    at,
    contact,
    monitoring_of,
    write,
)

pytestmark = pytest.mark.django_db
MORNING, EVENING = Slot(TUESDAY, "morning"), Slot(TUESDAY, "evening")


def send(*moments):
    for moment in moments:
        planning.send_due(now=moment)


def sent(person=None):
    """(slot, rung, channel) of what was written, in order."""
    found = Message.objects.filter(purpose__startswith="diary:").order_by("written_at")
    if person is not None:
        found = found.filter(about=person.pk)
    return [tuple(one.purpose.split(":")[2:]) for one in found]


@pytest.fixture
def lena(kolja):
    """Wrote all of Monday; mail first, mobile second."""
    write(kolja, MONDAY, "morning", now=at(MONDAY, 8))
    write(kolja, MONDAY, "evening")
    return kolja


def test_a_reminder_goes_out_at_11_on_the_first_channel(lena):
    send(at(TUESDAY, 10, 59))
    assert sent() == []
    send(at(TUESDAY, 11))
    assert sent(lena) == [(MORNING.key, "first", "mail")]
    message = Message.objects.get(about=lena.pk, rung="first")
    assert message.recipient == lena.email
    assert message.purpose == f"diary:{lena.pk}:{MORNING.key}:first:mail"


def test_the_evenings_reminder_goes_out_at_19_30(lena):
    write(lena, TUESDAY, "morning")
    send(at(TUESDAY, 19, 29))
    assert sent() == []
    send(at(TUESDAY, 19, 30))
    assert sent() == [(EVENING.key, "first", "mail")]


@pytest.mark.bar(56)
def test_twice_is_once(lena):
    send(at(TUESDAY, 11), at(TUESDAY, 11), at(TUESDAY, 11, 15))
    assert len(sent()) == 1


def test_who_has_entered_is_not_reminded(lena):
    write(lena, TUESDAY, "morning")
    send(at(TUESDAY, 11), at(TUESDAY, 17))
    assert sent() == []


def test_the_preferred_hour_and_channel_count(lena):
    Person.objects.filter(pk=lena.pk).update(
        preferred_morning=dt.time(9, 15), preferred_channel="sms"
    )
    send(at(TUESDAY, 9, 14))
    assert sent() == []
    send(at(TUESDAY, 9, 15))
    assert sent() == [(MORNING.key, "first", "sms")]
    assert Message.objects.get(rung="first").recipient == "+4915123456789"


def test_a_wish_within_quiet_hours_is_moved_out_of_them(lena):
    Person.objects.filter(pk=lena.pk).update(
        preferred_morning=dt.time(6, 30), preferred_evening=dt.time(22)
    )
    send(at(TUESDAY, 6, 30), at(TUESDAY, 7, 59))
    assert sent() == []
    send(at(TUESDAY, 8))
    assert sent() == [(MORNING.key, "first", "mail")]
    write(lena, TUESDAY, "morning", now=at(TUESDAY, 9))
    send(at(TUESDAY, 20, 44))
    assert len(sent()) == 1
    send(at(TUESDAY, 20, 45))
    assert sent()[1:] == [(EVENING.key, "first", "mail")]


def test_a_wish_after_the_slot_has_ended_is_moved_into_it(lena):
    Person.objects.filter(pk=lena.pk).update(preferred_morning=dt.time(18))
    send(at(TUESDAY, 16, 44))
    assert sent() == []
    send(at(TUESDAY, 16, 45))
    assert sent() == [(MORNING.key, "first", "mail")]


def test_the_language_is_the_persons_else_the_authoritys(lena):
    Person.objects.filter(pk=lena.pk).update(language="tr")
    send(at(TUESDAY, 11))
    Person.objects.filter(pk=lena.pk).update(language="en")
    send(at(TUESDAY, 17))
    languages = dict(
        Message.objects.filter(about=lena.pk).values_list("rung", "language")
    )
    assert (languages["first"], languages["overdue"]) == ("de", "en")


def test_with_one_channel_the_second_reminder_goes_there_as_well(lena):
    Person.objects.filter(pk=lena.pk).update(mobile="")
    send(at(TUESDAY, 11), at(TUESDAY, 17))
    assert [one[1:] for one in sent()] == [("first", "mail"), ("overdue", "mail")]


def test_an_entry_meanwhile_is_seen_when_the_reminder_is_written(lena):
    wanted = planning._whom(planning.OWN, now=at(TUESDAY, 11))
    assert wanted == [lena.pk]
    write(lena, TUESDAY, "morning", now=at(TUESDAY, 11))
    assert planning._write(planning.OWN, wanted, now=at(TUESDAY, 11)) == 0
    assert sent() == []


@pytest.mark.parametrize(
    ("time", "quiet"),
    [
        (dt.time(20, 59), False),
        (dt.time(21), True),
        (dt.time(0), True),
        (dt.time(7, 59), True),
        (dt.time(8), False),
    ],
)
def test_quiet_hours_are_half_open(time, quiet):
    assert reminders.is_quiet(time, Routine()) is quiet


def test_nothing_is_ever_written_in_quiet_hours(lena):
    for quarter in range(4 * 72):
        send(at(TUESDAY, 0) + quarter * dt.timedelta(minutes=15))
    assert sent()
    for message in Message.objects.filter(about=lena.pk, rung__gt=""):
        local = dt.datetime.astimezone(message.written_at, OPENED.tzinfo)
        assert 8 <= local.hour < 21
        assert message.expires_at <= at(local.date(), 21)


def test_an_overdue_slot_is_told_on_the_second_channel(lena):
    send(at(TUESDAY, 11), at(TUESDAY, 16, 59))
    assert len(sent()) == 1
    send(at(TUESDAY, 17))
    assert sent()[1:] == [(MORNING.key, "overdue", "sms")]


def test_an_evening_that_ended_at_6_is_told_after_quiet_hours(kolja):
    write(kolja, MONDAY, "morning", now=at(MONDAY, 8))
    send(at(TUESDAY, 6), at(TUESDAY, 7, 45))
    assert sent() == []
    send(at(TUESDAY, 8))
    assert sent() == [(f"{MONDAY}-evening", "overdue", "sms")]


def test_never_after_the_deadline_of_the_slot(lena):
    # The job did not run for days: only what can still be entered is spoken of.
    send(at(TUESDAY + 3 * DAY, 17, 5))
    slots = [Slot.from_key(key) for key, *_ in sent()]
    assert slots
    zone, routine = OPENED.tzinfo, Routine()
    assert all(
        slot.deadline(zone, routine) > at(TUESDAY + 3 * DAY, 17, 5) for slot in slots
    )
    for message in Message.objects.filter(about=lena.pk, rung__gt=""):
        slot = Slot.from_key(message.purpose.split(":")[2])
        assert message.expires_at <= slot.deadline(zone, routine)


def test_after_midnight_of_the_last_day_nobody_is_reminded(kolja):
    write(kolja, ENDS, "morning", now=at(ENDS, 8))
    send(at(ENDS + DAY, 8), at(ENDS + DAY, 11), at(ENDS + DAY, 19, 30))
    assert sent() == []


def appoint(person, email="oma@mail.example", until=None):
    user = User.objects.create_user(
        email=email, name="Oma", created_at=OPENED, language="en"
    )
    Reporter.objects.create(
        user=user,
        person=person,
        kind="helper",
        since=MONDAY,
        until=until,
        appointed_at=OPENED,
        appointed_by=user,
    )
    return user


def test_after_two_overdue_the_representative_is_told(lena):
    appoint(lena)
    send(at(TUESDAY, 17), at(WEDNESDAY, 8))
    told = Message.objects.get(rung="representative")
    assert told.recipient == "oma@mail.example"
    assert told.about == lena.pk
    send(at(WEDNESDAY, 8, 15))
    assert Message.objects.filter(rung="representative").count() == 1


def test_one_overdue_tells_no_representative(lena):
    appoint(lena)
    send(at(TUESDAY, 17))
    assert not Message.objects.filter(rung="representative").exists()


def test_whoever_is_no_longer_appointed_is_not_told(lena):
    appoint(lena, until=TUESDAY)
    send(at(TUESDAY, 17), at(WEDNESDAY, 8))
    assert not Message.objects.filter(rung="representative").exists()


def test_an_entry_for_the_next_slot_stops_the_ladder(kolja):
    write(kolja, MONDAY, "morning", now=at(MONDAY, 8))
    write(kolja, TUESDAY, "morning", now=at(TUESDAY, 7))
    send(at(TUESDAY, 8))
    assert sent() == []


def test_a_call_that_reached_stops_the_ladder(lena, anna):
    calls.record_call(lena, outcome="reached", by=anna, now=at(TUESDAY, 10))
    send(at(TUESDAY, 11), at(TUESDAY, 17))
    assert sent() == []
    send(at(TUESDAY, 19, 30))
    assert sent() == [(EVENING.key, "first", "mail")]


def test_a_call_that_did_not_reach_stops_nothing(lena, anna):
    calls.record_call(lena, outcome="no_answer", by=anna, now=at(TUESDAY, 10))
    send(at(TUESDAY, 11))
    assert len(sent()) == 1


def test_hospital_rests_the_ladder(ida):
    Case.objects.filter(person=ida).update(in_hospital_since=TUESDAY)
    send(at(TUESDAY, 8), at(TUESDAY, 11), at(TUESDAY, 17))
    assert sent(ida) == []


def test_death_cancels_every_unsent_message(lena, anna):
    send(at(TUESDAY, 11))
    containment.record_death(lena, died_on=TUESDAY, by=anna, now=at(TUESDAY, 12))
    assert not Message.objects.filter(about=lena.pk, state="waiting").exists()
    send(at(TUESDAY, 17), at(TUESDAY, 19, 30))
    assert len(sent(lena)) == 1


@pytest.mark.parametrize("enrolment", ["invited", "by_phone"])
def test_only_who_can_enter_is_reminded(lena, enrolment):
    Monitoring.objects.filter(person=lena).update(enrolment=enrolment)
    send(at(TUESDAY, 11), at(TUESDAY, 17))
    assert sent() == []


def test_a_concluded_monitoring_owes_nothing(lena, anna):
    containment.conclude(
        monitoring_of(lena), conclusion="erroneous", by=anna, now=at(TUESDAY, 9)
    )
    send(at(TUESDAY, 11))
    assert sent() == []


def test_without_mail_and_mobile_nothing_is_sent(lena):
    Person.objects.filter(pk=lena.pk).update(email="", mobile="", phone="+4962219999")
    send(at(TUESDAY, 11))
    assert sent() == []
    rung = reminders.ladder(lena, MORNING, now=at(TUESDAY, 12))[0]
    assert (rung.state, rung.why) == ("skipped", "neither e-mail nor mobile")


def test_the_number_of_queries_does_not_grow_with_the_people(
    kolja, disease, anna, django_assert_max_num_queries
):
    for number in range(6):
        contact(disease, anna, f"P{number}", mobile="")
    send(at(TUESDAY, 11))
    assert len(sent()) == 14  # each for Monday evening and for this morning
    # All are told: a second look asks once for all, not once for each.
    with django_assert_max_num_queries(8):
        send(at(TUESDAY, 11, 15))


@pytest.mark.bar(29)
@pytest.mark.parametrize("rung", ["first", "overdue", "representative"])
@pytest.mark.parametrize("channel", ["mail", "sms"])
@pytest.mark.parametrize("language", ["de", "en"])
def test_messages_name_neither_the_person_nor_the_illness(
    kolja, rung, channel, language
):
    text = render(
        Message(
            purpose="x",
            template=f"diaries/messages/{rung}",
            channel=channel,
            recipient="x@example.org",
            language=language,
            parameters={"path": "/diary/"},
            about=kolja.pk,
            written_at=at(TUESDAY, 11),
        )
    )
    whole = f"{text.subject} {text.body}".lower()
    for word in ("busch", "kolja", "covid", "corona", "quarant", "isol", "symptom"):
        assert word not in whole
    assert "/diary/" in text.body
    assert str(ENDS.year) not in whole
    if channel == "mail":
        assert text.subject


# --- Where somebody stands -----------------------------------------------------------


def standing(person, slot, now):
    return {rung.code: rung.state for rung in reminders.ladder(person, slot, now=now)}


def test_the_ladder_shows_what_is_to_come(lena):
    assert standing(lena, MORNING, at(TUESDAY, 9)) == {
        "first": "waiting",
        "overdue": "waiting",
        "representative": "waiting",
        "call": "waiting",
        "supervisor": "waiting",
        "letter": "waiting",
    }


def test_the_ladder_shows_what_was_sent_and_what_stopped_it(lena):
    send(at(TUESDAY, 11))
    write(lena, TUESDAY, "morning", now=at(TUESDAY, 12))
    states = standing(lena, MORNING, at(TUESDAY, 18))
    # Not delivered yet when the entry came, so it was cancelled.
    assert states["first"] == "stopped"
    assert states["overdue"] == "stopped"
    # Why is said once; the others are only not reached any more.
    assert set(list(states.values())[2:]) == {"waiting"}
    ladder = reminders.ladder(lena, MORNING, now=at(TUESDAY, 18))
    assert (ladder[1].at, ladder[1].why) == (at(TUESDAY, 12), "entry made")


def test_the_ladder_shows_the_calls_that_became_due(lena):
    send(at(TUESDAY, 11), at(TUESDAY, 17), at(WEDNESDAY, 8))
    states = standing(lena, MORNING, at(WEDNESDAY, 19))
    assert states == {
        "first": "done",
        "overdue": "done",
        "representative": "skipped",
        "call": "done",
        "supervisor": "done",
        "letter": "waiting",
    }


def test_the_ladder_promises_no_call_before_two_slots_are_overdue(lena):
    """24 h of silence with one slot overdue is no call task yet, and not said to be."""
    assert standing(lena, MORNING, at(TUESDAY, 19))["call"] == "waiting"
    waiting = reminders.ladder(lena, MORNING, now=at(TUESDAY, 19))[3]
    assert waiting.at == at(WEDNESDAY, 6)
    Person.objects.filter(pk=lena.pk).update(lives_alone=True)
    assert standing(lena, MORNING, at(TUESDAY, 19))["call"] == "done"


def test_three_calls_without_success_make_it_a_letter(lena, anna):
    for hour in (9, 12, 15):
        calls.record_call(lena, outcome="no_answer", by=anna, now=at(WEDNESDAY, hour))
    assert standing(lena, MORNING, at(WEDNESDAY, 16))["letter"] == "done"


def test_the_ladder_of_somebody_in_hospital_is_stopped(ida):
    Case.objects.filter(person=ida).update(in_hospital_since=TUESDAY)
    ladder = reminders.ladder(ida, MORNING, now=at(TUESDAY, 12))
    assert (ladder[0].state, ladder[0].why) == ("stopped", "in hospital")


def test_the_job_runs_where_somebody_is_followed(
    authority, lena, other_authority, jobs_at_once
):
    import time_machine

    with time_machine.travel(at(TUESDAY, 11), tick=False):
        remind_all()
    connection.set_tenant(authority)
    assert len(sent(lena)) == 1


def test_a_child_without_a_login_is_nobodys_to_remind_but_the_representatives(
    disease, anna
):
    child = contact(disease, anna, "Deniz", email="deniz@mail.example", mobile="")
    Person.objects.filter(pk=child.pk).update(email="", user=None)
    Reporter.objects.filter(person=child).delete()
    parent = contact(disease, anna, "Leyla", mobile="+4915199999999")
    Reporter.objects.create(
        user=parent.user,
        person=child,
        kind="custody",
        since=MONDAY,
        appointed_at=OPENED,
        appointed_by=anna,
    )
    send(at(TUESDAY, 17))
    assert [one[1:] for one in sent(child)] == [("representative", "mail")]
    assert Message.objects.get(about=child.pk).recipient == parent.email
