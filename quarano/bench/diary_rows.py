"""Rows 6, 17 and 19: what citizens wait for, and how the demo starts."""

import gzip
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from uuid import UUID

from django_tenants.utils import tenant_context

from cases.models import Person, Routine
from diaries import owed
from diaries.models import Entry
from diaries.slots import Slot
from quarano import clock
from quarano.accounts.models import User
from quarano.bench.browser import Browser, sign_in
from quarano.bench.house import ROOT, cpu_of_tree, postmaster
from quarano.bench.results import Result, percentile
from quarano.bench.scene import Scene, spend

AT_ONCE = 8
MOST = 2_500
MS = 1000.0


@dataclass(frozen=True)
class Owed:
    """A slot that somebody can still enter, and the browser it is entered from."""

    person: str
    slot: str
    browser: Browser

    @property
    def path(self) -> str:
        return f"/diary/{self.person}/entry/{self.slot}/"


def _owed(scene: Scene, most: int) -> list[Owed]:
    """Slots without an entry of people who have a login of their own."""
    authority, now = scene.large, clock.now()
    with tenant_context(authority):
        routine = Routine.objects.in_force(on=authority.localdate(now))
        keepers = [
            keeper
            for keeper in owed.keepers(routine, now=now)
            if keeper.person.user_id and keeper.monitoring.enrolled_at
        ]
        slot = Slot.at(authority.zone, now, routine)
        wanted: list[tuple[Person, Slot]] = []
        for _back in range(2):
            for keeper in keepers:
                deadline = slot.deadline(
                    authority.zone, routine, last_day=keeper.last_day
                )
                if keeper.owes(slot) and deadline > now and len(wanted) < most:
                    wanted.append((keeper.person, slot))
            slot = slot.previous
        users = User.objects.in_bulk({person.user_id for person, _slot in wanted})
        keys = dict(zip(users, sign_in(users.values()), strict=True))
    return [
        Owed(
            str(person.pk),
            slot.key,
            Browser(scene.web.port, authority.host, keys[person.user_id]),
        )
        for person, slot in wanted
    ]


def _answers(random: Random) -> dict[str, str | list[str]]:
    """What people enter: most are well, some cough, few have a fever."""
    lot = random.random()
    fields: dict[str, str | list[str]] = {
        "temperature": f"{random.gauss(36.6, 0.2):.1f}".replace(".", ",")
    }
    if lot > 0.75:
        fields |= {"symptom": ["cough", "headache"]}
        fields |= {"severity-cough": "1", "severity-headache": "1"}
    if lot > 0.95:
        fields |= {"temperature": f"{random.uniform(38, 39):.1f}"}
    return fields


def submissions(scene: Scene) -> list[Result]:
    """Row 6: diary submissions as fast as they go, eight people at once."""
    wanted = _owed(scene, MOST)
    random = Random(scene.dataset)
    random.shuffle(wanted)
    forms = [(one, _answers(random)) for one in wanted]
    database = postmaster()

    def send(job: tuple[Owed, dict[str, str | list[str]]]) -> tuple[float, int]:
        one, fields = job
        answer = one.browser.post(one.path, fields)
        return answer.seconds * MS, answer.status

    with ThreadPoolExecutor(AT_ONCE) as pool:
        warm = list(pool.map(send, forms[:100]))
        retries = scene.web.retries()
        web, base = scene.web.cpu(), cpu_of_tree(database)
        began = time.perf_counter()
        seen = list(pool.map(send, forms[100:]))
        took = time.perf_counter() - began
        web, base = scene.web.cpu() - web, cpu_of_tree(database) - base
        retries = scene.web.retries() - retries
    spend(scene.scale)
    count = len(seen)
    accepted = sum(status == 302 for _ms, status in [*warm, *seen])
    with tenant_context(scene.large):
        stored = sum(
            Entry.objects.filter(
                person=UUID(one.person),
                day=Slot.from_key(one.slot).day,
                half=Slot.from_key(one.slot).half,
            ).exists()
            for one, _fields in forms
        )
    p95 = percentile([ms for ms, _status in seen], 0.95)
    cpu = (web + base) / count * MS
    aborts = retries / count
    said = f"{scene.dataset}; {count:,} submissions, {AT_ONCE} at once"
    lost = accepted - stored
    refused = len(forms) - accepted
    return [
        Result(6, "diary submission, CPU of web and database", cpu, "ms", said,
               web / count * MS, 15, cpu <= 15, "beside: web alone"),
        Result(6, "diary submission, p95", p95, "ms", said,
               percentile([ms for ms, _status in seen], 0.5), 150, p95 <= 150,
               "beside: the median"),
        Result(6, "diary submissions, throughput", count / took, "a second", said,
               165, why="the national peak is 165 a second, on more cores"),
        Result(6, "transactions run again, share of submissions", aborts, "", said,
               why="printed, no target"),
        Result(6, "submissions lost", lost, "entries", said, target=0,
               met=lost == 0 and refused == 0,
               why=f"{accepted} accepted, {stored} stored, {refused} refused"),
    ]  # fmt: skip


# --- How much a phone has to load -----------------------------------------------------


def weight(scene: Scene) -> list[Result]:
    """Row 19: the first view of a diary with all it needs, and the next one."""
    one = _owed(scene, 1)[0]
    page = one.browser.get(one.path)
    assert page.status == 200, page.status
    names = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page.text))
    assets = {name: one.browser.get(name) for name in sorted(names)}
    fonts = sum(name.endswith((".woff2", ".woff")) for name in names)
    styles = {name: one for name, one in assets.items() if name.endswith(".css")}
    first = page.size + sum(asset.size for asset in assets.values())
    style = sum(asset.size for asset in styles.values())
    plain = len(page.text.encode())
    following = one.browser.get(f"/diary/{one.person}/days/").size
    later = max(page.size, following)
    said = f"{scene.dataset}; {len(assets)} files, {fonts} fonts"
    return [
        Result(19, "diary, first view on the wire", first / 1000, "kB", said,
               plain / 1000, 60, first <= 60_000, "beside: the page alone, plain"),
        Result(19, "diary, each view after", later / 1000, "kB", said,
               len(gzip.compress(page.text.encode())) / 1000, 15, later <= 15_000,
               "beside: gzip at its best"),
        Result(19, "diary, stylesheet", style / 1000, "kB", said, target=12,
               met=style <= 12_000),
    ]  # fmt: skip


# --- The demo -------------------------------------------------------------------------


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _page(port: int) -> str:
    """The first page as it stands, which may show the progress; empty: nobody there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


def _start(folder: Path) -> tuple[float, float]:
    """Seconds to the first page, which may show the progress, and to the real one."""
    port = _free_port()
    names = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FIELD_KEYS", "ALLOWED_HOSTS",
             "BEHIND_PROXY", "PUBLIC_HOST", "DEBUG", "DEMO")  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if k not in names}
    environment["DEMO_FOLDER"] = str(folder)
    began = time.perf_counter()
    with (folder / "said.txt").open("w+") as said:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            [sys.executable, "-m", "quarano.demo", "--port", str(port)],
            cwd=ROOT, env=environment, stdout=said, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            first = played = 0.0
            while not played and time.perf_counter() - began < 400:
                if process.poll() is not None:
                    text = (folder / "said.txt").read_text()
                    raise RuntimeError(f"the demo ended: {text[-500:]}")
                page = _page(port)
                if not first and page:
                    first = time.perf_counter() - began
                # The page of the progress loads itself anew.
                if page and 'http-equiv="refresh"' not in page:
                    played = time.perf_counter() - began
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
    return first, played


def demo(scene: Scene | None = None) -> list[Result]:
    """Row 17: the demo from nothing, and its second start."""
    dataset = "two authorities, three weeks; packages installed"
    with tempfile.TemporaryDirectory(prefix="quarano-demo-") as place:
        folder = Path(place) / "demo"
        folder.mkdir(mode=0o700)
        first, played = _start(folder)
        again, ready = _start(folder)
        from quarano import embedded

        for part in ("postgres", "redis"):
            embedded.forget(folder / part)
    return [
        Result(17, "demo, cold start to the first page", first, "s", dataset, 25, 10,
               0 < first <= 10, "beside: the original to its first log-in"),
        Result(17, "demo, the outbreak played", played, "s", dataset, target=90,
               met=0 < played <= 90),
        Result(17, "demo, second start to the progress page", again, "s", dataset,
               first, 5, 0 < again <= 5, "beside: the cold start"),
        Result(17, "demo, second start to the real page", ready, "s", dataset,
               played, 5, 0 < ready <= 5, "beside: the first time"),
    ]  # fmt: skip
