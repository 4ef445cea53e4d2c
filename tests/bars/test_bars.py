"""The bars that every run has to pass: each has a test that bears its number."""

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]
ACCESS = {1, 2, 3, 5, 6, 8, 9, 10, 11, 12}
SIGNING_IN = {14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 25}
CITIZENS = {26, 27, 28, 29, 30}
INPUT_AND_OUTPUT = {33, 35, 38, 39, 42}
TOGETHER = {44, 46, 47, 49, 56}
AUDIT = {65, 66, 67, 68, 69, 70, 71, 76, 78, 79}
EVERY_RUN = ACCESS | SIGNING_IN | CITIZENS | INPUT_AND_OUTPUT | TOGETHER | AUDIT
# What a longer run shows before a release: `make bars`.
LONGER_RUN = {4, 7, 19, 31, 32, 34, 37, 43, 45, 48, 51, 52, 53, 54, 55, 57, 62, 64}


def marked() -> set[int]:
    """The numbers in all marks `bar(…)` of all tests."""
    found = set()
    for path in TESTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "bar"
                and ast.unparse(node.func) == "pytest.mark.bar"
            ):
                found |= {one.value for one in node.args}
    return found


def test_every_bar_of_every_run_has_a_test():
    assert not EVERY_RUN - marked()


def test_the_longer_run_is_another_one():
    assert not EVERY_RUN & LONGER_RUN


def test_only_bars_that_exist_are_marked():
    assert marked() <= set(range(1, 81))
