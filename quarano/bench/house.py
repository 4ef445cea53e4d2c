"""The house that is measured: PostgreSQL, Redis and gunicorn as in production."""

import base64
import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from quarano import embedded

ROOT = Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
# As the Dockerfile starts it; quarano/decisions/0014 says why.
WORKERS, THREADS = 2, 4


def folder() -> Path:
    return Path(os.environ.get("BENCH_FOLDER", ROOT / "var" / "bench"))


def enter(scale: str, stack: contextlib.ExitStack) -> None:
    """Start database and broker, and set the environment as in production."""
    place = folder() / scale
    place.mkdir(parents=True, exist_ok=True)
    if "BENCH_DATABASE_URL" in os.environ:
        database = os.environ["BENCH_DATABASE_URL"]
    else:
        server = embedded.postgres(place / "postgres", durable=True)
        database = stack.enter_context(server).url
    broker = stack.enter_context(embedded.redis(place / "redis")).url
    os.environ.update(
        DJANGO_SETTINGS_MODULE="quarano.settings",
        DATABASE_URL=database,
        REDIS_URL=broker,
        DEBUG="false",
        DEMO="false",
        ALLOWED_HOSTS=".localhost,localhost",
        PUBLIC_HOST="localhost",
        BEHIND_PROXY="true",
        SECRET_KEY=secrets.token_urlsafe(64),
        FIELD_KEYS=_key(place),
        PYTHONUTF8="1",
    )


def _key(place: Path) -> str:
    """The key of the sealed columns, kept with the data it opens."""
    path = place / "key"
    if not path.exists():
        path.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    return path.read_text()


@dataclass
class Web:
    """Gunicorn on a port of its own."""

    workers: int = WORKERS
    threads: int = THREADS
    port: int = 0
    log: Path = field(default_factory=lambda: folder() / "web.log")

    def __enter__(self) -> "Web":
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.output = self.log.open("wb")
        self.process = subprocess.Popen(  # noqa: S603 - our own arguments
            [
                *(sys.executable, "-m", "gunicorn", "quarano.wsgi"),
                *("--bind", f"127.0.0.1:{self.port}"),
                *("--workers", str(self.workers), "--threads", str(self.threads)),
                *("--worker-tmp-dir", "/dev/shm"),  # noqa: S108 - as in the container
                *("--access-logfile", "/dev/null", "--timeout", "90"),
            ],
            cwd=ROOT,
            env={**os.environ, "DATABASE_AS": "app", "LOG_LEVEL": "INFO"},
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            time.sleep(0.05)
        raise RuntimeError(f"gunicorn did not start: see {self.log}")

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=20)
        self.output.close()

    def cpu(self) -> float:
        """CPU seconds of all its processes so far."""
        return cpu_of_tree(self.process.pid)

    def memory(self) -> float:
        """The largest resident set of a worker, in MB."""
        sizes = [0]
        for pid in children(self.process.pid):
            status = Path(f"/proc/{pid}/status").read_text()
            if found := re.search(r"VmRSS:\s+(\d+)", status):
                sizes.append(int(found.group(1)))
        return max(sizes) / 1024

    def retries(self) -> int:
        """How many transactions have run again so far, as the log says."""
        text = self.log.read_text(errors="replace")
        return len(re.findall(r"runs again, \S+, attempt", text))


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(one) for one in task.read_text().split()]
    return found


def cpu_of_tree(pid: int) -> float:
    """CPU seconds of a process, its children, and those that have ended."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    own = sum(int(after_name[place]) for place in (11, 12, 13, 14)) / TICKS
    return own + sum(cpu_of_tree(child) for child in children(pid))


def postmaster() -> int:
    """The process id of the database server that this process speaks with."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (ours,) = cursor.fetchone()
    # Ours is a child of the server.
    return int(Path(f"/proc/{ours}/stat").read_text().rpartition(")")[2].split()[1])
