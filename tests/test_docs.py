"""What the manuals say can be followed: links, pictures, commands."""

import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "quarano" / "decisions").glob("*.md"),
    ]
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
MANUALS = ["officials", "administrators", "operators"]


def anchors(page):
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in found}


def commands(page):
    """Lines of code blocks (fenced or indented), and `make …` within sentences."""
    text = page.read_text()
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    lines += re.findall(r"^(?:make|python manage.py) .*$", text, re.MULTILINE)
    lines += re.findall(r"`((?:make|python manage\.py|manage\.py) [^`]+)`", text)
    return [line.partition("#")[0].strip() for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda one: str(one.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text()):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.exists(), target
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), target


def test_pages_have_commands_to_look_at():
    assert sum(len(commands(page)) for page in PAGES) >= 20


@pytest.mark.parametrize("page", PAGES, ids=lambda one: str(one.relative_to(ROOT)))
def test_commands_can_be_given(page):
    known = get_commands()
    for line in commands(page):
        words = line.split()
        if words and words[0] == "make":
            targets = [w for w in words[1:] if "=" not in w and not w.startswith("-")]
            done = subprocess.run(
                ["make", "-n", *targets], cwd=ROOT, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{line}: {done.stderr}"
        elif "manage.py" in words[:2]:
            name = words[words.index("manage.py") + 1]
            assert name in known, line
            parser = load_command_class(known[name], name).create_parser("", name)
            options = {o for a in parser._actions for o in a.option_strings}
            for word in words:
                if word.startswith("--"):
                    assert word.partition("=")[0] in options, line


@pytest.mark.parametrize("name", MANUALS)
def test_both_languages_say_the_same(name):
    english, german = (
        (ROOT / "docs" / language / f"{name}.md").read_text()
        for language in ("en", "de")
    )
    for pattern in (r"^#+ ", r"^- ", r"^\d+\. ", r"^    \S"):
        counts = [
            len(re.findall(pattern, text, re.MULTILINE)) for text in (english, german)
        ]
        assert counts[0] == counts[1], pattern
    pictures = [
        sorted(re.findall(r"pictures/([\w-]+)\.\w\w\.png", text))
        for text in (english, german)
    ]
    assert pictures[0] == pictures[1] != []
    assert ".de.png" not in english
    assert ".en.png" not in german


def test_pictures_are_small_and_all_of_use():
    shown = {
        Path(target).name
        for page in PAGES
        for target in LINK.findall(page.read_text())
        if target.endswith(".png")
    }
    taken = {one.name: one.stat().st_size for one in (ROOT / "docs").rglob("*.png")}
    assert set(taken) == shown
    assert max(taken.values()) < 250_000
