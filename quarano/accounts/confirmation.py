"""Before a grave step: is it still the one who signed in?

Whoever gave password, code or passkey within the last five minutes is let through,
others are asked first (`account_reauthenticate`). What they had typed is kept, sealed,
in the session, and sent again by a page of its own: to its own address, through all
checks, with the answer where it belongs.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, overload
from urllib.parse import urlencode, urlsplit

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, resolve_url

from quarano.accounts.access import LONGEST_WAY_BACK, View

KEPT = "confirmation_kept"
KEPT_FOR = 15 * 60  # seconds
SAFE = {"GET", "HEAD", "OPTIONS"}


def is_confirmed(request: HttpRequest) -> bool:
    """Whether password, code or passkey were given here in the last five minutes."""
    records = get_authentication_records(request, request.user)
    if not records:
        return False
    age = time.time() - float(records[-1]["at"])
    return 0 <= age <= settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


@overload
def freshly_confirmed(view: View) -> View: ...
@overload
def freshly_confirmed(*, only: str) -> Callable[[View], View]: ...
def freshly_confirmed(
    view: View | None = None, *, only: str = ""
) -> View | Callable[[View], View]:
    """Ask again who it is before a grave step: export, print, roles, second factors.

    Stands below the guard: `@may("…")` first, then this. With `only="POST"` the form is
    shown freely and asked about when it is sent. Fields are kept while asking, files
    are not; a POST that answers with a download keeps its page behind it.
    """
    if view is None:
        return lambda found: _guarded(found, only=only)
    return _guarded(view, only=only)


def _guarded(view: View, *, only: str) -> View:
    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not only or request.method == only:
            asked = ask_first(request)
            if asked is not None:
                return asked
        return view(request, *args, **kwargs)

    wrapper.confirmed = True  # type: ignore[attr-defined]
    return wrapper


def ask_first(request: HttpRequest) -> HttpResponse | None:
    """Return the way to 'Is it you?', or None where it was confirmed just now."""
    is_sent = request.method not in SAFE
    if is_confirmed(request):
        # Sent for good: going back to it does not send it again.
        if is_sent and KEPT in request.session:
            del request.session[KEPT]
        return None
    if is_sent:
        _keep(request)
        onwards = resolve_url("account_go_on")
    else:
        onwards = request.get_full_path()
    if len(onwards) > LONGEST_WAY_BACK:
        onwards = "/"
    way = urlencode({REDIRECT_FIELD_NAME: onwards})
    page = f"{resolve_url('account_reauthenticate')}?{way}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": page})
    return redirect(page)


def _keep(request: HttpRequest) -> None:
    typed = request.POST.copy()
    typed.pop("csrfmiddlewaretoken", None)
    request.session[KEPT] = {
        "path": request.get_full_path(),
        "typed": typed.urlencode(),
        "back": _page_before(request),
        "at": time.time(),
    }


def _page_before(request: HttpRequest) -> str:
    before = urlsplit(request.headers.get("Referer", ""))
    if before.netloc != request.get_host():
        return "/"
    page = before.path + (f"?{before.query}" if before.query else "")
    return page if len(page) <= LONGEST_WAY_BACK else before.path[:LONGEST_WAY_BACK]


def kept(request: HttpRequest) -> dict[str, Any] | None:
    """Return what waits to be sent: path, fields and the page before; else None."""
    found = request.session.get(KEPT)
    if not isinstance(found, dict):
        return None
    if time.time() - found["at"] > KEPT_FOR:
        del request.session[KEPT]
        return None
    typed = QueryDict(found["typed"])
    fields = [(name, value) for name, values in typed.lists() for value in values]
    return {"path": found["path"], "fields": fields, "back": found["back"]}
