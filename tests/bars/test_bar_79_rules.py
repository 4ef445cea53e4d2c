"""Own rules over our code: what is dangerous stands on a reviewed list, or nowhere."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pins

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("quarano", "health_authorities", "cases", "contacts", "diaries")
CODE = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text())
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts
}
TEMPLATES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in sorted((ROOT / "templates").rglob("*"))
    if path.is_file()
}

# Where SQL is written by hand, and what it is made of. Anything new is reviewed first.
RAW_SQL = {
    "quarano/cockroach/": "roles, schemas and locality: names of the catalogue, quoted",
    "quarano/embedded.py": "the embedded server of demo and tests",
    "quarano/accounts/presence.py": "a schema's name and a table of Django's, quoted",
    "quarano/audit/chain.py": "a schema's name of our own table, quoted",
    "quarano/notifications/": "the same",
    "quarano/oversight/watch.py": "the same",
    "quarano/demo/": "the demo's own database",
    "quarano/synthetic/": "invented people, copied in; names of our own tables",
    "quarano/bench/": "measures bare statements beside the pages; constants",
    "quarano/practice.py": "names of the catalogue, quoted",
    "quarano/views.py": "SELECT 1 of the health page",
    "quarano/founding.py": "one question about the roles of many schemas, quoted",
    "quarano/metrics/": "counts of an outbox by a schema's name; SELECT 1; Redis",
    "health_authorities/everywhere.py": "puts such questions together",
    "health_authorities/tasks.py": "puts such questions together",
    "health_authorities/schemas.py": "names of the catalogue, quoted",
    "contacts/tasks.py": "a question for a job: a schema's name",
    "contacts/transmission/": "constants put together; what is asked is a parameter",
    "cases/": "questions for jobs: a schema's name, values as parameters",
    "diaries/": "the same",
}
# Where text is said to be markup already, and what it is.
MARKED_SAFE = {
    "quarano/accounts/adapter.py": "our own picture of a QR code",
    "quarano/templatetags/quarano.py": "parts that were escaped one by one",
    "quarano/transmission/drawing.py": "nothing; its pictures are made by format_html",
}


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def strange(found, reviewed):
    """What is found in files that no reviewed path begins."""
    return sorted(one for one in found if not one.startswith(tuple(reviewed)))


SQL = re.compile(
    r"^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP|GRANT|SET|COPY) ",
)


@pytest.mark.bar(79)
def test_bar_79_sql_is_written_by_hand_only_where_it_was_reviewed():
    found = set()
    for path, tree in CODE.items():
        for _node, name in calls(tree):
            if name.endswith((".execute", ".executemany", ".raw", ".extra")):
                found.add(path)
            if name.rpartition(".")[2] in {"RawSQL", "SQL"}:
                found.add(path)
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if is_text and SQL.match(node.value):
                found.add(path)
    assert strange(found, RAW_SQL) == []
    assert found, "else this test could not fail"


@pytest.mark.bar(79)
def test_bar_79_text_is_called_markup_only_where_it_was_reviewed():
    found = {
        path
        for path, tree in CODE.items()
        for _node, name in calls(tree)
        if name.rpartition(".")[2] in {"mark_safe", "SafeString", "SafeText"}
    }
    assert strange(found, MARKED_SAFE) == []


@pytest.mark.bar(79)
def test_bar_79_format_html_has_its_pattern_in_the_source():
    """A pattern that is put together could hold what somebody typed."""
    for path, tree in CODE.items():
        written = {
            target.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node, name in calls(tree):
            if name.rpartition(".")[2] in {"format_html", "format_html_join"}:
                first = node.args[0]
                is_written = isinstance(first, ast.Constant) or (
                    isinstance(first, ast.Name) and first.id in written
                )
                assert is_written, f"{path}:{node.lineno}"


@pytest.mark.bar(79)
def test_bar_79_no_template_takes_text_as_markup():
    wrong = []
    for path, text in TEMPLATES.items():
        is_mail = path.endswith((".txt", ".md"))
        if re.search(r"\|\s*safe(seq)?\b", text):
            wrong.append(f"{path}: |safe")
        if "autoescape off" in text and not is_mail:
            wrong.append(f"{path}: autoescape off")
        if re.search(r"<[^>]+\son\w+\s*=|\bhx-on|javascript:", text):
            wrong.append(f"{path}: script in an attribute")
        if re.search(r"<style\b|\sstyle\s*=", text) and "letters" not in path:
            wrong.append(f"{path}: style in the page")
        if re.search(r"<script(?![^>]*\ssrc=)[^>]*>", text):
            wrong.append(f"{path}: script in the page")
    assert wrong == []


FORBIDDEN = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "pickle.load",
    "pickle.loads", "marshal.loads", "yaml.load", "subprocess.getoutput",
    "tempfile.mktemp", "hashlib.md5", "hashlib.sha1", "random.seed", "input",
}  # fmt: skip


@pytest.mark.bar(79)
def test_bar_79_nothing_runs_what_it_was_given():
    found = [
        f"{path}:{node.lineno} {name}"
        for path, tree in CODE.items()
        for node, name in calls(tree)
        if name in FORBIDDEN
    ]
    assert found == []


@pytest.mark.bar(79)
def test_bar_79_no_view_is_taken_out_of_the_guard_against_other_sites():
    for path, tree in CODE.items():
        text = ast.unparse(tree)
        assert "csrf_exempt" not in text or path.startswith(WITHOUT_COOKIES), path
        assert "xframe_options_exempt" not in text, path
        assert "verify=False" not in text, path
        assert "CERT_NONE" not in text, path


# Machines that show a key of their own and have no cookie: no other site can pose.
WITHOUT_COOKIES = ("quarano/views_delivery.py", "quarano/api/")


def views():
    for path, tree in CODE.items():
        stem = Path(path).stem
        if (
            stem.startswith("views")
            or "/views/" in path
            or path.startswith("quarano/desk/")
        ):
            yield path, tree


# Without `open_to` or `reported_by` before it.
READS = {"get", "all", "values", "first", "last", "in_bulk"}


@pytest.mark.bar(79)
def test_bar_79_views_read_people_only_by_the_rights_of_who_asks():
    """No `Model.objects.get(…)` of what belongs to a person: `open_to(user)` first."""
    from cases import models

    about_people = {
        name
        for name in models.__all__
        if hasattr(getattr(models, name), "_meta")
        and any(
            field.name in {"person", "monitoring", "escalation", "order"}
            for field in getattr(models, name)._meta.get_fields()
        )
    } | {"Person"}
    wrong = []
    for path, tree in views():
        for node, name in calls(tree):
            parts = name.split(".")
            if len(parts) > 2 and parts[0] in about_people and parts[2] in READS:
                wrong.append(f"{path}:{node.lineno} {name}")
            if name == "get_object_or_404":
                asked = ast.unparse(node.args[0])
                if asked in about_people:
                    wrong.append(f"{path}:{node.lineno} {asked} for anybody")
    assert wrong == []


@pytest.mark.bar(79)
def test_bar_79_every_comment_that_silences_a_rule_says_why():
    for path in CODE:
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            if "noqa" in line:
                assert re.search(r"# noqa: [A-Z0-9]+.* - \w", line), f"{path}:{number}"
            if "nosec" in line:
                assert re.search(r"nosec [B0-9 ]+ - \w", line), f"{path}:{number}"


@pytest.mark.bar(79)
def test_bar_79_make_check_runs_the_linters():
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"bandit .*--severity-level medium", makefile)
    assert "ruff check ." in makefile
    settings = (ROOT / "pyproject.toml").read_text()
    assert re.search(r'^    .*"S",', settings, re.MULTILINE)


# --- What we ship -------------------------------------------------------------------


@pytest.mark.bar(79)
@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_bar_79_every_package_is_pinned_with_its_hashes(name):
    text = (ROOT / name).read_text().replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line[:1].isalnum()]
    assert len(packages) > 30
    for line in packages:
        assert re.match(r"^[\w.\[\],-]+==[\w.!+]+", line), line[:60]
        assert "--hash=sha256:" in line, line[:60]


@pytest.mark.bar(79)
def test_bar_79_every_pin_is_the_newest_patch_or_on_the_dated_list():
    found, known = pins.pinned(), pins.newest()
    assert known.asked, "the list says when it was asked"
    unknown = sorted(set(found) - set(known.versions))
    assert unknown == [], "python -m tests.pins asks anew"
    behind = {
        name: (version, known.versions[name])
        for name, version in found.items()
        if pins.is_behind(version, known.versions[name]) and name not in known.reasons
    }
    assert behind == {}


def test_a_patch_is_behind_only_within_its_series():
    assert pins.is_behind("5.2.1", "5.2.19")
    assert not pins.is_behind("5.2.19", "5.2.19")
    assert pins.is_behind("4.0", "4.0.1")


@pytest.mark.bar(79)
def test_bar_79_the_list_of_what_we_ship_is_written(tmp_path):
    target = tmp_path / "sbom.json"
    subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", "requirements", "requirements.txt",
         "--output-reproducible", "--output-format", "JSON", "-o", str(target)],
        cwd=ROOT, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    written = json.loads(target.read_text())
    names = {one["name"].lower() for one in written["components"]}
    assert names >= set(pins.pinned())
    assert (
        "cyclonedx_py requirements requirements.txt" in (ROOT / "Makefile").read_text()
    )
