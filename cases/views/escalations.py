from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from cases import escalation as escalating
from cases import settling
from cases.forms import ConfirmForm, SettleForm, SnoozeForm
from cases.models import Escalation
from cases.views.steps import Step, escalation_of, posted, take
from quarano import clock
from quarano.accounts.access import may


@require_http_methods(["GET", "POST"])
@may("cases.settle")
def settle(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Settle one escalation with an outcome and, where wanted, a word."""
    now, (found, person) = clock.now(), escalation_of(request, pk)
    step = Step(
        region="escalations",
        title=_("Settle: %(reason)s") % {"reason": found.get_reason_display()},
        button=_("Settle"),
        done=_("Settled."),
        form=SettleForm(posted(request), escalation=found),
        subject=found.pk,
    )
    return take(
        request, person, step,
        lambda said: settling.settle(found, **said, by=request.user, now=now),
        now=now,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.settle")
def snooze(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Let an escalation rest until a moment."""
    now, (found, person) = clock.now(), escalation_of(request, pk)
    step = Step(
        region="escalations",
        title=_("Snooze: %(reason)s") % {"reason": found.get_reason_display()},
        button=_("Snooze"),
        done=_("Snoozed."),
        form=SnoozeForm(posted(request), now=now),
        subject=found.pk,
        lead=_("A worse fact wakes it before that."),
    )
    return take(
        request, person, step,
        lambda said: escalating.snooze(found, **said, by=request.user, now=now),
        now=now,
    )  # fmt: skip


def _at_once(found: Escalation, done: str) -> Step:
    """A button without a form: what it does needs no further word."""
    return Step(
        region="escalations",
        title=str(found.get_reason_display()),
        button="",
        done=done,
        form=ConfirmForm({}),
        subject=found.pk,
    )


@require_POST
@may("cases.settle")
def wake(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End the rest of a snoozed escalation."""
    now, (found, person) = clock.now(), escalation_of(request, pk)
    return take(
        request, person, _at_once(found, _("Back on the list.")),
        lambda said: escalating.snooze(found, until=None, by=request.user, now=now),
        now=now,
    )  # fmt: skip


@require_POST
@may("cases.settle")
def undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Open again what an official settled."""
    now, (found, person) = clock.now(), escalation_of(request, pk)
    return take(
        request, person, _at_once(found, _("Open again.")),
        lambda said: escalating.undo(found, by=request.user, now=now),
        now=now,
    )  # fmt: skip


@require_POST
@may("cases.assign")
def claim(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take an escalation upon oneself."""
    now, (found, person) = clock.now(), escalation_of(request, pk)
    return take(
        request, person, _at_once(found, _("Assigned to you.")),
        lambda said: escalating.assign(
            [found], to=request.user, by=request.user, now=now
        ),
        now=now,
    )  # fmt: skip
