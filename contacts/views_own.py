"""The citizen's own pages: whom they met, day by day; each is saved at once."""

import datetime as dt
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases import enrolment
from cases.access import own_person
from cases.containment import Refused
from cases.history import ChangedMeanwhile
from cases.models import Person
from cases.views_enrolment import onwards, step, waiting
from contacts import naming, reading
from contacts.forms import OwnContactForm, OwnMetForm
from contacts.models import Contact, DayStatement, Exposure
from health_authorities.models import current
from quarano import clock
from quarano.accounts.access import actor, signed_in
from quarano.forms import key_of


def page_of(person: Person, *, now: dt.datetime) -> dict[str, Any]:
    """Return what the page of a citizen's contacts shows: days, and people."""
    today = current().localdate(now)
    exposures = list(
        person.exposures_to_others.standing()
        .filter(contact__met=person)
        .select_related("contact")
        .order_by("-day", "contact__family_name", "pk")
    )
    people: dict[UUID, dict[str, Any]] = {}
    for one in exposures:
        if one.contact.dismissed_at is None:
            known = people.setdefault(
                one.contact_id, {"contact": one.contact, "days": []}
            )
            known["days"].append(one)
    return {
        "person": person,
        "days": reading.days(person, exposures, today=today),
        "people": list(people.values()),
    }


@require_GET
@own_person
def own(request: HttpRequest, person: Person) -> HttpResponse:
    """Whom I met, day by day, and the people I named."""
    context = page_of(person, now=clock.now())
    return render(request, "contacts/own.html", context)


def back(request: HttpRequest, person: Person) -> HttpResponse:
    """To where the citizen came from: the enrolment, or their own page."""
    if request.GET.get("from") == "enrolment":
        return redirect("contacts:asked")
    return redirect("contacts:own", person=person.pk)


@require_http_methods(["GET", "POST"])
@own_person
def own_name(request: HttpRequest, person: Person) -> HttpResponse:
    """Name somebody for one or several days; it is saved at once."""
    now = clock.now()
    form = OwnMetForm(
        request.POST or None,
        known=list(Contact.objects.filter(met=person).standing().order_by("-named_at")),
        days=naming.days_asked(person, on=current().localdate(now)),
        initial={"days": [request.GET.get("day", "")]},
    )
    if form.is_valid():
        try:
            naming.name_or_add(
                person, form.contact, form.details, meetings=form.meetings,
                by=actor(request), now=now,
            )  # fmt: skip
        except Refused as refusal:
            at = refusal.field if refusal.field in form.fields else None
            form.add_error(at, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return back(request, person)
    status = 422 if form.is_bound else 200
    context = {"person": person, "form": form}
    return render(request, "contacts/own_name.html", context, status=status)


@require_POST
@own_person
def own_nobody(request: HttpRequest, person: Person) -> HttpResponse:
    """'I met nobody' is an answer that is stored."""
    try:
        day = dt.date.fromisoformat(request.POST.get("day", ""))
        naming.state_day(
            person, day, said=DayStatement.Said.NOBODY, by=actor(request),
            now=clock.now(),
        )  # fmt: skip
    except ValueError:
        raise Http404 from None
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Saved: you met nobody on that day."))
    return back(request, person)


def own_contact(person: Person, key: str) -> Contact:
    """Return somebody whom this person named; 404 otherwise."""
    pk = key_of(key)
    if pk is None:
        raise Http404
    return get_object_or_404(Contact.objects.standing(), met=person, pk=pk)


@require_http_methods(["GET", "POST"])
@own_person
def own_edit(request: HttpRequest, person: Person) -> HttpResponse:
    """Change what I said of somebody; `contact` in the address names them."""
    if "contact" not in request.GET:
        return redirect("contacts:own", person=person.pk)
    contact = own_contact(person, request.GET["contact"])
    form = OwnContactForm(request.POST or None, contact=contact)
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            naming.revise_contact(
                contact, form.changes, by=actor(request), now=clock.now(),
                version=form.cleaned_data["version"],
            )  # fmt: skip
        except ChangedMeanwhile:
            status = 409
            form = OwnContactForm(None, contact=own_contact(person, str(contact.pk)))
            messages.error(
                request, _("Somebody changed this meanwhile. Look at it once more.")
            )
        except Refused as refusal:
            form.add_error("hint", str(refusal))
        else:
            messages.success(request, _("Saved."))
            return back(request, person)
    days = contact.exposures.standing().order_by("-day", "pk")
    context = {"person": person, "form": form, "contact": contact, "days": days}
    return render(request, "contacts/own_edit.html", context, status=status)


@require_POST
@own_person
def own_withdraw(request: HttpRequest, person: Person) -> HttpResponse:
    """Take back that I met somebody on a day."""
    key = key_of(request.POST.get("exposure", ""))
    if key is None:
        raise Http404
    mine = Exposure.objects.filter(met=person, contact__met=person)
    found = get_object_or_404(mine, pk=key)
    try:
        naming.withdraw_exposure(found, by=actor(request), now=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Taken back."))
    return back(request, person)


@require_http_methods(["GET", "POST"])
@signed_in
def asked(request: HttpRequest) -> HttpResponse:
    """The enrolment's third step: contacts of the last days."""
    monitoring = waiting(request)
    if monitoring is None:
        return redirect("home")
    if request.method == "POST":
        enrolment.contacts_named(monitoring, by=actor(request), now=clock.now())
        return onwards(request, monitoring)
    context = step("contacts:asked", monitoring)
    context |= page_of(monitoring.person, now=clock.now())
    context["back"] = "?from=enrolment"
    return render(request, "contacts/asked.html", context)
