"""Where a request comes from, for the events that it causes."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse


@dataclass(frozen=True)
class Origin:
    """The request or task in hand; empty in commands and tests."""

    request_id: str = ""
    address: str | None = None


NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


def origin() -> Origin:
    """Return what this thread of work was started by."""
    return _origin.get()


@contextmanager
def started_by(request_id: str, address: str | None = None) -> Iterator[None]:
    """Events recorded inside the block name this request or task."""
    token = _origin.set(Origin(request_id[:36], address))
    try:
        yield
    finally:
        _origin.reset(token)


def client_address(request: HttpRequest) -> str | None:
    """Return the address that the request came from, None where there is none.

    A header that anybody can send is believed from our own proxy only: of
    `X-Forwarded-For` the last address, which the proxy itself has added.
    """
    said = request.META.get("REMOTE_ADDR", "")
    if getattr(settings, "BEHIND_PROXY", False):
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
        said = forwarded.rpartition(",")[2].strip() or said
    try:
        return str(ip_address(said))
    except ValueError:
        return None  # a unix socket


def request_id(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Give each request an id, of our own making, and keep it with its address."""

    def middleware(request: HttpRequest) -> HttpResponse:
        number = str(uuid.uuid4())
        request.request_id = number
        with started_by(number, client_address(request)):
            response = get_response(request)
        response.headers["X-Request-ID"] = number
        return response

    return middleware
