"""How often something may be tried, counted over all authorities together."""

from dataclasses import dataclass

from django.core.cache import caches
from django.http import HttpRequest

from quarano.audit.middleware import client_address


@dataclass(frozen=True)
class Limit:
    """At most `count` in `seconds`, in windows that follow each other."""

    count: int
    seconds: int


def allow(name: str, limit: Limit, *, key: str = "") -> bool:
    """Count one try and tell whether it is within the limit; atomic in Redis."""
    cache = caches["shared"]
    place = f"limit:{name}:{key}"
    # add() starts the window; incr() keeps its end.
    if cache.add(place, 1, limit.seconds):
        return True
    try:
        return cache.incr(place) <= limit.count
    except ValueError:  # the window ended between the two
        return bool(cache.add(place, 1, limit.seconds))


def is_reached(name: str, limit: Limit, *, key: str = "") -> bool:
    """Whether the limit is used up, without counting."""
    count: int = caches["shared"].get(f"limit:{name}:{key}", 0)
    return count >= limit.count


def address(request: HttpRequest) -> str:
    """The address that a request counts for."""
    return client_address(request) or "unknown"
