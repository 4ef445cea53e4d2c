"""One line in the log and one measurement for each request, by the page's name."""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Histogram

PROBES = {"/healthz/", "/readyz/"}
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

# Without the library's own figures of the process: they would be of one of several.
registry = CollectorRegistry(auto_describe=False)
seconds = Histogram(
    "quarano_request_seconds",
    "Time from a request's arrival in the process to its answer.",
    ["route", "method", "status"],
    buckets=BUCKETS,
    registry=registry,
)
logger = logging.getLogger("quarano.requests")


def route_of(request: HttpRequest) -> str:
    """Return the name of the page asked for; addresses can hold names and tokens."""
    match = request.resolver_match
    if request.path in PROBES:
        return "probe"
    if match is None:
        return "static" if request.path.startswith("/static/") else "none"
    return match.view_name or "unnamed"


def measured(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Measure each request and write it down: which page, how it ended, how long."""

    def middleware(request: HttpRequest) -> HttpResponse:
        started = time.monotonic()
        response = get_response(request)
        took = time.monotonic() - started
        route = route_of(request)
        method = request.method if request.method in METHODS else "other"
        status = response.status_code
        seconds.labels(route, method, str(status)).observe(took)
        authority = getattr(request, "authority", None)
        bad = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        asked_often = route in {"probe", "metrics", "static"}
        level = logging.DEBUG if asked_often else logging.INFO
        logger.log(
            logging.WARNING if bad else level,
            "%s %s %d",
            method,
            route,
            status,
            extra={
                "reference": getattr(request, "request_id", "-"),
                "authority": authority.schema_name if authority else "public",
                "route": route,
                "method": method,
                "status": status,
                "ms": round(took * 1000, 1),
            },
        )
        return response

    return middleware
