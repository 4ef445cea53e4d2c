"""The worker dies by kill -9 while it sends: nothing is lost, repeats are the same."""

import datetime as dt
import os
import random
import subprocess
import sys
import time
from collections import Counter
from email import message_from_bytes

import pytest
from django_tenants.utils import schema_context

from quarano.notifications import outbox
from quarano.notifications.models import Message

NOW = dt.datetime(2026, 11, 17, 9, tzinfo=dt.UTC)
MESSAGES, KILLS = 60, 4
WORKER = """
import datetime, sys, time
from django.conf import settings
settings.TEMPLATES[0]["DIRS"].append(sys.argv[2])
settings.EMAIL_PORT = int(sys.argv[3])
import django
django.setup()
from django_tenants.utils import tenant_context
from health_authorities.models import HealthAuthority
from quarano.notifications import delivery, outbox
now = datetime.datetime.fromisoformat(sys.argv[1])
with tenant_context(HealthAuthority.objects.get(schema_name="spreetal")):
    due = outbox.due(now=now).filter(purpose__startswith="kill:")
    for pk in list(due.values_list("pk", flat=True)):
        delivery.deliver(pk, now=now)
        print("sent", flush=True)
"""


@pytest.fixture
def many_messages(transactional_schema):
    with schema_context("spreetal"):
        for number in range(MESSAGES):
            outbox.write(
                f"kill:{number}",
                template="notes/note",
                channel="mail",
                recipient=f"person-{number}@example.org",
                language="de",
                parameters={"greeting": "Guten Tag"},
                now=NOW,
            )
    yield
    with schema_context("spreetal"):
        Message.objects.filter(purpose__startswith="kill:").delete()


@pytest.fixture
def transactional_schema(django_db_setup, django_db_blocker):
    """Committed rows in the other authority's schema; whoever writes deletes them."""
    with django_db_blocker.unblock():
        yield


@pytest.mark.committed
@pytest.mark.localhost
def test_a_killed_worker_loses_nothing_and_repeats_the_same(
    many_messages, texts, sink, settings
):
    chance = random.Random(17)
    now, kills = NOW, 0
    while True:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, now.isoformat(), str(texts),
             str(settings.EMAIL_PORT)],
            env={**os.environ, "EMAIL_HOST": "127.0.0.1", "LOG_LEVEL": "ERROR"},
            stdout=subprocess.PIPE,
        )  # fmt: skip
        if kills < KILLS:
            assert worker.stdout.readline() == b"sent\n"
            time.sleep(chance.uniform(0.005, 0.06))
            worker.kill()
            kills += 1
        worker.communicate(timeout=60)
        if worker.returncode == 0:
            break
        now += outbox.CLAIM
    assert kills == KILLS

    with schema_context("spreetal"):
        ours = Message.objects.filter(purpose__startswith="kill:")
        states = Counter(ours.values_list("state", flat=True))
    assert states == {"sent": MESSAGES}
    contents = Counter(content for _, _, content in sink.taken)
    numbers = {message_from_bytes(content)["Message-ID"] for content in contents}
    # Each message arrived, a repeat is the same to the byte, at most one a kill.
    assert len(contents) == len(numbers) == MESSAGES
    assert len(sink.taken) - MESSAGES <= KILLS
