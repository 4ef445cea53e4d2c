"""While the story is told, every address leads to the page that shows how far it is."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from quarano.demo import folder

OPEN = {"/", "/demo/progress/", "/healthz"}


class WaitingMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if folder.read("progress", {"done": True}).get("done"):
            return self.get_response(request)
        host = request.get_host().rpartition(":")[0] or request.get_host()
        if host == settings.PUBLIC_HOST and request.path.rstrip("/") in {
            path.rstrip("/") for path in OPEN
        }:
            return self.get_response(request)
        if request.method == "GET":
            page = (
                f"{settings.SITE_SCHEME}://{settings.PUBLIC_HOST}{settings.SITE_PORT}/"
            )
            return HttpResponseRedirect(page)
        return HttpResponse(
            "The demo is being prepared. Try again in a minute.",
            status=503,
            content_type="text/plain; charset=utf-8",
            headers={"Retry-After": "60"},
        )
