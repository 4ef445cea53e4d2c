"""The demo as a process, and a browser to walk through it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LONGEST = 600.0  # seconds that the outbreak may take on a machine with others at work
# Ours to choose; a test must not inherit where the tests' own servers are.
OWN = {"DATABASE_URL", "REDIS_URL", "QUARANO_OWN_REDIS", "DEBUG", "DATABASE_AS"}


@dataclass
class Demo:
    """A demo that was started from nothing."""

    port: int
    folder: Path
    process: "subprocess.Popen[bytes]"
    first_page: float  # seconds from the command to the first answer
    played: float  # seconds from the command to the end of the outbreak
    seen: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/"

    def at(self, schema: str, path: str = "/") -> str:
        return f"http://{schema}.localhost:{self.port}{path}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in OWN}
    return {**kept, "DEMO_FOLDER": str(folder), "POLL_SECONDS": "2"}


def answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as page:  # noqa: S310
        return page.status == 200
    return False


def begin(folder: Path, port: int, **extra: str) -> Demo:
    """Start the demo, `extra` in its environment, and wait until its outbreak is
    played; raises RuntimeError."""
    started = time.monotonic()
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "quarano.demo", "--port", str(port)],
            cwd=Path(__file__).parent.parent,
            env=environment(folder) | extra,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    first = 0.0
    while time.monotonic() - started < LONGEST:
        if process.poll() is not None:
            break
        if not first and answers(f"http://localhost:{port}/"):
            first = time.monotonic() - started
        if b"Start here" in (folder / "said").read_bytes():
            played = time.monotonic() - started
            return Demo(port, folder, process, first, played)
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    raise RuntimeError((folder / "said").read_text())


def end(demo: Demo) -> None:
    demo.process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        demo.process.wait(timeout=30)


@contextlib.contextmanager
def running() -> Iterator[Demo]:
    """A demo of its own folder, stopped and removed afterwards."""
    from quarano.embedded import forget

    folder = Path(tempfile.mkdtemp(prefix="quarano-walk-"))
    demo = begin(folder, free_port())
    try:
        yield demo
    finally:
        end(demo)
        forget(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)
