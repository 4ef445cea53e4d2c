"""Bar 37: sqlmap, a tool of others, at level 3 on the parameters of pages and forms.

It is no package of ours: `apt-get install sqlmap`, or its path in SQLMAP.
"""

import os
import re
import shutil
import subprocess
import sys
from urllib.parse import urlencode

import pytest

from tests.bars.forms import forms
from tests.longer.report import measured, tries
from tests.longer.stage import Browser, path_of

SQLMAP = os.environ.get("SQLMAP") or shutil.which("sqlmap")
pytestmark = [
    pytest.mark.localhost,
    pytest.mark.committed,
    pytest.mark.bar(37),
    pytest.mark.skipif(
        not SQLMAP, reason="sqlmap is not installed, nor named in SQLMAP"
    ),
]
LISTS = ("/worklist/", "/people/", "/oversight/alarms/", "/audit/")
FOUND = "identified the following injection point"
NONE = "all tested parameters do not appear to be injectable"


def targets(browser: Browser) -> list[tuple[str, str, set[str]]]:
    """Address, body and what is typed, of each form that looks something up or writes
    without changing a case: by GET first."""
    found: dict[tuple[str, str], tuple[str, str, set[str]]] = {}
    for page in LISTS:
        answer = browser.get(page)
        if answer.status != 200:
            continue
        for form in forms(answer.text, method="get"):
            values = {name: form.values.get(name) or "a" for name in sorted(form.names)}
            path = path_of(form.action) if form.action else page
            asked = f"{path.partition('?')[0]}?{urlencode(values, doseq=True)}"
            found["get", asked] = (asked, "", form.names)
        for link in re.findall(r'href="(/[^"#]*\?[^"#]+)"', answer.text):
            asked = link.replace("&amp;", "&")
            names = {
                one.partition("=")[0] for one in asked.partition("?")[2].split("&")
            }
            known = set().union(*(one[2] for one in found.values()), set())
            if not names <= known:
                found["get", asked] = (asked, "", names)
    for page in ("/account/login/", "/enrolment/", "/account/password/reset/"):
        for form in forms(browser.get(page).text):
            typed = form.names - {"csrfmiddlewaretoken"}
            body = {**form.values, **dict.fromkeys(typed, "a")}
            if typed and "language" not in typed:
                found["post", page] = (page, urlencode(body, doseq=True), typed)
    return list(found.values())


def test_bar_37_sqlmap_finds_no_way_in(stage, tmp_path):
    anna = stage.enter("Anna Becker")
    # Forms of strangers are asked as a stranger would.
    stranger = Browser(stage.port, anna.host)
    everything = [(anna, one) for one in targets(anna) if not one[1]]
    everything += [(stranger, one) for one in targets(stranger) if one[1]]
    assert len(everything) >= 4
    chosen = everything[: tries(len(everything))]
    tested, quiet = set(), []
    for browser, (path, body, names) in chosen:
        words = [
            *([sys.executable] if str(SQLMAP).endswith(".py") else []), str(SQLMAP),
            "-u", f"http://127.0.0.1:{stage.port}{path}",
            "--host", f"{browser.host}:{stage.port}",
            "--batch", "--level", "3", "--dbms", "PostgreSQL", "--flush-session",
            "--drop-set-cookie", "--timeout", "30", "--output-dir", str(tmp_path),
            "-p", ",".join(sorted(names - {"csrfmiddlewaretoken"})),
        ]  # fmt: skip
        if cookies := "; ".join(f"{k}={v}" for k, v in browser.cookies.items()):
            words += ["--cookie", cookies]
        if body:
            form = f"http://127.0.0.1:{stage.port}{path}"
            words += ["--data", body, "--csrf-token", "csrfmiddlewaretoken"]
            words += ["--csrf-url", form]
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=480, stdin=subprocess.DEVNULL
        )
        said = done.stdout + done.stderr
        assert FOUND not in said, f"{path}: {said[-3000:]}"
        if NONE in said:
            tested |= {f"{path.partition('?')[0]} {name}" for name in names}
        else:
            quiet.append(f"{path}: {said[-300:]}")
    measured(
        37,
        f"sqlmap at level 3 on {len(chosen)} of {len(everything)} pages and forms, "
        f"{len(tested)} parameters: 0 ways in; {len(quiet)} could not be tested",
    )
    assert tested, quiet
    assert len(quiet) <= len(chosen) / 4, quiet
