from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from cases import calls as calling
from cases import comments as commenting
from cases import regions
from cases.forms import CallForm, CommentForm
from cases.reading import opened
from cases.views.steps import Step, person_of, posted, show, take
from quarano import clock
from quarano.accounts.access import may
from quarano.htmx import render_page


@require_GET
@may("cases.view")
def header(request: HttpRequest, pk: UUID) -> HttpResponse:
    return show(request, person_of(request, pk), "header", now=clock.now())


@require_GET
@may("cases.view")
def escalations(request: HttpRequest, pk: UUID) -> HttpResponse:
    return show(request, person_of(request, pk), "escalations", now=clock.now())


@require_GET
@may("cases.view")
def orders(request: HttpRequest, pk: UUID) -> HttpResponse:
    return show(request, person_of(request, pk), "orders", now=clock.now())


@require_GET
@may("cases.view")
def details(request: HttpRequest, pk: UUID) -> HttpResponse:
    return show(request, person_of(request, pk), "details", now=clock.now())


@require_GET
@may("cases.view")
def enrolment(request: HttpRequest, pk: UUID) -> HttpResponse:
    return show(request, person_of(request, pk), "enrolment", now=clock.now())


@require_GET
@may("cases.view")
def calls(request: HttpRequest, pk: UUID) -> HttpResponse:
    return show(request, person_of(request, pk), "calls", now=clock.now())


@require_GET
@may("cases.view")
def comments(request: HttpRequest, pk: UUID) -> HttpResponse:
    return show(request, person_of(request, pk), "comments", now=clock.now())


@require_GET
@may("cases.view")
def letters(request: HttpRequest, pk: UUID) -> HttpResponse:
    return show(request, person_of(request, pk), "letters", now=clock.now())


@require_GET
@may("cases.view")
def history(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the latest events, or with `?all` every one on a page of its own."""
    now, person = clock.now(), person_of(request, pk)
    if "all" not in request.GET:
        return show(request, person, "history", now=now)
    opened(request, person, now=now)
    context = {"person": person, "history": regions.history(person, limit=None)}
    return render_page(request, "cases/history.html", context)


@require_http_methods(["GET", "POST"])
@may("cases.call")
def record_call(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Note a call, reached or not."""
    now, person = clock.now(), person_of(request, pk)
    step = Step(
        region="calls",
        title=_("Record a call"),
        button=_("Record the call"),
        done=_("Call recorded."),
        form=CallForm(posted(request), person=person),
        subject=person.pk,
    )
    return take(
        request, person, step,
        lambda said: calling.record_call(person, **said, by=request.user, now=now),
        now=now,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.comment")
def write_comment(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Write a word for the colleagues."""
    now, person = clock.now(), person_of(request, pk)
    step = Step(
        region="comments",
        title=_("Write a comment"),
        button=_("Add the comment"),
        done=_("Comment added."),
        form=CommentForm(posted(request)),
        subject=person.pk,
    )
    return take(
        request, person, step,
        lambda said: commenting.write(person, said["text"], by=request.user, now=now),
        now=now,
    )  # fmt: skip
