"""Whether every authority's schema is what this release expects."""

import logging
import time

from django.db import DatabaseError, connection
from django_tenants.utils import schema_context

from health_authorities import everywhere
from health_authorities.models import HealthAuthority
from quarano.cockroach.lagging import missing

KNOWN_FOR = 60.0  # seconds

NAMED = 5  # in a line of the log, or a check

logger = logging.getLogger(__name__)

_known: tuple[float, list[str]] | None = None


def forget() -> None:
    """Forget what was found, as after migrating."""
    global _known
    _known = None


def lagging() -> list[str]:
    """Return the schemas that lack a migration of this release, `public` among them.

    Empty where all is well. Found out at most once a minute in each process; where it
    is called often, that is what it costs. Raises DatabaseError where the database is
    away.
    """
    global _known
    if _known is None or _known[0] < time.monotonic():
        with schema_context("public"):
            lacking = missing(["public", *everywhere.founded()])
        _known = time.monotonic() + KNOWN_FOR, list(lacking)
    return list(_known[1])


def places() -> dict[str, str]:
    """Return the schemas of all authorities that have one, each with its region.

    Also of those that are being founded. Reads the two columns that every release has.
    """
    with schema_context("public"), connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_catalog.pg_namespace")
        there = {name for (name,) in cursor.fetchall()}
        known = HealthAuthority.objects.order_by("schema_name").values_list(
            "schema_name", "region"
        )
        return {name: region for name, region in known if name in there}


def sentence(names: list[str]) -> str:
    """Say how many lag behind, and name the first of them."""
    shown = ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
    return f"{len(names)} schemas lag behind this release: {shown}"


def say_who_lags() -> None:
    """Log who lags behind; for the start of web, which goes on in any case."""
    try:
        if names := lagging():
            logger.error("%s. Run manage.py prepare_database.", sentence(names))
    except DatabaseError as error:
        # The text of the error can name hosts and log-ins.
        logger.warning("cannot ask who lags behind: %s", type(error).__name__)
    finally:
        if not connection.in_atomic_block:
            connection.close()
