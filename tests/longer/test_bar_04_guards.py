"""Bar 4: every guard matters. Each is taken away in turn, and a test must turn red."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from quarano.founding import ROLES
from tests.longer.noop import PREDICATES
from tests.longer.report import measured, tries

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
# A share of them, spread over the whole list.
CHOSEN = GUARDS[:: max(1, len(GUARDS) // tries(len(GUARDS)))][: tries(len(GUARDS))]
killed: list[str] = []


def environment() -> dict[str, str]:
    """Without the servers of this run: the other one starts its own."""
    own = {"DATABASE_URL", "REDIS_URL", "QUARANO_OWN_REDIS", "QUARANO_OWN_DATABASE"}
    if not os.environ.get("QUARANO_OWN_DATABASE"):
        own = {"REDIS_URL"}
    return {name: value for name, value in os.environ.items() if name not in own}


@pytest.mark.bar(4)
@pytest.mark.parametrize("guard", CHOSEN)
def test_bar_4_without_this_guard_a_test_is_red(guard):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly",
         "-p", "tests.longer.noop", *WALKS],
        cwd=ROOT,
        env={**environment(), "QUARANO_WITHOUT": guard},
        capture_output=True,
        text=True,
        timeout=1800,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.returncode == 1, f"nothing noticed that {guard} is gone"
    red = re.search(r"(?:FAILED|ERROR) \S*?(test_\w+\.py)::(\w+)", done.stdout)
    assert red, done.stdout[-2000:]
    killed.append(f"{guard} by {red[1]}::{red[2]}")


@pytest.mark.bar(4)
def test_bar_4_says_how_many_guards_were_noticed():
    words = f"{len(killed)} of {len(CHOSEN)} guards that were taken away noticed"
    measured(4, f"{words}, of {len(GUARDS)} there are: {', '.join(killed)}")
    assert len(killed) == len(CHOSEN)
