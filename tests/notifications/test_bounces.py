"""Mail that comes back: found by its mark, judged by its status, read by IMAP."""

import datetime as dt
import uuid
from email.message import EmailMessage

import pytest
import time_machine
from django.db import connection

from quarano.notifications import bounces, outbox, tasks
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from tests.notifications.imap import Mailbox, mailbox

NOW = dt.datetime(2026, 11, 17, 9, tzinfo=dt.UTC)

__all__ = ["mailbox"]


@pytest.fixture(autouse=True)
def address(settings):
    settings.BOUNCE_ADDRESS = "bounces@quarano.example"


@pytest.fixture
def message(authority, texts):
    return sent()


def sent(purpose="note", **kwargs):
    values = {
        "template": "notes/note", "channel": "mail", "recipient": "ida@example.org",
        "language": "de", "now": NOW, "parameters": {"greeting": "Hallo"}, **kwargs,
    }  # fmt: skip
    written = outbox.write(purpose, **values)
    outbox.sent(outbox.claim(written.pk, now=NOW), now=NOW)
    return written


def dsn(to, *, action="failed", status="5.1.1", headers="", sender="<>"):
    """A delivery status notification as Postfix writes it."""
    return f"""\
Return-Path: {sender}
From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.org. I'm sorry.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
Arrival-Date: Tue, 17 Nov 2026 10:00:00 +0100 (CET)

Final-Recipient: rfc822; ida@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 <ida@example.org>: Recipient unknown

--b1
Content-Type: text/rfc822-headers

Message-ID: <x@quarano>
{headers}

--b1--
""".encode()


def back_to(message, authority):
    return bounces.return_path(authority, message.pk)


def test_each_mail_has_a_return_path_of_its_own(message, authority):
    rendered = render(message)

    name, _, domain = rendered.return_path.partition("@")
    assert (name.partition("+")[0], domain) == ("bounces", "quarano.example")
    assert len(name) <= 64  # RFC 5321, 4.5.3.1.1
    assert rendered.return_path != render(sent("other")).return_path
    assert rendered.return_path == render(message).return_path
    assert str(message.recipient) not in rendered.return_path


def test_without_a_mailbox_mail_comes_back_to_the_sender(message, settings):
    settings.BOUNCE_ADDRESS = ""
    assert render(message).return_path == ""


@pytest.mark.localhost
def test_the_return_path_is_the_envelopes_and_the_sender_the_letters(
    message, authority, sink
):
    from email import message_from_bytes, policy

    from quarano.notifications.transports import Mail

    Mail().send(render(message))

    ((envelope, _, content),) = sink.taken
    assert envelope == back_to(message, authority)
    mail = message_from_bytes(content, policy=policy.default)
    assert mail["From"].addresses[0].addr_spec == authority.sender
    assert mail["X-Quarano-Message"] == bounces.mark(authority, message.pk)


@pytest.mark.parametrize(
    ("action", "status", "outcome", "reason"),
    [
        ("failed", "5.1.1", "undelivered", "unknown"),
        ("failed", "5.1.10", "undelivered", "unknown"),
        ("failed", "5.2.1 (disabled)", "undelivered", "unknown"),
        ("failed", "5.7.1", "undelivered", "policy"),
        ("failed", "5.0.0", "undelivered", ""),
        ("failed", "", "undelivered", ""),
        ("failed", "5.2.2", "delayed", "full"),
        ("failed", "4.4.7", "delayed", ""),
        ("delayed", "4.4.1", "delayed", ""),
        ("DELAYED", "4.2.2", "delayed", "full"),
    ],
)
def test_hard_is_lost_and_soft_is_held_up(
    message, authority, action, status, outcome, reason
):
    raw = dsn(back_to(message, authority), action=action, status=status)
    connection.set_schema_to_public()

    found = bounces.read(raw)

    assert (found.schema, found.report.key) == ("neckartal", message.pk)
    assert (found.report.outcome, found.report.reason) == (outcome, reason)


def test_good_news_is_no_bounce(message, authority):
    raw = dsn(back_to(message, authority), action="relayed", status="2.0.0")
    assert bounces.read(raw) is None


def test_where_the_return_path_is_lost_the_letters_own_mark_tells(message, authority):
    mark = bounces.mark(authority, message.pk)
    raw = dsn("postmaster@quarano.example", headers=f"X-Quarano-Message: {mark}")
    assert bounces.read(raw).report.key == message.pk

    inner = EmailMessage()
    inner["X-Quarano-Message"] = mark
    outer = dsn("postmaster@quarano.example").replace(
        b"text/rfc822-headers\n\nMessage-ID: <x@quarano>\n",
        b"message/rfc822\n\n" + bytes(inner),
    )
    assert bounces.read(outer).report.key == message.pk


def test_a_forged_mark_names_nobody(message, authority, other_authority):
    genuine = bounces.mark(authority, message.pk)
    other = bounces.mark(other_authority, message.pk)
    forged = (
        genuine[:-1] + ("a" if genuine[-1] != "a" else "b"),
        other[:8] + genuine[8:],
        genuine[:8] + bounces.mark(authority, uuid.uuid4())[8:34] + genuine[34:],
        "f" * 8 + genuine[8:],
    )
    for mark in forged:
        assert bounces.read(dsn(f"bounces+{mark}@quarano.example")) is None
    assert bounces.owner(genuine.upper()) == ("neckartal", message.pk)


def test_the_operators_mail_comes_back_to_the_operator(db, texts):
    connection.set_schema_to_public()
    message = sent()
    found = bounces.read(dsn(bounces.return_path(None, message.pk)))
    assert (found.schema, found.report.key) == ("public", message.pk)


def test_a_holiday_answer_is_no_bounce(message, authority):
    raw = (
        f"From: ida@example.org\nTo: {back_to(message, authority)}\n"
        "Auto-Submitted: auto-replied\nSubject: On holiday\n\nBack on Monday.\n"
    )
    assert bounces.read(raw.encode()) is None
    # And somebody who answers by hand is not either.
    assert bounces.read(raw.replace("Auto-Submitted: auto-replied\n", "").encode()) is (
        None
    )


def test_a_bounce_without_a_status_is_never_final(message, authority):
    raw = (
        "Return-Path: <>\nFrom: Mailer-Daemon@old.example\n"
        f"To: {back_to(message, authority)}\nSubject: failure notice\n\nSorry.\n"
    )
    found = bounces.read(raw.encode())
    assert (found.report.outcome, found.report.reason) == ("delayed", "unclear")


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe\x00", b"To: x\n\n", b"Content-Type: multipart/report\n\n"]
)
def test_what_is_no_mail_breaks_nothing(db, raw):
    assert bounces.read(raw) is None


# --- The mailbox ---------------------------------------------------------------------


@pytest.mark.localhost
@time_machine.travel(NOW, tick=False)
def test_the_job_notes_what_came_back_and_leaves_other_mail(
    message, authority, other_authority, mailbox: Mailbox
):
    connection.set_tenant(other_authority)
    soft = sent("soft")
    path = back_to(soft, other_authority)
    mailbox.put(dsn(back_to(message, authority)))
    mailbox.put(b"From: somebody@example.org\nTo: bounces@quarano.example\n\nHello\n")
    mailbox.put(dsn(path, action="delayed", status="4.4.1"))
    connection.set_schema_to_public()

    tasks.read_mailbox()

    connection.set_tenant(authority)
    assert Message.objects.get(pk=message.pk).problem == "unknown"
    assert Message.objects.get(pk=message.pk).undelivered_at == NOW
    connection.set_tenant(other_authority)
    held_up = Message.objects.get(pk=soft.pk)
    assert (held_up.problem, held_up.has_failed) == ("delayed", False)
    # The stranger's mail is still there, as seen.
    assert [flags for _raw, flags in mailbox.mails.values()] == [{"\\Seen"}]


@pytest.mark.localhost
@time_machine.travel(NOW, tick=False)
def test_a_mailbox_read_twice_after_a_kill_says_the_same(
    message, authority, mailbox: Mailbox, monkeypatch
):
    mailbox.put(dsn(back_to(message, authority)))
    connection.set_schema_to_public()

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tasks.mailbox, "done", killed)
        with pytest.raises(KeyboardInterrupt):
            tasks.read_mailbox()
    assert len(mailbox.mails) == 1
    tasks.read_mailbox()

    assert mailbox.mails == {}
    connection.set_tenant(authority)
    from quarano.audit.models import Event

    assert Event.objects.filter(verb="message.undelivered").count() == 1


@pytest.mark.localhost
def test_a_mailbox_that_is_away_or_refuses_us_is_said_and_nothing_breaks(
    db, mailbox: Mailbox, settings, caplog
):
    settings.BOUNCE_IMAP_PASSWORD = "wrong"
    tasks.read_mailbox()
    settings.BOUNCE_IMAP_PORT = 9
    tasks.read_mailbox()
    said = [one.getMessage() for one in caplog.records if "mailbox" in one.getMessage()]
    assert len(said) == 2
    assert "wrong" not in caplog.text


def test_without_a_mailbox_the_job_asks_nobody(db, settings):
    settings.BOUNCE_IMAP_HOST = ""
    tasks.read_mailbox()
