"""The demo's clock: real time plus an offset; while the outbreak is played, its own."""

import datetime as dt

from quarano.demo import folder

_played: dt.datetime | None = None
_seen: tuple[int, dt.timedelta] = (-1, dt.timedelta())


def now() -> dt.datetime:
    """Return the demo's moment, aware, in UTC."""
    if _played is not None:
        return _played
    return dt.datetime.now(dt.UTC) + offset()


def offset() -> dt.timedelta:
    """Return how far the demo's clock is ahead of the real one."""
    global _seen
    try:
        changed = (folder.folder() / "offset.json").stat().st_mtime_ns
    except FileNotFoundError:
        return dt.timedelta()
    if changed != _seen[0]:
        _seen = changed, dt.timedelta(seconds=folder.read("offset", 0))
    return _seen[1]


def move(by: dt.timedelta) -> None:
    """Put the clock of all the demo's processes forward."""
    folder.keep("offset", (offset() + by).total_seconds())


def play_at(moment: dt.datetime | None) -> None:
    """Hold this process's clock at a moment; None lets it go again."""
    global _played
    _played = moment
