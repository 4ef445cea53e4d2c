"""Alive, and ready: for orchestrators and proxies, on any host name, in one word each.

They come before everything that would ask who the host is or send to https.
"""

import time
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis import RedisError

from health_authorities import schemas
from quarano.metrics import tallies

PARTS = ("database", "redis", "migrations", "beat")


def wrong() -> list[str]:
    """Which of PARTS are not in order.

    `database`: it does not answer. `redis`: likewise. `migrations`: an authority's
    tables are behind this release. `beat`: the task of every minute was not done for
    BEAT_SECONDS. Nothing is said of what cannot be asked.
    """
    found = []
    if not _database_answers():
        found.append("database")
    try:
        last = tallies.last_tick()
    except RedisError:
        found.append("redis")
    else:
        if last is None or time.time() - last > settings.BEAT_SECONDS:
            found.append("beat")
    if "database" not in found and _is_behind():
        found.append("migrations")
    return [part for part in PARTS if part in found]


def _database_answers() -> bool:
    try:
        connection.set_schema_to_public()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        connection.close()
        return False
    return True


def _is_behind() -> bool:
    try:
        return bool(schemas.lagging())
    except DatabaseError:
        return True


def probes(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer `/healthz/` (this process answers) and `/readyz/` (all it needs is there).

    200, or 503 with what is wrong.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return get_response(request)
        if request.path == "/healthz/":
            return JsonResponse({"alive": True})
        if request.path == "/readyz/":
            found = wrong()
            return JsonResponse(
                {"ready": not found, "wrong": found}, status=503 if found else 200
            )
        return get_response(request)

    return middleware
