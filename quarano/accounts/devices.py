"""Browsers in which somebody has signed in before.

No code is asked of a citizen there, and wrong passwords are counted apart: who guesses
from elsewhere cannot keep the owner out.

A signed cookie names the logins; it is worth nothing once the password or the epoch
of the login has changed.
"""

import datetime as dt

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from quarano.accounts.models import User

KNOWN_FOR = dt.timedelta(days=180)
MOST = 5  # logins a browser is known for, as in a family
SALT = "quarano.accounts.device"


def is_known(request: HttpRequest, user: User) -> bool:
    """Whether this login has been completed in this browser before."""
    mark = _mark(user)
    return any(constant_time_compare(mark, known) for known in _known(request))


def knows_login(request: HttpRequest, login: str) -> bool:
    """Whether the login of this address or number (E.164) was completed here before."""
    if not _known(request):
        return False
    named = {"mobile": login} if login.startswith("+") else {"email": login.lower()}
    user = User.objects.filter(**named).first()
    return user is not None and is_known(request, user)


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Know this browser for this login from now on."""
    marks = [_mark(user), *(m for m in _known(request) if m != _mark(user))]
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps(marks[:MOST], salt=SALT),
        max_age=KNOWN_FOR,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def _mark(user: User) -> str:
    return salted_hmac(
        SALT, f"{user.pk}|{user.password}|{user.session_epoch}", algorithm="sha256"
    ).hexdigest()


def _known(request: HttpRequest) -> list[str]:
    try:
        marks = signing.loads(
            request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""),
            salt=SALT,
            max_age=KNOWN_FOR,
        )
    except signing.BadSignature:
        return []
    return [str(mark) for mark in marks]
