"""What is ordered and how it ends: each step its own address in the region orders."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cases import containment
from cases.forms import (
    ConcludeForm,
    ConfirmForm,
    ExtendForm,
    IssueForm,
    LiftForm,
    ServeForm,
    ShortenForm,
)
from cases.letters import writing
from cases.models import Monitoring, Order, Person
from cases.views.steps import Step, monitoring_of, posted, take
from health_authorities.models import current
from quarano import clock
from quarano.accounts.access import may


def _step(monitoring: Monitoring, form: Any, **words: Any) -> Step:
    return Step(region="orders", form=form, subject=monitoring.pk, **words)


def order_of(request: HttpRequest, pk: UUID) -> Order:
    """Return the issued order of somebody whom this official may see; or 404."""
    people = Person.objects.open_to(request.user).order_by().values("pk")
    found = Order.objects.issued().filter(monitoring__person__in=people)
    return get_object_or_404(found.select_related("monitoring__person"), pk=pk)


@require_http_methods(["GET", "POST"])
@may("cases.order")
def issue(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Issue what is proposed, by name."""
    now, monitoring = clock.now(), monitoring_of(request, pk)
    form = IssueForm(
        posted(request),
        proposal=containment.proposal(monitoring),
        today=current().localdate(now),
        is_physician=request.user.may("cases.decide"),
    )
    step = _step(
        monitoring, form,
        title=_("Issue the order"),
        button=_("Issue the order"),
        done=_("Order issued."),
        lead=_("An order once issued is not changed, only replaced by a later one."),
    )  # fmt: skip
    return take(
        request, monitoring.person, step,
        lambda said: containment.issue(monitoring, **said, by=request.user, now=now),
        now=now,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.order")
def extend(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Order a later end."""
    now, monitoring = clock.now(), monitoring_of(request, pk)
    form = ExtendForm(
        posted(request), monitoring=monitoring, today=current().localdate(now)
    )
    step = _step(
        monitoring, form,
        title=_("Extend"), button=_("Extend"), done=_("Extended."),
    )  # fmt: skip
    return take(
        request, monitoring.person, step,
        lambda said: containment.extend(monitoring, **said, by=request.user, now=now),
        now=now,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.order")
def shorten(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Order an earlier end."""
    now, monitoring = clock.now(), monitoring_of(request, pk)
    form = ShortenForm(
        posted(request), monitoring=monitoring, today=current().localdate(now)
    )
    step = _step(
        monitoring, form,
        title=_("Shorten"), button=_("Shorten"), done=_("Shortened."),
    )  # fmt: skip
    return take(
        request, monitoring.person, step,
        lambda said: containment.shorten(monitoring, **said, by=request.user, now=now),
        now=now,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.order")
def lift(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Lift isolation or quarantine from today on."""
    now, monitoring = clock.now(), monitoring_of(request, pk)
    form = LiftForm(
        posted(request), monitoring=monitoring, today=current().localdate(now)
    )
    step = _step(
        monitoring, form,
        title=_("Lift"), button=_("Lift"), done=_("Lifted."), is_grave=True,
    )  # fmt: skip
    return take(
        request, monitoring.person, step,
        lambda said: containment.lift(monitoring, **said, by=request.user, now=now),
        now=now,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.order")
def serve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Note how an issued order reached its addressee, and from when it binds."""
    now, order = clock.now(), order_of(request, pk)
    step = Step(
        region="orders",
        title=_("Record the service"),
        button=_("Record the service"),
        done=_("Service recorded."),
        form=ServeForm(posted(request), today=current().localdate(now)),
        subject=order.pk,
    )
    return take(
        request, order.monitoring.person, step,
        lambda said: containment.serve(order, **said, by=request.user, now=now),
        now=now,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.order")
def write_order(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put the order's letter among those that wait to be printed."""
    now, order = clock.now(), order_of(request, pk)
    step = Step(
        region="orders",
        title=_("Write the order as a letter"),
        button=_("Write the letter"),
        done=_("Letter written. It waits to be printed."),
        form=ConfirmForm(posted(request)),
        subject=order.pk,
        lead=_("Once it is posted, an attempt of service is recorded by itself."),
    )
    return take(
        request, order.monitoring.person, step,
        lambda said: writing.write_order(order, by=request.user, now=now),
        now=now,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.order")
def write_release(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put the certificate of the end among the letters that wait to be printed."""
    now, monitoring = clock.now(), monitoring_of(request, pk)
    step = _step(
        monitoring, ConfirmForm(posted(request)),
        title=_("Certify the end"),
        button=_("Write the certificate"),
        done=_("Certificate written. It waits to be printed."),
        lead=_("It names days, not the illness, and bears a code that proves it."),
    )  # fmt: skip
    return take(
        request, monitoring.person, step,
        lambda said: writing.write_release(monitoring, by=request.user, now=now),
        now=now,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.conclude")
def conclude(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End the monitoring with a reason; the diary closes."""
    now, monitoring = clock.now(), monitoring_of(request, pk)
    form = ConcludeForm(
        posted(request), monitoring=monitoring, today=current().localdate(now)
    )
    step = _step(
        monitoring, form,
        title=_("Conclude"),
        button=_("Conclude"),
        done=_("Concluded."),
        lead=_("The diary closes with the last open monitoring."),
        is_grave=True,
    )  # fmt: skip
    return take(
        request, monitoring.person, step,
        lambda said: containment.conclude(monitoring, **said, by=request.user, now=now),
        now=now,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.reopen")
def reopen(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Open a concluded monitoring again."""
    now, monitoring = clock.now(), monitoring_of(request, pk)
    step = _step(
        monitoring, ConfirmForm(posted(request)),
        title=_("Reopen"),
        button=_("Reopen"),
        done=_("Open again."),
        lead=_("Diary and reminders go on from now."),
    )  # fmt: skip
    return take(
        request, monitoring.person, step,
        lambda said: containment.reopen(monitoring, by=request.user, now=now),
        now=now,
    )  # fmt: skip
