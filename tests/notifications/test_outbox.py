import datetime as dt
import uuid

import pytest
from django.db import connection

from quarano.notifications import outbox, tasks
from quarano.notifications.models import Message
from tests.faults import survives

NOW = dt.datetime(2026, 11, 17, 9, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)


def write(purpose: str = "diary:ida:2026-11-17-morning:first:mail", **kwargs):
    values = {
        "template": "notes/note",
        "channel": "mail",
        "recipient": "ida@example.org",
        "language": "de",
        "now": NOW,
        **kwargs,
    }
    return outbox.write(purpose, **values)


def again(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


def test_writing_twice_is_writing_once(authority):
    assert write() is not None
    assert write() is None
    assert Message.objects.count() == 1


def test_writing_survives_a_refused_statement(authority):
    from quarano.cockroach.transactions import retrying_transaction

    survives(retrying_transaction(lambda: write(token="secret")))


def test_the_token_is_sealed(authority):
    write(token="a-secret-token")

    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM notifications_message")
        (stored,) = cursor.fetchone()
    assert stored
    assert "secret" not in stored
    assert Message.objects.get().token == "a-secret-token"


def test_a_message_is_delivered_after_the_commit(
    authority, django_capture_on_commit_callbacks, monkeypatch
):
    asked = []
    monkeypatch.setattr(
        tasks.deliver, "apply_async", lambda args, **kwargs: asked.append(args)
    )

    with django_capture_on_commit_callbacks(execute=True):
        message = write()
        assert asked == []
    assert asked == [("neckartal", str(message.pk))]


def test_a_message_for_later_waits_for_the_sweep(
    authority, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as callbacks:
        write(not_before=NOW + HOUR)

    assert callbacks == []
    assert not outbox.due(now=NOW).exists()
    assert outbox.due(now=NOW + HOUR).exists()


def test_a_broker_that_is_away_stops_nobody(
    authority, django_capture_on_commit_callbacks, monkeypatch
):
    def away(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr(tasks.deliver, "apply_async", away)

    with django_capture_on_commit_callbacks(execute=True):
        write()
    assert outbox.due(now=NOW).count() == 1


def test_a_message_is_claimed_once(authority):
    message = write()

    claimed = outbox.claim(message.pk, now=NOW)

    assert (claimed.state, claimed.attempts) == ("sending", 1)
    assert outbox.claim(message.pk, now=NOW + MINUTE) is None


def test_a_lost_workers_message_can_be_claimed_again(authority):
    message = write()
    first = outbox.claim(message.pk, now=NOW)

    late = NOW + outbox.CLAIM
    assert list(outbox.due(now=late)) == [message]
    second = outbox.claim(message.pk, now=late)

    assert second.attempts == 2
    assert second.message_id == first.message_id


def test_a_sent_message_has_no_token_left(authority):
    message = outbox.claim(write(token="secret").pk, now=NOW)

    outbox.sent(message, now=NOW + MINUTE)

    message = again(message)
    assert (message.state, message.sent_at) == ("sent", NOW + MINUTE)
    assert message.token == ""
    assert outbox.claim(message.pk, now=NOW + HOUR) is None


def test_pauses_double_up_to_a_limit(authority):
    message = write(token="secret")
    now, pauses = NOW, []
    while (claimed := outbox.claim(message.pk, now=now)) is not None:
        outbox.failed(claimed, problem="unreachable", permanent=False, now=now)
        found = again(message)
        if found.state == "failed":
            break
        assert (found.state, found.problem) == ("waiting", "unreachable")
        assert found.token == "secret"
        pauses.append(int((found.not_before - now) / MINUTE))
        assert outbox.claim(message.pk, now=found.not_before - MINUTE / 2) is None
        now = found.not_before

    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 240]
    assert (found.attempts, found.failed_at, found.token) == (10, now, "")


def test_a_permanent_failure_is_not_tried_again(authority):
    message = outbox.claim(write(token="secret").pk, now=NOW)

    outbox.failed(message, problem="refused", permanent=True, now=NOW)

    message = again(message)
    assert (message.state, message.problem, message.token) == ("failed", "refused", "")
    assert message.failed_at == NOW
    assert outbox.claim(message.pk, now=NOW + 100 * HOUR) is None


def test_a_stalled_worker_does_not_undo_what_another_did(authority):
    stalled = outbox.claim(write().pk, now=NOW)
    other = outbox.claim(stalled.pk, now=NOW + outbox.CLAIM)
    outbox.sent(other, now=NOW + outbox.CLAIM)

    outbox.failed(stalled, problem="unreachable", permanent=True, now=NOW + HOUR)

    assert again(stalled).state == "sent"


def test_an_expired_message_is_void(authority):
    message = write(token="secret", expires_at=NOW + HOUR)
    kept = write("other", token="secret", expires_at=NOW + 2 * HOUR)

    assert outbox.claim(message.pk, now=NOW + HOUR) is None
    assert outbox.expire(now=NOW + HOUR) == 1

    message = again(message)
    assert (message.state, message.problem, message.token) == ("void", "expired", "")
    assert again(kept).token == "secret"


def test_an_expired_message_in_hand_is_left_to_its_worker(authority):
    message = outbox.claim(write(expires_at=NOW + MINUTE).pk, now=NOW)

    assert outbox.expire(now=NOW + MINUTE) == 0
    assert outbox.expire(now=NOW + outbox.CLAIM) == 1
    assert again(message).state == "void"


def test_voiding_cancels_what_is_unsent_about_a_person(authority):
    ida, kolja = uuid.uuid4(), uuid.uuid4()
    waiting = write("a", about=ida, token="secret")
    in_hand = outbox.claim(write("b", about=ida).pk, now=NOW)
    done = outbox.claim(write("c", about=ida).pk, now=NOW)
    outbox.sent(done, now=NOW)
    others = write("d", about=kolja)

    assert outbox.void(now=NOW, about=ida) == 2

    assert (again(waiting).state, again(waiting).token) == ("void", "")
    assert again(in_hand).state == "void"
    assert again(done).state == "sent"
    assert again(others).state == "waiting"


def test_voiding_a_purpose_takes_its_beginning_literally(authority):
    ladder = write("diary:a_b:morning")
    other = write("diary:axb:morning")

    assert outbox.void(now=NOW, prefix="diary:a_b") == 1

    assert again(ladder).state == "void"
    assert again(other).state == "waiting"


def test_voiding_everything_is_refused(authority):
    with pytest.raises(ValueError, match="names"):
        outbox.void(now=NOW)


def test_what_left_though_it_was_void_is_told_as_sent(authority):
    ida = uuid.uuid4()
    message = outbox.claim(write(about=ida).pk, now=NOW)
    outbox.void(now=NOW, about=ida)

    outbox.sent(message, now=NOW)

    assert again(message).state == "sent"


def test_what_failed_though_it_was_void_stays_void(authority):
    ida = uuid.uuid4()
    message = outbox.claim(write(about=ida).pk, now=NOW)
    outbox.void(now=NOW, about=ida)

    outbox.failed(message, problem="unreachable", permanent=False, now=NOW)

    assert again(message).state == "void"
