"""The officials' region of the file, and each step in it."""

import datetime as dt
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases import enrolment, intake
from cases.containment import Refused
from cases.forms import ConfirmForm
from cases.models import Disease, Person
from cases.reading import opened
from cases.views.arrival import Arrival
from cases.views.refusals import REFUSALS, said_by
from cases.views.steps import Step, person_of, posted, take
from contacts import naming, reading, tracing
from contacts.forms import (
    EditContactForm,
    EditExposureForm,
    FollowForm,
    ImmunityForm,
    NameForm,
    WhyForm,
)
from contacts.models import Contact, DayStatement, Exposure
from health_authorities.models import current
from quarano import clock
from quarano.accounts.access import actor, may
from quarano.htmx import done, render_page

REGION = "contacts"


def contact_of(request: HttpRequest, pk: UUID) -> Contact:
    """Return the contact if this official may see it; 404 otherwise."""
    found = Contact.objects.open_to(actor(request)).select_related("met", "person")
    return get_object_or_404(found, pk=pk)


def exposure_of(request: HttpRequest, pk: UUID) -> Exposure:
    """Return the exposure of a contact that this official may see; 404 otherwise."""
    open_ones = Contact.objects.open_to(actor(request)).order_by().values("pk")
    found = Exposure.objects.filter(contact__in=open_ones)
    return get_object_or_404(found.select_related("contact", "met"), pk=pk)


def show(
    request: HttpRequest,
    person: Person,
    region: str = REGION,
    *,
    now: dt.datetime,
    status: int = 200,
    **extra: Any,
) -> HttpResponse:
    """Answer with the region of contacts; a plain browser gets it on its own page."""
    contacts = reading.of_person(person, user=actor(request), now=now)
    opened(request, person, now=now, shown=contacts["shown"])
    context = {
        "person": person,
        "contacts": contacts,
        "region": region,
        **extra,
    }
    return render_page(request, "contacts/region.html", context, status)


def file_of(contact: Contact) -> Person:
    """In whose file a contact stands: of whom they met, else their own."""
    found = contact.met or contact.person
    if found is None:
        first = contact.exposures.select_related("met").order_by("day", "pk").first()
        found = first.met if first is not None else None
    assert found is not None  # a contact of an event has exposures to its cases
    return found


@require_GET
@may("cases.view")
def of_person(request: HttpRequest, pk: UUID) -> HttpResponse:
    return show(request, person_of(request, pk), now=clock.now())


@require_http_methods(["GET", "POST"])
@may("cases.edit")
def name(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Name whom a person met: somebody named before, or somebody new."""
    now, person, by = clock.now(), person_of(request, pk), actor(request)
    today = current().localdate(now)
    form = NameForm(
        posted(request),
        known=list(Contact.objects.filter(met=person).standing().open_to(by)),
        days=naming.days_asked(person, on=today),
        first=naming.first_day(person, by=by, on=today),
        today=today,
    )
    step = Step(
        region=REGION, form=form, subject=person.pk,
        title=_("Name a contact"), button=_("Name the contact"),
        done=_("Contact named."),
    )  # fmt: skip
    return take(
        request, person, step,
        lambda _said: _named(person, form, by=by, now=now), now=now, show=show,
    )  # fmt: skip


def _named(person: Person, form: Any, *, by: Any, now: dt.datetime) -> None:
    """Record somebody new with the days, or further days of somebody named before."""
    naming.name_or_add(
        person, form.contact, form.details, meetings=form.meetings, by=by, now=now
    )


@require_POST
@may("cases.edit")
def met_nobody(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keep that the person met nobody on a day."""
    now, person = clock.now(), person_of(request, pk)
    try:
        day = dt.date.fromisoformat(request.POST.get("day", ""))
        naming.state_day(
            person, day, said=DayStatement.Said.NOBODY, by=actor(request), now=now
        )
    except (ValueError, Refused) as refusal:
        messages.error(request, said_by(refusal))
    return done(request, person)


@require_POST
@may("cases.edit")
def accept_all(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Accept all exposures to a person that wait."""
    now, person = clock.now(), person_of(request, pk)
    open_ones = Contact.objects.open_to(actor(request)).filter(met=person)
    exposures = Exposure.objects.waiting().filter(contact__in=open_ones)
    tracing.accept(exposures, by=actor(request), now=now)
    messages.success(request, _("Accepted. They may be told now."))
    return done(request, person)


@require_POST
@may("cases.edit")
def accept(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Accept what waits of a contact."""
    now, contact = clock.now(), contact_of(request, pk)
    tracing.accept(contact.exposures.all(), by=actor(request), now=now)
    messages.success(request, _("Accepted. They may be told now."))
    return done(request, file_of(contact))


@require_POST
@may("cases.edit")
def review(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Note that the citizen's change was looked at."""
    now, contact = clock.now(), contact_of(request, pk)
    tracing.review(contact, by=actor(request), now=now)
    return done(request, file_of(contact))


def _step(contact: Contact, form: Any, **words: Any) -> Step:
    return Step(region=REGION, form=form, subject=contact.pk, **words)


@require_http_methods(["GET", "POST"])
@may("cases.edit")
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Change who a contact is."""
    now, contact, by = clock.now(), contact_of(request, pk), actor(request)

    def make(data: Any) -> EditContactForm:
        today = current().localdate(now)
        return EditContactForm(data, contact=contact, today=today)

    form = make(posted(request))
    step = _step(
        contact, form,
        title=_("Change %(name)s") % {"name": contact.name},
        button=_("Save"), done=_("Saved."),
    )  # fmt: skip
    return take(
        request, file_of(contact), step,
        lambda said: naming.revise_contact(
            contact, form.changes, by=by, now=now, version=said["version"]
        ),
        now=now, make=make, show=show,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.edit")
def edit_exposure(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Change when and how a contact was met."""
    now, exposure, by = clock.now(), exposure_of(request, pk), actor(request)
    today = current().localdate(now)
    first = naming.first_day(exposure.met, by=by, on=today)

    def make(data: Any) -> EditExposureForm:
        return EditExposureForm(data, exposure=exposure, first=first, today=today)

    form = make(posted(request))
    step = _step(
        exposure.contact, form, title=exposure.contact.name, button=_("Save"),
        done=_("Saved."),
    )  # fmt: skip
    return take(
        request, exposure.met, step,
        lambda said: naming.revise_exposure(
            exposure, form.changes, by=by, now=now, version=said["version"]
        ),
        now=now, make=make, show=show,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.edit")
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take back that a contact was met on a day."""
    now, exposure, by = clock.now(), exposure_of(request, pk), actor(request)
    step = _step(
        exposure.contact, WhyForm(posted(request)),
        title=_("Not met on that day"), button=_("Withdraw the exposure"),
        done=_("Exposure withdrawn."),
    )  # fmt: skip
    return take(
        request, exposure.met, step,
        lambda said: naming.withdraw_exposure(exposure, **said, by=by, now=now),
        now=now, show=show,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.edit")
def dismiss(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say that somebody is no contact after all."""
    now, contact, by = clock.now(), contact_of(request, pk), actor(request)
    step = _step(
        contact, WhyForm(posted(request)),
        title=_("Dismiss %(name)s") % {"name": contact.name},
        button=_("Dismiss the contact"), done=_("Contact dismissed."), is_grave=True,
    )  # fmt: skip
    return take(
        request, file_of(contact), step,
        lambda said: tracing.dismiss(contact, **said, by=by, now=now),
        now=now, show=show,
    )  # fmt: skip


@require_POST
@may("cases.edit")
def bring_back(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take a dismissal back."""
    now, contact = clock.now(), contact_of(request, pk)
    try:
        tracing.bring_back(contact, by=actor(request), now=now)
    except REFUSALS as refusal:
        messages.error(request, said_by(refusal))
    return done(request, file_of(contact))


@require_http_methods(["GET", "POST"])
@may("cases.call")
def tell(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Note that a contact was told by telephone."""
    now, contact, by = clock.now(), contact_of(request, pk), actor(request)
    step = _step(
        contact, ConfirmForm(posted(request)),
        title=_("Told %(name)s") % {"name": contact.name},
        lead=_("By telephone. It accepts what waits of this contact."),
        button=_("Note that they were told"), done=_("Noted."),
    )  # fmt: skip
    return take(
        request, file_of(contact), step,
        lambda _said: tracing.tell(contact, by=by, now=now), now=now, show=show,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.edit")
def immunity(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Record a dose of a vaccine or a past infection."""
    now, person, by = clock.now(), person_of(request, pk), actor(request)
    form = ImmunityForm(posted(request), today=current().localdate(now))
    step = Step(
        region=REGION, form=form, subject=person.pk,
        title=_("Record an immunity"), button=_("Record the immunity"),
        done=_("Immunity recorded."),
        lead=_("It exempts only where somebody has seen the proof."),
    )  # fmt: skip
    return take(
        request, person, step,
        lambda said: tracing.record_immunity(
            person, disease=Disease.objects.get(), **said, by=by, now=now
        ),
        now=now, show=show,
    )  # fmt: skip


class Taking(Arrival):
    """A contact becomes a person: its details stand in the form, known people are
    offered."""

    def __init__(self, request: HttpRequest, contact: Contact, *, now: dt.datetime):
        linked = contact.person_id or None
        super().__init__(request, FollowForm, pk=linked, now=now)  # type: ignore[arg-type]
        if self.person_form is not None:
            details = tracing.details_of(contact)
            for field in self.person_form.fields:
                value = getattr(details, field, None)
                if value:
                    self.person_form.initial[field] = value

    @property
    def details(self) -> intake.PersonDetails:
        """What was typed of somebody new."""
        return intake.PersonDetails(**self.typed)


@require_http_methods(["GET", "POST"])
@may("cases.take_up")
def take_over(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make a contact a person who is followed, or link somebody known."""
    now, contact, by = clock.now(), contact_of(request, pk), actor(request)
    taking = Taking(request, contact, now=now)
    if request.method == "POST" and taking.is_complete():
        said = taking.form.cleaned_data
        try:
            found = taking.carry_out(
                lambda person: tracing.take_over(
                    contact, person or taking.details, by=by, now=now,
                    issue=said["issue"] and by.may("cases.order"),
                    channel=said["channel"] or "none",
                ),
                by=by,
            )  # fmt: skip
        except enrolment.NoWayToReach:
            taking.form.add_error("channel", _("There is no such way to this person."))
        except REFUSALS as refusal:
            taking.refuse(said_by(refusal))
        else:
            messages.success(request, taken_over_in_words(found))
            return redirect(found.person)
    return _page(taking, contact)


def _page(taking: Taking, contact: Contact) -> HttpResponse:
    if taking.person is None:
        opened(taking.request, file_of(contact), now=taking.now)
    return taking.page(
        title=_("Take over %(name)s") % {"name": contact.name},
        lead=_("From contact to person: who it is, and what is done at once"),
        button=_("Take over"),
        other=(file_of(contact).get_absolute_url(), _("Back to the file")),
    )


def taken_over_in_words(found: tracing.TakenOver) -> str:
    """Say what became of a contact."""
    if found.monitoring is not None:
        if found.monitoring.orders.issued().exists():
            return _("Taken over, the quarantine is ordered.")
        return _("Taken over. The quarantine is proposed, not issued yet.")
    words = {
        "unexposed": _("Recorded. No exposure counts: nothing is ordered."),
        "not_counted": _("Recorded. Not close enough: nothing is ordered."),
        "exempt": _("Recorded. Immune: nothing is ordered."),
        "isolated": _("Recorded. Isolated already: nothing is ordered."),
        "over": _("Recorded. The quarantine would be over."),
    }
    return words.get(found.why, _("Recorded."))
