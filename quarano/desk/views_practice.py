from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from quarano import clock
from quarano.accounts.access import signed_in
from quarano.audit import log as audit
from quarano.htmx import render_page
from quarano.notifications.models import BoxedMessage

SHOWN = 100


@require_GET
@signed_in
def box(request: HttpRequest) -> HttpResponse:
    """What a practice authority would have sent, newest first."""
    user = request.user
    if not request.authority.is_practice or not user.is_staff:
        raise Http404
    kept = BoxedMessage.objects.select_related("message").order_by("-kept_at", "pk")
    if not user.may("cases.view"):
        kept = kept.filter(message__about__isnull=True)
    if not user.may("site.administer"):
        # Ways into officials' accounts are the administrator's to pass on.
        kept = kept.filter(message__about__isnull=False)
    found = list(kept[:SHOWN])
    shown = [one.message.about for one in found if one.message.about]
    if shown:
        audit.viewed(request, "box.viewed", now=clock.now(), shown=shown)
    return render_page(request, "desk/box.html", {"kept": found, "limit": SHOWN})
