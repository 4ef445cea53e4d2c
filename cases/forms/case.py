import datetime as dt
from typing import Any

from django import forms
from django.utils import formats, timezone
from django.utils.translation import gettext_lazy as _

from cases.forms.fields import (
    YEAR,
    DayField,
    in_sections,
    past_day,
    say_when_needed,
)
from cases.models import Case, Disease, Person, Test
from quarano.forms import Choices
from quarano.telephones import dialled


class DiseaseField(forms.ModelChoiceField):
    """Asked for only where the authority follows more than one disease."""

    def __init__(self) -> None:
        super().__init__(
            Disease.objects.order_by("code"), label=_("Disease"), empty_label=None
        )

    def hide_if_alone(self) -> None:
        diseases = list(self.queryset[:2]) if self.queryset is not None else []
        if diseases:
            self.initial = diseases[0]
        if len(diseases) == 1:
            self.widget = forms.HiddenInput()


def check_onset(form: forms.Form, cleaned: dict[str, Any]) -> None:
    """Say where the day of onset and what is known of it do not fit together."""
    kind, onset = cleaned.get("onset_kind"), cleaned.get("onset")
    if kind == Case.Onset.DATE and onset is None and "onset" not in form.errors:
        form.add_error("onset", _("Enter the day of the first symptom."))
    if kind and kind != Case.Onset.DATE and onset is not None:
        form.add_error(
            "onset_kind", _("A day is entered below: choose 'on this day' or clear it.")
        )


def check_born(form: forms.Form, born: dt.date | None, *names: str) -> None:
    """Say which of these days lie before the birth."""
    for name in names:
        day = form.cleaned_data.get(name)
        if born and day and day < born:
            form.add_error(name, _("This is before the birth date."))


class ReportForm(forms.Form):
    """What was reported about an infection, when a case is taken up."""

    disease = DiseaseField()
    classification = forms.ChoiceField(
        label=_("Classification"),
        required=False,
        choices=[
            ("", _("as the test says")),
            *(
                choice
                for choice in Case.Classification.choices
                if choice[0] != Case.Classification.DISCARDED
            ),
        ],
        help_text=_("PCR confirmed, antigen test probable, self-test suspected."),
    )
    onset_kind = forms.ChoiceField(
        label=_("What is known"),
        choices=Case.Onset,
        widget=Choices,
        error_messages={"required": _("Choose what is known, or 'not asked yet'.")},
    )
    onset = DayField(
        label=_("Day of the first symptom"),
        required=False,
        help_text=_("Only with 'on this day'."),
    )
    specimen_date = DayField(
        label=_("First positive specimen"),
        required=False,
        help_text=_("The day it was taken."),
    )
    test_kind = forms.ChoiceField(
        label=_("Kind of test"),
        required=False,
        choices=[("", _("not known")), *Test.Kind.choices],
    )
    laboratory_reference = forms.CharField(
        label=_("Laboratory's reference"), required=False, max_length=60
    )
    reported_at = forms.DateTimeField(
        label=_("Reported at"),
        widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M"],
        error_messages={"invalid": _("Enter a date and a time.")},
    )
    found_by = forms.ChoiceField(
        label=_("How found"), choices=Case.Found, initial=Case.Found.REPORT
    )
    occupation = forms.CharField(label=_("Occupation"), required=False, max_length=120)
    sensitive_setting = forms.ChoiceField(
        label=_("Lives or works in"),
        required=False,
        choices=[("", _("none of these")), *Case.Setting.choices],
    )

    SECTIONS: list[tuple[Any, list[str]]] = [
        (_("First symptom"), ["disease", "onset_kind", "onset"]),
        (_("Test"), ["specimen_date", "test_kind", "classification"]),
        (
            _("Report"),
            [
                "reported_at",
                "found_by",
                "laboratory_reference",
                "occupation",
                "sensitive_setting",
            ],
        ),
    ]

    def __init__(
        self,
        *args: Any,
        now: dt.datetime,
        today: dt.date,
        born: dt.date | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.now, self.born = now, born
        disease = self.fields["disease"]
        assert isinstance(disease, DiseaseField)
        disease.hide_if_alone()
        self.fields["reported_at"].initial = timezone.localtime(now).replace(
            second=0, microsecond=0
        )
        for name in ("onset", "specimen_date"):
            past_day(self, name, today=today)
        say_when_needed(
            self,
            {
                "onset": _("needed with 'on this day'"),
                "specimen_date": _("needed with a kind of test"),
                "test_kind": _("needed without a classification"),
                "classification": _("needed without a kind of test"),
            },
        )

    @property
    def sections(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The fields in their groups, as the page shows them."""
        return in_sections(self, self.SECTIONS)

    def clean_reported_at(self) -> dt.datetime:
        """Refuse what has not happened; the browser sends whole minutes."""
        reported_at: dt.datetime = self.cleaned_data["reported_at"]
        if reported_at > self.now:
            raise forms.ValidationError(_("This moment has not come yet."))
        if self.now - reported_at > YEAR:
            raise forms.ValidationError(_("This is too long ago: check the year."))
        return reported_at

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        check_onset(self, cleaned)
        check_born(self, self.born, "onset", "specimen_date")
        is_dated = cleaned.get("specimen_date") or "specimen_date" in self.errors
        if cleaned.get("test_kind") and not is_dated:
            self.add_error("specimen_date", _("Enter the day of this test."))
        if not cleaned.get("classification") and not cleaned.get("test_kind"):
            self.add_error(
                "classification", _("Choose one, or enter the kind of test.")
            )
        return cleaned


class ExposureForm(forms.Form):
    """What a contact's quarantine is counted from."""

    SECTIONS: list[tuple[Any, list[str]]] = [
        (_("Exposure"), ["disease", "last_exposure", "household"]),
    ]

    disease = DiseaseField()
    last_exposure = DayField(
        label=_("Day of the last exposure"),
        help_text=_(
            "The last day together with a case; in its household the day on which "
            "the first case at home fell ill."
        ),
    )
    household = forms.BooleanField(
        label=_("Lives in the same household as the case"),
        required=False,
    )

    def __init__(
        self,
        *args: Any,
        now: dt.datetime,
        today: dt.date,
        born: dt.date | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.born = born
        disease = self.fields["disease"]
        assert isinstance(disease, DiseaseField)
        disease.hide_if_alone()
        past_day(self, "last_exposure", today=today)

    @property
    def sections(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The fields in their groups, as the page shows them."""
        return in_sections(self, self.SECTIONS)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        check_born(self, self.born, "last_exposure")
        return cleaned


def like_this(person: Person) -> str:
    """Say enough of a known person to tell whether it is the same one."""
    born = formats.date_format(person.birth_date) if person.birth_date else ""
    phone = dialled(person.mobile or person.phone)
    known = [born, phone, person.email, person.city]
    name = _("This is %(name)s") % {"name": person.name}
    return ", ".join(word for word in [name, *known] if word)


class SameAsForm(forms.Form):
    """Somebody like this is known: the same person, or somebody else?"""

    OTHER = "other"

    same_as = forms.ChoiceField(
        label=_("Who is it?"),
        widget=Choices,
        error_messages={"required": _("Choose one, before a second person is made.")},
    )
    take_over = forms.BooleanField(
        label=_("Write what is typed here into that person's file"),
        required=False,
        help_text=_(
            "What is empty there is filled in any case; what is replaced stays in the "
            "history."
        ),
    )

    def __init__(self, *args: Any, found: list[Person], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.found = {str(person.pk): person for person in found}
        field = self.fields["same_as"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            *((key, like_this(person)) for key, person in self.found.items()),
            (self.OTHER, _("Somebody else: make a new person")),
        ]
        if not found:
            del self.fields["take_over"]

    @property
    def person(self) -> Person | None:
        """The known person who was chosen, None for somebody else."""
        return self.found.get(self.cleaned_data["same_as"])


class EpisodeForm(forms.Form):
    """The person was ill with this not long ago: the same infection, or a new one?"""

    episode = forms.ChoiceField(
        label=_("There is a case already"),
        widget=Choices,
        choices=[
            ("same", _("This report belongs to that case")),
            ("new", _("A new infection: a new case")),
        ],
        error_messages={"required": _("Choose one, before a second case is made.")},
    )


class CaseForm(forms.Form):
    """A case after it was taken up: what was learnt since."""

    classification = forms.ChoiceField(
        label=_("Classification"), choices=Case.Classification
    )
    onset_kind = forms.ChoiceField(
        label=_("What is known"), choices=Case.Onset, widget=Choices
    )
    onset = DayField(label=_("Day of the first symptom"), required=False)
    specimen_date = DayField(label=_("First positive specimen"), required=False)
    variant = forms.CharField(label=_("Variant"), required=False, max_length=40)
    laboratory_reference = forms.CharField(
        label=_("Laboratory's reference"), required=False, max_length=60
    )
    register_reference = forms.CharField(
        label=_("Register's reference"), required=False, max_length=60
    )
    found_by = forms.ChoiceField(label=_("How found"), choices=Case.Found)
    occupation = forms.CharField(label=_("Occupation"), required=False, max_length=120)
    sensitive_setting = forms.ChoiceField(
        label=_("Lives or works in"),
        required=False,
        choices=[("", _("none of these")), *Case.Setting.choices],
    )
    severe_course = forms.BooleanField(label=_("Severe course"), required=False)
    immune_suppressed = forms.BooleanField(label=_("Immune suppressed"), required=False)
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    SECTIONS: list[tuple[Any, list[str]]] = [
        (_("First symptom"), ["onset_kind", "onset"]),
        (
            _("Illness"),
            [
                "specimen_date",
                "classification",
                "variant",
                "severe_course",
                "immune_suppressed",
            ],
        ),
        (
            _("Report"),
            [
                "laboratory_reference",
                "register_reference",
                "found_by",
                "occupation",
                "sensitive_setting",
            ],
        ),
    ]

    def __init__(
        self,
        *args: Any,
        today: dt.date,
        born: dt.date | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.born = born
        for name in ("onset", "specimen_date"):
            past_day(self, name, today=today)
        for key, field in self.fields.items():
            field.show_hidden_initial = key != "version"

    @property
    def sections(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The fields in their groups, as the page shows them."""
        return in_sections(self, self.SECTIONS)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        check_onset(self, cleaned)
        check_born(self, self.born, "onset", "specimen_date")
        return cleaned

    @property
    def changes(self) -> dict[str, Any]:
        """Field → value of what was changed on the page, to be called when valid."""
        return {
            key: self.cleaned_data[key] for key in self.changed_data if key != "version"
        }


class HospitalForm(forms.Form):
    """From when until when somebody is in hospital; both empty: not at all."""

    in_hospital_since = DayField(label=_("In hospital since"), required=False)
    in_hospital_until = DayField(
        label=_("In hospital until"),
        required=False,
        help_text=_("Empty: still there."),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("in_hospital_since", "in_hospital_until"):
            past_day(self, name, today=today)
            self.fields[name].show_hidden_initial = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since = cleaned.get("in_hospital_since")
        until = cleaned.get("in_hospital_until")
        if until and not since and "in_hospital_since" not in self.errors:
            self.add_error("in_hospital_since", _("Enter the first day in hospital."))
        if since and until and until < since:
            self.add_error(
                "in_hospital_until", _("This is before the first day in hospital.")
            )
        return cleaned
