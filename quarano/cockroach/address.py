"""The address of the database, which may name several nodes of a cluster."""

from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import dj_database_url

SCHEMES = {"cockroach", "cockroachdb", "postgres", "postgresql"}
COCKROACH_PORT = "26257"
# The next node is tried when one does not answer for three seconds; each process
# begins with another one.
SEVERAL = {"load_balance_hosts": "random", "connect_timeout": 3}


class NoAddress(ValueError):
    """What should be the address of a database is none; the value is not repeated."""


def is_cockroach(url: str) -> bool:
    """Whether the address is that of CockroachDB."""
    return url.startswith(("cockroach:", "cockroachdb:"))


def parse(url: str, **settings: Any) -> dict[str, Any]:
    """Return Django's settings for a database address.

    `cockroach://user:password@a:26257,b:26257,c/quarano?sslmode=verify-full`; the hosts
    may also stand in `?host=a,b,c&port=…`. Further settings are those of
    dj_database_url.parse. Raises NoAddress.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise NoAddress("DATABASE_URL begins with cockroach:// or postgresql://")
    login, at, place = parts.netloc.rpartition("@")
    hosts, ports = _hosts(place)
    netloc = f"{login}{at}" if login else ""
    plain = urlunsplit(parts._replace(scheme="postgresql", netloc=netloc))
    if not netloc:  # `postgresql:/name` would not name a database
        plain = f"postgresql://{plain.removeprefix('postgresql:').removeprefix('//')}"
    try:
        found: dict[str, Any] = dict(dj_database_url.parse(plain, **settings))
    except dj_database_url.ParseError as error:
        raise NoAddress("DATABASE_URL cannot be read") from error
    options = dict(found.get("OPTIONS") or {})
    if "host" in options:
        hosts = str(options.pop("host")).split(",")
        ports = str(options.pop("port", "")).split(",")
    default = COCKROACH_PORT if is_cockroach(url) and any(hosts) else ""
    ports = [port or default for port in _as_many(ports, len(hosts))]
    found["HOST"] = ",".join(hosts)
    found["PORT"] = ",".join(ports) if any(ports) else ""
    if len(hosts) > 1:
        options = {**SEVERAL, **options}
    if options:
        found["OPTIONS"] = options
    return found


def _hosts(place: str) -> tuple[list[str], list[str]]:
    """Hosts and ports out of `a:1,b,[::1]:3`, as many ports as hosts."""
    hosts, ports = [], []
    for one in place.split(","):
        host, colon, port = one.rpartition(":")
        if not colon or port.endswith("]"):  # no port, perhaps an IPv6 address
            host, port = one, ""
        if port and not port.isdigit():
            raise NoAddress("a port in DATABASE_URL is no number")
        hosts.append(unquote(host).strip("[]"))
        ports.append(port)
    return hosts, ports


def _as_many(ports: list[str], count: int) -> list[str]:
    return ports * count if len(ports) == 1 else ports
