import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import psycopg
import pytest

from quarano import embedded
from quarano.embedded import EmbeddedError


@pytest.fixture
def folder():
    """A short path that PostgreSQL's own user can reach."""
    with tempfile.TemporaryDirectory(prefix="qe-") as name:
        Path(name).chmod(0o711)
        yield Path(name)
        embedded.forget(Path(name) / "pg")


def ask(server: embedded.Server, statement: str) -> object:
    with psycopg.connect(server.url) as connection:
        return connection.execute(statement).fetchone()[0]


def test_postgresql_starts_serializable_and_keeps_what_was_written(folder):
    with embedded.postgres(folder / "pg", durable=False) as server:
        assert ask(server, "SHOW default_transaction_isolation") == "serializable"
        assert ask(server, "SHOW fsync") == "off"
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with embedded.postgres(folder / "pg", durable=True) as server:
        assert ask(server, "SELECT answer FROM kept") == 42
        assert ask(server, "SHOW fsync") == "on"


def test_postgresql_opens_no_port_and_no_door_to_others(folder):
    with embedded.postgres(folder / "pg", durable=False) as server:
        assert ask(server, "SHOW listen_addresses") == ""
        socket = Path(ask(server, "SHOW unix_socket_directories"))
        assert socket.stat().st_mode & 0o777 == 0o700
        assert Path(ask(server, "SHOW data_directory")).stat().st_mode & 0o777 == 0o700


def test_a_server_left_by_a_killed_run_is_taken_over(folder):
    first = embedded.postgres(folder / "pg", durable=False)
    try:
        number = ask(first, "SELECT pg_postmaster_start_time()")
        second = embedded.postgres(folder / "pg", durable=False)
        assert ask(second, "SELECT pg_postmaster_start_time()") == number
    finally:
        first.stop()


def test_what_a_crash_left_behind_does_not_keep_it_from_starting(folder):
    server = embedded.postgres(folder / "pg", durable=True)
    data = Path(ask(server, "SHOW data_directory"))
    process = int((data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(process, 9)
    with embedded.postgres(folder / "pg", durable=True) as server:
        assert ask(server, "SELECT 1") == 1


def test_a_long_path_still_gets_a_short_socket(folder):
    deep = folder / ("long" * 20) / ("longer" * 5) / "pg"
    deep.parent.mkdir(parents=True)
    for parent in (deep.parent, deep.parent.parent):
        parent.chmod(0o711)
    try:
        with embedded.postgres(deep, durable=False) as server:
            assert ask(server, "SELECT 1") == 1
    finally:
        embedded.forget(deep)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_below_a_folder_closed_to_its_user_the_data_lie_elsewhere(folder):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    try:
        with embedded.postgres(closed / "pg", durable=False) as server:
            data = Path(ask(server, "SHOW data_directory"))
            assert closed not in data.parents
            assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        embedded.forget(closed / "pg")
    assert not data.exists()


def test_redis_answers_on_its_socket_and_stops(folder):
    import redis

    with embedded.redis(folder / "redis") as server:
        path = server.url.removeprefix("redis+socket://")
        with redis.Redis(unix_socket_path=path) as client:
            assert client.set("a", "b")
            assert client.config_get("port") == {"port": "0"}
            assert client.config_get("save") == {"save": ""}
        client.connection_pool.disconnect()
    assert not embedded._pings(Path(path))


def test_a_redis_left_by_a_killed_run_makes_room(folder):
    first = embedded.redis(folder / "redis")
    with embedded.redis(folder / "redis") as second:
        assert second.url == first.url
        assert first._process.wait(5) is not None


def test_a_missing_postgresql_is_one_sentence(folder, monkeypatch):
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(embedded.Path, "glob", lambda _self, _pattern: iter(()))
    monkeypatch.delenv("PG_BINDIR", raising=False)
    with pytest.raises(EmbeddedError, match="No PostgreSQL was found"):
        embedded.postgres(folder / "pg", durable=False)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "initdb: error: could not write file: No space left on device",
            "the disk is full",
        ),
        (
            "postgres: error while loading shared libraries: libicu.so.72: cannot open",
            "a system library is missing: postgres: error while loading",
        ),
        ('FATAL:  lock file "a.lock" already exists', "another server uses"),
        ("", "it said nothing"),
    ],
)
def test_what_a_server_says_becomes_one_sentence(said, told):
    sentence = embedded._reason("PostgreSQL", said, Path("/demo"))
    assert told in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.skipif(
    not Path("/usr/bin/python3.11").exists(), reason="needs the system's Python"
)
def test_a_plain_user_starts_both(folder):
    home = folder / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    code = textwrap.dedent(
        """
        import sys; from pathlib import Path
        sys.path[:0] = sys.argv[2:]
        import importlib.util as util
        source = sys.argv[2] + "/quarano/embedded.py"
        spec = util.spec_from_file_location("embedded", source)
        embedded = util.module_from_spec(spec); sys.modules["embedded"] = embedded
        spec.loader.exec_module(embedded)
        folder = Path(sys.argv[1])
        with embedded.postgres(folder / "pg", durable=False) as database:
            with embedded.redis(folder / "redis"):
                import psycopg
                with psycopg.connect(database.url) as connection:
                    print(connection.execute("SELECT 6 * 7").fetchone()[0])
        """
    )
    project = Path(embedded.__file__).parent.parent
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    done = subprocess.run(
        ["/usr/bin/python3.11", "-c", code, str(home), str(project), packages],
        user="nobody",
        group="nogroup",
        extra_groups=[],
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    if "Permission denied" in done.stderr:
        pytest.skip("the project lies below a folder closed to others")
    assert done.stdout.strip() == "42", done.stderr
