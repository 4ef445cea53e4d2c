"""Where did this case come from."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from cases.containment import Refused
from contacts import sources
from quarano import clock
from quarano.accounts.access import actor, may
from quarano.audit import log as audit
from quarano.htmx import render_page
from quarano.transmission import investigation


@require_GET
@may("cases.view")
def source(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show persons, events and places of the incubation period, with overlaps."""
    now, user = clock.now(), actor(request)
    case = investigation.case_of(pk, user)
    context = investigation.page(case, user, q=request.GET.get("q", "")[:100], now=now)
    context["may_decide"] = user.may("cases.edit")
    audit.viewed(request, "source.viewed", now=now, shown=context["people"])
    return render_page(request, "transmission/source.html", context)


@require_POST
@may("cases.edit")
def link_source(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Call one the likely source."""
    now, user = clock.now(), actor(request)
    case = investigation.case_of(pk, user)
    which = investigation.decided(request.POST, user)
    known = investigation.circumstances(case, which, now=now)
    try:
        sources.link(case, **which, **known, by=user, now=now)
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Noted as the likely source."))
    return redirect("transmission:source", case.pk)


@require_POST
@may("cases.edit")
def reject_source(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say: not from there."""
    now, user = clock.now(), actor(request)
    case = investigation.case_of(pk, user)
    which = investigation.decided(request.POST, user)
    sources.reject(case, **which, by=user, now=now)
    messages.success(request, _("Noted: not from there."))
    return redirect("transmission:source", case.pk)
