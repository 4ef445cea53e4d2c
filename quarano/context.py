"""What every page needs: where we are, what time it is, where one can go."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from quarano import clock


def page(request: HttpRequest) -> dict[str, Any]:
    return {
        "authority": getattr(request, "authority", None),
        "now": clock.now(),
        "poll_seconds": settings.POLL_SECONDS,
        "demo": settings.DEMO,
        "public_url": f"{settings.SITE_SCHEME}://{settings.PUBLIC_HOST}"
        f"{settings.SITE_PORT}/",
        "languages": settings.LANGUAGES,
        "navigation": navigation(request),
        "search_url": reverse("desk:search") if may_search(request) else "",
    }


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the desk's ways for this official, the page's own marked as active."""
    user = getattr(request, "user", None)
    if getattr(request, "authority", None) is None or user is None:
        return []
    if not user.is_authenticated or not user.is_staff:
        return []
    ways = [
        ("cases.view", "desk:worklist", _("Worklist"), "worklist", "w"),
        ("cases.view", "desk:search", _("People"), "people", "p"),
        ("cases.take_up", "cases:take_up", _("Add a case"), "plus", "n"),
        ("letters.print", "cases:letters", _("Letters"), "print", "l"),
        ("site.administer", "desk:authority", _("Our authority"), "house", "o"),
        ("policy.approve", "admin:index", _("Administration"), "settings", "a"),
    ]
    return [
        {
            "url": reverse(name),
            "label": label,
            "icon": icon,
            "key": key,
            "active": request.path.startswith(reverse(name)),
        }
        for permission, name, label, icon, key in ways
        if user.may(permission)
    ]


def may_search(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return (
        getattr(request, "authority", None) is not None
        and user is not None
        and user.is_authenticated
        and user.may("cases.view")
    )
