"""Browsers in which a citizen has signed in before: no code is asked for there.

A signed cookie names the logins; it is worth nothing once the password or the epoch
of the login has changed.
"""

import datetime as dt

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from quarano.accounts.models import User

COOKIE = "device" if settings.DEVELOPMENT else "__Host-device"
KNOWN_FOR = dt.timedelta(days=180)
MOST = 5  # logins a browser is known for, as in a family
SALT = "quarano.accounts.device"


def is_known(request: HttpRequest, user: User) -> bool:
    """Whether this login has been completed in this browser before."""
    mark = _mark(user)
    return any(constant_time_compare(mark, known) for known in _known(request))


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Let this browser go without a code for this login from now on."""
    marks = [_mark(user), *(m for m in _known(request) if m != _mark(user))]
    response.set_cookie(
        COOKIE,
        signing.dumps(marks[:MOST], salt=SALT),
        max_age=KNOWN_FOR,
        httponly=True,
        samesite="Lax",
        secure=not settings.DEVELOPMENT,
    )


def _mark(user: User) -> str:
    return salted_hmac(
        SALT, f"{user.pk}|{user.password}|{user.session_epoch}", algorithm="sha256"
    ).hexdigest()


def _known(request: HttpRequest) -> list[str]:
    try:
        marks = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KNOWN_FOR
        )
    except signing.BadSignature:
        return []
    return [str(mark) for mark in marks]
