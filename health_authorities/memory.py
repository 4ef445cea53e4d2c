"""Rows that hardly ever change, remembered by a process for as long as hosts are."""

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

T = TypeVar("T")
_known: dict[tuple[Hashable, ...], tuple[float, Any]] = {}
MOST = 5_000


def remembered(key: tuple[Hashable, ...], read: Callable[[], T]) -> T:
    """Return what `read` returns, or returned some seconds ago in this authority.

    For what is fixed once its day has begun, or may be half a minute old on a page.
    """
    place = (connection.schema_name, *key)
    known = _known.get(place)
    if known and known[0] > time.monotonic():
        found: T = known[1]
        return found
    found = read()
    if settings.AUTHORITY_CACHE_SECONDS:
        if len(_known) > MOST:
            _known.clear()
        _known[place] = (time.monotonic() + settings.AUTHORITY_CACHE_SECONDS, found)
    return found


def forget() -> None:
    """Forget everything that is remembered."""
    _known.clear()
