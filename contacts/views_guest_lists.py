"""Guest lists at the desk: handed in, looked at, mended, taken in, undone."""

import datetime as dt
import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases.containment import Refused
from cases.views.steps import posted
from contacts.forms_events import ColumnsForm, FileForm, PasteForm, TypedForm
from contacts.guest_lists import hosts, preview, receiving
from contacts.models import Event, GuestList
from contacts.views_events import carried_out, event_of
from health_authorities.models import current
from quarano import clock
from quarano.accounts.access import actor, may
from quarano.audit import log as audit
from quarano.htmx import render_page


def list_of(pk: UUID) -> GuestList:
    every = GuestList.objects.select_related("event", "received_by")
    return get_object_or_404(every, pk=pk, received_at__isnull=False)


@require_http_methods(["GET", "POST"])
@may("cases.take_up")
def add(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Add guests: one typed, some pasted, many from a file."""
    now, event, way = clock.now(), event_of(pk), request.POST.get("way", "")
    data, today = posted(request), current().localdate(now)
    typed = TypedForm(data if way == "typed" else None, today=today)
    paste = PasteForm(data if way == "pasted" else None)
    file = FileForm(*((data, request.FILES) if way == "file" else ()))
    forms = {"typed": (typed, ""), "pasted": (paste, "pasted"), "file": (file, "file")}
    form, field = forms.get(way, (None, ""))
    if form is not None and form.is_valid():
        try:
            if not field:
                return _typed(request, event, typed, now)
            return _received(request, event, form.cleaned_data[field], way, now)
        except Refused as refusal:
            is_here = refusal.field in form.fields
            form.add_error(refusal.field if is_here else field or None, str(refusal))
    context = {"event": event, "typed": typed, "paste": paste, "file": file}
    status = 422 if request.method == "POST" else 200
    return render_page(request, "contacts/events/guests.html", context, status)


def _typed(
    request: HttpRequest, event: Event, form: TypedForm, now: dt.datetime
) -> HttpResponse:
    values = form.cleaned_data
    who = receiving.add_guest(event, values, by=actor(request), now=now)
    messages.success(request, _("Added: %(name)s") % {"name": who.name})
    return redirect("events:add_guests", event.pk)


def _received(
    request: HttpRequest, event: Event, rows: Any, way: str, now: dt.datetime
) -> HttpResponse:
    upload = request.FILES.get("file")
    received = receiving.receive(
        event, rows, way=way, file_name=getattr(upload, "name", "") or "",
        by=actor(request), now=now,
    )  # fmt: skip
    return redirect("events:guest_list", received.pk)


@require_GET
@may("cases.take_up")
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Look at what came in: numbers, columns, what is wrong at which cell."""
    return _show(request, list_of(pk))


def _show(
    request: HttpRequest,
    guest_list: GuestList,
    *,
    status: int = 200,
    columns: ColumnsForm | None = None,
) -> HttpResponse:
    now = clock.now()
    page = preview.of(guest_list, request.GET.get("after", ""), now=now)
    known = preview.known_people(page.sample, actor(request))
    if known:
        shown = sorted({person.pk for people in known.values() for person in people})
        audit.viewed(request, "duplicates.offered", now=now, shown=shown)
    audit.viewed(
        request, "guest_list.viewed", now=now, codes={"list": str(guest_list.pk)}
    )
    headings = json.loads(guest_list.headings) if guest_list.headings else []
    if columns is None and guest_list.columns and not page.taken:
        columns = ColumnsForm(None, columns_now=guest_list.columns, headings=headings)
    context = {
        "guest_list": guest_list,
        "event": guest_list.event,
        "page": page,
        "known": known,
        "columns": columns,
        "is_long": guest_list.rows > receiving.WARN_FROM,
        "may_undo": receiving.may_be_undone(guest_list, now=now),
    }
    return render_page(request, "contacts/events/guest_list.html", context, status)


@require_POST
@may("cases.take_up")
def name_columns(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say what the columns are; every row is read again."""
    guest_list = list_of(pk)
    headings = json.loads(guest_list.headings) if guest_list.headings else []
    form = ColumnsForm(request.POST, columns_now=guest_list.columns, headings=headings)
    if not form.is_valid():
        return _show(request, guest_list, status=422, columns=form)
    return carried_out(
        request,
        lambda: receiving.name_columns(
            guest_list, form.columns, by=actor(request), now=clock.now()
        ),
        _("Read again with these columns."),
        "events:guest_list",
        pk,
    )


@require_POST
@may("cases.take_up")
def mend(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take over what was mended in the rows of a page."""
    guest_list = list_of(pk)
    said = preview.mended(request.POST)
    return carried_out(
        request,
        lambda: receiving.mend(
            guest_list, said.rows, left_out=said.left_out,
            taken_all_the_same=said.two_people, by=actor(request), now=clock.now(),
        ),
        _("Looked at again."),
        "events:guest_list",
        pk,
    )  # fmt: skip


@require_POST
@may("cases.take_up")
def take_in(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make contacts of what is ready; a long list step by step, with its progress."""
    guest_list = list_of(pk)
    try:
        left = receiving.take_in(guest_list, by=actor(request), now=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("events:guest_list", pk)
    if left:
        done = guest_list.accepted - left
        context = {"guest_list": guest_list, "left": left, "done": done}
        context["event"] = guest_list.event
        return render_page(request, "contacts/events/progress.html", context)
    count = guest_list.participants.count()
    said = ngettext("%(n)d guest is a contact now.", "%(n)d guests are contacts now.",
                    count)  # fmt: skip
    messages.success(request, said % {"n": count})
    return redirect("events:detail", guest_list.event_id)


@require_POST
@may("cases.take_up")
def undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take a list back within seven days."""
    guest_list = list_of(pk)
    try:
        stay = receiving.undo(guest_list, by=actor(request), now=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        said = _("Guest list undone.")
        if stay:
            said += " " + ngettext(
                "%(n)d of it stays: somebody has worked with them since.",
                "%(n)d of it stay: somebody has worked with them since.",
                stay,
            ) % {"n": stay}
        messages.success(request, said)
    return redirect("events:detail", guest_list.event_id)


# --- Asking the host ------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@may("cases.take_up")
def ask_host(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make a link and a code for the host; both are shown once."""
    now, event = clock.now(), event_of(pk)
    context: dict[str, Any] = {"event": event}
    if request.method == "POST":
        try:
            asked, code, token = hosts.ask(event, by=actor(request), now=now)
        except Refused as refusal:
            messages.error(request, str(refusal))
            return redirect("events:detail", pk)
        link = current().url(f"/guest-list/{token}/")
        context |= {"guest_list": asked, "code": code, "link": link}
    return render_page(request, "contacts/events/ask_host.html", context)


@require_POST
@may("cases.take_up")
def withdraw_link(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End a host's link before it was used."""
    waiting = GuestList.objects.select_related("event")
    guest_list = get_object_or_404(waiting, pk=pk, received_at__isnull=True)
    hosts.withdraw(guest_list, by=actor(request), now=clock.now())
    messages.success(request, _("The link is over."))
    return redirect("events:detail", guest_list.event_id)
