import datetime as dt
from typing import Any

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from cases import search as cases_search
from cases.models import Monitoring, Person
from quarano import clock
from quarano.accounts.access import may
from quarano.audit import log as audit
from quarano.htmx import render_page

LIMIT = 50


@require_GET
@may("cases.view")
def search(request: HttpRequest) -> HttpResponse:
    """People by name, telephone, e-mail or reference; the newest without a word."""
    now, query = clock.now(), request.GET.get("q", "").strip()[:200]
    people = Person.objects.open_to(request.user)
    if query:
        people = people.filter(pk__in=cases_search.find(query).order_by().values("pk"))
        people = people.order_by("family_name", "given_name", "pk")
    else:
        people = people.order_by("-recorded_at", "pk")
    spans = Monitoring.objects.order_by("-opened_at", "kind").select_related("disease")
    found = list(people.prefetch_related(Prefetch("monitorings", spans))[: LIMIT + 1])
    rows, has_more = found[:LIMIT], len(found) > LIMIT
    if rows or query:
        shown, words = [person.pk for person in rows], {"words": len(query.split())}
        audit.viewed(request, "search.viewed", now=now, shown=shown, codes=words)
    today = request.authority.localdate(now)
    context = {
        "q": query,
        "people": [_row(person, today) for person in rows],
        "has_more": has_more,
        "limit": LIMIT,
        "may_take_up": request.user.may("cases.take_up"),
    }
    return render_page(request, "desk/search.html", context)


def _row(person: Person, today: dt.date) -> dict[str, Any]:
    """What the list says of a person: open monitoring first, else the latest."""
    spans = list(person.monitorings.all())
    chief = next((one for one in spans if one.is_open), spans[0] if spans else None)
    return {
        "person": person,
        "age": person.age(today),
        "monitoring": chief,
        "day": chief.day(today) if chief and chief.is_open else None,
    }
