"""A whole installation to break: the demo's processes, and browsers of a few lines."""

import contextlib
import http.client
import os
import re
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests import demo as demos

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str


@dataclass
class Browser:
    """Cookies, forms and redirects on one host; `*.localhost` needs no resolver."""

    port: int
    host: str
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: dict[str, str] | None = None) -> Answer:
        """Send one request; raises OSError or HTTPException where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {
            "Host": f"{self.host}:{self.port}",
            "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()),
            "Accept-Language": "en",
            "Origin": f"http://{self.host}:{self.port}",
        }
        text = None
        if body is not None:
            text = urllib.parse.urlencode(body)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, text, headers)
            response = connection.getresponse()
            for name, value in response.getheaders():
                if name.lower() == "set-cookie":
                    key, _, rest = value.partition("=")
                    self.cookies[key] = rest.partition(";")[0]
            content = response.read().decode(errors="replace")
            return Answer(response.status, dict(response.getheaders()), content)
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        """The page, after its redirects."""
        for _ in range(5):
            answer = self.ask("GET", path)
            if answer.status not in {301, 302, 303}:
                return answer
            path = path_of(answer.headers["Location"])
        return answer

    def post(self, path: str, body: dict[str, str], *, form: str = "") -> Answer:
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
    cleanup: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def port(self) -> int:
        return self.demo.port

    def enter(self, label: str) -> Browser:
        """A browser in which one of the cast is signed in."""
        public = Browser(self.port, "localhost")
        page = public.get("/").text
        link = re.search(rf'href="([^"]+)">\s*[^<]*{re.escape(label)}', page)
        assert link, label
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
        """A connection of the owner."""
        parts = urllib.parse.urlsplit(self.environment()["DATABASE_URL"])
        return psycopg.connect(parts.geturl(), autocommit=True)

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


def until(what: object, *, seconds: float) -> float:
    """Ask again and again until the answer is true; return how long it took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        with contextlib.suppress(OSError, http.client.HTTPException, psycopg.Error):
            if what():  # type: ignore[operator]
                return time.monotonic() - began
        time.sleep(0.1)
    pytest.fail(f"not within {seconds} s")
