"""One template per page, one named partial per region that HTMX may ask for."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.template.exceptions import TemplateDoesNotExist
from django.utils.cache import patch_vary_headers


def render_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    """Return the page, or the one region of it that HTMX asks for."""
    htmx = request.htmx
    asks_for_region = (
        htmx and htmx.target and not htmx.boosted and not htmx.history_restore_request
    )
    response = None
    if asks_for_region:
        # htmx 4 says div#escalations, htmx 2 says escalations.
        region = htmx.target.rpartition("#")[2]
        with suppress(TemplateDoesNotExist):
            response = render(request, f"{template}#{region}", context, status=status)
    if response is None:
        response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def done(
    request: HttpRequest, to: Any, *, changed: str = "person-changed"
) -> HttpResponse:
    """Answer a form that changed several regions: they refresh, or the page reloads.

    htmx reads no headers of a redirect, so it gets 204 and a trigger instead.
    """
    if request.htmx and not request.htmx.boosted:
        told = [str(message) for message in messages.get_messages(request)]
        trigger = {changed: True, "announce": told}
        return HttpResponse(status=204, headers={"HX-Trigger": json.dumps(trigger)})
    return redirect(to)


class HtmxMiddleware:
    """An expired login sends the whole page to sign-in, not a region."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if (
            request.htmx
            and isinstance(response, HttpResponseRedirect)
            and response.url.startswith(resolve_url(settings.LOGIN_URL))
        ):
            page = resolve_url(settings.LOGIN_URL)
            return HttpResponse(status=204, headers={"HX-Redirect": page})
        return response
