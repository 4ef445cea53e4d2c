"""A line between the application and its database that can be slowed, refused and cut.

It speaks to any server of PostgreSQL's protocol, and looks for COMMIT in what passes:
a line that is cut there leaves nobody knowing whether the transaction was committed.
"""

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

NAME = ".s.PGSQL.5432"
COMMIT = b"COMMIT\0"  # the end of a simple query, as the driver sends it
# Where a line is cut at COMMIT: unsent, sent and unheard, or in the same moment.
BEFORE, AFTER, MEANWHILE = "before", "after", "meanwhile"


class NoLine(Exception):
    """No line can be laid to this server; the message says why."""


@dataclass
class Line:
    """A line that listens at `url`; all its switches may be turned at any time."""

    target: tuple[int, str | tuple[str, int]]  # family and address of the server
    url: str
    delay: float = 0.0  # seconds that each message of a client is held up
    refusing: bool = False  # whether new connections are closed at once
    # Asked at each COMMIT: one of BEFORE, AFTER, MEANWHILE cuts the line, None passes.
    at_commit: Callable[[], str | None] = lambda: None
    done: Counter[str] = field(default_factory=Counter)
    _open: set[socket.socket] = field(default_factory=set)

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=[client], daemon=True).start()

    def cut(self) -> int:
        """Cut all open connections; returns how many."""
        ends = list(self._open)
        for one in ends:
            _shut(one)
        self.done["cut"] += len(ends) // 2
        return len(ends) // 2

    def _connect(self, client: socket.socket) -> None:
        with client, socket.socket(self.target[0]) as server:
            if self.refusing:
                return
            with contextlib.suppress(OSError):
                server.connect(self.target[1])
                self._open |= {client, server}
                back = threading.Thread(
                    target=self._pass_on, args=[server, client, False], daemon=True
                )
                back.start()
                self._pass_on(client, server, True)
            _shut(client)
            _shut(server)
            self._open -= {client, server}

    def _pass_on(
        self, source: socket.socket, target: socket.socket, forth: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(65_536):
                if forth and self.delay:
                    time.sleep(self.delay)
                how = self.at_commit() if forth and content.endswith(COMMIT) else None
                if how is None:
                    target.sendall(content)
                    continue
                self.done[how] += 1
                if how == AFTER:
                    # Nothing is heard any more, but the server hears it.
                    source.shutdown(socket.SHUT_RDWR)
                    target.sendall(content)
                    time.sleep(0.05)
                elif how == MEANWHILE:
                    target.sendall(content)
                break
        _shut(source)
        _shut(target)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


def _server(address: str) -> tuple[int, str | tuple[str, int]]:
    import psycopg.conninfo

    plain = address.replace("cockroachdb:", "postgresql:").replace(
        "cockroach:", "postgresql:"
    )
    said = psycopg.conninfo.conninfo_to_dict(plain)
    host = str(said.get("host") or "")
    port = int(str(said.get("port") or 5432).split(",")[0])
    if str(said.get("sslmode") or "prefer") in {"require", "verify-ca", "verify-full"}:
        raise NoLine("the server wants TLS, into which the line cannot look")
    host = host.split(",")[0]
    if host.startswith("/"):
        return socket.AF_UNIX, f"{host}/.s.PGSQL.{port}"
    return socket.AF_INET, (host or "127.0.0.1", port)


@contextlib.contextmanager
def laid(address: str, folder: Path) -> Iterator[Line]:
    """A line to the server of `address`, a DATABASE_URL, listening in `folder`, a path
    short enough for a socket. Raises NoLine."""
    parts = urlsplit(address)
    user = parts.netloc.rpartition("@")[0]
    at = quote(str(folder), safe="")
    netloc = f"{user}@{at}" if user else at
    line = Line(_server(address), urlunsplit(parts._replace(netloc=netloc, query="")))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / NAME))
        listener.listen(128)
        threading.Thread(target=line.serve, args=[listener], daemon=True).start()
        try:
            yield line
        finally:
            line.refusing = True
            _shut(listener)
            line.cut()
