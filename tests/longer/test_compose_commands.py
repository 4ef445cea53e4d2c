"""Every container's command line, started by hand: what stands in for Docker here.

PostgreSQL takes CockroachDB's place, with the same three log-ins; the addresses are of
this machine. Cockroach's own containers, Mailpit and the build are not run.
"""

import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
import redis as redis_client

from quarano import embedded
from tests import composed
from tests.composed import ROOT
from tests.longer import proxy as proxies

MARK = "CANARYQ"
pytestmark = [
    pytest.mark.localhost,
    pytest.mark.skipif(not proxies.NGINX, reason="nginx is not installed"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(question, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := question():
                return found
        except (OSError, http.client.HTTPException, redis_client.RedisError):
            pass
        time.sleep(0.2)
    pytest.fail(f"not within {seconds} s: {what}")


class House:
    """The services of compose.yaml as processes of this machine."""

    def __init__(self, place):
        self.place = place
        self.variables = composed.secrets(place)
        self.ports = {
            name: free_port()
            for name in ("web-1", "web-2", "redis", "http", "https", "inside")
        }
        self.variables["SITE_PORT"] = f":{self.ports['https']}"
        self.services = composed.services(self.variables)
        self.processes = {}
        self.logs = {}

    def local(self, text):
        """An address of a container as an address of this machine."""
        here = self.database.url.partition("@")[2]
        text = re.sub(
            r"cockroach://(\w+):\w+@[^/]+/quarano\?.*",
            lambda found: f"postgresql://{found[1]}@{here}",
            text,
        )
        text = text.replace("@redis:6379", f"@127.0.0.1:{self.ports['redis']}")
        return text.replace("/tmp/beat", str(self.place / "beat"))

    def environment(self, name):
        said = self.services[name].get("environment", {})
        own = {key: self.local(str(value)) for key, value in said.items()}
        keep = {"PATH", "HOME", "LANG"}
        inherited = {key: value for key, value in os.environ.items() if key in keep}
        return {**inherited, **own, "HOSTNAME": socket.gethostname()}

    def start(self, name, command, **more):
        log = self.logs[name] = self.place / f"{name}.log"
        with log.open("wb") as output:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**self.environment(name), **more},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, name, command):
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment(name),
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, words):
        """A command of the image: its programs are those of our environment."""
        first, *rest = words
        if first == "python":
            return [sys.executable, *rest]
        return [sys.executable, "-m", first, *map(self.local, rest)]

    def told(self):
        """The last lines of every log."""
        found = []
        for name, log in [*self.logs.items(), ("nginx", self.place / "error.log")]:
            lines = log.read_text().splitlines() if log.exists() else []
            found += [f"--- {name}", *lines[-8:]]
        return "\n".join(found)

    def stop(self, name, how=signal.SIGTERM, seconds=45):
        process = self.processes.pop(name)
        os.killpg(process.pid, how)
        return process.wait(timeout=seconds)

    def ask(self, path, host="localhost", port="https", headers=None, method="GET"):
        number = self.ports[port]
        if port == "https":
            context = ssl.create_default_context(cafile=self.place / "fullchain.pem")
            context.check_hostname = False
            context.verify_mode = ssl.CERT_REQUIRED
            client = http.client.HTTPSConnection(
                "127.0.0.1", number, timeout=20, context=context
            )
        else:
            client = http.client.HTTPConnection("127.0.0.1", number, timeout=20)
        client.request(
            method, path, headers={"Host": f"{host}:{number}", **(headers or {})}
        )
        answer = client.getresponse()
        answer.text = answer.read().decode(errors="replace")
        client.close()
        return answer


def log_ins(house):
    """The statements of `initialise`, as far as both databases have them."""
    said = house.services["initialise"]["command"][0]
    sql = said.partition("<<SQL\n")[2].partition("\nSQL")[0]
    sql = sql.replace("$DATABASE_OWNER_PASSWORD", "x").replace(
        "$DATABASE_PASSWORD", "x"
    )
    base = house.database.url
    with psycopg.connect(base, autocommit=True) as server:
        for statement in filter(None, map(str.strip, sql.split(";"))):
            if statement.startswith("CREATE DATABASE"):
                continue
            statement = re.sub(
                r"^CREATE (USER|ROLE) IF NOT EXISTS", r"CREATE \1", statement
            )
            statement = statement.replace("SCHEMA quarano.public", "SCHEMA public")
            server.execute(statement)
        server.execute("ALTER ROLE quarano_owner CREATEROLE")


@pytest.fixture(scope="module")
def house(request):
    place = Path(tempfile.mkdtemp(prefix="quarano-compose-"))
    place.chmod(0o711)
    house = House(place)
    proxies.certificate(place)
    with embedded.postgres(place / "postgres", durable=False) as house.database:
        try:
            log_ins(house)
            # Redis, by its own command line.
            said = house.services["redis"]["command"][0]
            said = said.replace("dir /data", f"dir {place}").replace(
                "/tmp/redis.conf", f"{place}/redis.conf --port {house.ports['redis']}"
            )
            said = said.replace(f"> {place}/redis.conf --port {house.ports['redis']}",
                                f"> {place}/redis.conf")  # fmt: skip
            said = said.replace("valkey-server", embedded._redis_binary())
            house.start("redis", ["/bin/sh", "-euc", said])
            house.run("migrate", house.python(house.services["migrate"]["command"]))
            # As the image is built.
            house.run("web-1", [sys.executable, "manage.py", "collectstatic",
                                "--noinput"])  # fmt: skip
            for name in ("web-1", "web-2"):
                (command,) = re.findall(
                    r'^CMD (\["gunicorn.*\])',
                    (ROOT / "Dockerfile").read_text(),
                    re.MULTILINE,
                )
                bind = {"WEB_BIND": f"127.0.0.1:{house.ports[name]}"}
                house.start(name, house.python(json.loads(command)), **bind)
            for name in ("worker", "owner-worker", "beat"):
                house.start(name, house.python(house.services[name]["command"]))
            words = proxies.prepared(
                place,
                house.services["proxy"]["environment"],
                doors={name: house.ports[name] for name in ("http", "https", "inside")},
                webs=(house.ports["web-1"], house.ports["web-2"]),
            )
            house.start("proxy", words)
            yield house
        finally:
            if request.session.testsfailed:
                pass
            for name in list(house.processes):
                try:
                    house.stop(name)
                except subprocess.TimeoutExpired:
                    house.stop(name, signal.SIGKILL)
            embedded.forget(place / "postgres")
            shutil.rmtree(place, ignore_errors=True)


def test_all_of_it_gets_ready_and_answers_through_the_proxy(house):
    until(lambda: house.ask("/").status == 200, 60, "a page through the proxy")
    answer = house.ask("/")
    names = [name.lower() for name, _ in answer.getheaders()]
    assert names.count("strict-transport-security") == 1
    assert names.count("content-security-policy") == 1
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    assert "nginx/" not in answer.headers["Server"]
    sent = house.ask("/account/login/", port="http")
    assert sent.status == 308
    port = house.ports["https"]
    assert sent.headers["Location"] == f"https://localhost:{port}/account/login/"
    # Beat's first tick comes with the full minute.
    for name in ("web-1", "web-2"):
        until(
            lambda name=name: (
                house.ask(f"/{name}/readyz/", port="inside").status == 200
            ),
            100,
            f"{name} is ready",
        )


def test_monitoring_reads_inside_and_nobody_outside(house):
    assert house.ask("/metrics/").status == 404
    assert house.ask("/readyz/").status == 404
    assert house.ask("/healthz/").status == 200
    assert house.ask("/web-1/metrics/", port="inside").status == 401
    bearer = {"Authorization": f"Bearer {house.variables['METRICS_TOKEN']}"}
    for name in ("web-1", "web-2"):
        figures = house.ask(f"/{name}/metrics/", port="inside", headers=bearer)
        assert figures.status == 200
        assert 'quarano_up{part="beat"} 1.0' in figures.text
        assert 'quarano_job_runs_total{job="quarano.tasks.tick"}' in figures.text
        assert "quarano_request_seconds_bucket" in figures.text


def test_the_health_checks_of_the_file_are_true_of_what_runs(house):
    (command,) = {
        one[-1]
        for name in ("web-1", "web-2")
        for one in [house.services[name]["healthcheck"]["test"]]
    }
    for name in ("web-1", "web-2"):
        here = command.replace(":8000", f":{house.ports[name]}")
        house.run(name, [sys.executable, "-c", here])
    for name in ("worker", "owner-worker"):
        said = house.services[name]["healthcheck"]["test"][1]
        said = said.replace("celery", f"{shlex.quote(sys.executable)} -m celery", 1)
        assert "pong" in house.run(name, ["/bin/sh", "-c", said])
    said = house.services["beat"]["healthcheck"]["test"][1]
    said = said.replace("/tmp", str(house.place))
    until(
        lambda: subprocess.run(["/bin/sh", "-c", said]).returncode == 0,
        240,
        "beat has written its file",
    )
    redis = redis_client.Redis(
        port=house.ports["redis"], password=house.variables["REDIS_PASSWORD"]
    )
    assert redis.ping()
    assert redis.config_get("appendonly")["appendonly"] == "yes"
    with pytest.raises(redis_client.AuthenticationError):
        redis_client.Redis(port=house.ports["redis"]).ping()


def test_the_web_cannot_make_tables_and_the_owner_founds_authorities(house):
    manage = [sys.executable, "manage.py"]
    said = house.run("manage", [*manage, "create_operator", "--name", "Olga",
                                "olga@example.org"])  # fmt: skip
    assert "https://" in said
    house.run(
        "manage",
        [*manage, "create_authority", "--name", "Gesundheitsamt Neckartal",
         "--short-name", "Neckartal", "--schema", "neckartal",
         "--host", "neckartal.localhost", "--code", "1.08.2.22.", "--state", "08",
         "--sender", "amt@neckartal.example", "--administrator-name", "Ada",
         "--administrator-email", "ada@neckartal.example"],
    )  # fmt: skip
    page = house.ask("/account/login/", host="neckartal.localhost")
    assert page.status == 200
    url = house.environment("web-1")["DATABASE_URL"]
    with (
        psycopg.connect(url) as web,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        web.execute("SET ROLE quarano_app")
        web.execute("CREATE TABLE public.no_such (id int)")


def test_one_web_less_is_not_noticed_and_none_is_told_kindly(house):
    assert house.stop("web-1") == 0
    for _ in range(8):
        assert house.ask("/account/login/", host="neckartal.localhost").status == 200
    assert house.stop("web-2") == 0
    answer = house.ask("/", host="neckartal.localhost")
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "60"
    assert "try again" in answer.text
    (command,) = re.findall(
        r'^CMD (\["gunicorn.*\])', (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    for name in ("web-1", "web-2"):
        bind = {"WEB_BIND": f"127.0.0.1:{house.ports[name]}"}
        house.start(name, house.python(json.loads(command)), **bind)
    until(lambda: house.ask("/").status == 200, 60, "a page through the proxy")


def test_without_the_database_it_says_so(house):
    house.database.stop()
    try:
        answer = house.ask("/account/login/", host="neckartal.localhost")
        assert answer.status == 503
        assert "database" in answer.text
        ready = house.ask("/web-2/readyz/", port="inside")
        assert (ready.status, json.loads(ready.text)["wrong"]) == (503, ["database"])
        assert house.ask("/healthz/").status == 200
    finally:
        embedded.postgres(house.place / "postgres", durable=False)
    until(
        lambda: house.ask("/account/login/", host="neckartal.localhost").status == 200,
        30,
        "the page is back",
    )


def test_every_line_of_the_logs_is_an_object_and_names_nobody(house):
    house.ask(f"/people/{MARK}/?name={MARK}", host="neckartal.localhost")
    time.sleep(0.5)
    for name in ("web-1", "web-2", "worker", "owner-worker"):
        lines = [
            line
            for line in house.logs[name].read_text().splitlines()
            if line.startswith(("{", "[20", "20"))
        ]
        assert lines, name
        for line in lines:
            assert isinstance(json.loads(line), dict), f"{name}: {line}"
    text = "".join(path.read_text() for path in house.place.glob("*.log"))
    assert '"route": "account_login"' in text
    assert MARK not in text
    assert '127.0.0.1"' not in (house.place / "access.log").read_text()
