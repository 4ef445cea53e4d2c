from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cases import intake
from cases.containment import Refused
from cases.forms import ExposureForm, ReportForm
from cases.models import Case, Monitoring, Person
from cases.views.arrival import Arrival
from quarano import clock
from quarano.accounts.access import may


@require_http_methods(["GET", "POST"])
@may("cases.take_up")
def take_up(request: HttpRequest, pk: UUID | None = None) -> HttpResponse:
    """Take up a case of somebody new or known; isolation is proposed."""
    now = clock.now()
    arrival = Arrival(request, ReportForm, pk=pk, now=now)

    def process(person: Person | None) -> Case:
        said = arrival.typed | arrival.form.cleaned_data
        report = intake.Report(person=person, episode=arrival.episode, **said)
        return intake.take_up(report, by=request.user, now=now)

    return _answer(
        arrival,
        process,
        _taken_up,
        title=_("Add a case"),
        lead=_("Reported by laboratory, telephone or fax"),
        button=_("Take up the case"),
        other=(reverse("cases:open_quarantine"), _("Open a quarantine instead")),
    )


def _taken_up(case: Case) -> str:
    if case.monitorings.open().exists():
        return _("Case taken up. The order is proposed, not issued yet.")
    return _("Case recorded. Its isolation would be over: nobody is followed.")


@require_http_methods(["GET", "POST"])
@may("cases.take_up")
def open_quarantine(request: HttpRequest, pk: UUID | None = None) -> HttpResponse:
    """Follow a contact by hand, counted from the day of the last exposure."""
    now = clock.now()
    arrival = Arrival(request, ExposureForm, pk=pk, now=now)

    def process(person: Person | None) -> Monitoring:
        contact = person or intake.PersonDetails(**arrival.typed)
        exposure = arrival.form.cleaned_data
        return intake.open_quarantine(contact, **exposure, by=request.user, now=now)

    return _answer(
        arrival,
        process,
        lambda monitoring: _("Quarantine proposed, not issued yet."),
        title=_("Open a quarantine"),
        lead=_("Of somebody who was together with a case"),
        button=_("Open the quarantine"),
        other=(reverse("cases:take_up"), _("Add a case instead")),
    )


def _answer(
    arrival: Arrival,
    process: Callable[[Person | None], Any],
    said: Callable[[Any], str],
    **words: Any,
) -> HttpResponse:
    """Run the process once all is typed, then go to the file; else show the page."""
    request = arrival.request
    if request.method == "POST" and arrival.is_complete():
        try:
            made = arrival.carry_out(process, by=request.user)
        except Refused as refusal:
            arrival.refuse(str(refusal))
        else:
            messages.success(request, said(made))
            return redirect(made.person)
    return arrival.page(**words)
