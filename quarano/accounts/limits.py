"""How often something may be tried, counted over all authorities together."""

from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address

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
    return count(name, limit, key=key) <= limit.count


def count(name: str, limit: Limit, *, key: str = "") -> int:
    """Count one try; return how many there were in this window, this one included."""
    cache = caches["shared"]
    place = f"limit:{name}:{key}"
    # add() starts the window; incr() keeps its end.
    for _turn in range(3):
        if cache.add(place, 1, limit.seconds):
            return 1
        with suppress(ValueError):  # the window ended between the two
            return int(cache.incr(place))
    return limit.count + 1


def give_back(name: str, *, key: str = "") -> None:
    """Take back a try that was counted beforehand and turned out to be none."""
    # The window may have ended meanwhile.
    with suppress(ValueError):
        caches["shared"].decr(f"limit:{name}:{key}")


def address(request: HttpRequest) -> str:
    """The address that a request counts for; of IPv6 the network, which is one house's.

    Whoever has one IPv6 address has all of its /64.
    """
    said = client_address(request)
    if said is None:
        return "unknown"
    found = ip_address(said)
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(IPv6Network((found, 64), strict=False).network_address)
    return said
