"""Rows 7 and 8: what the jobs of many authorities take, and whom a flood delays."""

import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction
from django_tenants.utils import tenant_context

from cases.models import Person
from diaries import planning
from health_authorities.models import HealthAuthority
from quarano import clock
from quarano.bench.house import ROOT, folder
from quarano.bench.results import Result
from quarano.bench.scene import Scene
from quarano.notifications import tasks
from quarano.notifications.models import Message

FIVE = dt.time(17, 1)
MESSAGES = {"small": 3_000, "medium": 12_000, "large": 50_000}
FLOOD = {"small": 3_000, "medium": 12_000, "large": 20_000}
FEW = 100
PATIENCE = 900.0  # seconds


# --- Row 7 ---------------------------------------------------------------------------


def plan_reminders(scene: Scene) -> list[Result]:
    """Row 7: write all reminders that are due, nobody told before; all taken back."""
    took, count, bare, again = _plan(scene.large)
    beside, few, _bare, _again = _plan(scene.hundredth)
    with tenant_context(scene.large):
        people = Person.objects.count()
    million = 1_000_000 / people
    dataset = f"{scene.dataset}; {count:,} due at five, {few:,} in the one beside"
    whole = took * million
    return [
        Result(7, "reminders due, scaled to 1,000,000 people", whole, "s", dataset,
               bare * million, 60, whole <= 60,
               "beside: the bare SQL that finds who owes"),
        Result(7, "the same in 400 small authorities", beside * 400, "s", dataset,
               whole, 60, beside * 400 <= 60, "beside: the large one, scaled"),
        Result(7, "a quarter of an hour later, nobody is due", again * million, "s",
               dataset, whole, why="beside: where all were due; no target"),
    ]  # fmt: skip


def _plan(authority: HealthAuthority) -> tuple[float, int, float, float]:
    """Seconds and messages of a run, seconds of its bare SQL, of another run."""
    with tenant_context(authority), transaction.atomic():
        now = authority.at(authority.localdate(clock.now()), FIVE)
        Message.objects.filter(purpose__startswith="diary:").delete()
        asked = [
            planning.finding(step, now=now)
            for step in (planning.OWN, planning.REPRESENTATIVES)
        ]
        began = time.perf_counter()
        with connection.cursor() as cursor:
            for statement in asked:
                if statement is not None:
                    cursor.execute(*statement)
                    cursor.fetchall()
        bare = time.perf_counter() - began
        began = time.perf_counter()
        count = planning.send_due(now=now)
        took = time.perf_counter() - began
        began = time.perf_counter()
        planning.send_due(now=now)
        again = time.perf_counter() - began
        transaction.set_rollback(True)
    connection.set_schema_to_public()
    return took, count, bare, again


# --- Row 8 ---------------------------------------------------------------------------


def hand_over(scene: Scene) -> list[Result]:
    """Row 8: a flood to a mail sink, by one worker and by two; whom it delays."""
    count = MESSAGES[scene.scale]
    with _sink() as port:
        bare = _bare(port, min(count, 2_000)) * count
        one = _flood(scene.large, count, port, workers=1)
        two = _flood(scene.large, count, port, workers=2)
        quick = _few(scene, port, flood=0)
        slow = _few(scene, port, flood=FLOOD[scene.scale])
    said = f"{count:,} messages of one authority, sink on the same machine"
    scaled = one * 50_000 / count
    faster = one / two
    few = f"{FEW} messages of another, beside a flood of {FLOOD[scene.scale]:,}"
    return [
        Result(8, "50,000 messages, one worker", scaled, "s", said,
               bare * 50_000 / count, 600, scaled <= 600,
               "beside: the same mails by smtplib alone"),
        Result(8, "a second worker, times as fast", faster, "", said, target=1.8,
               met=faster >= 1.8, why=f"{os.cpu_count()} cores hold sink and database "
               "too"),
        Result(8, "a few beside a flood", slow * 1000, "ms", few, quick * 1000,
               1.1 * quick * 1000, slow <= 1.1 * quick, "beside: without the flood"),
    ]  # fmt: skip


SINK = """
import asyncio
class Sink(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.data, self.rest = transport, False, b""
        transport.write(b"220 sink\\r\\n")
    def data_received(self, more):
        self.rest += more
        while True:
            end = b"\\r\\n.\\r\\n" if self.data else b"\\r\\n"
            line, found, rest = self.rest.partition(end)
            if not found:
                return
            self.rest = rest
            if self.data:
                self.data = False
                self.transport.write(b"250 taken\\r\\n")
                continue
            word = line[:4].upper()
            if word == b"DATA":
                self.data = True
                self.transport.write(b"354 go on\\r\\n")
            elif word == b"QUIT":
                self.transport.write(b"221 bye\\r\\n")
                self.transport.close()
                return
            else:
                self.transport.write(b"250 well\\r\\n")
async def main():
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@contextlib.contextmanager
def _sink() -> Iterator[int]:
    """A mail server that takes everything, in a process of its own; its port."""
    process = subprocess.Popen(  # noqa: S603 - our own arguments
        [sys.executable, "-c", SINK], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=10)


def _bare(port: int, count: int) -> float:
    """Seconds that smtplib alone takes for such a mail."""
    import smtplib

    text = f"Subject: x\r\n\r\n{'So it goes. ' * 40}\r\n"
    began = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as server:
        for _turn in range(count):
            server.sendmail("a@mail.example", ["b@mail.example"], text)
    return (time.perf_counter() - began) / count


@contextlib.contextmanager
def _workers(count: int, port: int) -> Iterator[None]:
    """Celery as in the container, that many processes, mail to that port."""
    log = (folder() / "worker.log").open("ab")
    process = subprocess.Popen(  # noqa: S603 - our own arguments
        [
            *(sys.executable, "-m", "celery", "--app", "quarano", "worker"),
            *("--loglevel", "WARNING", "--concurrency", str(count)),
            *("--queues", "celery"),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(port),
            "DATABASE_AS": "app",
        },
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        _warm()
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        log.close()


def _warm() -> None:
    """Wait until a worker answers."""
    from quarano.celery import app

    for _turn in range(60):
        if app.control.ping(timeout=1):
            return
    raise RuntimeError("no worker answers")


def _write(count: int) -> None:
    """Let that many messages wait in the authority that is entered."""
    now = clock.now()
    Message.objects.bulk_create(
        (
            Message(
                purpose=f"bench:{now.timestamp()}:{number}",
                template="diaries/messages/first",
                channel=Message.Channel.MAIL,
                rung="first",
                recipient=f"k.{number}@mail.example",
                language="de",
                parameters={"path": "/diary/"},
                written_at=now,
                not_before=now,
            )
            for number in range(count)
        ),
        batch_size=2_000,
    )


def _left(authority: HealthAuthority) -> int:
    """How many are not handed over yet; a look that gets in no worker's way."""
    with tenant_context(authority), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        waiting = Message.objects.filter(purpose__startswith="bench:")
        return waiting.exclude(state=Message.State.SENT).count()


def _until(done: Callable[[], Any], every: float = 0.02) -> float:
    """Seconds until it is so."""
    began = time.perf_counter()
    while not done():
        if time.perf_counter() - began > PATIENCE:
            raise RuntimeError("the messages are not handed over")
        time.sleep(every)
    return time.perf_counter() - began


def _clean(*authorities: HealthAuthority) -> None:
    for authority in authorities:
        with tenant_context(authority):
            Message.objects.filter(purpose__startswith="bench:").delete()
            cache.clear()


def _start(authority: HealthAuthority) -> None:
    with tenant_context(authority):
        tasks.start(authority.schema_name)


def _flood(authority: HealthAuthority, count: int, port: int, *, workers: int) -> float:
    """Seconds in which so many workers hand over so many messages."""
    _clean(authority)
    with tenant_context(authority):
        _write(count)
    with _workers(workers, port):
        _start(authority)
        took = _until(lambda: _left(authority) == 0, every=0.5)
    _clean(authority)
    return took


def _few(scene: Scene, port: int, *, flood: int, turns: int = 5) -> float:
    """Seconds until the few of one authority are sent, with or without the flood."""
    _clean(scene.large, scene.hundredth)
    if flood:
        with tenant_context(scene.large):
            _write(flood)
    spans = []
    with _workers(1, port):
        if flood:
            _start(scene.large)
            _until(lambda: _left(scene.large) < flood - 300)
        for _turn in range(turns + 1):  # the first only warms up
            with tenant_context(scene.hundredth):
                _write(FEW)
            _start(scene.hundredth)
            spans.append(_until(lambda: _left(scene.hundredth) == 0))
        if flood and not _left(scene.large):
            raise RuntimeError("the flood was over before")
    _clean(scene.large, scene.hundredth)
    return sorted(spans[1:])[len(spans[1:]) // 2]
