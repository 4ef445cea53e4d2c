"""The example rules speak of figures that there are, and the manuals of every rule."""

import re
import shutil
import subprocess

import pytest
import yaml
from prometheus_client import generate_latest

from quarano.celery import app
from quarano.metrics import requests
from tests.composed import ROOT
from tests.metrics.conftest import empty_tallies, monitoring  # noqa: F401 - used here too

TEXT = (ROOT / "compose" / "alerts.yml").read_text()
RULES = [rule for group in yaml.safe_load(TEXT)["groups"] for rule in group["rules"]]


def test_every_figure_of_the_rules_is_one_of_ours(authority, monitoring):  # noqa: F811
    requests.seconds.labels("home", "GET", "200").observe(0.1)
    from quarano.metrics import tallies

    tallies._add({one: {"a|b": 1} for one in (
        tallies.RUNS, tallies.FAILURES, tallies.SECONDS, tallies.REPEATED)},
        {tallies.LAST_RUN: {"a": 1}, tallies.LAST_SECONDS: {"a": 1}})  # fmt: skip
    known = {one.partition("{")[0] for one in monitoring()}
    assert generate_latest(requests.registry)
    asked = set(re.findall(r"\bquarano_\w+", TEXT))
    assert asked >= {"quarano_up", "quarano_message_oldest_due_seconds"}
    assert asked <= known


def test_every_job_of_the_rules_is_in_the_timetable():
    (jobs,) = re.findall(r'job=~"([\w.|]*tasks[\w.|]*)"', TEXT)
    planned = {one["task"] for one in app.conf.beat_schedule.values()}
    assert set(jobs.split("|")) <= planned


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_manual_says_what_to_do_about_every_alarm(language):
    text = (ROOT / "docs" / language / "operators.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE))
    for rule in RULES:
        assert len(rows[rule["alert"]]) > 40, rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_promtool_agrees_where_it_is_there():
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed")
    for what, name in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
        command = [tool, "check", what, ROOT / "compose" / name]
        if what == "config":
            command.insert(3, "--syntax-only")
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
