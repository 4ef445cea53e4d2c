from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from cases.letters import proofs
from health_authorities.models import current
from quarano import clock
from quarano.accounts.access import open_door
from quarano.htmx import render_page


@require_safe
@open_door
def proof(request: HttpRequest, token: str) -> HttpResponse:
    """Say whether a letter is genuine and still holds; to whoever holds it."""
    today = current().localdate(clock.now())
    answer = proofs.look_up(token, on=today)
    context = {"answer": answer, "today": today}
    status = 200 if answer else 404
    return render_page(request, "cases/proof.html", context, status)
