import copy
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from django_tenants.utils import schema_context

from quarano.demo.gateway import Gateway, running
from quarano.notifications.models import Message

MAIL = """{% load i18n %}{{ authority.short_name }}: {% translate "Name" %}

Hello,
{{ greeting }}
{% if url %}{{ url }}{% endif %} {{ code }}
"""


@pytest.fixture(autouse=True)
def nothing_written(request) -> None:
    """What the founding wrote is gone, within the test's transaction."""
    if "db" in request.fixturenames:
        request.getfixturevalue("db")
        for schema in ("public", "neckartal", "spreetal"):
            with schema_context(schema):
                Message.objects.all().delete()


@pytest.fixture
def texts(settings, tmp_path) -> Path:
    """A folder with templates of messages."""
    folder = tmp_path / "texts" / "notes"
    folder.mkdir(parents=True)
    (folder / "note.mail.txt").write_text(MAIL)
    (folder / "note.sms.txt").write_text("{{ greeting }} {{ url }}")
    changed = copy.deepcopy(settings.TEMPLATES)
    changed[0]["DIRS"].append(folder.parent)
    settings.TEMPLATES = changed
    # Text messages go to the console in development only.
    settings.DEVELOPMENT = True
    return folder.parent


class Sink:
    """A mail server that takes, refuses or defers; keeps what it took."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str], bytes]] = []
        self.answer = "250 taken"

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.taken.append(
                (envelope.mail_from, envelope.rcpt_tos, envelope.original_content)
            )
        return self.answer

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        if address.startswith("full@"):
            return "452 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture
def gateway(settings, tmp_path, monkeypatch) -> Iterator[Gateway]:
    """The demo's gateway on this machine; reports are asked for by the test."""
    monkeypatch.setenv("DEMO_FOLDER", str(tmp_path))
    found = Gateway(token="let-me-in", key=settings.FIELD_KEYS[0])
    with running(found, 0, reports=False) as port:
        settings.SMS_GATEWAY_URL = f"http://127.0.0.1:{port}/messages"
        settings.SMS_GATEWAY_TOKEN = "let-me-in"
        settings.TRANSPORTS = {
            **settings.TRANSPORTS,
            "sms": "quarano.notifications.gateway.Gateway",
        }
        yield found


@pytest.fixture
def sink(settings) -> Iterator[Sink]:
    """A mail server on this machine, to which Mail hands over."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = Sink()
    controller = Controller(found, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    yield found
    controller.stop()
