from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from cases import on_call
from quarano import clock
from quarano.accounts.access import open_door


@require_http_methods(["GET", "POST"])
@open_door
def take(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind an on-call telephone's link: looking changes nothing.

    Says no name and no symptom; whoever has taken it signs in to see.
    """
    notice = on_call.look_up(token)
    if notice is None:
        return render(request, "cases/on_call.html", {"alarm": None}, status=404)
    if request.method == "POST":
        on_call.take(notice, now=clock.now())
        return redirect("on_call:take", token=token)
    context = {"alarm": notice.alarm, "telephone": notice.telephone}
    return render(request, "cases/on_call.html", context)
