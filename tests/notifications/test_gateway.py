"""Text messages over HTTP, handed to a real server on this machine."""

import datetime as dt
import json
import logging
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.exceptions import ImproperlyConfigured

from quarano.demo import inbox
from quarano.notifications import delivery, outbox
from quarano.notifications import gateway as ours
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from quarano.notifications.transports import TransportError

NOW = dt.datetime(2026, 11, 17, 9, tzinfo=dt.UTC)
pytestmark = pytest.mark.localhost


def write(purpose="note", **kwargs):
    values = {
        "template": "notes/note", "channel": "sms", "recipient": "+4915112345678",
        "language": "de", "now": NOW, "parameters": {"greeting": "Grüße"}, **kwargs,
    }  # fmt: skip
    return outbox.write(purpose, **values)


class Answers:
    """A gateway that answers as the test says, and keeps what it was asked."""

    def __init__(self):
        self.status, self.body, self.headers = 200, {"id": "g-1"}, {}
        self.asked = []


@pytest.fixture
def answers(settings):
    said = Answers()

    class Asked(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            said.asked.append((dict(self.headers), json.loads(body)))
            raw = json.dumps(said.body).encode()
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    said.server = server
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.SMS_GATEWAY_URL = f"http://127.0.0.1:{server.server_address[1]}/"
    settings.SMS_GATEWAY_TOKEN = "s3cret-token"
    settings.TRANSPORTS = {
        "sms": "quarano.notifications.gateway.Gateway",
        "mail": settings.TRANSPORTS["mail"],
    }
    yield said
    server.shutdown()
    server.server_close()


def test_a_message_is_handed_over_with_all_that_the_protocol_says(
    authority, texts, answers
):
    authority.sms_sender = "GA Neckar"
    message = write()

    delivery.deliver(message.pk, now=NOW)

    ((headers, body),) = answers.asked
    assert headers["Authorization"] == "Bearer s3cret-token"
    assert body == {
        "id": str(message.pk),
        "to": "+4915112345678",
        "from": "GA Neckar",
        "text": "Grüße",
        "account": "neckartal",
        "written_at": "2026-11-17T09:00:00+00:00",
        "report_to": "http://neckartal.localhost:8000/delivery/reports/sms/",
    }
    message.refresh_from_db()
    assert (message.state, message.reference, message.segments) == ("sent", "g-1", 1)


@pytest.mark.parametrize(
    ("status", "body", "problem", "permanent"),
    [
        (422, {"error": "invalid_recipient"}, "refused", True),
        (400, {}, "refused", True),
        (200, {"error": "blocked"}, "refused", True),
        (413, {"error": "too_long"}, "refused", True),
        (401, {"error": "token"}, "gateway", False),
        (402, {"error": "no_credit"}, "gateway", False),
        (404, {}, "gateway", False),
        (302, {}, "gateway", False),
        (429, {"error": "slow_down"}, "busy", False),
        (503, {}, "busy", False),
        (500, "not an object", "gateway", False),
    ],
)
def test_a_refusal_is_for_good_or_for_now(
    authority, texts, answers, status, body, problem, permanent
):
    answers.status, answers.body = status, body
    answers.headers = {"Location": "http://127.0.0.1:9/"} if status == 302 else {}

    with pytest.raises(TransportError) as raised:
        ours.Gateway().send(render(write()))

    assert (raised.value.problem, raised.value.permanent) == (problem, permanent)
    assert len(answers.asked) == 1


def test_what_the_gateway_knows_already_is_taken(authority, texts, answers):
    answers.status, answers.body = 409, {"error": "known", "id": "g-7"}

    assert ours.Gateway().send(render(write())).reference == "g-7"


def test_a_gateway_that_is_away_is_tried_again(authority, texts, answers, settings):
    settings.SMS_GATEWAY_URL = "http://127.0.0.1:9/"
    message = write()

    delivery.deliver(message.pk, now=NOW)

    message.refresh_from_db()
    assert (message.state, message.problem) == ("waiting", "unreachable")


def test_a_gateway_that_says_nothing_holds_nobody_up(
    authority, texts, answers, settings
):
    import socket

    settings.SMS_READ_SECONDS = 0.2
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings.SMS_GATEWAY_URL = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(TransportError) as raised:
            ours.Gateway().send(render(write()))
    assert (raised.value.problem, raised.value.permanent) == ("unreachable", False)


def test_a_certificate_that_nobody_vouches_for_is_refused(
    authority, texts, answers, settings, tmp_path
):
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *args: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.SMS_GATEWAY_URL = f"https://127.0.0.1:{server.server_address[1]}/"
    try:
        with pytest.raises(TransportError) as raised:
            ours.Gateway().send(render(write()))
        # The same server, once its certificate is trusted, is at least spoken with.
        settings.SMS_CA_FILE = str(certificate)
        with pytest.raises(TransportError) as trusted:
            ours.Gateway().send(render(write("other")))
    finally:
        server.shutdown()
        server.server_close()
    assert (raised.value.problem, raised.value.permanent) == ("unreachable", False)
    assert trusted.value.problem == "gateway"  # 501: it knows no POST


def self_signed(folder):
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2050, 1, 1, tzinfo=dt.UTC))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "gateway.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_a_text_beyond_the_limit_is_not_sent(authority, texts, answers, settings):
    settings.SMS_MOST_SEGMENTS = 2
    message = write(parameters={"greeting": "x" * 307})

    delivery.deliver(message.pk, now=NOW)

    message.refresh_from_db()
    assert (message.state, message.problem) == ("failed", "too_long")
    assert answers.asked == []


def test_without_an_address_a_text_message_fails(authority, texts, settings):
    settings.SMS_GATEWAY_URL = ""
    with pytest.raises(TransportError) as raised:
        ours.Gateway().send(render(write()))
    assert (raised.value.problem, raised.value.permanent) == ("no_gateway", True)


def test_no_number_text_or_token_is_in_a_log(authority, texts, answers, caplog):
    caplog.set_level(logging.DEBUG)
    answers.status = 500
    delivery.deliver(write(token="t0ken").pk, now=NOW)

    for secret in ("15112345678", "Grüße", "s3cret-token", "t0ken"):
        assert secret not in caplog.text


# --- A repeated message -------------------------------------------------------------


def test_a_message_repeated_after_a_kill_is_taken_once(authority, texts, gateway):
    message = write()
    claimed = outbox.claim(message.pk, now=NOW)
    ours.Gateway().send(render(claimed))  # and killed before anybody wrote it down

    delivery.deliver(message.pk, now=NOW + outbox.CLAIM)

    assert len(inbox.letters(recipient="+4915112345678")) == 1
    message.refresh_from_db()
    assert message.reference == gateway.taken[str(message.pk)]
    assert (message.state, message.attempts) == ("sent", 2)


def test_the_demos_gateway_lets_nobody_in_without_its_token(
    authority, texts, gateway, settings
):
    settings.SMS_GATEWAY_TOKEN = "wrong"
    with pytest.raises(TransportError) as raised:
        ours.Gateway().send(render(write()))
    assert raised.value.problem == "gateway"
    assert inbox.letters() == []


# --- Another provider ----------------------------------------------------------------


def test_an_operator_describes_another_provider(
    authority, texts, answers, settings, tmp_path
):
    (tmp_path / "provider.json").write_text(
        json.dumps(
            {
                "body": {
                    "messages": [
                        {"destination": "{to_digits}", "content": {"text": "{text}"}}
                    ],
                    "callback": "{report_to}",
                },
                "headers": {"X-Api-Key": "{token}"},
                "reference": "messages.0.messageId",
                "error": "messages.0.error",
                "permanent": ["no_such_number"],
            }
        )
    )
    settings.SMS_ADAPTER = str(tmp_path / "provider.json")
    answers.body = {"messages": [{"messageId": 4711}]}
    message = write(parameters={"greeting": "{token}"})

    delivery.deliver(message.pk, now=NOW)

    ((headers, body),) = answers.asked
    assert headers["X-Api-Key"] == "s3cret-token"
    # What a text says is never read as one of the names.
    assert body["messages"] == [
        {"destination": "4915112345678", "content": {"text": "{token}"}}
    ]
    assert Message.objects.get().reference == "4711"

    answers.body = {"messages": [{"error": "no_such_number"}]}
    with pytest.raises(TransportError) as raised:
        ours.Gateway().send(render(write("other")))
    assert raised.value.permanent


@pytest.mark.parametrize("said", ["{", "[]", '{"body": {}, "bodys": 1}', "{}"])
def test_a_description_that_says_nonsense_is_refused(settings, tmp_path, said):
    path = tmp_path / "provider.json"
    path.write_text(said)
    settings.SMS_ADAPTER = str(path)
    with pytest.raises(ImproperlyConfigured):
        ours.adapter()
