import datetime as dt
import json
from email import message_from_bytes, policy

import pytest
import time_machine
from django.db import connection

from quarano.notifications import delivery, outbox, tasks
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from quarano.notifications.transports import Mail, TransportError, transport

NOW = dt.datetime(2026, 11, 17, 9, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def write(purpose: str = "note", **kwargs):
    values = {
        "template": "notes/note",
        "channel": "mail",
        "recipient": "ida@example.org",
        "language": "de",
        "now": NOW,
        "parameters": {"greeting": "Guten Tag"},
        **kwargs,
    }
    return outbox.write(purpose, **values)


def again(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


# --- What it says --------------------------------------------------------------------


def test_the_first_line_is_the_subject(authority, texts):
    rendered = render(write(language="en"))

    assert rendered.subject == "Neckartal: Name"
    assert rendered.body.startswith("Hello,")
    assert "Guten Tag" in rendered.body
    assert (rendered.sender, rendered.sender_name) == (
        authority.sender,
        authority.name,
    )


def test_a_link_leads_to_the_authoritys_host(authority, texts):
    message = write(
        token=json.dumps({"token": "t0ken", "code": "ABCD-EFGH"}),
        parameters={"greeting": "", "path": "/enrolment/link/{token}/"},
    )

    body = render(message).body

    assert "http://neckartal.localhost:8000/enrolment/link/t0ken/" in body
    assert "ABCD-EFGH" in body


def test_a_plain_token_fills_the_link_too(authority, texts):
    message = write(
        channel="sms",
        recipient="+4915112345678",
        token="t0ken",
        parameters={"greeting": "Hi", "path": "/x/{token}/"},
    )

    assert render(message).body == "Hi http://neckartal.localhost:8000/x/t0ken/\n"
    assert render(message).subject == ""


def test_a_language_without_texts_falls_back_to_the_authoritys(authority, texts):
    authority.default_language = "en"
    assert "Name" in render(write("a", language="tr")).subject
    assert render(write("b", language="tr")) is not None


def test_an_operators_message_comes_from_the_installation(db, texts, settings):
    rendered = render(
        write(parameters={"greeting": "", "path": "/account/{token}/"}, token="t")
    )

    assert rendered.sender == settings.DEFAULT_FROM_EMAIL
    assert "http://localhost:8000/account/t/" in rendered.body


def test_names_are_not_escaped_as_if_they_were_html(authority, texts):
    message = write(parameters={"greeting": "O'Neill & Søn"})

    assert "O'Neill & Søn" in render(message).body


# --- By mail ------------------------------------------------------------------------


@pytest.mark.localhost
def test_mail_is_handed_over_with_a_fixed_message_id(authority, texts, sink):
    message = write(token="secret")

    delivery.deliver(message.pk, now=NOW)

    ((sender, recipients, content),) = sink.taken
    mail = message_from_bytes(content, policy=policy.default)
    assert (sender, recipients) == (authority.sender, ["ida@example.org"])
    assert mail["From"].addresses[0].display_name == authority.name
    assert mail["Message-ID"] == f"<{message.pk}@quarano>"
    assert mail["Date"].datetime == NOW
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "Guten Tag" in mail.get_content()
    message = again(message)
    assert (message.state, message.sent_at, message.token) == ("sent", NOW, "")


@pytest.mark.localhost
def test_a_repeated_mail_is_the_same_to_the_byte(authority, texts, sink):
    message = write()
    claimed = outbox.claim(message.pk, now=NOW)
    Mail().send(render(claimed))  # and killed before anybody wrote it down

    delivery.deliver(message.pk, now=NOW + outbox.CLAIM)

    (_, _, first), (_, _, second) = sink.taken
    assert first == second


@pytest.mark.localhost
@pytest.mark.parametrize(
    ("recipient", "answer", "problem", "permanent"),
    [
        ("nobody@example.org", "250 taken", "refused", True),
        ("full@example.org", "250 taken", "refused", False),
        ("ida@example.org", "554 spam", "refused", True),
        ("ida@example.org", "451 later", "refused", False),
        ("ida@example.org\nBcc: all@example.org", "250 taken", "address", True),
    ],
)
def test_a_refusal_is_for_good_or_for_now(
    authority, texts, sink, recipient, answer, problem, permanent
):
    sink.answer = answer

    with pytest.raises(TransportError) as raised:
        Mail().send(render(write(recipient=recipient)))

    assert (raised.value.problem, raised.value.permanent) == (problem, permanent)
    assert sink.taken == []


@pytest.mark.localhost
def test_a_server_that_is_away_is_tried_again(authority, texts, sink, settings):
    settings.EMAIL_PORT = 9  # nobody listens there
    message = write()

    delivery.deliver(message.pk, now=NOW)

    message = again(message)
    assert (message.state, message.problem) == ("waiting", "unreachable")
    assert message.not_before == NOW + MINUTE
    assert sink.taken == []


@pytest.mark.localhost
def test_a_refused_mail_has_failed(authority, texts, sink):
    message = write(recipient="nobody@example.org")

    delivery.deliver(message.pk, now=NOW)

    message = again(message)
    assert (message.state, message.problem) == ("failed", "refused")


# --- By text message, and otherwise ------------------------------------------------


def test_without_a_gateway_a_text_message_fails_and_is_in_no_log(
    authority, texts, capsys, settings
):
    settings.DEVELOPMENT = False
    message = write(channel="sms", recipient="+4915112345678")

    delivery.deliver(message.pk, now=NOW)

    message.refresh_from_db()
    assert (message.state, message.problem) == ("failed", "no_gateway")
    assert "12345678" not in capsys.readouterr().out


def test_a_text_message_goes_to_the_console(authority, texts, capsys):
    message = write(channel="sms", recipient="+4915112345678")

    delivery.deliver(message.pk, now=NOW)

    assert "SMS to +4915112345678: Guten Tag" in capsys.readouterr().out
    assert again(message).state == "sent"


def test_each_channel_has_a_transport():
    assert transport("mail")
    assert transport("sms")


def test_a_missing_text_is_a_failure_somebody_sees(authority, caplog):
    message = write(template="notes/none", recipient="ida@example.org")

    delivery.deliver(message.pk, now=NOW)

    message = again(message)
    assert (message.state, message.problem) == ("failed", "template")
    assert "ida" not in caplog.text


def test_nothing_is_sent_twice(authority, texts, capsys):
    message = write(channel="sms", recipient="+4915112345678")

    delivery.deliver(message.pk, now=NOW)
    delivery.deliver(message.pk, now=NOW + outbox.CLAIM)

    assert capsys.readouterr().out.count("SMS to") == 1


# --- The sweep ----------------------------------------------------------------------


@time_machine.travel(NOW + 5 * MINUTE, tick=False)
def test_the_sweep_sends_what_was_left_over(
    authority, other_authority, texts, jobs_at_once, capsys
):
    sms = {"channel": "sms", "recipient": "+4915112345678"}
    waiting = write("waiting", **sms)
    lost = outbox.claim(write("lost", **sms).pk, now=NOW)
    later = write("later", not_before=NOW + 6 * MINUTE, **sms)
    gone = write("gone", expires_at=NOW + MINUTE, **sms)
    connection.set_schema_to_public()

    tasks.sweep_all()

    assert capsys.readouterr().out.count("SMS to") == 2
    connection.set_tenant(authority)
    states = [again(message).state for message in (waiting, lost, later, gone)]
    assert states == ["sent", "sent", "waiting", "void"]


@time_machine.travel(NOW, tick=False)
def test_the_sweep_asks_nobody_without_messages(
    authority, other_authority, texts, jobs_at_once, monkeypatch
):
    write(not_before=NOW + MINUTE)
    swept = []
    monkeypatch.setattr(
        tasks.sweep, "apply_async", lambda args, **kwargs: swept.append(args)
    )

    tasks.sweep_all()
    assert swept == []

    write("other")
    tasks.sweep_all()
    assert swept == [("neckartal",)]


@time_machine.travel(NOW, tick=False)
def test_the_sweep_reaches_the_operators_messages(db, texts, jobs_at_once, capsys):
    message = write(channel="sms", recipient="+4915112345678")

    tasks.sweep_all()

    assert again(message).state == "sent"
