from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
)

from cases import calls, escalation, settling
from cases import worklist as cases_worklist
from cases.forms import CallForm, SettleForm, SnoozeForm
from cases.models import Escalation, Person
from cases.worklist import Filters
from quarano import clock
from quarano.accounts.access import may
from quarano.audit import log as audit
from quarano.desk import first_hour, upcoming, views_clocks
from quarano.desk import panel as panel_of
from quarano.desk.forms import AssignForm, BulkForm, names_of_officials
from quarano.forms import key_of
from quarano.htmx import done, render_page


@require_GET
@may("cases.view")
def worklist(request: HttpRequest) -> HttpResponse:
    """The start page: everybody whom somebody must look at."""
    person = _chosen(request)
    if person is None or request.htmx.target == "worklist":
        return _page(request, person=person)
    panel = _panel(request, person)
    return _page(request, person=person, panel=panel)


def _page(
    request: HttpRequest,
    *,
    person: Person | None = None,
    panel: dict[str, Any] | None = None,
    bulk: BulkForm | None = None,
    status: int = 200,
) -> HttpResponse:
    now = clock.now()
    filters = Filters.read(request.GET)
    found = cases_worklist.worklist(request.user, now=now, filters=filters)
    coming = None if found.awake else upcoming.read(request.user, now=now)
    shown = [*found.shown, *(upcoming.shown(coming) if coming else [])]
    codes = {"tab": found.filters.tab}
    audit.viewed(request, "worklist.viewed", now=now, shown=shown, codes=codes)
    context = {
        "list": found,
        "chosen": person,
        "panel": panel,
        "query": found.filters.query(),
        "checked": request.POST.getlist("people"),
        "may_settle": request.user.may("cases.settle"),
        "may_take_up": request.user.may("cases.take_up"),
        "coming": coming,
        **views_clocks.tiles(now=now),
        "set_up": first_hour.summary(now=now),
        "may_set_up": request.user.may("site.administer"),
        **_bulk(request, bulk),
    }
    return render_page(request, "desk/worklist.html", context, status=status)


def _bulk(request: HttpRequest, form: BulkForm | None = None) -> dict[str, Any]:
    return {
        "bulk": form or BulkForm(auto_id="bulk_%s"),
        "me": str(request.user.pk),
        "officials": names_of_officials() if request.user.may("cases.assign") else [],
    }


def _chosen(request: HttpRequest) -> Person | None:
    """The person whose panel the address opens; one who is not ours is nobody."""
    key = key_of(request.GET.get("person", ""))
    if key is None:
        return None
    return Person.objects.open_to(request.user).filter(pk=key).first()


def _panel(
    request: HttpRequest,
    person: Person,
    *,
    do: str = "",
    on: UUID | None = None,
    form: forms.Form | None = None,
) -> dict[str, Any]:
    now = clock.now()
    audit.viewed(request, "panel.viewed", now=now, person=person)
    if not do and request.GET.get("do") in {"settle", "snooze", "assign", "call"}:
        do = request.GET["do"]
        on = key_of(request.GET.get("on", ""))
    return panel_of.read(person, user=request.user, now=now, do=do, on=on, form=form)


@require_GET
@may("cases.view")
def panel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The panel alone; a plain browser gets it beside the list."""
    person = get_object_or_404(Person.objects.open_to(request.user), pk=pk)
    if not request.htmx:
        return redirect(_back(request, person))
    response = _panel_alone(request, person, _panel(request, person))
    if not {"do", "X-Poll"} & {*request.GET, *request.headers}:
        response["HX-Trigger-After-Swap"] = "person-chosen"
    return response


def _panel_alone(
    request: HttpRequest, person: Person, panel: dict[str, Any], status: int = 200
) -> HttpResponse:
    query = Filters.read(request.GET).query()
    context = {"panel": panel, "chosen": person, "query": query}
    return render(request, "desk/_panel.html", context, status=status)


def _back(request: HttpRequest, person: Person | None = None) -> str:
    """The worklist with its filters, and the panel of that person."""
    query = request.GET.copy()
    query.pop("person", None)
    if person is not None:
        query["person"] = str(person.pk)
    query_string = query.urlencode()
    return reverse("desk:worklist") + (f"?{query_string}" if query_string else "")


def _refused(
    request: HttpRequest, person: Person, *, do: str, form: forms.Form, **on: Any
) -> HttpResponse:
    panel = _panel(request, person, do=do, form=form, **on)
    if request.htmx:
        return _panel_alone(request, person, panel, status=422)
    return _page(request, person=person, panel=panel, status=422)


def _escalation(request: HttpRequest, pk: UUID) -> tuple[Escalation, Person]:
    every = Escalation.objects.open_to(request.user).select_related("person")
    found = get_object_or_404(every, pk=pk)
    assert found.person is not None
    return found, found.person


@require_POST
@may("cases.settle")
def settle(request: HttpRequest, pk: UUID) -> HttpResponse:
    found, person = _escalation(request, pk)
    form = SettleForm(request.POST, escalation=found)
    if form.is_valid():
        try:
            settling.settle(
                found, **form.cleaned_data, by=request.user, now=clock.now()
            )
        except escalation.AlreadySettled:
            messages.warning(request, _("Somebody else has settled this meanwhile."))
        else:
            messages.success(request, _("Settled: %(what)s.") % {"what": found})
        return done(request, _back(request, person))
    return _refused(request, person, do="settle", on=found.pk, form=form)


@require_POST
@may("cases.settle")
def snooze(request: HttpRequest, pk: UUID) -> HttpResponse:
    (found, person), now = _escalation(request, pk), clock.now()
    form = SnoozeForm(request.POST, now=now)
    if form.is_valid():
        until = form.cleaned_data["until"]
        try:
            escalation.snooze(found, until=until, by=request.user, now=now)
        except escalation.AlreadySettled:
            messages.warning(request, _("Somebody else has settled this meanwhile."))
        else:
            messages.success(request, _("Snoozed: %(what)s.") % {"what": found})
        return done(request, _back(request, person))
    return _refused(request, person, do="snooze", on=found.pk, form=form)


@require_POST
@may("cases.settle")
def wake(request: HttpRequest, pk: UUID) -> HttpResponse:
    found, person = _escalation(request, pk)
    try:
        escalation.snooze(found, until=None, by=request.user, now=clock.now())
    except escalation.AlreadySettled:
        messages.warning(request, _("Somebody else has settled this meanwhile."))
    else:
        messages.success(request, _("Awake again: %(what)s.") % {"what": found})
    return done(request, _back(request, person))


@require_POST
@may("cases.settle")
def undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    found, person = _escalation(request, pk)
    try:
        escalation.undo(found, by=request.user, now=clock.now())
    except escalation.NotSettled:
        messages.warning(request, _("This is open already."))
    else:
        messages.success(request, _("Open again: %(what)s.") % {"what": found})
    return done(request, _back(request, person))


@require_POST
@may("cases.assign")
def assign(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give all that is open about one person to an official."""
    person = get_object_or_404(Person.objects.open_to(request.user), pk=pk)
    form = AssignForm(request.POST, me=request.user)
    if not form.is_valid():
        return _refused(request, person, do="assign", form=form)
    found = Escalation.objects.open().filter(person=person)
    escalation.assign(found, to=form.official, by=request.user, now=clock.now())
    to = form.official.name if form.official else _("nobody")
    messages.success(request, _("Assigned to %(name)s.") % {"name": to})
    return done(request, _back(request, person))


@require_POST
@may("cases.call")
def call(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Note how a call went, without leaving the list."""
    person = get_object_or_404(Person.objects.open_to(request.user), pk=pk)
    form = CallForm(request.POST, person=person)
    if not form.is_valid():
        return _refused(request, person, do="call", form=form)
    calls.record_call(person, **form.cleaned_data, by=request.user, now=clock.now())
    messages.success(request, _("Call recorded."))
    return done(request, _back(request, person))


def _of_checked(request: HttpRequest) -> list[Escalation]:
    """All that is open about the people who are checked, awake or not."""
    keys = [key for text in request.POST.getlist("people") if (key := key_of(text))]
    found = Escalation.objects.open().open_to(request.user)
    return list(found.filter(person__in=keys))


def _bulk_refused(request: HttpRequest, form: BulkForm) -> HttpResponse:
    """The bar below the list with what is wrong, or the whole page with it."""
    if not request.htmx:
        return _page(request, bulk=form, status=422)
    context = {"query": Filters.read(request.GET).query(), **_bulk(request, form)}
    return render(request, "desk/_bulk.html", context, status=422)


@require_http_methods(["GET", "POST"])
@may("cases.settle")
def settle_many(request: HttpRequest) -> HttpResponse:
    """Settle what is not medical about the checked people, with one comment."""
    if request.method == "GET":
        if not request.htmx:
            return redirect(_back(request))
        context = {"query": Filters.read(request.GET).query(), **_bulk(request)}
        return render(request, "desk/_bulk.html", context)
    form = BulkForm(request.POST, auto_id="bulk_%s")
    found = _of_checked(request)
    others = [one for one in found if not one.is_medical]
    if not found:
        form.add_error(None, _("Check the people first."))
    elif not others:
        form.add_error(None, _("Medical reasons are settled one by one."))
    if not form.is_valid():
        return _bulk_refused(request, form)
    count = escalation.settle_many(
        others, **form.cleaned_data, by=request.user, now=clock.now()
    )
    text = ngettext("%(n)d reason settled.", "%(n)d reasons settled.", count)
    messages.success(request, text % {"n": count})
    if left := len(found) - len(others):
        text = ngettext(
            "%(n)d medical reason stays: settle it by itself.",
            "%(n)d medical reasons stay: settle each by itself.",
            left,
        )
        messages.warning(request, text % {"n": left})
    return done(request, _back(request))


@require_POST
@may("cases.assign")
def assign_many(request: HttpRequest) -> HttpResponse:
    found = _of_checked(request)
    form = AssignForm(request.POST, me=request.user)
    if not found or not form.is_valid():
        bulk = BulkForm({}, auto_id="bulk_%s")
        bulk.errors.clear()
        bulk.add_error(None, _("Check the people and choose to whom they go."))
        return _bulk_refused(request, bulk)
    count = escalation.assign(found, to=form.official, by=request.user, now=clock.now())
    text = ngettext("%(n)d reason assigned.", "%(n)d reasons assigned.", count)
    messages.success(request, text % {"n": count})
    return done(request, _back(request))
