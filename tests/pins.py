"""Whether what we pin is the newest patch of its series.

`python -m tests.pins` asks the package index through uv, writes `tests/newest.txt` with
the day of asking, and prints what is behind. The tests read that list, so that they
need no network and do not turn red by themselves.
"""

import datetime as dt
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "newest.txt"
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
HEAD = """\
# The newest patch of each series that requirements.txt pins. Written by
# `python -m tests.pins`; a line 'name version # reason' is a pin that stays behind.
"""


@dataclass
class Newest:
    """The list: when it was asked, the newest patches, and why some stay behind."""

    asked: dt.date
    versions: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(text: str | None = None) -> dict[str, str]:
    """What requirements.txt pins, by name."""
    text = (ROOT / "requirements.txt").read_text() if text is None else text
    return {normal(name): version for name, version in PIN.findall(text)}


def newest() -> Newest:
    """Read the list."""
    lines = LIST.read_text().splitlines()
    day = next(line for line in lines if line.startswith("asked "))
    found = Newest(dt.date.fromisoformat(day.split()[1]))
    for line in lines:
        if line.startswith(("#", "asked ")) or not line.strip():
            continue
        said, _, reason = line.partition("#")
        name, version = said.split()
        found.versions[name] = version
        if reason.strip():
            found.reasons[name] = reason.strip()
    return found


def is_behind(version: str, other: str) -> bool:
    """Whether the other version is a newer one."""
    from packaging.version import Version

    return Version(version) < Version(other)


def series(version: str) -> str:
    """The specifier of every later patch: of 5.2.19 '>=5.2.19,<5.3'."""
    from packaging.version import Version

    release = [*Version(version).release, 0][:2]
    return f">={version},<{release[0]}.{release[1] + 1}"


def ask() -> dict[str, str]:
    """Ask the index, by uv, for the newest patch of each pin."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.in"
        wanted.write_text(
            "\n".join(f"{name}{series(version)}" for name, version in pinned().items())
        )
        done = subprocess.run(
            [str(ROOT / ".venv/bin/uv"), "pip", "compile", "--quiet", "--upgrade",
             "--no-deps", "--no-header", "--no-annotate", "--universal",
             "--python-version", "3.11", str(wanted)],
            check=True, capture_output=True, text=True, cwd=folder,
        )  # fmt: skip
    return pinned(done.stdout)


def main() -> int:
    """Write the list anew; the reasons of those that stay behind are kept."""
    reasons = newest().reasons if LIST.exists() else {}
    found, ours = ask(), pinned()
    lines = [f"{HEAD}asked {dt.datetime.now(dt.UTC).date()}"]
    for name in sorted(ours):
        version = found.get(name, ours[name])
        reason = reasons.get(name) if is_behind(ours[name], version) else None
        lines.append(f"{name} {version}" + (f" # {reason}" if reason else ""))
        if version != ours[name]:
            sys.stdout.write(f"{name} {ours[name]}: {version} is there\n")
    LIST.write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
