"""The host's way: link, code, list, thanks. Nobody learns here why it is asked for."""

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cases.containment import Refused
from cases.views.steps import posted
from contacts.forms_events import CodeForm, HostForm
from contacts.guest_lists import hosts
from contacts.models import GuestList
from quarano import clock
from quarano.accounts import limits
from quarano.accounts.access import open_door
from quarano.htmx import render_page

# As links write it; anything else is kept nowhere.
TOKEN = re.compile(r"[\w-]{43}", re.ASCII)
LINK, CONFIRMED = "guest_list_link", "guest_list_confirmed"
# Tries of one address, over all authorities together.
TRIES, LISTS = limits.Limit(20, 3600), limits.Limit(30, 3600)


@require_safe
@open_door
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address; a mail scanner here uses nothing up."""
    if not TOKEN.fullmatch(token):
        raise Http404
    request.session[LINK] = token
    request.session.pop(CONFIRMED, None)
    return redirect("hosts:landing")


@require_http_methods(["GET", "HEAD", "POST"])
@open_door
def landing(request: HttpRequest) -> HttpResponse:
    """Ask for the code; one answer for whatever does not match."""
    token = request.session.get(LINK, "")
    form = CodeForm(posted(request) if token else None)
    context = {"form": form, "has_link": bool(token)}
    page = "contacts/hosts/code.html"
    if form.is_bound and not _may_try(request, "guest_list_code", TRIES):
        return render_page(request, page, context | {"too_often": True}, 429)
    if form.is_valid():
        code = form.cleaned_data["code"]
        opened = hosts.confirm(token, code, now=clock.now())
        if opened is not None:
            limits.give_back("guest_list_code", key=limits.address(request))
            request.session[CONFIRMED] = str(opened.pk)
            return redirect("hosts:hand_in")
        form.add_error("code", _(
            "Link and code do not match, or the link is over. Ask for a new one."
        ))  # fmt: skip
    return render_page(request, page, context, 422 if form.errors else 200)


def _may_try(request: HttpRequest, name: str, limit: limits.Limit) -> bool:
    return limits.allow(name, limit, key=limits.address(request))


@require_http_methods(["GET", "HEAD", "POST"])
@open_door
def hand_in(request: HttpRequest) -> HttpResponse:
    """Take the list of a host whose link and code matched."""
    now, opened = clock.now(), _opened(request)
    if opened is None:
        return redirect("hosts:landing")
    if request.method == "POST" and not _may_try(request, "guest_list", LISTS):
        return render_page(
            request, "contacts/hosts/code.html", {"too_often": True}, 429
        )
    form = HostForm(posted(request), request.FILES or None)
    if form.is_valid():
        upload = form.cleaned_data.get("file")
        try:
            received = hosts.hand_in(
                opened, form.cleaned_data["rows"], now=now,
                file_name=upload.name if upload else "",
            )  # fmt: skip
        except Refused:
            return redirect("hosts:landing")
        for name in (LINK, CONFIRMED):
            request.session.pop(name, None)
        count = {"count": received.rows}
        return render_page(request, "contacts/hosts/thanks.html", count)
    context = {"form": form, "event": opened.event}
    status = 422 if form.errors else 200
    return render_page(request, "contacts/hosts/hand_in.html", context, status)


def _opened(request: HttpRequest) -> GuestList | None:
    """The list that this browser's link and code opened, while it waits."""
    confirmed = request.session.get(CONFIRMED)
    if not confirmed:
        return None
    live = GuestList.objects.open_links(at=clock.now()).select_related("event")
    return live.filter(pk=confirmed).first()
