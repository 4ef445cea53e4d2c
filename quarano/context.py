"""What every page needs: where we are, what time it is, where one can go."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from quarano import clock
from quarano.accounts.models import User
from quarano.desk import first_hour


def page(request: HttpRequest) -> dict[str, Any]:
    return {
        "authority": getattr(request, "authority", None),
        "now": clock.now(),
        "reference": getattr(request, "request_id", ""),
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
        ("cases.view", "contacts:index", _("Contacts"), "contacts", "c"),
        ("cases.take_up", "cases:take_up", _("Add a case"), "plus", "n"),
        ("cases.view", "events:index", _("Events"), "calendar", "e"),
        *_first_hour(user),
        ("figures.view", "transmission:graph", _("Transmission"), "chain", "v"),
        ("figures.view", "transmission:figures", _("Figures"), "figures", "d"),
        ("letters.print", "cases:letters", _("Letters"), "print", "l"),
        ("site.administer", "desk:authority", _("Our authority"), "house", "o"),
        ("texts.edit", "texts:index", _("Texts"), "message", "t"),
        ("oversight.alarms", "oversight:alarms", _("Alarms"), "shield", ""),
        ("audit.view", "oversight:access_log", _("Access log"), "eye", ""),
        ("policy.approve", "admin:index", _("Administration"), "settings", "a"),
    ]
    if request.authority.is_practice:
        ways.append(("", "desk:box", _("Letter box"), "mail", "b"))
    ways.append(("", "desk:glossary", _("Words and help"), "help", "h"))
    return [
        {
            "url": reverse(name),
            "label": label,
            "icon": icon,
            "key": key,
            "active": request.path.startswith(reverse(name)),
        }
        for permission, name, label, icon, key in ways
        if not permission or user.may(permission)
    ]


def _first_hour(user: User) -> list[tuple[str, str, str, str, str]]:
    """The list of the first hour, for the administrator, until it is done."""
    if not user.may("site.administer"):
        return []
    if not first_hour.summary(now=clock.now()).is_shown:
        return []
    return [("site.administer", "desk:first_hour", _("First hour"), "flag", "f")]


def may_search(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return (
        getattr(request, "authority", None) is not None
        and user is not None
        and user.is_authenticated
        and user.may("cases.view")
    )
