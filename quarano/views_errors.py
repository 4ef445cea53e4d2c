"""What is said when something cannot be shown: no detail, a reference for the log."""

import sys
import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import translation
from redis import RedisError

from quarano import clock
from quarano.accounts.access import open_door
from quarano.audit import log
from quarano.cockroach.transactions import is_unavailable

TRY_AGAIN = "60"  # seconds


def _language(request: HttpRequest) -> str:
    """The language of whoever asks; before LocaleMiddleware the thread still has that
    of the request before."""
    known = getattr(request, "LANGUAGE_CODE", None)
    return known or translation.get_language_from_request(request)


def _page(request: HttpRequest, template: str, status: int) -> HttpResponse:
    with translation.override(_language(request)):
        return render(request, template, status=status)


def _refused(request: HttpRequest, why: str) -> None:
    """Write down that somebody who is signed in was refused; nobody else fills logs."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        log.refused(request, why, now=clock.now())


@open_door
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, "400.html", 400)


@open_door
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    _refused(request, "role")
    return _page(request, "403.html", 403)


@open_door
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    _refused(request, "csrf")
    return _page(request, "403_csrf.html", 403)


@open_door
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Nothing there, or nothing for this login: the answer is the same."""
    if request.resolver_match is not None and request.resolver_match.kwargs:
        _refused(request, "unknown")
    return _page(request, "404.html", 404)


@open_door
def server_error(request: HttpRequest) -> HttpResponse:
    """A page that needs no database, with a reference for whoever reads the log.

    Where the database, or Redis with the limits of tries, is what is away, 503 says
    that it is worth trying again.
    """
    error = sys.exc_info()[1]
    if isinstance(error, RedisError) or (error is not None and is_unavailable(error)):
        response = _alone(request, "503.html", 503)
        response.headers["Retry-After"] = TRY_AGAIN
        return response
    return _alone(request, "500.html", 500)


def _alone(request: HttpRequest, template: str, status: int) -> HttpResponse:
    """A page without request: who is signed in would be asked of the database."""
    reference = getattr(request, "request_id", "") or str(uuid.uuid4())
    with translation.override(_language(request)):
        text = render_to_string(template, {"reference": reference})
    return HttpResponse(text, status=status)
