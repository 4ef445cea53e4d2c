"""No secret in the tree or its history; no process starts with what everybody knows."""

import base64
import os
import subprocess
import sys

import pytest

from tests import secrets_scan

ROOT = secrets_scan.ROOT
SETTING = {
    "DEBUG": "false",
    "DEMO": "false",
    "SECRET_KEY": "k7" + "Zq3-vB9_xT1w" * 6,
    "FIELD_KEYS": base64.b64encode(bytes(range(32))).decode(),
    "ALLOWED_HOSTS": ".quarano.example",
    "PUBLIC_HOST": "quarano.example",
    "DATABASE_URL": "postgresql://app@db.example/quarano?sslmode=verify-full",
    "DATABASE_OWNER_URL": "",
    "DATABASE_AS": "app",
}


def start(**changes):
    """Begin a process as web and worker do, and say how that ended."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in SETTING and not name.startswith(("DJANGO", "QUARANO", "COV"))
    }
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import quarano.wsgi"],
        cwd=ROOT, env=environment | SETTING | changes, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.bar(78)
def test_bar_78_a_process_starts_with_settings_of_its_own():
    done = start()
    assert done.returncode == 0, done.stderr[-400:]


@pytest.mark.bar(78)
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": "only-for-development" * 3}, "SECRET_KEY"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY"),
        ({"FIELD_KEYS": ""}, "FIELD_KEYS"),
        ({"FIELD_KEYS": "ZGV2ZWxvcG1lbnQtb25seS0zMi1ieXRlcy1sb25nISE="}, "FIELD_KEYS"),
        ({"DEBUG": "true"}, "DEBUG"),
        ({"DEMO": "true"}, "DEMO"),
        ({"DATABASE_URL": "postgresql://app@db.example/quarano"}, "not encrypted"),
        (
            {"DATABASE_URL": "postgresql://app@db.example/quarano?sslmode=prefer"},
            "not encrypted",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bar_78_no_process_starts_with_what_everybody_knows(changes, says):
    done = start(**changes)
    assert done.returncode != 0
    assert "ImproperlyConfigured" in done.stderr
    assert says in done.stderr.splitlines()[-1]


def repository(folder, *commits):
    """A repository with these files, one commit each."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example"]
    run = {"cwd": folder, "check": True, "capture_output": True}
    subprocess.run([*git, "init", "-q"], **run)
    for number, files in enumerate(commits):
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        subprocess.run([*git, "add", "-A"], **run)
        subprocess.run([*git, "commit", "-qm", str(number)], **run)
    return folder


# Put together here, so that this file holds none.
KEY = "AKIA" + "Z7XQWE4RTY6UIOP2"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nabc\n"


@pytest.mark.bar(78)
@pytest.mark.parametrize(
    "secret", [f"key = '{KEY}'", f"x = '{TOKEN}'", PEM, "password = 'hunter2horse'"]
)
def test_bar_78_a_secret_is_found_though_it_was_taken_out_again(
    tmp_path, secret, capsys
):
    folder = repository(tmp_path, {"a.py": f"{secret}\n"}, {"a.py": "gone\n"})
    assert secrets_scan.main(folder) > 0
    assert "a.py" in capsys.readouterr().out


@pytest.mark.bar(78)
def test_bar_78_a_clean_history_is_clean(tmp_path):
    folder = repository(tmp_path, {"a.py": "x = 1\n"}, {"b/c.py": "def f(): ...\n"})
    assert secrets_scan.main(folder) == 0


@pytest.mark.bar(78)
def test_bar_78_make_check_looks_for_secrets():
    assert "-m tests.secrets_scan" in (ROOT / "Makefile").read_text()
