"""Events: the list, one of them, its steps, and the cases that were there."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases import search
from cases.containment import Refused
from cases.history import ChangedMeanwhile
from cases.models import Case, Person
from cases.views.steps import Step, case_of, posted, rebased
from contacts import events, gatherings
from contacts.forms_events import DiscardForm, EventEditForm, EventForm
from contacts.models import Event
from quarano import clock
from quarano.accounts.access import actor, may
from quarano.audit import log as audit
from quarano.forms import key_of
from quarano.htmx import render_page

FOUND = 20


def event_of(pk: UUID) -> Event:
    return get_object_or_404(Event, pk=pk)


@require_GET
@may("cases.view")
def index(request: HttpRequest) -> HttpResponse:
    """Events, the newest first; filtered by state, kind and words."""
    asked = {
        "tab": request.GET.get("tab", "open"),
        "kind": request.GET.get("kind", ""),
        "query": request.GET.get("q", "").strip()[:120],
    }
    page = gatherings.listed(**asked, after=request.GET.get("after", ""))
    kept = {"tab": asked["tab"], "kind": asked["kind"], "q": asked["query"]}
    tabs = [
        {
            "url": f"?{urlencode({**kept, 'tab': key})}",
            "label": label,
            "active": key == asked["tab"],
        }
        for key, label in gatherings.TABS.items()
    ]
    context = asked | {
        "page": page,
        "tabs": tabs,
        "kinds": Event.Kind.choices,
        "next": urlencode({**kept, "after": page.after}),
    }
    return render_page(request, "contacts/events/index.html", context)


@require_http_methods(["GET", "POST"])
@may("cases.take_up")
def record(request: HttpRequest) -> HttpResponse:
    """Record an event; from a case's file with that case."""
    now, form = clock.now(), EventForm(posted(request))
    asked = key_of(request.GET.get("case", ""))
    case = case_of(request, asked) if asked else None
    if form.is_valid():
        try:
            event = events.record(
                events.Details(**form.cleaned_data),
                cases=[case] if case else [],
                by=actor(request),
                now=now,
            )
        except Refused as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(request, _("Event recorded."))
            return redirect("events:detail", event.pk)
    if case is not None:
        audit.viewed(request, "event.opened", now=now, person=case.person_id)
    context = {"form": form, "case": case}
    return render_page(
        request, "contacts/events/record.html", context, 422 if form.errors else 200
    )


@require_GET
@may("cases.view")
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One event: who of the cases was there, the guests and where each stands."""
    return show(request, event_of(pk), now=clock.now())


def show(
    request: HttpRequest,
    event: Event,
    *,
    now: dt.datetime,
    status: int = 200,
    **extra: Any,
) -> HttpResponse:
    """Answer with the page of an event; whom it shows is recorded."""
    user = actor(request)
    standing = request.GET.get("standing", "")
    query = request.GET.get("q", "").strip()[:120]
    page = gatherings.participants(
        event, user, standing=standing, query=query, after=request.GET.get("after", "")
    )
    cases, hidden = gatherings.present(event, user)
    shown = {one.case.person_id for one in cases}
    shown |= {p for row in page.rows if (p := row["contact"].person_id)}
    audit.viewed(
        request, "event.viewed", now=now, shown=sorted(shown),
        codes={"event": str(event.pk)},
    )  # fmt: skip
    context = {
        "event": event,
        "cases": cases,
        "hidden": hidden,
        "lists": gatherings.guest_lists(event, now=now),
        "numbers": gatherings.numbers(event, user),
        "page": page,
        "standing": standing,
        "query": query,
        "next": urlencode({"standing": standing, "q": query, "after": page.after}),
        "may_record": user.may("cases.take_up") and event.discarded_at is None,
        **extra,
    }
    return render_page(request, "contacts/events/detail.html", context, status)


def _stored(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in EventEditForm.base_fields}


@require_http_methods(["GET", "POST"])
@may("cases.take_up")
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Change an event; a second official sees both versions."""
    now, event = clock.now(), event_of(pk)

    def make(data: QueryDict | None) -> EventEditForm:
        event.refresh_from_db()
        return EventEditForm(data, initial=_stored(event))

    form = make(posted(request))
    step = Step("event", _("Edit the event"), _("Save"), "", form, event.pk)
    status = 422 if request.method == "POST" else 200
    if form.is_valid():
        try:
            events.revise(
                event, form.changes, by=actor(request), now=now,
                version=form.cleaned_data["version"],
            )  # fmt: skip
        except ChangedMeanwhile as clash:
            step, status = rebased(step, clash, make), 409
        except Refused as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(request, _("Event saved."))
            return redirect("events:detail", pk)
    context = {"event": event, "step": replace(step, url=request.path)}
    return render_page(request, "contacts/events/edit.html", context, status)


@require_http_methods(["GET", "POST"])
@may("cases.take_up")
def discard(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say that it was no event after all."""
    event, form = event_of(pk), DiscardForm(posted(request))
    if form.is_valid():
        events.discard(event, **form.cleaned_data, by=actor(request), now=clock.now())
        messages.success(request, _("Event discarded, its exposures withdrawn."))
        return redirect("events:detail", pk)
    step = Step(
        "event", _("Discard the event"), _("Discard"), "", form, event.pk,
        url=request.path, is_grave=True,
        lead=_(
            "It is hidden, all its exposures are withdrawn, and what rests on them is "
            "weighed again."
        ),
    )  # fmt: skip
    context = {"event": event, "step": step}
    status = 422 if form.errors else 200
    return render_page(request, "contacts/events/edit.html", context, status)


# --- The cases that were there --------------------------------------------------------


@require_http_methods(["GET", "POST"])
@may("cases.take_up")
def choose_case(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Find a case and say that it was at the event."""
    now, event = clock.now(), event_of(pk)
    if request.method == "POST":
        case = _asked_for(request)
        return carried_out(
            request,
            lambda: events.note_case(event, case, by=actor(request), now=now),
            _("Noted: all guests are exposed to this case."),
            "events:detail",
            pk,
        )
    query = request.GET.get("q", "").strip()[:200]
    found = _cases(request, query) if query else []
    if query:
        shown = sorted({case.person_id for case in found})
        words = {"words": len(query.split())}
        audit.viewed(request, "search.viewed", now=now, shown=shown, codes=words)
    there = set(event.present_cases.values_list("case", flat=True))
    context = {
        "event": event,
        "q": query,
        "found": [{"case": case, "is_there": case.pk in there} for case in found],
    }
    return render_page(request, "contacts/events/cases.html", context)


def _cases(request: HttpRequest, query: str) -> list[Case]:
    people = Person.objects.open_to(request.user)
    people = people.filter(pk__in=search.find(query).order_by().values("pk"))
    found = Case.objects.filter(person__in=people.order_by().values("pk"))
    found = found.exclude(classification=Case.Classification.DISCARDED)
    return list(
        found.select_related("person").order_by(
            "person__family_name", "person__given_name", "pk"
        )[:FOUND]
    )


def _asked_for(request: HttpRequest) -> Case:
    asked = key_of(request.POST.get("case", ""))
    if asked is None:
        raise Http404
    return case_of(request, asked)


@require_POST
@may("cases.take_up")
def remove_case(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take back that a case was there."""
    event, case = event_of(pk), _asked_for(request)
    return carried_out(
        request,
        lambda: events.remove_case(event, case, by=actor(request), now=clock.now()),
        _("Taken back: nobody was exposed to this case there."),
        "events:detail",
        pk,
    )


def carried_out(
    request: HttpRequest, process: Callable[[], object], word: str, *back: Any
) -> HttpResponse:
    """Carry a step out and go back, with a word of what became of it."""
    try:
        process()
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, word)
    return redirect(*back)
