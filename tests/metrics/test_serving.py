"""What processes count survives them; gunicorn's own settings are read."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

COUNTS = """
import sys
from quarano.metrics import requests
for _ in range(int(sys.argv[1])):
    requests.seconds.labels("cases:detail", "GET", "200").observe(0.02)
import os; print(os.getpid())
"""
READS = """
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
registry = CollectorRegistry()
MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


def python(code, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_what_ended_processes_counted_is_kept_in_one_file(tmp_path, monkeypatch):
    from quarano.metrics import folding

    place = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for number in (3, 4, 5):
        folding.fold(int(python(COUNTS, number, **place)))
    assert [one.name for one in tmp_path.iterdir()] == ["histogram_ended.db"]
    python(COUNTS, 2, **place)
    text = python(READS, **place)
    line = 'quarano_request_seconds_count{method="GET",route="cases:detail",'
    assert f'{line}status="200"}} 14.0' in text
    assert 'le="0.025"' in text
    folding.begin()
    assert list(tmp_path.iterdir()) == []


def test_gunicorn_takes_its_settings(tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "gunicorn", "quarano.wsgi", "--print-config"),
            *("--config", "python:quarano.serving"),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "WEB_PROCESSES": "3",
            "WEB_BIND": "127.0.0.1:8123",
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = dict(
        map(str.strip, line.split("=", 1))
        for line in done.stdout.splitlines()
        if "=" in line
    )
    assert said["workers"] == "3"
    assert "8123" in said["bind"]
    assert "folding" in said["child_exit"] or "child_exit" in said["child_exit"]


def test_with_gunicorn_the_figures_of_all_its_processes_are_one():
    code = """
import os; os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
import quarano.serving
from prometheus_client import values
print(values.ValueClass.__name__)
import shutil; shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"])
"""
    assert python(code).strip() == "MmapedValue"
