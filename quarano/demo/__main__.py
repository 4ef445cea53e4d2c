"""`python -m quarano.demo`: everything that Quarano needs, on a bare machine.

Starts PostgreSQL, Redis, a mail catcher, web, workers and beat; plays the outbreak;
stops all of them on Ctrl-C. Reads no Django settings itself.
"""

import argparse
import contextlib
import datetime as dt
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from quarano.demo import folder, gateway
from quarano.demo import time as demo_time
from quarano.demo.inbox import start_catcher
from quarano.embedded import EmbeddedError, forget, postgres, redis, stamp

SPARE = 400_000_000  # bytes that the servers and the outbreak need at most
PYTHON = sys.executable
LONGEST_GAP = dt.timedelta(days=14)  # an older demo begins anew


class Refused(Exception):
    """The demo cannot run; the message is one sentence for a person."""


def free_port(wanted: int) -> int:
    """Return the port; 0 asks for any free one. Raises Refused where it is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise Refused(
                f"Port {wanted} is in use: stop what listens there, or choose another "
                f"one, for example PORT={wanted + 1000} make demo."
            ) from error
        return int(probe.getsockname()[1])


def check_disk() -> None:
    free = shutil.disk_usage(folder.folder()).free
    if free < SPARE:
        raise Refused(
            f"The disk is too full: the demo needs {SPARE // 1_000_000} MB in "
            f"{folder.folder()}, {free // 1_000_000} MB are left."
        )


class Household:
    """The processes of the demo; whatever started also stops."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str, **extra: str) -> subprocess.Popen[bytes]:
        log = (folder.folder() / f"{name}.log").open("wb")
        self.running[name] = subprocess.Popen(  # noqa: S603 - our own arguments
            command,
            cwd=folder.ROOT,
            env={**self.environment, **extra},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        folder.keep("processes", [one.pid for one in self.running.values()])
        return self.running[name]

    def run(self, name: str, *command: str) -> None:
        """Run a command to its end; raises Refused with the last line it said."""
        if self.start(name, *command).wait():
            said = (folder.folder() / f"{name}.log").read_text(errors="replace")
            last = (said.strip().splitlines() or ["it said nothing"])[-1]
            raise Refused(f"The step '{name}' failed: {last}")
        self.running.pop(name)

    def died(self) -> str | None:
        for name, process in self.running.items():
            if process.poll() not in (None, 0):
                return name
        return None

    def stop(self) -> None:
        for wanted in (signal.SIGTERM, signal.SIGKILL):
            for process in self.running.values():
                if process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, wanted)
            deadline = time.monotonic() + 8
            for process in self.running.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=max(0.1, deadline - time.monotonic()))


def stop_left_overs() -> None:
    """Stop what a killed demo of this folder left running; needs /proc."""
    mine = f"DEMO_FOLDER={folder.folder()}".encode()
    for number in folder.read("processes", []):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
            if mine in words and os.getpgid(number) == number:
                os.killpg(number, signal.SIGKILL)
                deadline = time.monotonic() + 5
                while is_running(number) and time.monotonic() < deadline:
                    time.sleep(0.05)
    folder.forget("processes")


def is_running(number: int) -> bool:
    """Whether a process lives; one that only waits to be counted off does not."""
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold the demo's folder; raises Refused where another demo holds it."""
    mark = folder.folder() / "demo.pid"
    if mark.exists():
        other = mark.read_text().strip()
        if other.isdigit() and Path(f"/proc/{other}").exists():
            words = Path(f"/proc/{other}/cmdline").read_bytes()
            if b"quarano.demo" in words and int(other) != os.getpid():
                raise Refused(
                    f"A demo runs already here (process {other}): stop it first."
                )
    mark.write_text(str(os.getpid()))
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def secrets_kept() -> dict[str, str]:
    """Return this demo's own keys, made once."""
    kept: dict[str, str] = folder.read("keys", {})
    if not kept:
        import base64
        import secrets

        kept = {
            "SECRET_KEY": secrets.token_urlsafe(64),
            "FIELD_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        folder.keep("keys", kept)
    return kept


def environment(
    database: str, broker: str, *, port: int, mail: int, sms: int
) -> dict[str, str]:
    return {
        **os.environ,
        **secrets_kept(),
        "SMS_GATEWAY_URL": f"http://127.0.0.1:{sms}/messages",
        "SMS_GATEWAY_TOKEN": gateway_token(),
        "DJANGO_SETTINGS_MODULE": "quarano.settings",
        "DEBUG": "1",
        "DEMO": "1",
        "DEMO_FOLDER": str(folder.folder()),
        "DATABASE_URL": database,
        "REDIS_URL": broker,
        "PORT": str(port),
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(mail),
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }


def gateway_token() -> str:
    """What the demo's gateway asks for; a hash, so that it tells nothing of the key."""
    return hashlib.sha256(
        f"gateway {secrets_kept()['SECRET_KEY']}".encode()
    ).hexdigest()


def start_gateway(stack: contextlib.ExitStack) -> int:
    """Start taking text messages on a local port; return it."""
    port = free_port(0)
    key = secrets_kept()["FIELD_KEYS"].split(",")[0]
    stack.enter_context(gateway.running(gateway.Gateway(gateway_token(), key), port))
    return port


def wait_for_web(port: int, web: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and web.poll() is None:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=1),
        ):
            return
        time.sleep(0.05)
    raise Refused(f"The web server did not start: see {folder.folder()}/web.log.")


def celery(*arguments: str) -> list[str]:
    return [PYTHON, "-m", "celery", "-A", "quarano", *arguments]


def open_house(port: int, stack: contextlib.ExitStack) -> Household:
    """Start all servers and processes and play the outbreak. Raises Refused."""
    place = folder.folder()
    database = os.environ.get("DATABASE_URL")
    if not database:
        database = stack.enter_context(postgres(place / "postgres", durable=True)).url
    broker = os.environ.get("REDIS_URL")
    if not broker:
        broker = stack.enter_context(redis(place / "redis")).url
    mail = free_port(0)
    stack.callback(start_catcher(mail).stop)
    sms = start_gateway(stack)
    house = Household(environment(database, broker, port=port, mail=mail, sms=sms))
    stack.callback(house.stop)
    # The page that shows the progress needs no table, so it is there first.
    folder.keep("progress", {"step": "starting", "share": 0, "done": False})
    web = house.start(
        "web",
        PYTHON, "-m", "gunicorn", "quarano.wsgi", "--bind", f"127.0.0.1:{port}",
        "--workers", "2", "--threads", "4", "--timeout", "90",
        "--worker-tmp-dir", "/dev/shm" if Path("/dev/shm").exists() else str(place),  # noqa: S108 - memory
        DATABASE_AS="app",
    )  # fmt: skip
    wait_for_web(port, web)
    print(
        f"Quarano: http://localhost:{port}/ (the outbreak is being played)", flush=True
    )
    if folder.read("stamp", None) != stamp():
        house.run("prepare", PYTHON, "manage.py", "prepare_database")
    house.run("seed", PYTHON, "manage.py", "seed")
    folder.keep("stamp", stamp())
    house.start(
        "worker",
        *celery("worker", "-c", "2", "-l", "warning", "-Q", "celery", "-n", "w@%h"),
        DATABASE_AS="app",
    )
    house.start(
        "owner",
        *celery("worker", "-c", "1", "-l", "warning", "-Q", "owner", "-n", "o@%h"),
        DATABASE_AS="owner",
    )
    house.start(
        "beat",
        *celery("beat", "-l", "warning", "-s", str(place / "beat")),
        DATABASE_AS="app",
    )
    return house


def begin_anew() -> None:
    """Forget what the demo keeps in its folder, and nothing else that lies there.

    Raises Refused where the data lie in a database that is not ours to drop.
    """
    if os.environ.get("DATABASE_URL") and folder.read("began", None):
        raise Refused(
            "The demo in DATABASE_URL cannot go on: empty that database, remove "
            f"{folder.folder()}, and start again."
        )
    place = folder.folder()
    forget(place / "postgres")
    forget(place / "redis")
    shutil.rmtree(place / "inbox", ignore_errors=True)
    for pattern in ("*.json", "*.log", "beat*"):
        for path in place.glob(pattern):
            path.unlink(missing_ok=True)


def fits() -> bool:
    """Whether the demo that lies in the folder can go on; notes why it cannot.

    One without its keys cannot be read; one whose story was never told to the end
    would lack the letters that were on their way.
    """
    folder.forget("note")
    if folder.read("keys", None) is None:
        return False
    played = folder.read("played_until", None)
    if played is None:
        return folder.read("began", None) is None
    return demo_time.now() - dt.datetime.fromisoformat(played) <= LONGEST_GAP


def announce(port: int) -> None:
    addresses = folder.read("addresses", [])
    print(f"\nQuarano is running. Start here: http://localhost:{port}/", flush=True)
    for name, address in addresses:
        print(f"  {name}: {address}", flush=True)
    print("Ctrl-C stops everything.", flush=True)


def stay(house: Household) -> int:
    """Wait until a process ends; note how far the story has come meanwhile."""
    noted = 0.0
    while True:
        if time.monotonic() - noted > 30:
            noted = time.monotonic()
            folder.keep("played_until", demo_time.now().isoformat())
        if name := house.died():
            print(
                f"The process '{name}' ended: see {folder.folder()}/{name}.log.",
                file=sys.stderr,
            )
            return 1
        time.sleep(0.5)


def interrupted(signum: int, frame: FrameType | None) -> None:
    # Only once: what stops now must not be broken off.
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m quarano.demo")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", 8000)))
    parser.add_argument("--reset", action="store_true", help="begin anew")
    options = parser.parse_args()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, interrupted)
    try:
        folder.folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        os.environ["DEMO_FOLDER"] = str(folder.folder().resolve())
        with contextlib.ExitStack() as stack:
            stack.enter_context(only_one())
            stop_left_overs()
            free_port(options.port)
            check_disk()
            told = folder.read("played_until", None) is not None
            if options.reset:
                begin_anew()
            elif not fits():
                begin_anew()
                if told:
                    folder.keep("note", "anew")
                    print("The demo was too old to go on: it begins anew.", flush=True)
            house = open_house(options.port, stack)
            announce(options.port)
            return stay(house)
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
        return 0
    except ModuleNotFoundError as error:
        print(
            f"The package '{error.name}' is missing: run make .venv.", file=sys.stderr
        )
    except OSError as error:
        print(f"The demo cannot go on: {error}.", file=sys.stderr)
    except (Refused, EmbeddedError) as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
