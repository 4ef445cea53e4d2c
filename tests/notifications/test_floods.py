"""Many messages at once: taken in turns, each handed over once, by connections that
are kept."""

import datetime as dt

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection

from quarano.notifications import delivery, outbox, tasks, transports
from quarano.notifications.models import Message
from quarano.notifications.transports import Mail
from tests.notifications.test_delivery import MINUTE, NOW, again, render, write

SMS = {"channel": "sms", "recipient": "+4915112345678"}


def flood(count, **kwargs):
    return [write(f"flood {number}", **{**SMS, **kwargs}) for number in range(count)]


@pytest.fixture
def turns(monkeypatch):
    """(how many may be taken, whether behind everybody else) of each turn."""
    seen = []
    whole = tasks.hand_over.apply_async

    def noted(args, **kwargs):
        seen.append((args[1], len(args) > 3, kwargs.get("priority")))
        return whole(args, **kwargs)

    monkeypatch.setattr(tasks.hand_over, "apply_async", noted)
    monkeypatch.setattr(tasks, "AT_FIRST", 6)
    monkeypatch.setattr(tasks, "IN_TURN", 2)
    return seen


@time_machine.travel(NOW, tick=False)
def test_a_flood_is_handed_over_in_turns_behind_everybody_else(
    authority, texts, jobs_at_once, capsys, turns
):
    flood(11)

    tasks.start("neckartal")

    assert capsys.readouterr().out.count("SMS to") == 11
    assert set(Message.objects.values_list("state", "attempts")) == {("sent", 1)}
    # The first turn at once, whatever follows after whatever else there is to do.
    assert turns[0] == (0, False, None)
    assert {one[2] for one in turns if one[1]} == {tasks.LAST_OF_ALL}
    assert cache.get("delivery:0") is None


@time_machine.travel(NOW, tick=False)
def test_what_is_little_is_done_in_one_turn(
    authority, texts, jobs_at_once, capsys, turns
):
    flood(5)

    tasks.start("neckartal")

    assert capsys.readouterr().out.count("SMS to") == 5
    assert turns == [(0, False, None)]


@time_machine.travel(NOW, tick=False)
def test_so_many_workers_and_no_more_are_at_one_authoritys_messages(
    authority, other_authority, texts, settings, monkeypatch
):
    settings.DELIVERY_LANES = 2
    begun = []
    monkeypatch.setattr(
        tasks.hand_over, "apply_async", lambda args, **kwargs: begun.append(args[:2])
    )
    for _turn in range(4):
        tasks.start("neckartal")
    connection.set_tenant(other_authority)
    tasks.start("spreetal")

    assert begun == [("neckartal", 0), ("neckartal", 1), ("spreetal", 0)]


@time_machine.travel(NOW, tick=False)
def test_a_turn_that_was_away_for_too_long_leaves_it_to_the_other(
    authority, texts, capsys
):
    flood(2)
    cache.set("delivery:0", "the other", 60)

    tasks.hand_over("neckartal", 0, "mine")

    assert capsys.readouterr().out == ""
    assert set(Message.objects.values_list("state", flat=True)) == {"waiting"}


@time_machine.travel(NOW, tick=False)
def test_what_comes_during_the_last_turn_is_not_left_for_the_sweep(
    authority, texts, jobs_at_once, capsys, monkeypatch
):
    flood(1)
    whole = outbox.claim_some

    def late(most, *, now):
        found = whole(most, now=now)
        if not Message.objects.filter(purpose="late").exists():
            write("late", **SMS)
        return found

    monkeypatch.setattr(outbox, "claim_some", late)
    tasks.start("neckartal")

    assert capsys.readouterr().out.count("SMS to") == 2


def test_what_was_taken_aside_and_cancelled_is_not_sent(authority, texts, capsys):
    person = authority.pk
    flood(2, about=person)
    taken = outbox.claim_some(10, now=NOW)
    outbox.void(about=person, now=NOW)

    for message in taken:
        delivery.deliver_claimed(message, now=NOW)

    assert capsys.readouterr().out == ""
    assert set(Message.objects.values_list("state", flat=True)) == {"void"}


def test_what_outlived_its_use_while_it_was_aside_is_not_sent(authority, texts, capsys):
    flood(1, expires_at=NOW + MINUTE)
    (taken,) = outbox.claim_some(10, now=NOW)

    delivery.deliver_claimed(taken, now=NOW + MINUTE)

    assert capsys.readouterr().out == ""


def test_what_is_aside_for_too_long_goes_to_another_worker_alone(
    authority, texts, capsys
):
    """Killed after the first of three: the two others come for the first time."""
    flood(3)
    first, second, third = outbox.claim_some(3, now=NOW)
    delivery.deliver_claimed(first, now=NOW)
    assert outbox.claim_some(3, now=NOW + outbox.CLAIM - MINUTE) == []

    later = NOW + outbox.CLAIM
    others = outbox.claim_some(3, now=later)
    assert {one.pk for one in others} == {second.pk, third.pk}
    for message in others:
        delivery.deliver_claimed(message, now=later)
    delivery.deliver_claimed(second, now=later)  # the first worker was only slow

    assert capsys.readouterr().out.count("SMS to") == 3
    assert set(Message.objects.values_list("state", "attempts")) == {("sent", 1)}


def test_one_that_is_begun_is_held_from_then_on(authority, texts):
    flood(1)
    (message,) = outbox.claim_some(1, now=NOW)
    begun = NOW + outbox.CLAIM - MINUTE
    assert outbox.begin(message, now=begun)

    assert outbox.claim_some(1, now=NOW + outbox.CLAIM) == []
    assert again(message).attempts == 1
    assert len(outbox.claim_some(1, now=begun + outbox.CLAIM)) == 1


def test_letters_are_taken_aside_by_no_worker(authority, texts):
    flood(1, channel="letter", recipient="")

    assert outbox.claim_some(5, now=NOW) == []


# --- The connection that is kept ------------------------------------------------------


@pytest.fixture
def sessions(sink):
    """How many connections the mail server saw."""
    transports._let_go()
    seen = []

    async def handle_EHLO(server, session, envelope, hostname, responses):  # noqa: N802
        seen.append(session.peer)
        session.host_name = hostname
        return responses

    sink.handle_EHLO = handle_EHLO
    yield seen
    transports._let_go()


@pytest.mark.localhost
def test_one_connection_takes_one_mail_after_the_other(
    authority, texts, sink, sessions
):
    for number in range(4):
        Mail().send(render(write(f"mail {number}")))

    assert len(sink.taken) == 4
    assert len(sessions) == 1


@pytest.mark.localhost
def test_a_refused_recipient_does_not_spoil_the_connection(
    authority, texts, sink, sessions
):
    for number, name in enumerate(("ida", "nobody", "ida")):
        message = write(f"mail {number}", recipient=f"{name}@example.org")
        delivery.deliver(message.pk, now=NOW)

    assert len(sink.taken) == 2
    assert len(sessions) == 1


@pytest.mark.localhost
def test_a_connection_that_the_server_has_had_enough_of_is_followed_by_another(
    authority, texts, sink, sessions
):
    async def handle_MAIL(server, session, envelope, address, options):  # noqa: N802
        session.mails = getattr(session, "mails", 0) + 1
        if session.mails > 2:
            return "421 too many messages on this connection"
        envelope.mail_from = address
        return "250 OK"

    sink.handle_MAIL = handle_MAIL
    for number in range(5):
        message = write(f"mail {number}")
        delivery.deliver(message.pk, now=NOW)
        assert again(message).state == "sent"

    assert len(sink.taken) == 5
    assert len(sessions) == 3


@pytest.mark.localhost
@pytest.mark.parametrize(("name", "value"), [("IDLE_SECONDS", 0.0), ("MOST_ON_ONE", 1)])
def test_an_old_connection_is_not_used_again(
    authority, texts, sink, sessions, monkeypatch, name, value
):
    monkeypatch.setattr(transports, name, value)
    for number in range(3):
        Mail().send(render(write(f"mail {number}")))

    assert len(sessions) == 3


def test_a_turn_holds_its_place_longer_than_any_message_may_take():
    assert tasks.LANE > outbox.CLAIM >= dt.timedelta(minutes=2)
