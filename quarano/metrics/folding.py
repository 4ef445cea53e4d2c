"""Keeps what ended web processes have counted, in one file instead of one for each.

The library leaves the files of every process behind; with a process renewed each few
thousand requests they would fill the memory in which they lie.
"""

import os
from pathlib import Path

from prometheus_client import multiprocess
from prometheus_client.mmap_dict import MmapedDict

KINDS = ("counter", "histogram")


def folder() -> Path | None:
    """Where the processes of one gunicorn keep their figures; None for one alone."""
    place = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
    return Path(place) if place else None


def begin() -> None:
    """Forget what an earlier gunicorn left in the folder."""
    place = folder()
    if place is not None:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in place.glob("*.db*"):
            left.unlink()


def fold(process: int) -> None:
    """Add the figures of an ended process to those of all ended before it."""
    place = folder()
    if place is None:
        return
    for kind in KINDS:
        ended = place / f"{kind}_{process}.db"
        if not ended.exists():
            continue
        kept, fresh = place / f"{kind}_ended.db", place / f"{kind}_ended.part"
        fresh.unlink(missing_ok=True)
        total = MmapedDict(str(fresh))
        for path in (kept, ended):
            if path.exists():
                for key, value, _at, _place in MmapedDict.read_all_values_from_file(
                    str(path)
                ):
                    total.write_value(key, total.read_value(key)[0] + value, 0.0)
        total.close()
        # Between these two lines a reader would count twice: they are next to nothing.
        fresh.replace(kept)
        ended.unlink()
    multiprocess.mark_process_dead(process, str(place))
