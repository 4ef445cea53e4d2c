import datetime as dt
import uuid

import pytest

from cases import daily_rules, escalation, tasks
from cases.models import (
    Case,
    Disease,
    EnrolmentCode,
    Escalation,
    Monitoring,
    Person,
    Routine,
)
from quarano.accounts.models import User
from quarano.notifications.models import Message

pytestmark = pytest.mark.django_db
Reason = Escalation.Reason
NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)  # 10:00 in Neckartal
TODAY = NOW.date()
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def disease(authority):
    return Disease.objects.get_or_create(code="covid-19")[0]


@pytest.fixture
def anna(authority):
    return User.objects.create_user(
        email="anna@neckartal.example",
        name="Anna",
        roles=["case_worker"],
        created_at=NOW,
    )


@pytest.fixture
def follow(disease):
    """One monitoring of a person of whom nothing is missing, opened just now."""

    def take(opened_at=NOW, kind="quarantine", until=TODAY + 9 * DAY, **of):
        person = {
            "birth_date": dt.date(1990, 1, 1),
            "birth_date_source": "official",
            "mobile": "+491715550142",
            "email": "kolja@example.org",
        }
        names = set(person) | {"died_on", "no_internet", "phone"}
        person |= {key: of.pop(key) for key in list(of) if key in names}
        if person["birth_date"] is None:
            person["birth_date_source"] = ""
        return Monitoring.objects.create(
            person=Person.objects.create(
                given_name="Kolja", family_name="Busch", recorded_at=NOW, **person
            ),
            disease=disease,
            kind=kind,
            start=TODAY - 5 * DAY,
            until=until,
            opened_at=opened_at,
            reported_at=opened_at,
            **of,
        )

    return take


def open_reasons():
    return sorted(Escalation.objects.open().values_list("reason", flat=True))


def test_nothing_is_raised_of_a_person_of_whom_all_is_well(follow):
    follow()
    daily_rules.run(NOW)
    assert open_reasons() == []


def test_a_first_call_is_overdue_after_24_hours_and_takes_the_open_one_along(follow):
    late, early = follow(NOW - 24 * HOUR), follow(NOW - 23 * HOUR)
    for one in (late, early):
        escalation.raise_(one, Reason.FIRST_CALL, occasion="1", facts={}, now=NOW)
    daily_rules.run(NOW)
    assert open_reasons() == ["first_call", "first_call_overdue"]
    raised = Escalation.objects.open().get(reason=Reason.FIRST_CALL_OVERDUE)
    assert (raised.monitoring, raised.due_at) == (late, NOW)
    daily_rules.run(NOW + HOUR / 2)
    assert open_reasons() == ["first_call", "first_call_overdue"]


@pytest.mark.parametrize("field", ["first_called_at", "enrolled_at"])
def test_a_call_or_enrolment_clears_the_first_call(follow, field):
    monitoring = follow(NOW - 30 * HOUR)
    daily_rules.run(NOW)
    Monitoring.objects.filter(pk=monitoring.pk).update(**{field: NOW})
    daily_rules.run(NOW)
    assert open_reasons() == []
    assert Escalation.objects.get().outcome == "cleared"


def test_the_hours_are_those_of_the_routine(follow):
    Routine.objects.update_or_create(
        valid_from=TODAY, defaults={"first_call_hours": 48, "drafted_at": NOW}
    )
    follow(NOW - 30 * HOUR)
    daily_rules.run(NOW)
    assert open_reasons() == []


def invite(monitoring, by, invited_at, lives=72 * HOUR):
    Monitoring.objects.filter(pk=monitoring.pk).update(
        enrolment="invited", invited_at=invited_at, first_called_at=invited_at
    )
    return EnrolmentCode.objects.create(
        person=monitoring.person,
        token_hash=uuid.uuid4().hex,
        invited_at=invited_at,
        invited_by=by,
        expires_at=invited_at + lives,
    )


def test_who_does_not_register_in_24_hours_is_shown(follow, anna):
    invite(follow(), anna, NOW - 24 * HOUR)
    invite(follow(), anna, NOW - 23 * HOUR)
    daily_rules.run(NOW)
    raised = Escalation.objects.open().get(reason=Reason.NOT_REGISTERED)
    assert raised.facts["expired"] is False


@pytest.mark.parametrize(("days", "is_raised"), [(6.9, False), (7, True)])
def test_a_letter_has_half_of_its_codes_life(follow, anna, days, is_raised):
    invite(follow(), anna, NOW - days * DAY)
    EnrolmentCode.objects.update(by_letter=True, expires_at=NOW + 7 * DAY)
    daily_rules.run(NOW)
    assert ("not_registered" in open_reasons()) is is_raised


def test_a_code_that_ran_out_is_told_again_after_settling(follow, anna):
    invite(follow(), anna, NOW - 71 * HOUR)
    daily_rules.run(NOW)
    raised = Escalation.objects.open().get(reason=Reason.NOT_REGISTERED)
    escalation.settle(raised, outcome="called", by=anna, now=NOW)
    daily_rules.run(NOW + HOUR / 2)
    assert "not_registered" not in open_reasons()
    daily_rules.run(NOW + HOUR)
    again = Escalation.objects.open().get(reason=Reason.NOT_REGISTERED)
    assert again.facts["expired"] is True


def test_registering_clears_it(follow, anna):
    monitoring = follow()
    invite(monitoring, anna, NOW - 25 * HOUR)
    daily_rules.run(NOW)
    Monitoring.objects.filter(pk=monitoring.pk).update(enrolment="registered")
    daily_rules.run(NOW)
    assert open_reasons() == []


def test_a_missing_birth_date_is_told_once(follow, anna):
    follow(birth_date=None)
    daily_rules.run(NOW)
    raised = Escalation.objects.open().get(reason=Reason.DETAILS_MISSING)
    assert raised.subject_kind == "person"
    assert raised.facts == {"missing": ["birth_date"]}
    escalation.settle(raised, outcome="kept", by=anna, now=NOW)
    daily_rules.run(NOW + DAY)
    assert "details_missing" not in open_reasons()


def test_nobody_is_reached_without_number_and_address(follow):
    follow(mobile="", email="")
    daily_rules.run(NOW)
    assert Escalation.objects.open().get().facts == {"missing": ["reach"]}


def test_a_case_without_onset_and_specimen_lacks_its_day(follow, disease):
    person = Person.objects.create(given_name="I", family_name="B", recorded_at=NOW)
    case = Case.objects.create(
        person=person, disease=disease, reported_at=NOW, recorded_at=NOW
    )
    monitoring = follow(kind="isolation", case=case, until=None)
    daily_rules.run(NOW)
    assert Escalation.objects.open().get().facts == {"missing": ["onset"]}
    Case.objects.filter(pk=monitoring.case_id).update(specimen_date=TODAY)
    daily_rules.run(NOW)
    assert open_reasons() == []


def test_details_that_vanish_again_are_raised_anew(follow):
    person = follow(birth_date=None).person
    daily_rules.run(NOW)
    people = Person.objects.filter(pk=person.pk)
    known = {"birth_date": dt.date(1990, 1, 1), "birth_date_source": "official"}
    people.update(**known)
    daily_rules.run(NOW)
    assert open_reasons() == []
    people.update(birth_date=None, birth_date_source="")
    daily_rules.run(NOW)
    assert open_reasons() == ["details_missing"]


def test_details_filled_after_settling_may_be_raised_anew(follow, anna):
    person = follow(birth_date=None).person
    people = Person.objects.filter(pk=person.pk)
    daily_rules.run(NOW)
    raised = Escalation.objects.open().get()
    escalation.settle(raised, outcome="kept", by=anna, now=NOW)
    people.update(birth_date=dt.date(1990, 1, 1), birth_date_source="official")
    daily_rules.run(NOW)
    people.update(birth_date=None, birth_date_source="")
    daily_rules.run(NOW)
    assert open_reasons() == ["details_missing"]


def test_of_two_details_one_filled_leaves_the_other(follow):
    person = follow(birth_date=None, mobile="", email="").person
    daily_rules.run(NOW)
    Person.objects.filter(pk=person.pk).update(email="kolja@example.org")
    daily_rules.run(NOW)
    assert Escalation.objects.open().get().facts == {"missing": ["birth_date"]}


def message(person, channel, recipient, state, **fields):
    fields["failed_at" if state == "failed" else "sent_at"] = fields.pop("at", NOW)
    return Message.objects.create(
        purpose=uuid.uuid4().hex,
        template="cases/messages/invitation",
        channel=channel,
        recipient=recipient,
        language="de",
        about=person.pk,
        state=state,
        written_at=NOW,
        not_before=NOW,
        **fields,
    )


def test_a_refused_mail_is_told_when_no_second_channel_is_left(follow):
    both, only = follow().person, follow(mobile="").person
    for person in (both, only):
        message(person, "mail", person.email, "failed")
    daily_rules.run(NOW)
    raised = Escalation.objects.open().get()
    assert (raised.reason, raised.person) == ("message_failed", only)
    message(both, "sms", both.mobile.as_e164, "failed")
    daily_rules.run(NOW)
    assert Escalation.objects.open().count() == 2


def test_an_address_is_told_once_and_a_new_one_anew(follow, anna):
    person = follow(mobile="").person
    message(person, "mail", person.email, "failed")
    daily_rules.run(NOW)
    raised = Escalation.objects.open().get()
    escalation.settle(raised, outcome="called", by=anna, now=NOW)
    message(person, "mail", person.email, "failed")
    daily_rules.run(NOW)
    assert open_reasons() == []
    Person.objects.filter(pk=person.pk).update(email="new@example.org")
    message(person, "mail", "new@example.org", "failed")
    daily_rules.run(NOW)
    assert open_reasons() == ["message_failed"]


def test_a_message_delivered_later_clears_it(follow):
    person = follow(mobile="").person
    message(person, "mail", person.email, "failed")
    daily_rules.run(NOW)
    message(person, "mail", "new@example.org", "sent", at=NOW + HOUR)
    Person.objects.filter(pk=person.pk).update(email="new@example.org")
    daily_rules.run(NOW + HOUR)
    assert open_reasons() == []


def test_a_message_reported_lost_is_told_as_a_refused_one(follow):
    person = follow(email="").person
    mobile = person.mobile.as_e164
    message(person, "sms", mobile, "sent", undelivered_at=NOW)
    daily_rules.run(NOW)
    assert Escalation.objects.open().get().facts == {"channels": ["sms"]}


def test_handing_over_on_the_way_that_failed_clears_nothing(follow):
    person = follow(email="").person
    mobile = person.mobile.as_e164
    message(person, "sms", mobile, "sent", undelivered_at=NOW)
    daily_rules.run(NOW)
    later = message(person, "sms", mobile, "sent", at=NOW + HOUR)
    daily_rules.run(NOW + HOUR)
    assert open_reasons() == ["message_failed"]
    Message.objects.filter(pk=later.pk).update(undelivered_at=NOW + 2 * HOUR)
    daily_rules.run(NOW + 2 * HOUR)
    assert open_reasons() == ["message_failed"]
    message(
        person, "sms", mobile, "sent", at=NOW + 3 * HOUR, delivered_at=NOW + 4 * HOUR
    )
    daily_rules.run(NOW + 4 * HOUR)
    assert open_reasons() == []


def test_mail_that_nobody_reported_lost_for_a_day_has_arrived(follow):
    person = follow(mobile="").person
    message(person, "mail", person.email, "failed")
    daily_rules.run(NOW)
    message(person, "mail", person.email, "sent", at=NOW + HOUR)
    daily_rules.run(NOW + 24 * HOUR)
    assert "message_failed" in open_reasons()
    daily_rules.run(NOW + 25 * HOUR)
    assert "message_failed" not in open_reasons()


def test_an_address_that_worked_again_may_fail_anew(follow):
    person = follow(email="").person
    mobile = person.mobile.as_e164
    message(person, "sms", mobile, "sent", undelivered_at=NOW)
    daily_rules.run(NOW)
    message(person, "sms", mobile, "sent", at=NOW + HOUR, delivered_at=NOW + HOUR)
    daily_rules.run(NOW + HOUR)
    assert open_reasons() == []
    lost = NOW + 2 * HOUR
    message(person, "sms", mobile, "sent", at=lost, undelivered_at=lost)
    daily_rules.run(lost)
    assert open_reasons() == ["message_failed"]


def test_an_ending_is_told_the_day_before_and_on_the_day(follow):
    follow(until=TODAY + DAY, first_called_at=NOW)
    daily_rules.run(NOW)
    raised = Escalation.objects.open().get()
    assert (raised.reason, raised.band) == ("ends", Escalation.Band.CAN_WAIT)
    assert raised.due_at == dt.datetime(2026, 11, 25, 11, tzinfo=dt.UTC)
    daily_rules.run(NOW + DAY)
    raised.refresh_from_db()
    assert (raised.band, raised.worsened_at) == (2, NOW + DAY)
    daily_rules.run(NOW + DAY + 2 * HOUR)  # noon in Neckartal
    raised.refresh_from_db()
    assert raised.band == Escalation.Band.ACT_NOW
    assert Escalation.objects.count() == 1


def test_an_ending_settled_on_its_day_stays_settled_at_noon(follow, anna):
    follow(until=TODAY)
    daily_rules.run(NOW)
    raised = Escalation.objects.open().get()
    escalation.settle(raised, outcome="kept", by=anna, now=NOW)
    daily_rules.run(NOW + 3 * HOUR)
    assert open_reasons() == []


def test_extending_clears_the_ending(follow):
    monitoring = follow(until=TODAY)
    daily_rules.run(NOW)
    Monitoring.objects.filter(pk=monitoring.pk).update(until=TODAY + 5 * DAY)
    daily_rules.run(NOW)
    assert open_reasons() == []


def test_the_dead_and_the_concluded_are_left_alone(follow):
    follow(NOW - 30 * HOUR, birth_date=None, died_on=TODAY, until=TODAY)
    follow(
        NOW - 30 * HOUR,
        birth_date=None,
        until=TODAY,
        status="concluded",
        conclusion="lapsed",
        concluded_at=NOW,
    )
    daily_rules.run(NOW)
    assert open_reasons() == []


def test_the_job_runs_for_authorities_that_follow_somebody(
    follow, other_authority, jobs_at_once
):
    follow(NOW - 30 * HOUR)
    from health_authorities.tasks import in_authorities_with

    found = in_authorities_with(tasks.open_monitorings, tasks.escalate)
    assert found == ["neckartal"]
    assert Escalation.objects.open().exists()


def test_the_rules_ask_as_often_for_many_as_for_few(
    follow, django_assert_max_num_queries
):
    for _ in range(12):
        follow(NOW - 30 * HOUR, birth_date=None, until=TODAY)
    daily_rules.run(NOW)
    with django_assert_max_num_queries(20):
        daily_rules.run(NOW + HOUR / 4)
