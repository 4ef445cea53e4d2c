"""Bar 4: every guard matters. Each is taken away in turn, and a test must turn red."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from quarano.founding import ROLES
from tests.longer.noop import PREDICATES
from tests.longer.report import measured

ROOT = Path(__file__).parents[2]
PERMISSIONS = sorted({one for _name, every in ROLES.values() for one in every})
GUARDS = [*(f"may:{one}" for one in PERMISSIONS), *PREDICATES]
WALKS = [
    "tests/test_pages.py",
    "tests/test_isolation.py",
    "tests/bars",
    "tests/cases",
    "tests/desk",
    "tests/diaries",
    "tests/accounts",
    "tests/quarano",
]
killed: list[str] = []


@pytest.mark.bar(4)
@pytest.mark.parametrize("guard", GUARDS)
def test_bar_4_without_this_guard_a_test_is_red(guard):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly",
         "-p", "tests.longer.noop", *WALKS],
        cwd=ROOT,
        env={**os.environ, "QUARANO_WITHOUT": guard},
        capture_output=True,
        text=True,
        timeout=3600,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.returncode == 1, f"nothing noticed that {guard} is gone"
    killed.append(guard)


def test_says_how_many_guards_were_noticed():
    assert len(killed) == len(GUARDS)
    measured(4, f"{len(killed)} of {len(GUARDS)} guards noticed")
