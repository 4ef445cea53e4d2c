"""A local gateway for text messages: speaks the protocol, delivers into the inbox.

Reports to the authority's site what became of each, signed with its secret, until the
site takes it. Reads no Django settings, like all that `python -m quarano.demo` starts.
"""

import contextlib
import datetime as dt
import json
import threading
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3

from quarano.demo import inbox
from quarano.demo.time import now
from quarano.notifications import signatures
from quarano.outbreak.personas import NEVER_ARRIVES

# A number that the gateway does not take at all.
REFUSED = "98"
# A message of the story's past arrives in that past.
ON_ITS_WAY = dt.timedelta(seconds=7)
PAUSE = 2.0  # seconds between two tries to report
LONGEST_BODY = 20_000


@dataclass
class Gateway:
    """What the gateway knows: whom it lets in, and what it took."""

    token: str
    key: str
    taken: dict[str, str] = field(default_factory=dict)
    reports: deque[tuple[str, str, dict[str, str]]] = field(default_factory=deque)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, message: dict[str, Any]) -> tuple[int, dict[str, str]]:
        """Take a message once, however often it comes; return status and answer."""
        to = str(message["to"])
        if to.endswith(REFUSED):
            return 422, {"error": "invalid_recipient"}
        with self.lock:
            known = self.taken.get(message["id"])
            if known is not None:
                return 200, {"id": known}
            name = self.taken[message["id"]] = uuid.uuid4().hex
        written = dt.datetime.fromisoformat(str(message["written_at"]))
        at = min(now(), written + ON_ITS_WAY)
        outcome = {"status": "delivered"}
        if to.endswith(NEVER_ARRIVES):
            outcome = {"status": "undelivered", "reason": "unknown"}
        else:
            inbox.put_sms(to, message["text"], at=at)
        report = {
            "id": message["id"], "reference": name, "at": at.isoformat(), **outcome,
        }  # fmt: skip
        self.reports.append((message["report_to"], message["account"], report))
        return 200, {"id": name}

    def report(self) -> bool:
        """Report the oldest; False where the site did not take it."""
        to, account, report = self.reports[0]
        body = json.dumps(report).encode()
        host = to.split("/")[2]
        # *.localhost is this machine, also where its resolver does not know that.
        here = to.replace(host, f"127.0.0.1:{host.rpartition(':')[2]}")
        try:
            answer = urllib3.request(
                "POST",
                here,
                body=body,
                headers={
                    "Host": host,
                    "Content-Type": "application/json",
                    signatures.HEADER: signatures.sign(
                        body, signatures.secret(account, self.key)
                    ),
                },
                timeout=10,
                retries=False,
            )
        except urllib3.exceptions.HTTPError:
            return False
        # Told to somebody who does not know it: nothing would change that.
        if answer.status not in (200, 400, 404):
            return False
        self.reports.popleft()
        return True


def _asked(gateway: Gateway) -> type[BaseHTTPRequestHandler]:
    class Asked(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length", 0)), LONGEST_BODY)
            body = self.rfile.read(length)
            said = self.headers.get("Authorization", "")
            if not compare_digest(said.encode(), f"Bearer {gateway.token}".encode()):
                self._answer(401, {"error": "token"})
                return
            try:
                status, answer = gateway.take(json.loads(body))
            except (ValueError, KeyError, TypeError):
                status, answer = 400, {"error": "unreadable"}
            self._answer(status, answer)

        def _answer(self, status: int, answer: dict[str, str]) -> None:
            raw = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Say nothing: numbers and codes belong into no log."""

    return Asked


@contextlib.contextmanager
def running(gateway: Gateway, port: int, *, reports: bool = True) -> Iterator[int]:
    """Take messages on a local port and report them, until the block ends.

    Yields the port; 0 asks for any free one.
    """
    server = ThreadingHTTPServer(("127.0.0.1", port), _asked(gateway))
    server.daemon_threads = True
    ended = threading.Event()

    def tell() -> None:
        while not ended.is_set():
            if not gateway.reports:
                ended.wait(0.2)
            elif not gateway.report():
                ended.wait(PAUSE)

    threads = [threading.Thread(target=server.serve_forever, daemon=True)]
    if reports:
        threads.append(threading.Thread(target=tell, daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield server.server_address[1]
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
