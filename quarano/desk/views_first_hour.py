from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from health_authorities.models import current
from quarano import clock
from quarano.accounts.access import may
from quarano.desk import first_hour as hour
from quarano.desk.models import SetUpMark
from quarano.htmx import render_page


@require_GET
@may("site.administer")
def first_hour(request: HttpRequest) -> HttpResponse:
    """What is set up, what is not, and where it is done."""
    context = {"hour": hour.read(now=clock.now())}
    return render_page(request, "desk/first_hour.html", context)


@require_POST
@may("site.administer")
def mark(request: HttpRequest) -> HttpResponse:
    """Mark a step as read, or put the list away; `undo` takes that back."""
    step = request.POST.get("step", "")
    if step in SetUpMark.Step.values:
        process = hour.unmark if request.POST.get("undo") else hour.mark
        process(current(), step=step, by=request.user, now=clock.now())
    return redirect("desk:first_hour")
