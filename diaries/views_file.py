"""The diary in a person's file, and entries that officials make by phone."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods

from cases.models import Person
from cases.reading import opened
from diaries import pages
from diaries.forms import EntryForm
from diaries.slots import Slot
from diaries.views import save
from quarano import clock
from quarano.accounts.access import may
from quarano.htmx import render_page


@require_GET
@may("cases.view")
def diary(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The region with curve, symptoms and table."""
    now = clock.now()
    person = get_object_or_404(Person.objects.open_to(request.user), pk=pk)
    opened(request, person, now=now)
    context = {
        "person": person,
        "region": "diary",
        "diary": pages.file_diary(person, now=now),
        "may_record": request.user.may("diaries.record"),
    }
    return render_page(request, "diaries/region.html", context)


@require_GET
@may("cases.view")
def ladder(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The region with reminders and messages."""
    now = clock.now()
    person = get_object_or_404(Person.objects.open_to(request.user), pk=pk)
    opened(request, person, now=now)
    context = {
        "person": person,
        "region": "ladder",
        "ladder": pages.file_ladder(person, now=now),
    }
    return render_page(request, "diaries/region.html", context)


@require_http_methods(["GET", "POST"])
@may("diaries.record")
def record(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Enter for somebody by phone, any slot of the monitoring."""
    now = clock.now()
    person = get_object_or_404(Person.objects.open_to(request.user), pk=pk)
    running = pages.read(person, now=now)
    if running is None:
        return redirect(person)
    slot = _slot(request, running)
    existing = running.entries.get(slot)
    form = EntryForm(
        request.POST if request.method == "POST" else None,
        symptoms=pages.symptoms(),
        first=pages.offered_first(running, slot),
        entry=existing,
    )
    is_sent = form.is_bound and form.is_valid()
    if is_sent and save(form, person, slot, existing, request, now=now):
        return redirect(person)
    opened(request, person, now=now)
    return render_page(
        request,
        "diaries/record.html",
        {
            "person": person,
            "form": form,
            "row": running.row(slot),
            "rows": pages.recordable(running),
            "measure_oxygen": running.routine.measure_oxygen,
        },
        status=422 if form.errors else 200,
    )


def _slot(request: HttpRequest, running: pages.Diary) -> Slot:
    """The slot that the page asks for, else the one that runs.

    Raises Http404 where what was sent names none: it must not land in another slot.
    """
    known = {row.slot.key: row.slot for row in pages.recordable(running)}
    asked = request.POST.get("slot") or request.GET.get("slot") or ""
    if request.method == "POST" and asked and asked not in known:
        raise Http404
    latest = running.current_slot
    if running.last is not None:
        latest = min(latest, running.last)
    return known.get(asked, latest)
