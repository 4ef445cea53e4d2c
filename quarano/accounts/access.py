"""Who may call a view. Each decorator leaves `view.guard`, which tests look for."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from quarano.accounts.models import User

View = Callable[..., Any]

OPEN_DOOR = "open door"
SIGNED_IN = "signed in"
# Django refuses to redirect to more than 2,048 characters, quoted ones.
LONGEST_WAY_BACK = 500


def open_door(view: View) -> View:
    """Let everybody in, signed in or not."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs)

    wrapper.guard = OPEN_DOOR  # type: ignore[attr-defined]
    return login_not_required(wrapper)


def signed_in(view: View) -> View:
    """Send to sign-in whoever is not."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_sign_in(request)
        return view(request, *args, **kwargs)

    wrapper.guard = SIGNED_IN  # type: ignore[attr-defined]
    return wrapper


def may(permission: str) -> Callable[[View], View]:
    """Let in whose roles have the named permission; 403 for other logins."""

    def decorator(view: View) -> View:
        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            if not request.user.may(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        wrapper.guard = permission  # type: ignore[attr-defined]
        return wrapper

    return decorator


def actor(request: HttpRequest) -> User:
    """Return who asks, in a view that lets nobody in without signing in."""
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    return user


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send to sign-in, and back to this page afterwards where it can be shown again."""
    page = resolve_url("account_login")
    back = request.get_full_path() if request.method in {"GET", "HEAD"} else "/"
    if len(back) > LONGEST_WAY_BACK:
        back = "/"
    return redirect_to_login(back, page)
