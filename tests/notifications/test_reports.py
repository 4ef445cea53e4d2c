"""What gateways and mail providers tell: vouched for, once, in any order."""

import datetime as dt
import itertools
import json
import uuid

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django_tenants.utils import tenant_context

from quarano.audit.models import Event
from quarano.notifications import delivery, outbox, reports, signatures
from quarano.notifications.gateway import ADAPTERS, Adapter
from quarano.notifications.models import Message
from quarano.notifications.reports import DELAYED, DELIVERED, UNDELIVERED, Report

NOW = dt.datetime(2026, 11, 17, 9, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
IDA = uuid.uuid4()


def write(purpose="note", **kwargs):
    values = {
        "template": "notes/note", "channel": "sms", "recipient": "+4915112345678",
        "language": "de", "now": NOW, "about": IDA, "token": "t0ken",
        "parameters": {"greeting": "Hallo"}, **kwargs,
    }  # fmt: skip
    return outbox.write(purpose, **values)


def sent(purpose="note", **kwargs):
    message = write(purpose, **kwargs)
    outbox.sent(outbox.claim(message.pk, now=NOW), now=NOW)
    return again(message)


def again(message):
    return Message.objects.get(pk=message.pk)


def note(message, outcome, reason="", at=None, now=NOW + MINUTE):
    return reports.note(message.pk, Report(outcome, reason=reason, at=at), now=now)


# --- What a report changes -----------------------------------------------------------


def test_an_arrival_is_noted_with_its_own_time(authority):
    message = sent()
    at = NOW + MINUTE / 2

    note(message, DELIVERED, at=at)

    message = again(message)
    assert (message.state, message.delivered_at) == ("sent", at)
    assert message.outcome == "arrived"


@pytest.mark.parametrize("said", [NOW - MINUTE, NOW + 2 * MINUTE])
def test_a_time_that_cannot_be_is_not_believed(authority, said):
    message = sent()

    note(message, DELIVERED, at=said)

    assert again(message).delivered_at == NOW + MINUTE


def test_a_loss_is_noted_with_its_reason_and_is_in_the_history(authority):
    message = sent()

    note(message, UNDELIVERED, "absent")

    message = again(message)
    assert (message.state, message.undelivered_at) == ("sent", NOW + MINUTE)
    assert (message.problem, message.has_failed) == ("absent", True)
    event = Event.objects.get(verb="message.undelivered")
    assert (event.person, event.actor_kind) == (IDA, Event.Actor.RULE)
    assert event.codes == {"channel": "sms", "reason": "absent"}


def test_told_twice_is_told_once(authority):
    message = sent()
    for outcome in (UNDELIVERED, DELIVERED):
        note(message, outcome)
        before = again(message)
        assert note(message, outcome, now=NOW + 5 * MINUTE) is None
        assert (
            again(message).__dict__.items()
            >= {
                "delivered_at": before.delivered_at,
                "undelivered_at": before.undelivered_at,
            }.items()
        )
    assert Event.objects.filter(verb="message.undelivered").count() == 1


@pytest.mark.parametrize(
    "order", list(itertools.permutations([DELAYED, UNDELIVERED, DELIVERED]))
)
def test_in_any_order_what_arrived_has_arrived(authority, order):
    message = sent()
    for outcome in order:
        note(message, outcome)

    message = again(message)
    assert (message.delivered_at, message.undelivered_at) == (NOW + MINUTE, None)
    assert message.problem == ""


def test_held_up_after_the_loss_changes_nothing(authority):
    message = sent()
    note(message, UNDELIVERED, "absent")
    assert note(message, DELAYED) is None
    assert again(message).problem == "absent"


def test_a_report_may_be_faster_than_the_worker(authority):
    message = outbox.claim(write().pk, now=NOW)

    note(message, DELIVERED)
    outbox.sent(message, now=NOW + 2 * MINUTE)

    message = again(message)
    assert (message.state, message.token) == ("sent", "")
    assert message.sent_at == NOW + MINUTE


def test_what_arrived_is_not_sent_again_after_a_kill(authority, texts, capsys):
    message = write()
    outbox.claim(message.pk, now=NOW)  # handed over, and killed

    note(message, DELIVERED)

    assert outbox.claim(message.pk, now=NOW + outbox.CLAIM) is None
    delivery.deliver(message.pk, now=NOW + outbox.CLAIM)
    assert "SMS to" not in capsys.readouterr().out


def test_a_report_wins_over_an_answer_that_never_came(authority):
    message = outbox.claim(write().pk, now=NOW)
    note(message, DELIVERED)

    outbox.failed(message, problem="unreachable", permanent=True, now=NOW + 2 * MINUTE)

    assert again(message).state == "sent"


def test_a_cancelled_message_that_arrived_says_so(authority):
    message = outbox.claim(write().pk, now=NOW)
    outbox.void(now=NOW, about=IDA)

    note(message, DELIVERED)

    assert again(message).state == "sent"


def test_what_was_never_handed_over_cannot_have_arrived(authority):
    message = write()
    assert note(message, DELIVERED) is None
    assert again(message).state == "waiting"


# --- How it is told ------------------------------------------------------------------


def ask(authority, body, *, channel="sms", headers=None, schema=None, host=None):
    """Post a report as a gateway does; signed unless told otherwise."""
    from django.conf import settings

    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    secret = signatures.secret(schema or authority.schema_name, settings.FIELD_KEYS[0])
    if headers is None:
        headers = {signatures.HEADER: signatures.sign(raw, secret)}
    client = Client(enforce_csrf_checks=True, headers=headers)
    connection.set_schema_to_public()
    with time_machine.travel(NOW + MINUTE, tick=False):
        answer = client.post(
            f"/delivery/reports/{channel}/", raw, content_type="application/json",
            headers={"host": host or authority.host},
        )  # fmt: skip
    connection.set_tenant(authority)
    return answer


def told(message, **fields):
    return {"id": str(message.pk), "status": "delivered", **fields}


def test_a_signed_report_is_taken(authority):
    message = sent()

    answer = ask(authority, told(message, at="2026-11-17T09:00:20+00:00"))

    assert (answer.status_code, answer.json()) == (200, {"known": 1, "unknown": 0})
    assert again(message).delivered_at == NOW + dt.timedelta(seconds=20)


def test_a_provider_that_cannot_sign_bears_the_secret(authority, settings):
    message = sent()
    secret = signatures.secret("neckartal", settings.FIELD_KEYS[0])

    ask(authority, told(message), headers={"Authorization": f"Bearer {secret}"})

    assert again(message).delivered_at


def test_a_report_by_the_gateways_own_name_is_found(authority):
    message = sent()
    Message.objects.filter(pk=message.pk).update(reference="g-1")

    ask(authority, {"reference": "g-1", "status": "undelivered", "reason": "absent"})

    assert again(message).problem == "absent"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Quarano-Signature": "sha256=" + "0" * 64},
        {"X-Quarano-Signature": "äöü"},
        {"Authorization": "Bearer "},
    ],
)
def test_without_the_secret_nothing_is_taken(authority, headers):
    message = sent()

    answer = ask(authority, told(message), headers=headers)

    assert answer.status_code == 403
    assert again(message).delivered_at is None
    event = Event.objects.get(verb="report.refused")
    assert event.person is None


def test_a_flood_of_refusals_is_written_down_for_a_while_only(authority, monkeypatch):
    from quarano import views_delivery
    from quarano.accounts.limits import Limit

    monkeypatch.setattr(views_delivery, "REFUSALS", Limit(3, 3600))
    for _ in range(6):
        assert ask(authority, {}, headers={}).status_code == 403
    assert Event.objects.filter(verb="report.refused").count() == 3


def test_a_signature_is_worth_nothing_for_another_body(authority, settings):
    message = sent()
    secret = signatures.secret("neckartal", settings.FIELD_KEYS[0])
    other = signatures.sign(b"{}", secret)

    answer = ask(authority, told(message), headers={signatures.HEADER: other})

    assert answer.status_code == 403


def test_one_authoritys_secret_opens_no_other(authority, other_authority):
    message = sent()

    assert ask(authority, told(message), schema="spreetal").status_code == 403
    # Nor does a genuine report of the other reach a message that is not its own.
    with tenant_context(other_authority):
        theirs = sent()
    assert ask(authority, told(theirs)).status_code == 404
    with tenant_context(other_authority):
        assert again(theirs).delivered_at is None


def test_an_older_key_still_opens_after_a_rotation(authority, settings):
    message = sent()
    old = settings.FIELD_KEYS[0]
    secret = signatures.secret("neckartal", old)
    settings.FIELD_KEYS = ["bmV3LWtleS1uZXcta2V5LW5ldy1rZXktbmV3LWtleS0=", old]

    ask(authority, told(message), headers={"Authorization": f"Bearer {secret}"})

    assert again(message).delivered_at


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]garbage", b"null", b'{"status": "delivered"}', b'{"id": 1}',
     b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_report_is_refused_and_breaks_nothing(authority, body):
    assert ask(authority, body).status_code == 400


def test_an_unknown_message_may_be_told_again_later(authority):
    body = {"id": str(uuid.uuid4()), "status": "delivered"}
    assert ask(authority, body).status_code == 404


def test_a_mail_is_not_found_among_text_messages(authority):
    message = sent(channel="mail", recipient="ida@example.org")
    assert ask(authority, told(message)).status_code == 404
    assert ask(authority, told(message), channel="mail").status_code == 200


@pytest.mark.parametrize(
    ("status", "problem", "is_lost"),
    [("5.1.1", "unknown", True), ("5.2.2", "full", False), ("4.4.1", "delayed", False),
     ("5.7.1", "policy", True), ("spam", "spam", True)],
)  # fmt: skip
def test_a_mail_provider_says_why_by_its_status(authority, status, problem, is_lost):
    message = sent(channel="mail", recipient="ida@example.org")

    ask(
        authority,
        {"id": f"<{message.pk}@quarano>", "status": "undelivered", "reason": status},
        channel="mail",
    )

    message = again(message)
    assert (message.problem, message.has_failed) == (problem, is_lost)


def test_only_posts_are_taken(authority):
    connection.set_schema_to_public()
    client = Client(headers={"host": authority.host})
    assert client.get("/delivery/reports/sms/").status_code == 405


def test_a_servers_sentence_is_no_reason(authority):
    message = sent()
    ask(
        authority,
        told(message, status="undelivered", reason="User Ida Sommer is unknown"),
    )
    assert again(message).problem == "undelivered"


def test_another_provider_tells_several_at_once():
    provider = Adapter(
        body={}, reports="results", report_id="callbackData",
        report_reference="messageId", report_status="status.groupId",
        report_reason="error.name", delivered=("3",), undelivered=("2", "5"),
    )  # fmt: skip
    key = uuid.uuid4()
    body = {
        "results": [
            {"callbackData": str(key), "messageId": 1, "status": {"groupId": 3}},
            {"messageId": 2, "status": {"groupId": 5}, "error": {"name": "EC_ABSENT"}},
            {"messageId": 3, "status": {"groupId": 1}},
        ]
    }

    found = list(reports.read(body, provider))

    assert [one.outcome for one in found] == [DELIVERED, UNDELIVERED, DELAYED]
    assert (found[0].key, found[1].reference) == (key, "2")
    assert found[1].reason == "ec_absent"


def test_the_shipped_protocol_reads_one_report():
    (found,) = reports.read(
        {"reference": "g", "status": "delivered", "at": "yesterday"},
        ADAPTERS["quarano"],
    )
    assert (found.reference, found.at) == ("g", None)


# --- The command ---------------------------------------------------------------------


def test_the_operator_reads_the_secret_that_opens(authority, capsys):
    from django.core.management import CommandError, call_command

    connection.set_schema_to_public()
    call_command("delivery_secret", "neckartal")
    secret = capsys.readouterr().out.strip()
    connection.set_tenant(authority)
    message = sent()
    ask(authority, told(message), headers={"Authorization": f"Bearer {secret}"})
    assert again(message).delivered_at
    connection.set_schema_to_public()
    with pytest.raises(CommandError):
        call_command("delivery_secret", "nowhere")


# --- The whole way -------------------------------------------------------------------


@pytest.mark.localhost
def test_the_demos_gateway_reports_what_the_site_takes(authority, texts, gateway):
    arrives, lost = write("one"), write("two", recipient="+491713920099")
    for message in (arrives, lost):
        delivery.deliver(message.pk, now=NOW)

    for to, account, report in gateway.reports:
        raw = json.dumps(report).encode()
        said = signatures.sign(raw, signatures.secret(account, gateway.key))
        assert to == authority.url("/delivery/reports/sms/")
        assert ask(authority, raw, headers={signatures.HEADER: said}).status_code == 200

    assert again(arrives).outcome == "arrived"
    assert (again(lost).outcome, again(lost).problem) == ("did not arrive", "unknown")
