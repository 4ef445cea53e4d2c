"""How every step in a person's file runs: form, process, answer."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.utils import formats
from django.utils.translation import gettext as _

from cases import regions
from cases.history import ChangedMeanwhile
from cases.models import Case, Escalation, Monitoring, Person
from cases.reading import opened
from cases.views.refusals import REFUSALS, said_by
from quarano.htmx import done, render_page

Process = Callable[[dict[str, Any]], object]
# Builds the form from what was posted; from what is stored where nothing was.
Make = Callable[[QueryDict | None], forms.Form]


@dataclass(frozen=True)
class Step:
    """A form that stands open in a region of the file."""

    region: str
    title: str
    button: str
    done: str
    form: forms.Form
    subject: UUID
    url: str = ""
    lead: str = ""
    is_grave: bool = False
    conflicts: list[dict[str, str]] = field(default_factory=list)


def posted(request: HttpRequest) -> QueryDict | None:
    """Return what was posted, however little; None where nothing was."""
    return request.POST if request.method == "POST" else None


def person_of(request: HttpRequest, pk: UUID) -> Person:
    """Return the person if this official may see them; 404 otherwise."""
    return get_object_or_404(Person.objects.open_to(request.user), pk=pk)


def monitoring_of(request: HttpRequest, pk: UUID) -> Monitoring:
    """Return the monitoring of somebody whom this official may see; 404 otherwise."""
    found = Monitoring.objects.open_to(request.user)
    return get_object_or_404(found.select_related("person", "case"), pk=pk)


def case_of(request: HttpRequest, pk: UUID) -> Case:
    """Return the case of somebody whom this official may see; 404 otherwise."""
    people = Person.objects.open_to(request.user).order_by()
    found = Case.objects.filter(person__in=people.values("pk"))
    return get_object_or_404(found.select_related("person"), pk=pk)


def escalation_of(request: HttpRequest, pk: UUID) -> tuple[Escalation, Person]:
    """Return the escalation of somebody whom this official may see; 404 otherwise."""
    every = Escalation.objects.open_to(request.user).select_related("person")
    found = get_object_or_404(every, pk=pk, person__isnull=False)
    assert found.person is not None
    return found, found.person


def show(
    request: HttpRequest,
    person: Person,
    region: str,
    *,
    now: dt.datetime,
    status: int = 200,
    **extra: Any,
) -> HttpResponse:
    """Answer with one region of the file; a plain browser gets it on its own page."""
    opened(request, person, now=now)
    names = {region} if request.htmx.target == region else {"header", region}
    context = regions.read(person, names, user=request.user, now=now)
    context |= {"region": region, **extra}
    return render_page(request, "cases/region.html", context, status)


def take(
    request: HttpRequest,
    person: Person,
    step: Step,
    process: Process,
    *,
    now: dt.datetime,
    make: Make | None = None,
    show: Callable[..., HttpResponse] = show,
) -> HttpResponse:
    """Show the form of a step, or carry it out; a refusal is an error of the form.

    `show` answers with the region where another app than this one has it.
    """
    step = replace(step, url=request.path)
    if request.method != "POST":
        return show(request, person, step.region, now=now, step=step)
    status = 422
    if step.form.is_valid():
        try:
            process(step.form.cleaned_data)
        except ChangedMeanwhile as clash:
            if make is None:
                raise
            step, status = rebased(step, clash, make), 409
        except REFUSALS as refusal:
            step.form.add_error(None, said_by(refusal))
        else:
            messages.success(request, step.done)
            return done(request, person)
    return show(request, person, step.region, now=now, status=status, step=step)


def rebased(step: Step, clash: ChangedMeanwhile, make: Make) -> Step:
    """Return the step on what stands there now, with what was typed kept.

    Fields that were not touched take the other official's value; those that were keep
    ours, and theirs is said beside.
    """
    data, stored = step.form.data.copy(), make(None)  # type: ignore[attr-defined]
    for name in stored.fields:
        bound = stored[name]
        value = bound.field.hidden_widget().format_value(bound.value())
        text = "" if value is None else str(value)
        data[bound.html_initial_name] = text
        if name in step.form.changed_data:
            continue
        if isinstance(bound.field, forms.BooleanField) and text != "True":
            data.pop(bound.html_name, None)
        else:
            data[bound.html_name] = text
    data["version"] = str(clash.version)
    conflicts = [
        {
            "label": str(stored.fields[name].label),
            "theirs": in_words(stored.fields[name], clash.theirs[name]),
            "mine": in_words(stored.fields[name], clash.mine[name]),
        }
        for name in clash.theirs
        if name in stored.fields
    ]
    return replace(step, form=make(data), conflicts=conflicts)


def in_words(field: forms.Field, value: Any) -> str:
    """Say the value of a field as the page would."""
    if value in (None, ""):
        return _("nothing")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        return str(dict(choices).get(value, value))
    if isinstance(value, dt.date):
        return formats.date_format(value)
    return str(value)
