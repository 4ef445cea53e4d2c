"""Looks for secrets in the tree and in every line that the history ever added.

`python -m tests.secrets_scan` names each that nobody has reviewed and fails. What was
reviewed stands in `tests/secrets_reviewed.txt`: hash, place, and why it is none.
"""

import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parents[1]
REVIEWED = ROOT / "tests" / "secrets_reviewed.txt"
# Shapes that are a secret wherever they stand.
SHAPES = [
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector",
    "BasicAuthDetector", "CloudantDetector", "DiscordBotTokenDetector",
    "GitHubTokenDetector", "GitLabTokenDetector", "IbmCloudIamDetector",
    "IbmCosHmacDetector", "JwtTokenDetector", "MailchimpDetector", "NpmDetector",
    "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector",
    "SlackDetector", "SoftlayerDetector", "SquareOAuthDetector", "StripeDetector",
    "TelegramBotTokenDetector", "TwilioKeyDetector",
]  # fmt: skip
# What may be one: outside tests, whose people have passwords in the clear.
DOUBTFUL = [
    {"name": "KeywordDetector"},
    {"name": "Base64HighEntropyString", "limit": 4.5},
    {"name": "HexHighEntropyString", "limit": 3.0},
]
# Hashes of packages, words of languages, others' minified work, names of fields.
WITHOUT = (
    "requirements", "uv.lock", "static/vendor/", "quarano/locale/", "LICENSE",
    "tests/secrets_reviewed.txt", "quarano/records/classification.py",
)  # fmt: skip
BINARY = {".png", ".woff2", ".ico", ".mo", ".pdf", ".ttf", ".jpg", ".xlsx", ".gz"}


def git(root: Path, *words: str) -> str:
    """Return what git says; raises CalledProcessError where there is no repository."""
    command = ["git", "-c", "core.quotePath=false", *words]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True)
    return done.stdout.decode(errors="replace")


def added(root: Path) -> dict[str, list[str]]:
    """Each line that any commit of any branch added, by path, each once."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    path = ""
    log = git(root, "log", "-p", "--unified=0", "--no-color", "--format=", "HEAD")
    for line in log.splitlines():
        if line.startswith("+++ "):
            path = line[4:].removeprefix("b/").strip()
        elif line.startswith("+") and path and is_looked_at(path):
            found[path][line[1:]] = None
    return {path: list(lines) for path, lines in found.items()}


def is_looked_at(path: str) -> bool:
    return not path.startswith(WITHOUT) and Path(path).suffix not in BINARY


def tree(root: Path) -> dict[str, list[str]]:
    """The lines of every file that git knows, as they stand now."""
    found = {}
    for path in git(root, "ls-files").splitlines():
        if is_looked_at(path) and (root / path).is_file():
            text = (root / path).read_text(encoding="utf-8", errors="replace")
            found[path] = text.splitlines()
    return found


def secrets(lines: dict[str, list[str]]) -> Iterator[tuple[str, str, str]]:
    """Yield hash, kind and path of whatever looks like a secret."""
    with tempfile.TemporaryDirectory() as folder:
        for is_test in (False, True):
            plugins = [{"name": name} for name in SHAPES]
            plugins += [] if is_test else DOUBTFUL
            with transient_settings({"plugins_used": plugins}):
                for path, texts in lines.items():
                    if path.startswith(("tests/", "quarano/demo/")) is not is_test:
                        continue
                    place = Path(folder) / path
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_text("\n".join(texts), encoding="utf-8")
                    for one in scan_file(str(place)):
                        yield one.secret_hash, one.type, path


def reviewed() -> set[str]:
    """The hashes of what somebody has looked at and found to be none."""
    lines = REVIEWED.read_text().splitlines() if REVIEWED.exists() else []
    return {line.split()[0] for line in lines if line and not line.startswith("#")}


def main(root: Path = ROOT) -> int:
    """Print what is new and return how many."""
    try:
        lines = added(root)
    except (subprocess.CalledProcessError, FileNotFoundError):
        sys.stdout.write("secrets: no git repository here, history not looked at\n")
        return 0
    for path, texts in tree(root).items():
        lines[path] = list(dict.fromkeys([*lines.get(path, []), *texts]))
    known = reviewed()
    new = sorted({one for one in secrets(lines) if one[0] not in known})
    for number, kind, path in new:
        sys.stdout.write(f"{number} {path}: {kind}\n")
    return len(new)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
