"""The file of a person: the regions of several apps on one page."""

import datetime as dt
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from cases import regions, worklist
from cases.models import Person
from contacts import reading as contacts
from diaries import pages
from quarano import clock
from quarano.accounts.access import actor, may
from quarano.audit import log as audit
from quarano.htmx import render_page


@require_GET
@may("cases.view")
def person(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show who a person is, how they fare and what is ordered; opening is recorded."""
    now = clock.now()
    found = get_object_or_404(Person.objects.open_to(request.user), pk=pk)
    met = contacts.of_person(found, user=actor(request), now=now, with_days=False)
    others = sorted(met["shown"] - {found.pk})
    audit.viewed(request, "file.opened", now=now, person=found, shown=others)
    spans = regions.monitorings(found)
    diary = pages.read(found, now=now, known=spans)
    context = {
        **regions.read(found, user=request.user, now=now, spans=spans),
        "contacts": met,
        "diary": pages.file_diary(found, now=now, diary=diary),
        "ladder": pages.file_ladder(found, now=now, diary=diary),
        **_trail(request, found, now=now),
    }
    return render_page(request, "desk/person.html", context)


def _trail(request: HttpRequest, person: Person, *, now: dt.datetime) -> dict[str, Any]:
    """The list that led here, if one did, and the ways to its next and last person."""
    filters = worklist.Filters.read(request.GET)
    if not filters.tab:
        return {}
    found = worklist.neighbours(person, actor(request), now=now, filters=filters)
    return {"trail": found, "query": filters.query()}
