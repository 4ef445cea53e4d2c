"""How somebody comes in: what is typed, and who may be known already."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cases import duplicates, intake
from cases.forms import EpisodeForm, ExposureForm, PersonForm, ReportForm, SameAsForm
from cases.models import Case, Person
from cases.reading import opened
from cases.views.steps import person_of, posted
from health_authorities.models import current
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction

# What is compared to find out whether somebody is known.


class Arrival:
    """A person and what is reported of them, typed on one page.

    Where `pk` names somebody, only the report is asked for. Where the typed person is
    like known ones, they are offered before a second person is made; where the chosen
    one was ill lately, that case is offered before a second case is made.
    """

    def __init__(
        self,
        request: HttpRequest,
        form: type[ReportForm] | type[ExposureForm],
        *,
        pk: UUID | None,
        now: dt.datetime,
    ) -> None:
        self.request, self.now = request, now
        self.today = current().localdate(now)
        data = posted(request)
        self.person = person_of(request, pk) if pk else None
        self.person_form: PersonForm | None = None
        self.known: SameAsForm | None = None
        self.hidden: list[str] = []
        self.episode_form: EpisodeForm | None = None
        self.case: Case | None = None
        born = self.person.birth_date if self.person else None
        if self.person is None:
            self.person_form = PersonForm(data, today=self.today)
            if self.person_form.is_valid():
                born = self.person_form.cleaned_data["birth_date"]
        self.form = form(data, now=now, today=self.today, born=born)

    def is_complete(self) -> bool:
        """Whether all is typed, and said of whom and of which case it is."""
        is_typed = self.form.is_valid()
        if self.person_form is not None:
            is_typed = self.person_form.is_valid() and is_typed
        return is_typed and self._is_said_who() and self._is_said_which()

    def _is_said_who(self) -> bool:
        if self.person_form is None:
            return True
        found = self._like_known(self.person_form.cleaned_data)
        if not found and not self.hidden:
            return True
        self.known = SameAsForm(self._answer("same_as"), found=found)
        return self.known.is_valid()

    def _is_said_which(self) -> bool:
        if self.chosen is None or not isinstance(self.form, ReportForm):
            return True
        disease = self.form.cleaned_data["disease"]
        self.case = intake.episode_of(self.chosen, disease=disease, on=self.today)
        if self.case is None:
            return True
        self.episode_form = EpisodeForm(self._answer("episode"))
        return self.episode_form.is_valid()

    def _answer(self, name: str) -> Any:
        """What was posted, if this question stood on the page; None asks it first."""
        return self.request.POST if name in self.request.POST else None

    def _like_known(self, typed: dict[str, Any]) -> list[Person]:
        """Return known people like the typed one; of the protected only whom to ask."""
        compared = {name: typed[name] for name in duplicates.COMPARED}
        similar = duplicates.similar(**compared)
        keys = [person.pk for person in similar]
        visible = Person.objects.open_to(self.request.user).filter(pk__in=keys)
        found = sorted(visible, key=lambda person: keys.index(person.pk))
        seen = {person.pk for person in found}
        circles = [one.circle.all() for one in similar if one.pk not in seen]
        self.hidden = sorted({one.user.name for circle in circles for one in circle})
        if found or self.hidden:
            # That somebody is known and protected is told as well.
            audit.viewed(
                self.request,
                "duplicates.offered",
                now=self.now,
                shown=sorted(seen),
                codes={"hidden": len(similar) - len(found)},
            )
        return found

    @property
    def chosen(self) -> Person | None:
        """The known person whom this is about, None for somebody new."""
        if self.person is not None or self.known is None:
            return self.person
        return self.known.person

    @property
    def episode(self) -> Case | None:
        """The earlier case to which this report belongs."""
        if self.episode_form is None:
            return None
        is_same = self.episode_form.cleaned_data["episode"] == "same"
        return self.case if is_same else None

    @property
    def typed(self) -> dict[str, Any]:
        """The person's details as they were typed, empty for somebody given."""
        return self.person_form.cleaned_data if self.person_form is not None else {}

    def carry_out(self, process: Callable[[Person | None], Any], *, by: User) -> Any:
        """Run the process with the chosen person, whose file takes what was typed."""
        takes_over = self.known is not None and self.known.cleaned_data.get("take_over")
        return _with_details(
            process, self.chosen, self.typed, bool(takes_over), by=by, now=self.now
        )

    def refuse(self, sentence: str) -> None:
        """Put what a process refused on the page."""
        self.form.add_error(None, sentence)

    def page(self, **words: Any) -> HttpResponse:
        """Show the page, with every problem on top where something was posted."""
        is_posted = self.request.method == "POST"
        if self.person is not None:
            opened(self.request, self.person, now=self.now)
        context = {
            "person": self.person,
            "person_form": self.person_form,
            "report_form": self.form,
            "known": self.known,
            "hidden": self.hidden,
            "episode_form": self.episode_form,
            "case": self.case,
            "problems": self._problems() if is_posted else [],
            **words,
        }
        status = 422 if is_posted else 200
        return render(self.request, "cases/take_up.html", context, status=status)

    def _problems(self) -> list[tuple[str, str]]:
        """Return the anchor of a field and what is wrong there, for each problem."""
        found: list[tuple[str, str]] = []
        every = (self.known, self.episode_form, self.person_form, self.form)
        for form in every:
            if form is not None and form.is_bound:
                found += _problems_of(form)
        return found


def _problems_of(form: forms.Form) -> list[tuple[str, str]]:
    found = []
    for name, errors in form.errors.items():
        is_field = name in form.fields
        anchor = f"field-{form[name].html_name}" if is_field else ""
        label = f"{form.fields[name].label}: " if is_field else ""
        found += [(anchor, f"{label}{error}") for error in errors]
    return found


@retrying_transaction(repeatable=True)
def _with_details(
    process: Callable[[Person | None], Any],
    chosen: Person | None,
    typed: dict[str, Any],
    takes_over: bool,
    *,
    by: User,
    now: dt.datetime,
) -> Any:
    """Run both in one transaction, so that nothing typed is lost between them."""
    changes = _changes(chosen, typed, takes_over) if chosen is not None else {}
    if chosen is not None and changes:
        intake.change_details(chosen, changes, by=by, now=now)
    return process(chosen)


def _changes(person: Person, typed: dict[str, Any], takes_over: bool) -> dict[str, Any]:
    """Return what fills gaps of a file, and where wished what replaces."""
    return {
        name: value
        for name, value in typed.items()
        # What stands in the form from the start was not typed.
        if value and name != "language"
        if not getattr(person, name) or (takes_over and value != getattr(person, name))
    }
