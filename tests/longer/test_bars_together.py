"""Bars 43, 45 and 47 in full: many writers, cut lines, the same post many times.

On any database; `tests/test_strain.py` plays a short form in every run.
"""

import os
import tempfile
from pathlib import Path

import pytest

from tests import line as lines
from tests import strain
from tests.bars.conftest import place  # noqa: F401 - a fixture of these tests too
from tests.longer.report import measured, tries

pytestmark = [pytest.mark.committed, pytest.mark.localhost]


@pytest.mark.bar(43)
@pytest.mark.parametrize(("writers", "cases"), [(8, 1), (32, 50)])
def test_bar_43_many_writers_lose_no_change(place, writers, cases):  # noqa: F811
    changes = tries(200 if cases == 1 else 50)
    account = strain.many_changes(place, writers=writers, changes=changes, cases=cases)
    measured(43, str(account))
    account.holds()


@pytest.mark.bar(45)
def test_bar_45_lines_cut_at_commit_double_and_lose_nothing(place):  # noqa: F811
    with tempfile.TemporaryDirectory(prefix="line-") as folder:
        try:
            laid = lines.laid(os.environ["DATABASE_URL"], Path(folder))
            with laid as line, strain.through(line, folder):
                account = strain.commits_cut(place, line, cuts=tries(500))
        except lines.NoLine as none:
            pytest.skip(str(none))
    measured(45, str(account))
    account.holds()


@pytest.mark.bar(47)
def test_bar_47_twenty_identical_posts_are_one_entry(place):  # noqa: F811
    account = strain.identical_posts(place, people=tries(50), posts=20)
    measured(47, str(account))
    account.holds()
