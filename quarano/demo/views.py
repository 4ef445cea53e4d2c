from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from quarano import clock
from quarano.accounts.access import open_door
from quarano.demo import cast, entrances, folder, inbox, ways
from quarano.demo.later import half_a_day_later


def landing(request: HttpRequest) -> HttpResponse:
    """Explain Quarano; while the outbreak is played, show how far it is."""
    state = folder.read("progress", {"done": True})
    if not state.get("done"):
        return render(request, "demo/progress.html", {"state": state})
    context: dict[str, Any] = {
        "offices": entrances.offices(now=clock.now()),
        "operator": entrances.operator(now=clock.now()),
        "letters": inbox.letters(limit=8),
        "note": folder.read("note", ""),
        "password": cast.PASSWORD,
    }
    with timezone.override(ZoneInfo("Europe/Berlin")):
        return render(request, "demo/landing.html", context)


@require_GET
@open_door
def progress(request: HttpRequest) -> HttpResponse:
    """The bar alone, asked for every second; sends to the start page when done."""
    state = folder.read("progress", {"done": True})
    if state.get("done"):
        return HttpResponse(status=204, headers={"HX-Redirect": "/"})
    return render(request, "demo/progress.html#bar", {"state": state})


@require_POST
@open_door
def later(request: HttpRequest) -> HttpResponse:
    half_a_day_later()
    return redirect("home")


@require_GET
@open_door
def inbox_page(request: HttpRequest) -> HttpResponse:
    recipient = request.GET.get("to", "")
    context = {"letters": inbox.letters(recipient=recipient), "recipient": recipient}
    return render(request, "demo/inbox.html", context)


@require_GET
@open_door
def letter(request: HttpRequest, name: str) -> HttpResponse:
    found = inbox.read(name)
    if found is None:
        raise Http404
    return render(request, "demo/letter.html", {"letter": found})


@require_GET
@open_door
def enter(request: HttpRequest) -> HttpResponse:
    """Send to the one-time page on the host where this person signs in.

    A link, not a form: `form-action 'self'` forbids a form that leads elsewhere.
    """
    page = entrances.way(request.GET.get("schema", ""), request.GET.get("user", ""))
    if page is None:
        raise Http404
    return redirect(page)


@require_http_methods(["GET", "POST"])
@open_door
def way_in(request: HttpRequest, token: str) -> HttpResponse:
    """Ask on GET, sign in on POST: the same tokens and cookies as anybody's."""
    if request.method == "POST":
        pk = ways.take(token, schema=connection.schema_name)
        user = get_user_model().objects.filter(pk=pk).first() if pk else None
        if user is None:
            raise Http404
        entrances.sign_in(request, user, now=clock.now())
        return redirect("home" if request.authority else "admin:index")
    found = ways.look(token)
    if not found or found["schema"] != connection.schema_name:
        raise Http404
    user = get_user_model().objects.filter(pk=found["user"]).first()
    return render(request, "demo/way_in.html", {"visitor": user, "token": token})
