"""compose.yaml as Compose reads it: variables filled in, one dict for each service."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
VARIABLE = re.compile(r"\$\{(\w+)(?:(:?[-?])([^}]*))?\}")


class Missing(KeyError):
    """A variable that compose.yaml insists on."""


def secrets(folder: Path) -> dict[str, str]:
    """What compose/secrets.sh writes into a file in the folder."""
    file = folder / ".env"
    subprocess.run(
        ["sh", ROOT / "compose" / "secrets.sh", file], check=True, capture_output=True
    )
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def filled(text: str, variables: dict[str, str]) -> str:
    """The text with its ${…} filled in; raises Missing."""

    def value(found: re.Match[str]) -> str:
        name, how, default = found.groups()
        given = variables.get(name)
        if given is not None and (given or not (how or "").startswith(":")):
            return given
        if (how or "").endswith("?"):
            raise Missing(name)
        return default or ""

    parts = re.split(r"(\$\$)", text)
    return "".join("$" if one == "$$" else VARIABLE.sub(value, one) for one in parts)


def services(variables: dict[str, str], *files: str) -> dict[str, dict[str, Any]]:
    """Every service of the file, with its variables filled in."""
    read = filled((ROOT / "compose.yaml").read_text(), variables)
    found: dict[str, dict[str, Any]] = yaml.safe_load(read)["services"]
    return found


def names(text: str) -> set[str]:
    """The variables that a text asks for."""
    return {found[0] for found in VARIABLE.findall(text.replace("$$", ""))}
