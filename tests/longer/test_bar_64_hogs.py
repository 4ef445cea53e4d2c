"""Bar 64: who hogs what there is does not stop the others, behind the proxy as shipped.

The proxy is that of compose.yaml with Debian's nginx, before the web of one container.
Who hogs comes from one address, and officials from another.
"""

import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.composed import ROOT
from tests.demo import free_port
from tests.longer import proxy as proxies
from tests.longer.report import measured, tries
from tests.longer.stage import Browser, Stage, until

pytestmark = [
    pytest.mark.localhost,
    pytest.mark.committed,
    pytest.mark.bar(64),
    pytest.mark.skipif(not proxies.NGINX, reason="nginx is not installed"),
]


@contextlib.contextmanager
def door(stage: Stage) -> Iterator[int]:
    """The port where nginx speaks TLS for the stage's web."""
    place = Path(tempfile.mkdtemp(prefix="quarano-door-"))
    place.chmod(0o711)
    proxies.certificate(place)
    doors = {name: free_port() for name in ("http", "https", "inside")}
    variables = {"PUBLIC_HOST": "localhost", "SITE_PORT": f":{doors['https']}"}
    words = proxies.prepared(
        place, variables, doors=doors, webs=(stage.port, stage.port)
    )
    nginx = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    try:
        healthy = Browser(stage.port, "neckartal.localhost", door=doors["https"])
        until(lambda: healthy.get("/healthz/").status == 200, seconds=10)
        yield doors["https"]
    finally:
        nginx.terminate()
        nginx.wait(20)
        shutil.rmtree(place, ignore_errors=True)


def rounds(browser: Browser, count: int) -> tuple[float, Counter[int]]:
    """Open the worklist so often: the 95th percentile in seconds, and the answers."""
    times, statuses = [], Counter[int]()
    for _ in range(count):
        began = time.monotonic()
        statuses[browser.get("/worklist/").status] += 1
        times.append(time.monotonic() - began)
    return statistics.quantiles(times, n=20)[-1], statuses


def test_bar_64_who_hogs_the_server_does_not_stop_the_others(stage):
    """Idle lines, heads, bodies and answers byte by byte, a gigabyte, fields of half a
    million characters, deep JSON: all at once, while an official works."""
    anna, count = stage.enter("Anna Becker"), max(20, tries(200))
    idle, halves, bodies = tries(10_000), tries(1_000), tries(200)
    with door(stage) as port:
        browser = Browser(stage.port, "neckartal.localhost", anna.cookies, port)
        quiet, _ = rounds(browser, 20)
        words = [sys.executable, "-m", "tests.longer.hogs"]
        hogs = subprocess.Popen(
            [*words, *map(str, (port, idle, halves, bodies))],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            time.sleep(10)  # until the crowd stands
            worst, statuses = rounds(browser, count)
            told, _ = hogs.communicate(timeout=60)
        finally:
            hogs.kill()
            hogs.wait(20)
        took = until(lambda: browser.get("/worklist/").status == 200, seconds=20)
    done = json.loads(told)
    said = ", ".join(f"{what} {number}" for what, number in sorted(done.items()))
    measured(
        64,
        f"through the proxy of compose.yaml, p95 of {count} pages of others "
        f"{worst * 1000:.0f} ms, {quiet * 1000:.0f} ms without; answers "
        f"{dict(statuses)}, {took:.1f} s afterwards; meanwhile: {said}",
    )
    assert set(statuses) == {200}
    assert worst < 2
    # The hogs did what they are here for.
    for what, number in (("idle", idle), ("half a head", halves)):
        assert done[f"{what} at most"] > 0.9 * number, said
    for what in ("huge 413", "without_end 413", "slow body", "unread answer"):
        assert done.get(what), said
