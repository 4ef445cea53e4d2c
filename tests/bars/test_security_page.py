"""docs/security.md is true: every number is there, every test that it names exists."""

import re

import pytest

from tests.bars import security_page
from tests.bars.test_bars import LONGER_RUN

ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")


@pytest.fixture(scope="module")
def rows():
    found = ROW.findall(security_page.PAGE.read_text())
    return {int(number): shown for number, _words, shown in found}


def test_every_bar_has_its_row(rows):
    assert sorted(rows) == list(range(1, 81))
    # By a tool of others that wants an installation behind https.
    by_others = {34}
    assert LONGER_RUN - by_others == security_page.LONGER_RUN
    for number in security_page.LONGER_RUN:
        assert "make bars" in rows[number], number


def test_every_test_that_is_named_exists(rows):
    named = 0
    for number, shown in rows.items():
        for path, name in NAMED.findall(shown):
            named += 1
            file = security_page.ROOT / path
            assert file.exists(), (number, path)
            if name:
                assert f"def {name}(" in file.read_text(), (number, name)
    assert named > 40


def test_what_is_named_bears_the_number(rows):
    marked = security_page.marked()
    for number, shown in rows.items():
        if "::" in shown:
            tests = set(marked.get(number, []))
            for path, name in NAMED.findall(shown):
                if name:
                    assert f"{path}::{name}" in tests, (number, name)


def test_what_is_not_shown_says_why(rows):
    for number, shown in rows.items():
        if "not shown yet" in shown:
            assert len(shown) > len("not shown yet: ") + 10, number
        else:
            assert NAMED.search(shown) or "make" in shown, number
