from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cases import containment, intake
from cases.forms import CaseForm, DeathForm, DetailsForm, HospitalForm
from cases.views.steps import Step, case_of, person_of, posted, take
from health_authorities.models import current
from quarano import clock
from quarano.accounts.access import may


def _stored(subject: Model, form: type[forms.Form]) -> dict[str, Any]:
    """Return what stands in a row, by the names of a form's fields."""
    return {name: getattr(subject, name) for name in form.base_fields}


@require_http_methods(["GET", "POST"])
@may("cases.edit")
def edit_details(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Change a person's details; a second official sees both versions."""
    now, person = clock.now(), person_of(request, pk)
    today = current().localdate(now)

    def make(data: QueryDict | None) -> DetailsForm:
        person.refresh_from_db()
        return DetailsForm(data, today=today, initial=_stored(person, DetailsForm))

    form = make(posted(request))
    step = Step(
        region="details", title=_("Edit details"), button=_("Save"),
        done=_("Details saved."), form=form, subject=person.pk,
    )  # fmt: skip
    return take(
        request, person, step,
        lambda said: intake.change_details(
            person, form.changes, by=request.user, now=now, version=said["version"]
        ),
        now=now, make=make,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.edit")
def edit_case(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Change what is known of a case; the proposal is computed anew."""
    now, case = clock.now(), case_of(request, pk)
    today, born = current().localdate(now), case.person.birth_date

    def make(data: QueryDict | None) -> CaseForm:
        case.refresh_from_db()
        return CaseForm(data, today=today, born=born, initial=_stored(case, CaseForm))

    form = make(posted(request))
    step = Step(
        region="details", title=_("Edit the case"), button=_("Save"),
        done=_("Case saved."), form=form, subject=case.pk,
    )  # fmt: skip
    return take(
        request, case.person, step,
        lambda said: intake.revise_case(
            case, form.changes, by=request.user, now=now, version=said["version"]
        ),
        now=now, make=make,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.edit")
def hospital(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Note from when until when somebody is in hospital."""
    now, case = clock.now(), case_of(request, pk)
    today = current().localdate(now)

    def make(data: QueryDict | None) -> HospitalForm:
        case.refresh_from_db()
        return HospitalForm(data, today=today, initial=_stored(case, HospitalForm))

    step = Step(
        region="details", title=_("Hospital"), button=_("Save"),
        done=_("Hospital saved."), form=make(posted(request)), subject=case.pk,
        lead=_("In hospital no end is computed, and reminders rest."),
    )  # fmt: skip
    return take(
        request, case.person, step,
        lambda said: containment.set_hospital(
            case, said["in_hospital_since"], said["in_hospital_until"],
            by=request.user, now=now, version=said["version"],
        ),
        now=now, make=make,
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@may("cases.conclude")
def record_death(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Record a death: it ends the monitoring and stops every message at once."""
    now, person = clock.now(), person_of(request, pk)
    step = Step(
        region="details",
        title=_("Record a death"),
        button=_("Record the death"),
        done=_("Death recorded. Every unsent message is stopped."),
        form=DeathForm(
            posted(request),
            born=person.birth_date,
            today=current().localdate(now),
        ),
        subject=person.pk,
        lead=_("This ends the monitoring and stops every message and call at once."),
        is_grave=True,
    )
    return take(
        request, person, step,
        lambda said: containment.record_death(
            person, **said, by=request.user, now=now
        ),
        now=now,
    )  # fmt: skip
