"""Letters: what waits, the print runs, the authority's picture on them."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases.containment import Refused
from cases.forms.letters import LogoForm
from cases.letters import composing, letterhead, runs, writing
from cases.models import Logo, PrintRun
from cases.regions import post
from cases.views.steps import posted
from health_authorities.models import current
from quarano import clock
from quarano.accounts.access import actor, may
from quarano.accounts.confirmation import freshly_confirmed
from quarano.audit import log as audit
from quarano.htmx import render_page
from quarano.notifications.models import Message


def run_of(request: HttpRequest, pk: UUID) -> PrintRun:
    """Return the print run if this official may see everybody in it; 404 otherwise."""
    return get_object_or_404(PrintRun.objects.open_to(actor(request)), pk=pk)


def letter_of(request: HttpRequest, pk: UUID) -> Message:
    """Return a waiting letter to somebody whom this official may see; 404 otherwise."""
    return get_object_or_404(runs.waiting(actor(request)), pk=pk)


@require_GET
@may("letters.print")
def letters(request: HttpRequest) -> HttpResponse:
    """Show what waits to be printed, since when, and the runs before."""
    now = clock.now()
    context = post.waiting(actor(request), now=now)
    shown = [one["person"].pk for one in context["letters"]]
    audit.viewed(request, "letters.viewed", now=now, shown=shown)
    return render_page(request, "cases/letters.html", context)


@require_POST
@may("letters.print")
def open_run(request: HttpRequest) -> HttpResponse:
    """Take all that waits into a print run."""
    return _open(request)


@require_POST
@may("letters.print")
def print_letter(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take one letter into a print run of its own."""
    return _open(request, only=[letter_of(request, pk).pk])


def _open(request: HttpRequest, **which: Any) -> HttpResponse:
    try:
        run = runs.open_run(by=actor(request), now=clock.now(), **which)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("cases:letters")
    return redirect("cases:print_run", run.pk)


@require_POST
@may("letters.print")
def withdraw_letter(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take a letter out that nobody shall print."""
    letter = letter_of(request, pk)
    try:
        writing.withdraw(letter.pk, by=actor(request), now=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Letter taken out."))
    return redirect("cases:letters")


@require_GET
@may("letters.print")
def print_run(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one run: who gets which letter, and what comes next."""
    run = run_of(request, pk)
    context = post.run(run)
    shown = [one.person_id for one in context["letters"]]
    audit.viewed(request, "letters.viewed", now=clock.now(), shown=shown)
    return render_page(request, "cases/print_run.html", context)


@require_POST
@may("letters.print")
@freshly_confirmed
def print_pdf(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer with the run's letters as PDF; each time is noted."""
    now, run = clock.now(), run_of(request, pk)
    try:
        found = runs.note_print(run, by=actor(request), now=now)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("cases:print_run", pk)
    shown = [letter.person_id for letter in found]
    codes = {"run": str(run.pk), "letters": len(found)}
    audit.viewed(request, "letters.read", now=now, shown=shown, codes=codes)
    pdf = composing.print_out(found, at=run.opened_at)
    opened_at = current().localtime(run.opened_at)
    name = f'inline; filename="letters-{opened_at:%Y-%m-%d-%H%M}.pdf"'
    headers = {"Content-Disposition": name}
    return HttpResponse(pdf, content_type="application/pdf", headers=headers)


@require_POST
@may("letters.print")
def post_run(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Note that the letters lie in the post."""
    return _end(request, pk, runs.post, _("Noted: the letters are in the post."))


@require_POST
@may("letters.print")
def put_back_run(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Let the letters wait again."""
    return _end(request, pk, runs.put_back, _("The letters wait again."))


def _end(request: HttpRequest, pk: UUID, process: Any, word: str) -> HttpResponse:
    try:
        process(run_of(request, pk), by=actor(request), now=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, word)
    return redirect("cases:print_run", pk)


@require_http_methods(["GET", "POST"])
@may("site.administer")
@freshly_confirmed
def logo(request: HttpRequest) -> HttpResponse:
    """Show and change the picture on the authority's letters.

    Asked before it is shown: a file does not wait for 'Is it you?'.
    """
    now, user = clock.now(), actor(request)
    form = LogoForm(posted(request), request.FILES or None)
    if "remove" in request.POST:
        letterhead.remove_logo(by=user, now=now)
        messages.success(request, _("The letters go out without a picture."))
        return redirect("cases:logo")
    if form.is_valid():
        letterhead.set_logo(form.cleaned_data["picture"], by=user, now=now)
        messages.success(request, _("This picture is on the letters now."))
        return redirect("cases:logo")
    known = Logo.objects.select_related("uploaded_by").defer("content").first()
    context = {"form": form, "logo": known}
    return render_page(request, "cases/logo.html", context, 422 if form.errors else 200)


@require_GET
@may("site.administer")
def logo_picture(request: HttpRequest) -> HttpResponse:
    """Answer with the picture itself; nothing in it can run."""
    found = get_object_or_404(Logo)
    kind = {"png": "image/png", "svg": "image/svg+xml"}[found.kind]
    response = HttpResponse(bytes(found.content), content_type=kind)
    response._csp_replace = {"default-src": ["'none'"], "sandbox": []}  # type: ignore[attr-defined]
    return response


@require_GET
@may("site.administer")
def sample(request: HttpRequest) -> HttpResponse:
    """Answer with a letter to nobody, to see how address and picture look."""
    pdf = composing.sample(at=clock.now())
    headers = {"Content-Disposition": 'inline; filename="sample.pdf"'}
    return HttpResponse(pdf, content_type="application/pdf", headers=headers)
