"""Bars 7, 51 to 54, 56, 57 and 62: an installation under load, and what happens.

Each says what it did and what was lost of what had been acknowledged, which must be
nothing. What needs a server of our own is skipped where it is somebody else's.
"""

import contextlib
import os
import random
import signal
import statistics
import threading
import time
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from quarano import embedded
from tests.longer.load import GONE, Load
from tests.longer.report import measured, tries
from tests.longer.stage import Browser, until

pytestmark = [pytest.mark.localhost, pytest.mark.committed]


@pytest.mark.bar(52)
def test_bar_52_a_killed_web_process_loses_nothing(stage):
    healthy = Browser(stage.port, "neckartal.localhost")
    kills = tries(10)
    with Load(stage) as load:
        slowest = 0.0
        for _ in range(kills):
            time.sleep(2)
            workers = stage.processes("gunicorn")[1:]
            os.kill(workers[0], signal.SIGKILL)
            slowest = max(
                slowest,
                until(lambda: healthy.get("/healthz/").status == 200, seconds=20),
            )
    measured(52, f"{kills} kills, back within {slowest:.1f} s")
    assert slowest <= 5
    measured(52, load.nothing_lost())


@pytest.mark.bar(53)
@pytest.mark.parametrize("how", ["a crash", "a stop"])
def test_bar_53_a_database_that_restarts_loses_nothing(stage, how):
    """One database here: a killed backend makes PostgreSQL restart them all; and it is
    stopped while everybody writes, away for two seconds, and started again."""
    stage.own_server()
    times, restarts = [], tries(5)
    with Load(stage) as load:
        for _ in range(restarts):
            time.sleep(3)
            moment = time.monotonic()
            if how == "a crash":
                with stage.database() as database:
                    row = database.execute(
                        "SELECT pid FROM pg_stat_activity WHERE backend_type ="
                        " 'client backend' AND pid <> pg_backend_pid() LIMIT 1"
                    ).fetchone()
                assert row
                os.kill(int(str(row[0])), signal.SIGKILL)
            else:
                stage.own_server().stop()
                time.sleep(2)
                stage.start_database()
            times.append(load.back_after(moment))
        time.sleep(1)
    measured(53, f"{restarts} × {how}: writes taken again after {max(times):.1f} s")
    assert max(times) <= 30
    measured(53, load.nothing_lost())
    stuck = (
        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in trans%%'"
        " AND state_change < now() - interval '5 seconds'"
    )
    until(lambda: stage.count(stuck) == 0, seconds=30)
    took = until(lambda: stage.open_messages() == 0, seconds=200)
    measured(53, f"no session stuck; no message left over after {took:.0f} s")


@pytest.mark.bar(54)
def test_bar_54_redis_gone_then_empty(stage):
    """Sign-in fails closed, work and diary go on, no message that waits is lost."""
    redis, count = stage.redis(), tries(500)
    folder = stage.demo.folder / "redis"
    anna = stage.enter("Anna Becker")
    statuses: Counter[int] = Counter()
    with Load(stage) as load:
        os.kill(redis, signal.SIGKILL)
        deadline = time.monotonic() + 300 * tries(100) / 100
        prefix = f"gone{redis}"
        try:
            stage.write_messages(prefix, count)
            person = stage.people("neckartal")[0]
            while time.monotonic() < deadline:
                for path in ("/worklist/", f"/people/{person}/", "/account/login/"):
                    statuses[anna.get(path).status] += 1
                time.sleep(0.5)
            visitor = Browser(stage.port, "neckartal.localhost")
            login = {"login": "anna@neckartal.example", "password": "wrong"}
            closed = visitor.post("/account/login/", login).status
        finally:
            # Empty, at the same place; the stage stops it.
            stage.cleanup.enter_context(embedded.redis(folder))
    took = until(
        lambda: len(stage.handed_over(prefix)) == count and not stage.open_messages(),
        seconds=300,
    )
    handed = stage.handed_over(prefix)
    repeats = sum(handed.values()) - len(handed)
    measured(
        54,
        f"away {300 * tries(100) / 100:.0f} s: pages {dict(statuses)}, sign-in "
        f"{closed}; {count} messages written meanwhile all handed over {took:.0f} s "
        f"after its return, {repeats} twice",
    )
    assert statuses[200]
    assert set(statuses) == {200}
    assert closed in {429, 503}, "without limits nobody may guess"
    assert not repeats
    measured(54, load.nothing_lost())


@pytest.mark.bar(51, 56)
def test_bar_51_56_killed_workers_two_beats_and_an_emptied_redis(stage):
    """Two beats all the time; worker and beats die by SIGKILL in turn, Redis by
    FLUSHALL, while messages are handed over: each arrives, no more often than once
    and once again for each kill."""
    stage.redis()
    count, kills = tries(2000), tries(20)
    prefix = f"killed{os.getpid()}"
    chance = random.Random(51)
    worker = ("worker", "-c", "2", "-l", "error", "-Q", "celery", "-n", "second@%h")
    beats = [
        ("beat", "-l", "error", "-s", str(stage.demo.folder / f"second-beat{number}"))
        for number in range(2)
    ]
    words = [worker, *beats]
    with stage.paused("celery -A quarano worker", "celery -A quarano beat"):
        running = [stage.celery(*one) for one in words]
        try:
            stage.write_messages(prefix, count)
            for number in range(kills):
                time.sleep(chance.uniform(1.5, 4))
                which = number % 3
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(running[which].pid, signal.SIGKILL)
                running[which].wait(20)
                if number == kills // 2:
                    stage.run(
                        "from django.core.cache import caches\n"
                        "caches['default']._cache.get_client().flushall()\n"
                    )
                running[which] = stage.celery(*words[which])
            # What a killed worker held may be taken after two minutes.
            took = until(
                lambda: (
                    len(stage.handed_over(prefix)) == count
                    and not stage.open_messages()
                ),
                seconds=300,
            )
        finally:
            for one in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(one.pid, signal.SIGKILL)
                one.wait(20)
    handed = stage.handed_over(prefix)
    lost = count - len(handed)
    repeats = sum(handed.values()) - len(handed)
    said = (
        f"{count} messages, two beats, {kills} kills of worker and beats, Redis emptied"
        f" once: {lost} lost, {repeats} repeated, all gone {took:.0f} s later"
    )
    measured(51, said)
    measured(56, said)
    assert not lost
    # A worker of two processes has two messages in hand when it dies.
    assert repeats <= 2 * kills


@pytest.mark.bar(57)
def test_bar_57_without_a_database_the_answer_is_503(stage):
    """Nobody gets through the line, as with a database that is away."""
    anna = stage.enter("Anna Becker")
    statuses: Counter[int] = Counter()
    stage.line.refusing = True
    stage.line.cut()
    try:
        for _ in range(tries(100)):
            for path in ("/worklist/", "/healthz/", "/account/login/"):
                statuses[anna.get(path).status] += 1
    finally:
        stage.line.refusing = False
    took = until(lambda: anna.get("/worklist/").status == 200, seconds=40)
    measured(57, f"no database: {dict(statuses)}, back by itself after {took:.1f} s")
    assert set(statuses) <= {200, 503}
    assert statuses[503] >= statuses[200], "only what asks no database may answer"


@pytest.mark.bar(57)
def test_bar_57_with_all_connections_taken_the_answer_is_503(stage):
    stage.own_server()
    anna = stage.enter("Anna Becker")
    statuses: Counter[int] = Counter()
    with contextlib.ExitStack() as taken:
        stage.line.cut()
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                held = stage.database()
                taken.callback(held.close)
        stage.line.cut()
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                held = stage.database()
                taken.callback(held.close)
        for _ in range(tries(100)):
            statuses[anna.get("/worklist/").status] += 1
    took = until(lambda: anna.get("/worklist/").status == 200, seconds=40)
    measured(57, f"all connections taken: {dict(statuses)}, back after {took:.1f} s")
    assert statuses[503]
    assert set(statuses) <= {200, 503}


@pytest.mark.bar(57)
def test_bar_57_a_slow_line_loses_nothing(stage):
    """Every message to the database 200 ms late."""
    with Load(stage) as load:
        stage.line.delay = 0.2
        try:
            time.sleep(max(20.0, 60 * tries(100) / 100))
        finally:
            stage.line.delay = 0.0
        moment = time.monotonic()
        took = load.back_after(moment)
    measured(
        57, f"200 ms slower: {load.nothing_lost()}, as fast again after {took:.1f} s"
    )


@pytest.mark.bar(57)
def test_bar_57_a_full_disk_loses_nothing(stage):
    """The database's disk is filled to its last byte while everybody writes."""
    stage.own_server()
    if not stage.disk:
        pytest.skip("disk full: no small disk could be mounted for the database")
    ballast = stage.disk / "ballast"
    with Load(stage) as load:
        time.sleep(2)
        with ballast.open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 65_536)
                file.flush()
        time.sleep(max(15.0, 60 * tries(100) / 100))
        refused = load.answers["503"]
        ballast.unlink()
        moment = time.monotonic()
        with contextlib.suppress(psycopg.Error):
            stage.database().close()
        try:
            took = load.back_after(moment)
        except pytest.fail.Exception:
            # PostgreSQL stops where it cannot even recover; somebody starts it.
            stage.start_database()
            took = load.back_after(moment)
    measured(
        57,
        f"disk full: {refused} answers 503 until room was made, writes taken "
        f"{took:.1f} s after it; {load.nothing_lost()}",
    )
    assert refused


@pytest.mark.bar(7)
def test_bar_7_mixed_requests_never_meet_the_wrong_authority(stage):
    """16 threads, two authorities in turn, connections cut on the way."""
    theirs = {
        "neckartal": ("Gesundheitsamt Neckartal", "Gesundheitsamt Spreetal"),
        "spreetal": ("Gesundheitsamt Spreetal", "Gesundheitsamt Neckartal"),
    }
    who = {"neckartal": "Anna Becker", "spreetal": "Nora Lindner"}
    people = {schema: stage.people(schema) for schema in theirs}
    browsers = {schema: stage.enter(name).cookies for schema, name in who.items()}
    wrong: list[str] = []
    counts: Counter[int] = Counter()
    cuts: list[int] = []
    over = threading.Event()

    def work(number: int) -> None:
        chance = random.Random(number)
        for _ in range(tries(10_000)):
            schema = chance.choice(list(theirs))
            other = "spreetal" if schema == "neckartal" else "neckartal"
            browser = Browser(stage.port, f"{schema}.localhost", {**browsers[schema]})
            foreign = chance.random() < 0.3
            pk = chance.choice(people[other if foreign else schema])
            path = chance.choice(("/worklist/?tab=all", f"/people/{pk}/"))
            try:
                answer = browser.get(path)
            except GONE:
                counts[0] += 1
                continue
            counts[answer.status] += 1
            mine, not_mine = theirs[schema]
            if answer.status == 200 and (
                mine not in answer.text or not_mine in answer.text
            ):
                wrong.append(f"{schema} {path}")
            if foreign and path.startswith("/people/") and answer.status == 200:
                wrong.append(f"{schema} read {path} of {other}")

    def cut() -> None:
        while not over.wait(2):
            cuts.append(stage.line.cut())

    threads = [
        threading.Thread(target=work, args=(one,), daemon=True) for one in range(16)
    ]
    cutter = threading.Thread(target=cut)
    for thread in [*threads, cutter]:
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    cutter.join()
    measured(
        7,
        f"{sum(counts.values())} requests, {dict(counts)}, {sum(cuts)} "
        f"connections cut, {len(wrong)} wrong",
    )
    assert not wrong
    assert counts[200] > 0.3 * sum(counts.values())


@pytest.mark.bar(62)
def test_bar_62_hours_of_load_leave_no_trace_in_memory(stage):
    """Four hours in full; a shorter soak says how long it was."""
    anna = stage.enter("Anna Becker")
    people = stage.people("neckartal")
    chance = random.Random(62)
    seconds = tries(4 * 60 * 60)

    def memory() -> int:
        total = 0
        for number in stage.processes("gunicorn"):
            status = Path(f"/proc/{number}/status").read_text()
            total += int(status.split("VmRSS:")[1].split()[0])
        return total

    def round_of_pages(until_then: float) -> list[float]:
        times = []
        while time.monotonic() < until_then:
            path = chance.choice(
                ("/worklist/", "/people/?q=a", f"/people/{chance.choice(people)}/")
            )
            began = time.monotonic()
            assert anna.get(path).status == 200
            times.append(time.monotonic() - began)
        return times

    connections = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'quarano'"
    # Caches fill first; what grows after that is a leak.
    round_of_pages(time.monotonic() + max(20, seconds / 10))
    before, opened = memory(), stage.count(connections)
    first = round_of_pages(time.monotonic() + seconds / 2)
    last = round_of_pages(time.monotonic() + seconds / 2)
    after = memory()
    growth = after / before - 1
    p95 = [statistics.quantiles(times, n=20)[-1] for times in (first, last)]
    measured(
        62,
        f"{seconds} s, {len(first) + len(last)} pages, memory {growth:+.1%}, p95 "
        f"{p95[0] * 1000:.0f} → {p95[1] * 1000:.0f} ms, connections {opened} → "
        f"{stage.count(connections)}",
    )
    assert growth < 0.05
    assert stage.count(connections) <= opened + 2
    assert p95[1] < p95[0] * 1.1 + 0.02
