"""Print runs: taken once, printed knowingly, posted, put back; nothing is lost."""

import datetime as dt

import pytest
from django.db import connection

from cases import containment, enrolment
from cases.letters import runs, writing
from cases.models import PrintRun, Service
from quarano.audit.models import Event
from quarano.notifications import outbox, tasks
from quarano.notifications.delivery import deliver
from quarano.notifications.models import Message
from tests import factories
from tests.cases.letters.conftest import order_of, state
from tests.factories import DAY, NOW, TODAY

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def letter(ida, anna):
    return writing.write_order(order_of(ida), by=anna, now=NOW)


def test_an_order_is_written_once_while_it_waits(ida, anna, letter):
    assert writing.write_order(order_of(ida), by=anna, now=NOW) == letter
    runs.open_run(by=anna, now=NOW)
    assert writing.write_order(order_of(ida), by=anna, now=NOW) == letter
    assert Message.objects.filter(channel="letter").count() == 1


def test_what_was_posted_may_be_written_again(ida, anna, letter):
    run = runs.open_run(by=anna, now=NOW)
    runs.note_print(run, by=anna, now=NOW)
    runs.post(run, by=anna, now=NOW)
    again = writing.write_order(order_of(ida), by=anna, now=NOW + HOUR)
    assert again != letter
    assert again.state == "waiting"


def test_a_proposal_is_no_letter(ida, anna):
    monitoring = ida.monitorings.get()
    proposal = factories.OrderFactory(monitoring=monitoring)
    with pytest.raises(containment.NotIssued):
        writing.write_order(proposal, by=anna, now=NOW)


def test_without_an_address_there_is_no_letter(ida, anna):
    ida.city = ""
    ida.save()
    with pytest.raises(writing.NoAddress):
        writing.write_order(order_of(ida), by=anna, now=NOW)
    with pytest.raises(enrolment.NoWayToReach):
        enrolment.invite(ida, channel="letter", by=anna, now=NOW)


def test_only_what_has_ended_is_certified(ida, anna):
    monitoring = ida.monitorings.get()
    with pytest.raises(writing.NotEnded):
        writing.write_release(monitoring, by=anna, now=NOW)
    assert writing.write_release(monitoring, by=anna, now=NOW + 30 * DAY)


def test_no_worker_ever_takes_a_letter(ida, anna, letter, jobs_at_once):
    later = NOW + 30 * DAY
    assert letter not in outbox.due(now=later)
    deliver(letter.pk, now=later)
    runs.open_run(by=anna, now=NOW)
    assert letter not in outbox.due(now=later)
    assert state(letter) == "sending"


def test_an_authority_with_letters_only_has_no_work_for_the_sweep(ida, anna, letter):
    # The founding invited an administrator by mail.
    outbox.void(now=NOW, prefix="staff")
    assert not Message.objects.exclude(channel="letter").filter(state="waiting")
    sql, parameters = tasks.unsent_query(connection.schema_name, NOW + HOUR)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        assert cursor.fetchone() is None


def test_two_officials_at_once_never_take_the_same_letter(ida, anna, letter):
    runs.open_run(by=anna, now=NOW)
    with pytest.raises(runs.NothingWaits):
        runs.open_run(by=factories.OemerFactory(), now=NOW)
    assert PrintRun.objects.count() == 1


def test_the_next_run_takes_what_came_since(ida, anna, letter):
    first = runs.open_run(by=anna, now=NOW)
    enrolment.invite(ida, channel="letter", by=anna, now=NOW)
    second = runs.open_run(by=anna, now=NOW)
    assert [one.kind for one in runs.in_hand(first)] == ["order"]
    assert [one.kind for one in runs.in_hand(second)] == ["invitation"]


def test_one_letter_is_printed_alone(ida, anna, letter):
    enrolment.invite(ida, channel="letter", by=anna, now=NOW)
    run = runs.open_run(by=anna, now=NOW, only=[letter.pk])
    assert [one.message for one in runs.in_hand(run)] == [letter]
    assert runs.waiting(anna).count() == 1


def test_each_print_is_counted_with_who_and_when(ida, anna, letter):
    oemer = factories.OemerFactory()
    run = runs.open_run(by=anna, now=NOW)
    runs.note_print(run, by=anna, now=NOW)
    runs.note_print(run, by=oemer, now=NOW + HOUR)
    run.refresh_from_db()
    assert (run.prints, run.printed_by, run.printed_at) == (2, oemer, NOW + HOUR)
    printed = Event.objects.filter(verb="letters.printed").order_by("at")
    assert [one.actor for one in printed] == [anna.pk, oemer.pk]


def test_posting_serves_the_order_by_post_from_the_fourth_day(ida, anna, letter):
    run = runs.open_run(by=anna, now=NOW)
    runs.note_print(run, by=anna, now=NOW)
    runs.post(run, by=anna, now=NOW + DAY)
    service = Service.objects.get()
    assert (service.way, service.served_by) == ("post", anna)
    assert service.effective_on == TODAY + 5 * DAY
    assert "Uferweg 1" in service.note
    assert state(letter) == "sent"
    assert Event.objects.get(verb="letter.posted").person == ida.pk


def test_posting_empties_the_invitations_token(ida, anna):
    enrolment.invite(ida, channel="letter", by=anna, now=NOW)
    run = runs.open_run(by=anna, now=NOW)
    runs.note_print(run, by=anna, now=NOW)
    message = Message.objects.get(channel="letter")
    assert message.token
    runs.post(run, by=anna, now=NOW)
    message.refresh_from_db()
    assert (message.state, message.token) == ("sent", "")


def test_what_nobody_printed_is_not_posted(ida, anna, letter):
    run = runs.open_run(by=anna, now=NOW)
    with pytest.raises(runs.NotPrinted):
        runs.post(run, by=anna, now=NOW)


def test_a_run_that_is_put_back_lets_its_letters_wait_again(ida, anna, letter):
    run = runs.open_run(by=anna, now=NOW)
    runs.note_print(run, by=anna, now=NOW)
    runs.put_back(run, by=anna, now=NOW + HOUR)
    assert state(letter) == "waiting"
    for process in (runs.post, runs.put_back, runs.note_print):
        with pytest.raises(runs.RunEnded):
            process(run, by=anna, now=NOW + HOUR)
    again = runs.open_run(by=anna, now=NOW + HOUR)
    assert [one.message for one in runs.in_hand(again)] == [letter]


def test_a_death_voids_letters_waiting_and_in_print(ida, anna, letter):
    run = runs.open_run(by=anna, now=NOW)
    enrolment.invite(ida, channel="letter", by=anna, now=NOW)
    runs.note_print(run, by=anna, now=NOW)
    containment.record_death(ida, died_on=TODAY, by=anna, now=NOW + HOUR)
    letters = Message.objects.filter(channel="letter")
    assert set(letters.values_list("state", flat=True)) == {"void"}
    with pytest.raises(runs.NothingWaits):
        runs.note_print(run, by=anna, now=NOW + HOUR)
    runs.post(run, by=anna, now=NOW + HOUR)
    assert not Service.objects.exists()
    with pytest.raises(containment.Deceased):
        writing.write_order(order_of(ida), by=anna, now=NOW + HOUR)


def test_using_the_code_voids_the_letter_that_waits(ida, anna):
    code, _spelled, _token = enrolment.invite(ida, channel="letter", by=anna, now=NOW)
    enrolment.invite(ida, channel="none", by=anna, now=NOW)
    code.refresh_from_db()
    assert code.voided_at
    assert Message.objects.get(channel="letter").state == "void"


def test_a_letter_that_outlived_its_code_is_not_printed(ida, anna):
    enrolment.invite(ida, channel="letter", by=anna, now=NOW)
    with pytest.raises(runs.NothingWaits):
        runs.open_run(by=anna, now=NOW + 15 * DAY)
    outbox.expire(now=NOW + 15 * DAY)
    assert Message.objects.get(channel="letter").problem == "expired"


def test_taking_out_is_for_what_waits(ida, anna, letter):
    writing.withdraw(letter.pk, by=anna, now=NOW)
    assert state(letter) == "void"
    with pytest.raises(writing.NotWaiting):
        writing.withdraw(letter.pk, by=anna, now=NOW)
    other = writing.write_order(order_of(ida), by=anna, now=NOW)
    runs.open_run(by=anna, now=NOW)
    with pytest.raises(writing.NotWaiting):
        writing.withdraw(other.pk, by=anna, now=NOW)


def test_letters_to_the_protected_are_left_to_who_may_see_them(ida, anna, letter):
    oemer = factories.OemerFactory()
    ida.protected = True
    ida.save()
    assert not runs.waiting(anna).exists()
    with pytest.raises(runs.NothingWaits):
        runs.open_run(by=anna, now=NOW)
    run = runs.open_run(by=oemer, now=NOW)
    assert run in PrintRun.objects.open_to(oemer)
    assert run not in PrintRun.objects.open_to(anna)
