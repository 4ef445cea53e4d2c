"""The page on which an administrator says what the authority is like."""

import datetime as dt

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cases.views.steps import posted
from health_authorities import details
from health_authorities.hours import holidays_of
from health_authorities.models import HealthAuthority, current
from health_authorities.states import FederalState
from quarano import clock
from quarano.accounts.access import may
from quarano.accounts.confirmation import freshly_confirmed
from quarano.desk.forms_authority import AuthorityForm
from quarano.htmx import render_page

SHOWN_HOLIDAYS = 6


@require_http_methods(["GET", "POST"])
@may("site.administer")
@freshly_confirmed(only="POST")
def authority(request: HttpRequest) -> HttpResponse:
    """Hours, on-call telephones, hotlines and address of the own authority."""
    now, own = clock.now(), details.read(current())
    form = AuthorityForm(posted(request), authority=own)
    if form.is_bound and form.is_valid() and save(form, own, request, now=now):
        return redirect("desk:authority")
    context = {
        "form": form,
        "own": own,
        "hours": own.hours,
        "opening": own.hours.next_opening(now),
        "until": own.hours.staffed_until(now),
        "holidays": holidays(own, now=now),
    }
    status = 422 if form.is_bound else 200
    return render_page(request, "desk/authority.html", context, status=status)


def save(
    form: AuthorityForm, own: HealthAuthority, request: HttpRequest, *, now: dt.datetime
) -> bool:
    """Save what was typed; False where somebody else saved first."""
    version = form.cleaned_data["version"] or 0
    try:
        details.revise(own, form.said, version=version, by=request.user, now=now)
    except details.SavedMeanwhile as error:
        form.compare(error.stored)
        return False
    messages.success(request, _("Saved. Pages show it within half a minute."))
    return True


def holidays(own: HealthAuthority, *, now: dt.datetime) -> list[tuple[dt.date, str]]:
    """Return the next holidays of the authority's state: day and name."""
    today, language = own.localdate(now), (get_language() or "de")[:2]
    state = FederalState(own.federal_state).subdivision
    found = [
        one
        for year in (today.year, today.year + 1)
        for one in holidays_of(state, year, language).items()
    ]
    return sorted(one for one in found if one[0] >= today)[:SHOWN_HOLIDAYS]
