from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from quarano.accounts.access import signed_in
from quarano.glossary import WORDS
from quarano.htmx import render_page


@require_GET
@signed_in
def glossary(request: HttpRequest) -> HttpResponse:
    """Say what the words of the field mean; for officials of every role."""
    if not request.user.is_staff:
        return redirect("home")
    context = {"words": WORDS, "may_set_up": request.user.may("site.administer")}
    return render_page(request, "desk/glossary.html", context)
