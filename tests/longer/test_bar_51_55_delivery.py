"""Bars 51 and 55: workers killed while they send, and a mail server away for hours."""

import datetime as dt
import os
import random
import subprocess
import sys
import time
from collections import Counter
from email import message_from_bytes

import pytest
from django_tenants.utils import schema_context, tenant_context

from health_authorities.models import HealthAuthority
from quarano.notifications import delivery, outbox
from quarano.notifications.models import Message
from tests.longer.report import measured, tries
from tests.notifications.test_kill import WORKER

NOW = dt.datetime(2026, 11, 17, 9, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def write(prefix: str, count: int) -> None:
    for number in range(count):
        outbox.write(
            f"{prefix}:{number}",
            template="notes/note",
            channel="mail",
            recipient=f"person-{number}@example.org",
            language="de",
            parameters={"greeting": "Guten Tag"},
            now=NOW,
        )


@pytest.mark.committed
@pytest.mark.localhost
@pytest.mark.bar(51)
def test_bar_51_killed_workers_lose_nothing(
    transactional_schema, texts, sink, settings
):
    count, wanted = tries(5000), tries(200)
    with schema_context("spreetal"):
        write("kill", count)
    try:
        chance = random.Random(51)
        now, kills = NOW, 0
        while True:
            worker = subprocess.Popen(
                [sys.executable, "-c", WORKER, now.isoformat(), str(texts),
                 str(settings.EMAIL_PORT)],
                env={**os.environ, "EMAIL_HOST": "127.0.0.1", "LOG_LEVEL": "ERROR"},
                stdout=subprocess.PIPE,
            )  # fmt: skip
            if kills < wanted and worker.stdout.readline() == b"sent\n":
                time.sleep(chance.uniform(0.005, 0.06))
                worker.kill()
                kills += 1
            worker.communicate(timeout=600)
            if worker.returncode == 0:
                break
            now += outbox.CLAIM
        with schema_context("spreetal"):
            ours = Message.objects.filter(purpose__startswith="kill:")
            states = Counter(ours.values_list("state", flat=True))
    finally:
        with schema_context("spreetal"):
            Message.objects.filter(purpose__startswith="kill:").delete()
    contents = Counter(content for _, _, content in sink.taken)
    numbers = {message_from_bytes(content)["Message-ID"] for content in contents}
    repeats = len(sink.taken) - count
    measured(51, f"{count} messages, {kills} kills, {repeats} repeats, states {states}")
    assert states == {"sent": count}
    assert len(contents) == len(numbers) == count
    assert repeats <= kills


@pytest.mark.localhost
@pytest.mark.bar(55)
def test_bar_55_a_mail_server_away_for_two_hours_costs_no_message(
    db,
    texts,
    sink,
    settings,
):
    """Two hours minute by minute: unreachable, then 4xx, then a breaking line."""
    count = tries(500)
    spreetal = HealthAuthority.objects.get(schema_name="spreetal")
    with schema_context("spreetal"):
        write("away", count)
    now = NOW
    right, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    back = NOW + 120 * MINUTE
    with tenant_context(spreetal):
        ours = Message.objects.filter(purpose__startswith="away:")
        while now < back + 15 * MINUTE:
            if now == NOW + 60 * MINUTE:
                settings.EMAIL_PORT, sink.answer = right, "451 later"
            if now == back:
                sink.answer = "250 taken"
            for pk in list(outbox.due(now=now).values_list("pk", flat=True)):
                delivery.deliver(pk, now=now)
            now += MINUTE
        states = Counter(ours.values_list("state", flat=True))
    measured(55, f"{count} messages, 2 h away, 15 min after the return: {dict(states)}")
    assert states == {"sent": count}
    assert len({content for _, _, content in sink.taken}) == count
