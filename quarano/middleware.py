from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

POLICY = (
    "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), "
    "payment=(), usb=()"
)

# Bytes: more than the proxy lets through, and so much at once.
LARGEST, PIECE = 12_000_000, 65_536


def headers(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Say to browsers and proxies that nothing here may be stored or lent out."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store, private")
        response.headers.setdefault("Permissions-Policy", POLICY)
        # Django's own middleware says these; not where it refuses a host itself.
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", settings.SECURE_REFERRER_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    return middleware


def read_to_end(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Take what nobody read of a refused form before it is answered.

    A line closed over it is cut, which the proxy counts against this web: a few large
    forms of anybody would then keep everybody out. The proxy has the whole of it and
    hands it over at once; without one, who is slow would hold a thread here.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if settings.BEHIND_PROXY:
            left = LARGEST
            with suppress(OSError):  # who sent it is gone
                while left > 0 and (piece := request.read(PIECE)):
                    left -= len(piece)
        return response

    return middleware


def never_empty(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Give a refusal that has no words, such as 405, a page with its reference."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if (
            response.status_code >= HTTPStatus.BAD_REQUEST
            and not response.streaming
            and not response.content
            and request.method != "HEAD"
        ):
            reference = getattr(request, "request_id", "")
            text = render_to_string(
                "refused.html", {"reference": reference, "request": request}
            )
            response.content = text.encode()
            response.headers["Content-Type"] = "text/html; charset=utf-8"
            response.headers["Content-Length"] = str(len(response.content))
        return response

    return middleware
