"""README names every setting that the environment gives, and no other."""

import ast
import itertools
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What tests, the demo and the bench say to each other; nobody who runs it sets these.
OURS = {"INBOX", "PORT", "TEST", "TEST_DATABASE_NAME", "DEMO_FOLDER"}


READERS = ("quarano/settings.py", "quarano/serving.py")


def read_in_settings():
    found = set()
    trees = [ast.parse((ROOT / path).read_text()) for path in READERS]
    for node in itertools.chain.from_iterable(map(ast.walk, trees)):
        if isinstance(node, ast.Call) and node.args:
            asked = ast.unparse(node.func)
            first = node.args[0]
            is_name = isinstance(first, ast.Constant) and isinstance(first.value, str)
            if is_name and asked in {"os.environ.get", "flag", "env", "environ.get"}:
                found.add(first.value)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            found.add(node.slice.value)
    return found - OURS


def told_in_readme():
    text = (ROOT / "README.md").read_text()
    table = text[text.index("| variable | meaning |") :]
    rows = table[: table.index("\n\n")].splitlines()[2:]
    return {
        name for row in rows for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])
    }


def test_every_setting_stands_in_the_readme_and_the_other_way_round():
    # What compose.yaml and the files beside it read themselves.
    beside = "".join(
        path.read_text() for path in sorted((ROOT / "compose").glob("*.yaml"))
    )
    text = (ROOT / "compose.yaml").read_text() + beside
    composed = set(re.findall(r"\$\{?([A-Z_]+)", text))
    assert read_in_settings() - told_in_readme() == set()
    assert told_in_readme() - read_in_settings() - composed == set()
