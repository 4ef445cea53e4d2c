"""What became of each bar of the longer run, in a dated report.

A bar without a test, or whose test was skipped, is written down as 'not run'. With
BARS_KEEP the rows of what ran take the place of the older ones in docs/bars.md.
"""

import datetime as dt
import os
import platform
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.bars.test_bars import LONGER_RUN

SCALE = float(os.environ.get("BARS_SCALE", "1"))
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "var" / "bars"
KEPT = ROOT / "docs" / "bars.md"
NOT_ASKED = "no test was run"
SAID = re.compile(
    r"^# Long bars, (\S+ \S+) UTC\n\n(\d+%) of the tries [^;]+; (.+)\.$",
    re.MULTILINE,
)
REPORT_ROW = re.compile(r"^\| (\d+) \| ([a-z ]+) \| (.*) \|$", re.MULTILINE)
KEPT_ROW = re.compile(r"^\| (\d+) \| .*$", re.MULTILINE)
HEAD = """\
# The longer run: what was found, and what was lost

Written by `make bars KEEP=1`; each row is the last run of that bar, with the share of
the tries that the bar asks for, what was counted, when and where. A bar that was not
run says why. What each number asks for stands in [security.md](security.md).

| Bar | Result | Share | What ran, what was found and lost | When (UTC) | Where |
|---|---|---|---|---|---|
"""
# Shown by a tool of others, which is no package of ours.
NO_TEST = {
    34: "MDN's HTTP Observatory wants an installation behind https; what it asks of "
    "headers stands in tests/test_attacks.py",
}
_seen: dict[int, list[tuple[str, str, str]]] = defaultdict(list)
_measured: dict[int, list[str]] = defaultdict(list)


def tries(full: int) -> int:
    """How many of the tries that a bar asks for this run makes: at least one."""
    return max(1, round(full * SCALE))


def measured(bar: int, words: str) -> None:
    """Write down what was counted or timed, beside passed or failed."""
    _measured[bar].append(words)


def note(bars: Iterable[int], report: pytest.TestReport) -> None:
    """Take up what came of a test's call, or of a set-up or tear-down that failed."""
    if report.when != "call" and report.passed:
        return
    word = "passed" if report.passed else "not run" if report.skipped else "failed"
    why = ""
    if report.skipped and isinstance(report.longrepr, tuple):
        why = str(report.longrepr[2]).removeprefix("Skipped: ")
    for bar in bars:
        _seen[bar].append((word, report.nodeid.rpartition("::")[2], why))


def _found(bar: int) -> tuple[str, str]:
    """The result of a bar, and what was measured."""
    found = _seen.get(bar, [])
    words = {word for word, _test, _why in found}
    order = ("failed", "passed", "not run")
    word = next((one for one in order if one in words), "not run")
    if word == "passed" and "not run" in words:
        word = "passed in part"
    notes = [*_measured.get(bar, []), *sorted({why for *_, why in found if why})]
    if not found:
        notes.append(NO_TEST.get(bar, NOT_ASKED))
    if not notes:
        tests = {test for _word, test, _why in found}
        notes.append(f"{len(tests)} tests")
    return word, "; ".join(notes).replace("|", "/")


def _row(bar: int) -> str:
    return f"| {bar} | {' | '.join(_found(bar))} |"


def keep(reports: Iterable[Path]) -> None:
    """Put the rows of what ran in these reports, in the order of their dates, into
    docs/bars.md, in the place of older ones."""
    before = KEPT.read_text() if KEPT.exists() else ""
    rows = {int(one[1]): one[0] for one in KEPT_ROW.finditer(before)}
    for path in sorted(reports, key=lambda one: one.name):
        text = path.read_text()
        said = SAID.search(text)
        if said is None:
            continue
        when, share, where = said.groups()
        for bar, result, notes in REPORT_ROW.findall(text):
            if notes not in {NOT_ASKED, *NO_TEST.values()}:
                row = f"| {bar} | {result} | {share} | {notes} | {when} | {where} |"
                rows[int(bar)] = row
    for bar in LONGER_RUN - set(rows):
        rows[bar] = f"| {bar} | not run |  | {NO_TEST.get(bar, NOT_ASKED)} |  |  |"
    KEPT.write_text(HEAD + "\n".join(rows[bar] for bar in sorted(rows)) + "\n")


def _where() -> str:
    on_cockroach = os.environ["DATABASE_URL"].startswith("cockroach")
    database = "CockroachDB" if on_cockroach else "PostgreSQL"
    return (
        f"{platform.machine()} with {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, {database} at SERIALIZABLE"
    )


def write(say: Callable[[str], object]) -> Path:
    """Write the report, tell it line by line, and return where it lies."""
    now = dt.datetime.now(dt.UTC)
    numbers = sorted(LONGER_RUN | set(_seen))
    lines = [
        f"# Long bars, {now:%Y-%m-%d %H:%M} UTC",
        "",
        f"{SCALE:.0%} of the tries that the bars ask for; {_where()}.",
        "",
        "| bar | result | measured |",
        "|---|---|---|",
        *map(_row, numbers),
    ]
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{now:%Y-%m-%d-%H%M}.md"
    path.write_text("\n".join(lines) + "\n")
    for line in lines:
        say(line)
    if os.environ.get("BARS_KEEP"):
        keep([path])
    say(f"written to {path.relative_to(ROOT)}")
    return path
