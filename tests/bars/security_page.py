"""Writes docs/security.md: for each of the 80 bars, where it is shown.

`python -m tests.bars.security_page` looks for the marks `bar(…)` of all tests; what no
test shows says where else, or that it is not shown yet and why.
"""

import ast
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "security.md"
LONGER_RUN = {4, 7, 19, 31, 32, 37, 43, 45, 48, 51, 52, 53, 54, 55, 57, 62, 64}
MAKE_BARS = "`make bars`: it takes minutes"

SECTIONS = {
    1: "Access and tenancy",
    14: "Signing in and sessions",
    26: "Activation and the citizen's access",
    31: "Input, output, browser",
    43: "Right under concurrency",
    51: "Crash and failure",
    60: "Load and abuse",
    65: "The access log, and misuse from within",
    71: "Data protection",
    78: "Supply chain and operation",
}
BARS = {
    1: "Every address × method × role × owner of the object: no leak, none undeclared, no 500",
    2: "Canaries of another authority: in no page, fragment, header, redirect, mail, log",
    3: "Writing attempts across authorities change no row there",
    4: "Taking out any one permission check turns a test red",
    5: "404 for somebody else's and for nothing are the same to the byte",
    6: "No countable id in any address, form or message",
    7: "16 threads × 10,000 requests of mixed authorities with faults: none in the wrong one",
    8: "No table of the field in `public`; a missing table is an error",
    9: "Every job with every kind of argument: no effect outside its authority",
    10: "Cookie of another authority, forged and unknown hosts: nobody, or 404",
    11: "The operator's site shows no person",
    12: "No field beside the forms' own can be set",
    13: "Authority number 400 in ≤ 60 s; 400 migrated in ≤ 30 min",
    14: "Every password hashed with Argon2id, old hashes upgraded",
    15: "Password rules: length, common words, words of product and authority",
    16: "Officials without a second factor reach its set-up and nothing else",
    17: "No code is good twice; a clock may be one step off",
    18: "Reset and recovery never give a session without the second factor",
    19: "Known and unknown logins: equal answers, equal times",
    20: "Guessing is limited over all authorities together; nobody is locked out for good",
    21: "Limits are atomic",
    22: "Sessions end: idle, after twelve hours, with roles, password, closing",
    23: "Cookies: `__Host-`, Secure, HttpOnly, SameSite, and no others",
    24: "Asked again before grave steps",
    25: "No default or shared account",
    26: "Links and codes: strong, stored hashed, in no log or audit",
    27: "A code cannot be guessed",
    28: "100 redemptions at once: one; looking at a link changes nothing",
    29: "Messages say no health word and no full name",
    30: "Citizens see and end their sessions; signing out clears the browser",
    31: "Every form × 1,000 hostile inputs: no 500, no hang",
    32: "60 payloads × every text field × every page in a browser: none runs",
    33: "A strict Content-Security-Policy, never violated",
    34: "MDN HTTP Observatory: A+",
    35: "`check --deploy`: no warning, nothing silenced",
    36: "Exports: no formula, every value comes back",
    37: "SQL injection: none; SQL written by hand is on a reviewed list (79)",
    38: "No form of another site is taken; looking changes nothing",
    39: "No answer is stored; no health data in the browser's storage",
    40: "Hostile uploads are refused",
    41: "axe: nothing serious; by keyboard alone",
    42: "Errors: a page that says nothing of us, with a reference; 503 without a database",
    43: "8 writers × 200 changes on one case: none lost",
    44: "The database refuses each statement of each process: the end is the same",
    45: "Ambiguous commits: no double effect",
    46: "Two officials, one form: both versions are shown",
    47: "20 equal diary posts at once: one entry",
    48: "The state machine of monitorings against a model",
    49: "Slots are total and disjoint through both clock changes",
    50: "In = open + concluded + erased at every serializable read",
    51: "Killed worker: no reminder lost",
    52: "Killed web process: nothing acknowledged is missing",
    53: "Restarted database: nothing acknowledged is missing",
    54: "Redis away for minutes, then empty",
    55: "Mail provider away for two hours",
    56: "Two timetables at once: no double reminder",
    57: "Full disk, no connection left, slow database",
    58: "Backup and restore",
    59: "Migrating while the old release still runs",
    60: "Design load and surge",
    61: "50,000 due reminders",
    62: "Four hours at design load",
    63: "No statement more for more people; every statement has its time",
    64: "Slow and huge requests of others",
    65: "Every reading of a person by an official is recorded, once",
    66: "Append-only; each of 1,000 manipulations is found",
    67: "Who saw whom, and what did an official: one command each, also of who is gone",
    68: "No name in the log; erased after its time by another role, the chain stays whole",
    69: "Six misuses: six alarms in five minutes; a normal week: one false alarm at most",
    70: "Refusals, second factors and roles are recorded, in UTC, with the request's id",
    71: "Every field: purpose, category, legal base, period; the record of Art. 30 from it",
    72: "Erasure by period, everywhere",
    73: "A restored backup shows nobody who was erased",
    74: "Right of access, complete and readable",
    75: "Rectification, restriction, objection",
    76: "No log names one of 200 canaries",
    77: "A stolen dump: sealed columns stay sealed",
    78: "No secret in the history; no process starts with what everybody knows",
    79: "Linters and own rules; pinned, newest patches; a list of what we ship",
    80: "TLS of the shipped proxy; who to tell; the 72 hours rehearsed",
}
NOT_YET = "not shown yet: "
ELSEWHERE = {
    13: NOT_YET + "founding takes seconds (tests/quarano/test_founding.py), 400 were "
    "founded once by hand",
    36: NOT_YET + "there is no export yet",
    34: NOT_YET + "the Observatory wants an installation behind https",
    50: NOT_YET + "erasure of people is not built yet",
    58: NOT_YET + "no backup is shipped yet",
    59: NOT_YET + "there is no earlier release yet",
    60: NOT_YET + "the benchmarks measure pages, not a surge",
    61: NOT_YET + "needs a run of its own",
    72: NOT_YET + "only the access log is erased so far (68)",
    73: NOT_YET + "comes with erasure (72)",
    74: NOT_YET + "comes with the access copy",
    75: NOT_YET + "comes with the access copy",
    80: NOT_YET + "TLS ends at the installation's own proxy; `SECURITY.md` says whom "
    "to tell",
}
# Shown by a file as a whole, whatever marks it has.
FILES = {
    41: ["tests/test_accessibility.py"],
    63: ["tests/test_pages.py"],
    77: ["tests/accounts/test_signing_in.py"],
}
HEAD = """\
# Security: what holds, and where it is shown

Each bar is a test or a check that can fail. "In every run" is `make test` and
`make check`; `make bars` is the longer run before a release, and prints what it did not
run as 'not run'; what it found last stands in [bars.md](bars.md). What nobody has shown
yet says so. On PostgreSQL at SERIALIZABLE where nothing else is said; what needs
CockroachDB is marked in the tests.

This page is written by `python -m tests.bars.security_page`.
"""


def marked() -> dict[int, list[str]]:
    """The tests that bear each number, as file::test."""
    found: dict[int, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT).as_posix()
        for node in ast.parse(path.read_text()).body:
            for number in _numbers(node):
                is_test = isinstance(node, ast.FunctionDef)
                found[number].add(f"{name}::{node.name}" if is_test else name)
    return {number: sorted(tests) for number, tests in found.items()}


def _numbers(node: ast.stmt) -> set[int]:
    marks = (
        node.decorator_list if isinstance(node, ast.FunctionDef) else [node]
    )  # a mark of the whole file is an assignment
    return {
        argument.value
        for mark in marks
        for call in ast.walk(mark)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.bar"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }


def shown(number: int, tests: dict[int, list[str]]) -> str:
    """Where a bar is shown, in one cell."""
    if number in tests:
        by_file: dict[str, list[str]] = defaultdict(list)
        for one in tests[number]:
            path, _, name = one.partition("::")
            by_file[path].append(name)
        cells = []
        for path, names in by_file.items():
            first = f"`{path}::{names[0]}`" if names[0] else f"`{path}`"
            more = f" and {len(names) - 1} more there" if len(names) > 1 else ""
            cells.append(first + more)
        also = f"; the rest: {MAKE_BARS}" if number in LONGER_RUN else ""
        return "; ".join(cells) + also
    if number in FILES:
        return "; ".join(f"`{path}`" for path in FILES[number])
    if number in LONGER_RUN:
        return MAKE_BARS
    return ELSEWHERE.get(number, NOT_YET + "its test is being written")


def page() -> str:
    """The whole page."""
    tests, lines = marked(), [HEAD]
    for number, words in BARS.items():
        if number in SECTIONS:
            lines += ["", f"## {SECTIONS[number]}", "", "| | Bar | Shown by |",
                      "|---|---|---|"]  # fmt: skip
        lines.append(f"| {number} | {words} | {shown(number, tests)} |")
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def main() -> int:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
