"""Short forms of what `make bars` plays in full: seconds each, with the same counts."""

import os
import tempfile
from pathlib import Path

import pytest

from tests import line as lines
from tests import strain
from tests.bars.conftest import place  # noqa: F401 - a fixture of these tests too

pytestmark = pytest.mark.committed


@pytest.mark.bar(43)
def test_eight_writers_on_one_case_lose_no_change(place):  # noqa: F811
    strain.many_changes(place, writers=8, changes=4).holds()


@pytest.mark.bar(43)
def test_many_writers_on_several_cases_lose_no_change(place):  # noqa: F811
    strain.many_changes(place, writers=12, changes=3, cases=5).holds()


@pytest.mark.bar(45)
def test_a_line_cut_at_commit_doubles_nothing_and_loses_nothing(place):  # noqa: F811
    with (
        tempfile.TemporaryDirectory(prefix="line-") as folder,
        lines.laid(os.environ["DATABASE_URL"], Path(folder)) as line,
        strain.through(line, folder),
    ):
        account = strain.commits_cut(place, line, cuts=12)
    account.holds()
    assert sum(line.done.values()) >= 12
