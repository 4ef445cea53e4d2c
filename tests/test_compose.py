"""compose.yaml keeps what it promises: guarded, limited, watched, without a secret."""

import base64
import re
import shutil
import stat
import subprocess
import uuid
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.urls import reverse

from quarano.sheets import reading
from tests import composed
from tests.composed import ROOT

TEXT = (ROOT / "compose.yaml").read_text()
ONCE = {"certificates", "initialise", "migrate", "manage"}
OURS = {"migrate", "manage", "web-1", "web-2", "worker", "owner-worker", "beat"}
NODES = ["cockroach-1", "cockroach-2", "cockroach-3"]


@pytest.fixture(scope="module")
def variables(tmp_path_factory):
    return composed.secrets(tmp_path_factory.mktemp("secrets"))


@pytest.fixture(scope="module")
def services(variables):
    return composed.services(variables)


def test_every_service_is_guarded_and_limited(services):
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        limits = service["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory", "pids"}, name
        assert "privileged" not in service, name


def test_only_who_hands_volumes_over_is_root(services):
    roots = {
        name
        for name, service in services.items()
        if str(service["user"]).startswith("0")
    }
    assert roots == {"certificates"}
    assert services["certificates"]["network_mode"] == "none"
    extra = {name for name, service in services.items() if "cap_add" in service}
    assert extra == {"certificates"}


def test_every_service_that_stays_is_watched_and_comes_back(services):
    for name, service in services.items():
        if name in ONCE:
            assert service["restart"] == "no", name
            continue
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"], name
        assert service["healthcheck"]["interval"], name


def test_images_are_pinned(services):
    for name, service in services.items():
        assert re.search(r":v?\d+\.\d+\.\d+", service["image"]), name
    base = re.search(
        r"^ARG PYTHON=(\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    assert re.search(r":\d+\.\d+\.\d+-", base.group(1))


def test_three_nodes_in_three_regions_speak_by_certificate(services):
    regions = {services[one]["environment"]["LOCALITY"] for one in NODES}
    assert len(regions) == 3
    assert "--insecure" not in TEXT
    for one in NODES:
        assert "--certs-dir=/certs" in services[one]["command"][0]
        assert all(other in services[one]["command"][0] for other in NODES)
    for name in OURS:
        assert "sslmode=verify-full" in services[name]["environment"]["DATABASE_URL"]
    said = services["initialise"]["command"][0]
    assert "SURVIVE REGION FAILURE" in said
    for region in regions:
        assert f'"{region.split("=")[1].split(",")[0]}"' in said


def test_the_key_of_the_authority_stays_in_one_container(services):
    having = {
        name
        for name, service in services.items()
        for one in service.get("volumes", [])
        if str(one).startswith("authority-key:")
    }
    assert having == {"certificates"}


def test_only_owner_processes_know_the_owner(services, variables):
    knowing = {
        name
        for name, service in services.items()
        if variables["DATABASE_OWNER_PASSWORD"] in str(service)
    }
    assert knowing == {"initialise", "migrate", "manage", "owner-worker"}


def test_no_secret_stands_in_a_command_or_in_the_repository(services, variables):
    for name, service in services.items():
        said = str(service.get("command")) + str(service.get("entrypoint"))
        for key in ("REDIS_PASSWORD", "DATABASE_PASSWORD", "SECRET_KEY", "FIELD_KEYS"):
            assert variables[key] not in said, name
    for pattern in (r"^\.env$", r"^settings\.env$"):
        assert re.search(pattern, (ROOT / ".gitignore").read_text(), re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {".env", "*.env", ".git", "compose"} <= set(ignored)


def test_redis_keeps_what_it_has_behind_a_password(services):
    said = services["redis"]["command"][0]
    assert "requirepass" in said
    assert "appendonly yes" in said
    assert "redis:/data" in services["redis"]["volumes"]


def test_only_the_proxy_is_published_to_others(services):
    for name, service in services.items():
        for port in service.get("ports", []):
            assert name == "proxy" or str(port).startswith("127.0.0.1:"), name
    assert "ports" not in services["web-1"]
    inside = yaml.safe_load(TEXT)["networks"]["inside"]
    assert inside["internal"] is True
    assert set(services["redis"]["networks"]) == {"inside"}


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "FIELD_KEYS", "DATABASE_PASSWORD", "REDIS_PASSWORD"]
)
def test_without_a_secret_nothing_starts(variables, name):
    left = {key: value for key, value in variables.items() if key != name}
    with pytest.raises(composed.Missing, match=name):
        composed.services(left)


def test_secrets_are_fresh_closed_and_never_overwritten(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir(), other.mkdir()
    first, second = composed.secrets(one), composed.secrets(other)
    for name in first:
        if name.endswith(("_KEY", "_KEYS", "_PASSWORD", "_TOKEN")):
            assert first[name] != second[name], name
            assert len(first[name]) >= 40, name
    file = one / ".env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_text()
    script = ROOT / "compose" / "secrets.sh"
    again = subprocess.run(["sh", script, file], capture_output=True, text=True)
    assert again.returncode == 1
    assert file.read_text() == before


def test_the_written_secrets_are_taken_by_the_settings(variables):
    assert len(base64.b64decode(variables["FIELD_KEYS"])) == 32
    assert len(variables["SECRET_KEY"]) >= 50
    for name in ("DATABASE_PASSWORD", "DATABASE_OWNER_PASSWORD", "REDIS_PASSWORD"):
        assert re.fullmatch(r"[a-z0-9]+", variables[name]), "stands in an address"


def documented():
    """The variables that README's table or the operators' manual explains."""
    pages = [ROOT / "README.md", ROOT / "docs" / "en" / "operators.md"]
    return set(
        re.findall(r"`([A-Z][A-Z_]{3,})`", "".join(p.read_text() for p in pages))
    )


def test_every_variable_of_compose_is_explained():
    more = (ROOT / "compose" / "encryption.yaml").read_text()
    assert composed.names(TEXT + more) <= documented()


def test_every_variable_of_the_settings_is_explained():
    asked = set()
    for path in ("quarano/settings.py", "quarano/serving.py"):
        text = (ROOT / path).read_text()
        asked |= set(re.findall(r'environ\.get\(\s*"([A-Z_]+)"', text))
        asked |= set(re.findall(r'\bflag\("([A-Z_]+)"', text))
    asked -= {"TEST_DATABASE_NAME", "PORT"}
    assert asked - documented() == set()


def test_encryption_at_rest_is_an_addition_with_a_key_from_elsewhere(variables):
    text = (ROOT / "compose" / "encryption.yaml").read_text()
    with pytest.raises(composed.Missing):
        composed.filled(text, variables)
    added = yaml.safe_load(
        composed.filled(text, {**variables, "STORE_KEY_FILE": "/safe/store.key"})
    )
    assert set(added["services"]) == set(NODES)
    assert added["secrets"]["store_key"]["file"] == "/safe/store.key"
    for service in added["services"].values():
        flag = service["environment"]["ENCRYPTION"]
        assert "key=/run/secrets/store_key" in flag
    # The command of each node takes it up, and does without.
    assert all(
        "${ENCRYPTION-}" in one["command"][0]
        for name, one in composed.services(variables).items()
        if name in NODES
    )


def test_the_proxy_takes_what_the_web_takes_and_counts_who_sends():
    """What one refuses and the other would take is told by neither well."""
    text = (ROOT / "compose" / "nginx.conf.template").read_text()
    form, file = re.findall(r"client_max_body_size (\d+)m;", text)
    assert int(form) * 2**20 == settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert int(file) * 2**20 > reading.MOST_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    (larger,) = re.findall(r"location ~ (\S+) {\n    client_max", text)
    ours = "quarano.urls"
    for name, kwargs in (
        ("events:add_guests", {"pk": uuid.uuid4()}), ("hosts:hand_in", {}),
    ):  # fmt: skip
        assert re.search(larger, reverse(name, urlconf=ours, kwargs=kwargs))
    assert not re.search(larger, reverse("account_login", urlconf=ours))
    # A location that names limits of its own forgets those above it.
    for zone in ("visitors", "senders"):
        assert len(re.findall(rf"limit_conn {zone} \d+;", text)) == 2


def test_docker_agrees_where_it_is_there(tmp_path, variables):
    """`docker compose config` needs no engine."""
    docker = shutil.which("docker")
    if (
        docker is None
        or subprocess.run(
            [docker, "compose", "version"], capture_output=True
        ).returncode
    ):
        pytest.skip("docker compose is not installed")
    env = tmp_path / ".env"
    env.write_text("".join(f"{key}={value}\n" for key, value in variables.items()))
    command = [docker, "compose", "--env-file", env, "--file", ROOT / "compose.yaml"]
    subprocess.run([*command, "config", "--quiet"], check=True, cwd=Path(ROOT))
