import datetime as dt
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from cases import enrolment
from cases.forms import ConfirmForm, InviteForm
from cases.models import Person
from cases.views.steps import Step, person_of, posted, show, take
from health_authorities.models import current
from quarano import clock
from quarano.accounts.access import may


@require_http_methods(["GET", "POST"])
@may("cases.invite")
def invite(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Invite to the diary; a code to be read out is shown once, here and now."""
    now, person = clock.now(), person_of(request, pk)
    step = Step(
        region="enrolment",
        title=_("Invite to the diary"),
        button=_("Invite"),
        done=_("Invited."),
        form=InviteForm(posted(request), person=person, today=current().localdate(now)),
        subject=person.pk,
        lead=_("A code that was given before is void from then on."),
    )
    codes: list[str] = []

    def process(said: dict[str, str]) -> None:
        channel = said["channel"]
        made = enrolment.invite(person, channel=channel, by=request.user, now=now)
        codes[:] = [made[1]] if channel == "none" else []

    answer = take(request, person, step, process, now=now)
    return _read_out(request, person, codes[0], now=now) if codes else answer


def _read_out(
    request: HttpRequest, person: Person, code: str, *, now: dt.datetime
) -> HttpResponse:
    address = current().url(reverse("enrolment:landing"))
    page = show(request, person, "enrolment", now=now, code=code, code_address=address)
    # The other regions hear of it once this one, which holds the code, stands.
    return trigger_client_event(page, "person-changed", after="swap")


@require_http_methods(["GET", "POST"])
@may("cases.invite")
def by_phone(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Officials enter everything for this person from now on."""
    now, person = clock.now(), person_of(request, pk)
    step = Step(
        region="enrolment",
        title=_("Keep the diary by phone"),
        button=_("By phone from now on"),
        done=_("By phone from now on."),
        form=ConfirmForm(posted(request)),
        subject=person.pk,
        lead=_("We call and enter everything. A code that was given is void."),
    )
    return take(
        request, person, step,
        lambda said: enrolment.by_phone(person, by=request.user, now=now),
        now=now,
    )  # fmt: skip
