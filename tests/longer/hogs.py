"""Who takes what others need: `python -m tests.longer.hogs PORT IDLE HALF BODIES`.

A process of its own, so that what it costs Python is not measured as the others' wait.
It comes from 127.0.0.2 and further, each kind as somebody else, until its standard
input ends; then it says in JSON how often it did what, and what it was answered.
"""

import contextlib
import json
import random
import select
import socket
import ssl
import sys
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable

HOST = "neckartal.localhost"
HEAD = (
    f"Host: {HOST}\r\nAccept-Language: en\r\nReferer: https://{HOST}/account/login/\r\n"
)
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
COOKIES = ("csrftoken", "__Host-csrf")
DEEP = "[" * 29_000
UNREAD = "unread answer"
LARGE = "/static/vendor/cytoscape-3.34.4/cytoscape.min.js"
# Each would keep a careless expression busy: of an address, a number, a date, a tag.
LONG = [
    "(" * 500_000,
    "a@" + "a." * 250_000,
    "+49" + "1-" * 250_000,
    "0" * 500_000 + "x",
    "<" * 500_000,
    " " * 500_000 + "x",
    "a" * 126 + "@" + "-" * 120,
    "+49 " + "(0)" * 80,
]
counted: Counter[str] = Counter()
over = threading.Event()


def context() -> ssl.SSLContext:
    """Any certificate will do."""
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def line(port: int, last: int, *, window: int = 0) -> socket.socket:
    """A connection from 127.0.0.`last`, of a small window if one is given (bytes)."""
    made = socket.socket()
    try:
        if window:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        made.settimeout(20)
        made.bind((f"127.0.0.{last}", 0))
        made.connect(("127.0.0.1", port))
    except OSError:
        made.close()
        raise
    return made


def spoken(port: int, last: int = 2, *, window: int = 0) -> ssl.SSLSocket:
    """The same, with TLS shaken hands."""
    return context().wrap_socket(line(port, last, window=window))


def is_over(one: socket.socket, *, unread: bool = False) -> bool:
    """Whether the other side has closed, or has said something; `unread` looks without
    fetching what it said."""
    one.setblocking(False)
    if unread:
        watch = select.poll()
        watch.register(one, select.POLLRDHUP)
        return bool(watch.poll(0))
    try:
        return one.recv(4096) is not None
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return False
    except OSError:
        return True


def crowd(
    what: str, count: int, begin: Callable[[], socket.socket], drop: bytes
) -> None:
    """Keep so many lines open, each with a drop a second; what ends is begun anew."""
    lines: list[socket.socket] = []
    while not over.is_set():
        kept = []
        for one in lines:
            ended = is_over(one, unread=what == UNREAD)
            if not ended and drop:
                try:
                    one.send(drop)
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    pass
                except OSError:
                    ended = True
            if ended:
                one.close()
                counted[f"{what} ended"] += 1
            else:
                kept.append(one)
        lines = kept
        while len(lines) < count and not over.is_set():
            try:
                lines.append(begin())
            except OSError:
                counted[f"{what} refused"] += 1
                break
            counted[what] += 1
        counted[f"{what} at most"] = max(counted[f"{what} at most"], len(lines))
        over.wait(1)
    for one in lines:
        one.close()


def half(port: int) -> socket.socket:
    """Half a head, that goes on byte by byte."""
    one = spoken(port, 4)
    one.sendall(f"GET /account/login/ HTTP/1.1\r\n{HEAD}X-Long: ".encode())
    return one


def slow_body(port: int) -> socket.socket:
    """A form that comes byte by byte."""
    one = spoken(port, 5)
    head = f"POST /account/login/ HTTP/1.1\r\n{HEAD}{FORM}Content-Length: 900000\r\n"
    one.sendall(f"{head}\r\nlogin=".encode())
    return one


def unread(port: int) -> socket.socket:
    """An answer that nobody fetches."""
    one = spoken(port, 6, window=4096)
    one.sendall(f"GET {LARGE} HTTP/1.1\r\n{HEAD}\r\n".encode() * 20)
    return one


def hog(port: int, number: int) -> None:
    """Send what is large, long or deep, one after the other."""
    chance = random.Random(number)
    kinds = [huge, without_end, too_large, long_field, long_password, long_query, deep]
    while not over.is_set():
        kind = chance.choice(kinds)
        try:
            status = kind(port, chance)
        except (OSError, ValueError, IndexError):
            status = "cut"
        counted[f"{kind.__name__} {status}"] += 1


def answer(one: socket.socket) -> str:
    """The status of what comes back."""
    return one.recv(4096).split()[1].decode()


def huge(port: int, chance: random.Random) -> str:
    """A gigabyte, as far as it is taken."""
    with spoken(port) as one:
        head = f"POST /account/login/ HTTP/1.1\r\n{HEAD}Content-Length: 1000000000\r\n"
        one.sendall(f"{head}\r\n".encode())
        with contextlib.suppress(OSError):
            for _ in range(16_000):
                one.sendall(b"x" * 65_536)
        return answer(one)


def without_end(port: int, chance: random.Random) -> str:
    """The same in pieces, whose sum nobody has been told."""
    with spoken(port) as one:
        head = f"POST /account/login/ HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n"
        one.sendall(f"{head}\r\n".encode())
        with contextlib.suppress(OSError):
            for _ in range(16_000):
                one.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        return answer(one)


def too_large(port: int, chance: random.Random) -> str:
    """A guest list of the largest size that is taken, from nobody."""
    return form(port, "/guest-list/names/", "x" * 10_000_000)


def long_field(port: int, chance: random.Random) -> str:
    """What expressions choke on, in a field of its own length."""
    field = chance.choice(("login", "next", "x"))
    return form(port, "/account/login/", f"{field}={chance.choice(LONG)}")


def long_password(port: int, chance: random.Random) -> str:
    """As long as a form may be."""
    login = urllib.parse.quote("anna@neckartal.example")
    return form(port, "/account/login/", f"login={login}&password={'p' * 1_000_000}")


def long_query(port: int, chance: random.Random) -> str:
    """An address of 6,000 characters."""
    with spoken(port) as one:
        path = f"/enrolment/?{'a=' * 3_000}"
        one.sendall(f"GET {path} HTTP/1.1\r\n{HEAD}\r\n".encode())
        return answer(one)


def deep(port: int, chance: random.Random) -> str:
    """Brackets in brackets, where JSON is read."""
    if chance.random() < 0.5:
        return form(port, "/account/passkeys/enter/", f"credential={DEEP}")
    return form(port, "/delivery/reports/mail/", DEEP * 30)


def form(port: int, path: str, body: str) -> str:
    """Post it with a token that is good."""
    token = "a" * 32
    with spoken(port) as one:
        text = f"csrfmiddlewaretoken={token}&{body}"
        cookies = "; ".join(f"{name}={token}" for name in COOKIES)
        one.sendall(
            f"POST {path} HTTP/1.1\r\n{HEAD}{FORM}Cookie: {cookies}\r\n"
            f"Content-Length: {len(text)}\r\n\r\n{text}".encode()
        )
        return answer(one)


def main(port: int, idle: int, halves: int, bodies: int) -> None:
    """Run all of it until the standard input ends."""
    works = [
        (crowd, "idle", idle, lambda: line(port, 3), b""),
        (crowd, "half a head", halves, lambda: half(port), b"x"),
        (crowd, "slow body", bodies, lambda: slow_body(port), b"x"),
        (crowd, UNREAD, bodies, lambda: unread(port), b""),
        *((hog, port, number) for number in range(3)),
    ]
    threads = [
        threading.Thread(target=work, args=arguments, daemon=True)
        for work, *arguments in works
    ]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    over.set()
    deadline = time.monotonic() + 10
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    json.dump(counted, sys.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
