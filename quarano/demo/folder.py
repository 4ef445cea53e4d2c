"""Where the demo keeps its files, and small values that its processes share."""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def folder() -> Path:
    """Return the demo's folder; DEMO_FOLDER moves it."""
    return Path(os.environ.get("DEMO_FOLDER", ROOT / "var" / "demo"))


def read(name: str, default: Any) -> Any:
    """Return the value kept under a name, or the default."""
    try:
        return json.loads((folder() / f"{name}.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return default


def keep(name: str, value: Any) -> None:
    """Keep a value under a name; readers see the old one or the new, never half."""
    handle, path = tempfile.mkstemp(dir=folder(), prefix=f".{name}")
    with os.fdopen(handle, "w") as file:
        json.dump(value, file)
    Path(path).replace(folder() / f"{name}.json")


def forget(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        (folder() / f"{name}.json").unlink()
