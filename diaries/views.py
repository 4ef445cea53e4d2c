"""The citizen's pages."""

import datetime as dt
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases import containment, enrolment, objecting
from cases.access import own_person
from cases.history import ChangedMeanwhile
from cases.models import Monitoring, Order, Person
from diaries import pages, submission
from diaries.forms import EntryForm
from diaries.models import Entry
from diaries.slots import Slot
from health_authorities.models import current
from quarano import clock
from quarano.accounts.access import actor, signed_in


@require_GET
@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """Send to the unfinished enrolment, the one diary, or let choose among several."""
    on = current().localdate(clock.now())
    unfinished = enrolment.unfinished(request.user, on=on)
    if unfinished is not None:
        step = enrolment.next_step(request.user, unfinished)
        if step is not None:
            return redirect(step)
    people = list(
        Person.objects.reported_by(request.user, on=on).order_by("given_name")
    )
    if len(people) == 1:
        return redirect("diaries:today", person=people[0].pk)
    return render(request, "diaries/home.html", {"people": people})


@require_GET
@own_person
def today(request: HttpRequest, person: Person) -> HttpResponse:
    """Show the form of the slot that runs, or what was sent for it."""
    diary = pages.read(person, now=clock.now())
    if diary is None or diary.is_over:
        return redirect("diaries:dates", person=person.pk)
    slot = diary.current_slot
    if slot in diary.entries:
        return redirect("diaries:sent", person=person.pk, slot=slot)
    return show_form(request, diary, slot)


def show_form(
    request: HttpRequest,
    diary: pages.Diary,
    slot: Slot,
    form: EntryForm | None = None,
    status: int = 200,
) -> HttpResponse:
    entry = diary.entries.get(slot)
    if form is None:
        form = EntryForm(
            symptoms=pages.symptoms(),
            first=pages.offered_first(diary, slot),
            entry=entry,
        )
    form.warn(**pages.emergency_values(diary))
    context: dict[str, Any] = {
        "person": diary.person,
        "diary": diary,
        "row": diary.row(slot),
        "form": form,
        "day": diary.monitoring.day(slot.day),
        "days": diary.monitoring.days,
        "measure_oxygen": diary.routine.measure_oxygen,
        "navigation": pages.navigation(diary.person, "today"),
    }
    return render(request, "diaries/entry.html", context, status=status)


@require_http_methods(["GET", "POST"])
@own_person
def entry(request: HttpRequest, person: Person, slot: Slot) -> HttpResponse:
    """The form of any slot that can still be entered or changed."""
    if request.method == "POST":
        return _sent_in(request, person, slot)
    diary = pages.read(person, now=clock.now())
    if diary is None:
        return redirect("diaries:dates", person=person.pk)
    row = diary.row(slot)
    if not (row.state == "open" or row.may_change):
        return redirect("diaries:days", person=person.pk)
    return show_form(request, diary, slot)


def _sent_in(request: HttpRequest, person: Person, slot: Slot) -> HttpResponse:
    """Take an entry; the whole diary is read only where it is refused."""
    now = clock.now()
    existing = person.entries.filter(day=slot.day, half=slot.half).first()
    form = EntryForm(request.POST, symptoms=pages.symptoms(), entry=existing)
    if form.is_valid() and save(form, person, slot, existing, request, now=now):
        return redirect("diaries:sent", person=person.pk, slot=slot)
    diary = pages.read(person, now=now)
    if diary is None:
        return redirect("diaries:dates", person=person.pk)
    form.first = pages.offered_first(diary, slot)
    return show_form(request, diary, slot, form, status=422)


def save(
    form: EntryForm,
    person: Person,
    slot: Slot,
    existing: Entry | None,
    request: HttpRequest,
    *,
    now: dt.datetime,
) -> bool:
    """Submit or amend; a refusal becomes the form's error and nothing is lost."""
    by = request.user
    via = Entry.Via.SELF
    if by.is_staff:
        via = Entry.Via.OFFICIAL
    elif by.pk != person.user_id:
        via = Entry.Via.REPRESENTATIVE
    version = form.cleaned_data["version"]
    try:
        if existing is not None and version is not None:
            submission.amend(
                existing, answers=form.answers, by=by, now=now, version=version
            )
        else:
            submission.submit(
                person, slot, answers=form.answers, by=by, via=via, now=now
            )
    except submission.AlreadyEntered as refusal:
        form.compare(refusal.entry, pages.in_words(refusal.entry))
        return False
    except ChangedMeanwhile:
        stands = Entry.objects.get(person=person, day=slot.day, half=slot.half)
        form.compare(stands, pages.in_words(stands))
        return False
    except submission.Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


@require_GET
@own_person
def sent(request: HttpRequest, person: Person, slot: Slot) -> HttpResponse:
    """What was sent, and what happens next."""
    diary = pages.read(person, now=clock.now())
    if diary is None or slot not in diary.entries:
        return redirect("diaries:today", person=person.pk)
    context = {
        "person": person,
        "diary": diary,
        "navigation": pages.navigation(person, "today"),
        "rows": diary.rows()[:5],
        "others": Person.objects.reported_by(
            request.user, on=current().localdate(diary.now)
        )
        .exclude(pk=person.pk)
        .order_by("given_name"),
        "day": diary.monitoring.day(slot.day),
        "days": diary.monitoring.days,
        **pages.sent(diary, diary.entries[slot]),
    }
    return render(request, "diaries/sent.html", context)


@require_GET
@own_person
def days(request: HttpRequest, person: Person) -> HttpResponse:
    """Every slot with its state: entered, still open, missed."""
    diary = pages.read(person, now=clock.now())
    if diary is None:
        return redirect("diaries:dates", person=person.pk)
    context = {
        "person": person,
        "rows": diary.rows(),
        "chart": pages.chart(diary, wide=False),
        "navigation": pages.navigation(person, "days"),
    }
    return render(request, "diaries/days.html", context)


@require_GET
@own_person
def dates(request: HttpRequest, person: Person) -> HttpResponse:
    """Until when, and why; after the end a clear word that it is over."""
    context = {
        "person": person,
        "spans": pages.dates(person, now=clock.now()),
        "navigation": pages.navigation(person, "dates"),
    }
    return render(request, "diaries/dates.html", context)


@require_POST
@own_person
def read_order(request: HttpRequest, person: Person) -> HttpResponse:
    """Note that the order was read on the portal: an attempt of service."""
    now = clock.now()
    orders = Order.objects.issued().filter(monitoring__person=person)
    asked = request.POST.get("order", "")
    order = next((one for one in orders if str(one.pk) == asked), None)
    if order is None:
        raise Http404
    if not order.services.filter(way="portal").exists():
        containment.serve(
            order,
            way="portal",
            effective_on=current().localdate(now),
            by=None,
            now=now,
        )
    return redirect("diaries:dates", person=person.pk)


@require_POST
@own_person
def object_to(request: HttpRequest, person: Person) -> HttpResponse:
    """Keep that the person says another day in the sum; an official looks at it."""
    asked = request.POST.get("monitoring", "")
    mine = person.monitorings.open().select_related("person", "case", "disease")
    found = next((one for one in mine if str(one.pk) == asked), None)
    if found is None:
        raise Http404
    try:
        objecting.object_to(
            found,
            step=request.POST.get("step", ""),
            day=dt.date.fromisoformat(request.POST.get("day", "")),
            by=actor(request),
            now=clock.now(),
        )
    except ValueError:
        messages.error(request, _("Enter the day, for example 21.11.2026."))
    except containment.Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Sent. An official looks at it and calls you."))
    return redirect("diaries:dates", person=person.pk)


@require_GET
@own_person
def help_page(request: HttpRequest, person: Person) -> HttpResponse:
    context = {
        "person": person,
        "is_case": person.monitorings.open()
        .filter(kind=Monitoring.Kind.ISOLATION)
        .exists(),
        "navigation": pages.navigation(person, "help"),
    }
    return render(request, "diaries/help.html", context)
