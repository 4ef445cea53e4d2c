"""A whole installation to break: the demo's processes, and browsers of a few lines.

Between the demo and its database lies a line that can be slowed, refused and cut. The
database is one of our own, or lies beside the tests' on the server of DATABASE_URL;
what only our own server allows is then skipped.
"""

import contextlib
import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from quarano import embedded
from tests import demo as demos
from tests import line as lines
from tests.conftest import DROP, address_of, on_server
from tests.longer.hogs import context

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str
    path: str = ""  # where it was found, after redirects


@dataclass
class Browser:
    """Cookies, forms and redirects on one host; `*.localhost` needs no resolver."""

    port: int
    host: str
    cookies: dict[str, str] = field(default_factory=dict)
    door: int = 0  # the port of a proxy in front, which speaks TLS

    def ask(
        self, method: str, path: str, body: dict[str, object] | None = None
    ) -> Answer:
        """Send one request; raises OSError or HTTPException where nobody answers."""
        connection = self._connection()
        headers = {
            "Host": f"{self.host}:{self.port}",
            "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()),
            "Accept-Language": "en",
            "Origin": f"http://{self.host}:{self.port}",
        }
        text = None
        if body is not None:
            text = urllib.parse.urlencode(body, doseq=True)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, text, headers)
            response = connection.getresponse()
            for name, value in response.getheaders():
                if name.lower() == "set-cookie":
                    key, _, rest = value.partition("=")
                    self.cookies[key] = rest.partition(";")[0]
            content = response.read().decode(errors="replace")
            found = dict(response.getheaders())
            return Answer(response.status, found, content, path)
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if not self.door:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        return http.client.HTTPSConnection(
            "127.0.0.1", self.door, timeout=30, context=context()
        )

    def get(self, path: str) -> Answer:
        """The page, after its redirects."""
        for _ in range(5):
            answer = self.ask("GET", path)
            if answer.status not in {301, 302, 303}:
                return answer
            path = path_of(answer.headers["Location"])
        return answer

    def post(self, path: str, body: dict[str, object], *, form: str = "") -> Answer:
        """Send the form of a page (`form`, else the path itself); no redirect is
        followed, for a redirect is what says that it was taken."""
        found = TOKEN.search(self.get(form or path).text)
        token = {"csrfmiddlewaretoken": found[1]} if found else {}
        return self.ask("POST", path, {**token, **body})


def path_of(address: str) -> str:
    parts = urllib.parse.urlsplit(address)
    return parts.path + (f"?{parts.query}" if parts.query else "")


@dataclass
class Stage:
    demo: demos.Demo
    address: str  # of the database, past the line
    line: lines.Line
    server: embedded.Server | None  # where the database is ours
    disk: Path | None  # the small disk that holds it, where one could be mounted
    cleanup: contextlib.ExitStack

    @property
    def port(self) -> int:
        return self.demo.port

    def enter(self, label: str) -> Browser:
        """A browser in which one of the cast is signed in."""
        public = Browser(self.port, "localhost")
        found = public.get("/")
        link = re.search(rf'href="([^"]+)">\s*[^<]*{re.escape(label)}', found.text)
        assert link, f"no way in for {label}: {found.status}, {found.text[:300]}"
        answer = public.ask("GET", link[1].replace("&amp;", "&"))
        parts = urllib.parse.urlsplit(answer.headers["Location"])
        browser = Browser(self.port, str(parts.hostname))
        assert browser.post(parts.path, {}).status == 302
        return browser

    def processes(self, words: str) -> list[int]:
        """Ids of the demo's processes with these words in their command, in order."""
        mark = f"DEMO_FOLDER={self.demo.folder}".encode()
        found = []
        for one in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if not one.name.isdigit():
                    continue
                line = (one / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                ours = (
                    mark in (one / "environ").read_bytes()
                    or str(self.demo.folder) in line
                )
                if ours and words in line and int(one.name) != os.getpid():
                    found.append(int(one.name))
        return sorted(found)

    def database(self) -> "psycopg.Connection[tuple[object, ...]]":
        """A connection of the owner, past the line."""
        address = self.address.replace("cockroachdb:", "postgresql:")
        address = address.replace("cockroach:", "postgresql:")
        return psycopg.connect(address, autocommit=True, connect_timeout=10)

    def own_server(self) -> embedded.Server:
        """The server of the database, or a skip where it is not ours to stop."""
        if self.server is None:
            pytest.skip("the server of DATABASE_URL is not ours to stop")
        return self.server

    def start_database(self) -> None:
        """Start our own server again."""
        self.server = embedded.postgres(self.demo.folder.parent / "pg", durable=True)

    def redis(self) -> int:
        """The id of the demo's Redis, or a skip where it is not ours."""
        found = self.processes("valkey") or self.processes("redis-server")
        if not found:
            pytest.skip("Redis is not ours to kill")
        return found[0]

    def run(self, code: str) -> str:
        """Run code in a process of the installation, past the line; what it printed."""
        environment = {**self.environment(), "DATABASE_URL": self.address}
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
            env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def celery(self, *words: str) -> "subprocess.Popen[bytes]":
        """One more worker or beat of the installation, a group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "quarano", *words],
            env=self.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip

    @contextlib.contextmanager
    def paused(self, *words: str) -> Iterator[None]:
        """Halt the demo's own processes with these words in their command."""
        numbers = [number for one in words for number in self.processes(one)]
        for number in numbers:
            os.kill(number, signal.SIGSTOP)
        try:
            yield
        finally:
            for number in numbers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGCONT)

    def write_messages(self, prefix: str, count: int) -> None:
        """Put so many mails into the outbox of Neckartal, each to somebody else."""
        self.run(
            "from django_tenants.utils import schema_context\n"
            "from quarano import clock\n"
            "from quarano.notifications import outbox\n"
            "with schema_context('neckartal'):\n"
            f"    for number in range({count}):\n"
            f"        outbox.write(f'{prefix}:{{number}}',"
            " template='oversight/messages/alarm', channel='mail',"
            f" recipient=f'{prefix}-{{number}}@mail.example', language='en',"
            " now=clock.now(), parameters={'path': '/oversight/alarms/'})\n"
        )

    def handed_over(self, prefix: str) -> Counter[str]:
        """How often each of these recipients got a mail from the demo."""
        import json

        found: Counter[str] = Counter()
        for path in (self.demo.folder / "inbox").glob("*.json"):
            with contextlib.suppress(OSError, ValueError):
                recipient = json.loads(path.read_text())["recipient"]
                found[recipient] += recipient.startswith(f"{prefix}-")
        return +found

    def open_messages(self) -> int:
        """Messages that a worker still has to hand over; letters wait for print."""
        return self.count(
            "SELECT count(*) FROM neckartal.notifications_message WHERE state IN"
            " ('waiting', 'sending') AND not_before <= now() AND channel <> 'letter'"
        )

    def environment(self) -> dict[str, str]:
        """What the demo's web process was started with."""
        words = Path(f"/proc/{self.processes('gunicorn')[0]}/environ").read_bytes()
        pairs = (one.decode().partition("=") for one in words.split(b"\0") if one)
        return {name: value for name, _, value in pairs}

    def people(self, schema: str) -> list[str]:
        with self.database() as database:
            rows = database.execute(
                f'SELECT id FROM "{schema}".cases_person ORDER BY id'  # type: ignore[arg-type]
            ).fetchall()
        return [str(row[0]) for row in rows]

    def count(self, sql: str, *values: object) -> int:
        with self.database() as database:
            row = database.execute(sql, values).fetchone()  # type: ignore[arg-type]
        return int(str(row[0])) if row else 0


@contextlib.contextmanager
def built() -> Iterator[Stage]:
    """A demo on a database of its own, behind a line; all of it gone afterwards."""
    place = Path(tempfile.mkdtemp(prefix="quarano-bars-"))
    place.chmod(0o711)  # PostgreSQL's own user passes through
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        server = disk = None
        if os.environ.get("QUARANO_OWN_DATABASE"):
            disk = _small_disk(place / "pg", stack)
            server = embedded.postgres(place / "pg", durable=True)
            address = server.url
            stack.callback(embedded.forget, place / "pg")
        else:
            on_server(f"DROP DATABASE IF EXISTS {{}} {DROP}", "quarano_bars")
            on_server("CREATE DATABASE {}", "quarano_bars")
            address = address_of("quarano_bars")
            stack.callback(
                on_server, f"DROP DATABASE IF EXISTS {{}} {DROP}", "quarano_bars"
            )
        for name in ("line", "demo"):
            (place / name).mkdir(mode=0o700)
        try:
            line = stack.enter_context(lines.laid(address, place / "line"))
        except lines.NoLine as none:
            pytest.skip(str(none))
        port = demos.free_port()
        demo = demos.begin(place / "demo", port, DATABASE_URL=line.url)
        stack.callback(demos.end, demo)
        with contextlib.ExitStack() as cleanup:
            yield Stage(demo, address, line, server, disk, cleanup)


def _small_disk(place: Path, stack: contextlib.ExitStack) -> Path | None:
    """A disk of its own in memory, small enough to be filled; None without the right
    to mount one."""
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1200m", "quarano-bars", str(place)]
    if os.geteuid() or subprocess.run(words, capture_output=True).returncode:
        return None
    stack.callback(subprocess.run, ["umount", "-l", str(place)], check=False)
    return place


def until(what: Callable[[], object], *, seconds: float) -> float:
    """Ask again and again until the answer is true; return how long it took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        with contextlib.suppress(OSError, http.client.HTTPException, psycopg.Error):
            if what():
                return time.monotonic() - began
        time.sleep(0.1)
    pytest.fail(f"not within {seconds} s")
