import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cases.forms.fields import (
    OLDEST,
    DayField,
    MobileField,
    NameField,
    PostalCodeField,
    TelephoneField,
    in_sections,
)
from cases.models import Person
from quarano.forms import Choices


def name(label: Any) -> NameField:
    return NameField(
        label=label,
        max_length=120,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )


def line(label: Any, length: int) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=length,
        required=False,
        widget=forms.TextInput({"autocomplete": "off"}),
    )


def hour(label: Any) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        required=False,
        widget=forms.TimeInput({"type": "time"}, "%H:%M"),
        help_text=_("Empty: as for everybody."),
    )


class PersonForm(forms.Form):
    """Who a person is and how to reach them, when somebody is taken up."""

    given_name = name(_("Given name"))
    family_name = name(_("Family name"))
    birth_date = DayField(label=_("Birth date"), required=False)
    sex = forms.ChoiceField(
        label=_("Sex"),
        required=False,
        choices=[("", _("not recorded")), *Person.Sex.choices],
    )
    mobile = MobileField(label=_("Mobile"))
    phone = TelephoneField(label=_("Phone"))
    email = forms.EmailField(
        label=_("E-mail"),
        required=False,
        max_length=254,
        widget=forms.EmailInput({"autocomplete": "off"}),
        error_messages={
            "invalid": _("Enter an address with an @, for example ida@example.org.")
        },
    )
    street = line(_("Street and number"), 160)
    postal_code = PostalCodeField(
        label=_("Postal code"),
        required=False,
        max_length=10,
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    city = line(_("Town"), 120)
    language = forms.ChoiceField(
        label=_("Language"), choices=Person.Language, initial=Person.Language.DE
    )
    interpreter_needed = forms.BooleanField(
        label=_("Interpreter needed"), required=False
    )
    no_internet = forms.BooleanField(label=_("No internet"), required=False)

    SECTIONS: list[tuple[Any, list[str]]] = [
        (_("Person"), ["given_name", "family_name", "birth_date", "sex"]),
        (_("How to reach them"), ["mobile", "phone", "email"]),
        (_("Address"), ["street", "postal_code", "city"]),
        (_("Language"), ["language", "interpreter_needed", "no_internet"]),
    ]

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        birth = self.fields["birth_date"]
        assert isinstance(birth, DayField)
        birth.between(today - OLDEST, today)

    @property
    def sections(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The fields in their groups, as the page shows them."""
        return in_sections(self, self.SECTIONS)


class DetailsForm(PersonForm):
    """All details of somebody known; says itself which of them were changed here."""

    stay_street = line(_("Stays at, street and number"), 160)
    stay_postal_code = PostalCodeField(
        label=_("Postal code there"), required=False, max_length=10
    )
    stay_city = line(_("Town there"), 120)
    stay_from = DayField(label=_("Stays there from"), required=False)
    stay_until = DayField(label=_("Stays there until"), required=False)
    preferred_channel = forms.ChoiceField(
        label=_("Reached best by"),
        required=False,
        choices=[("", _("no wish")), *Person.Channel.choices],
        widget=Choices,
    )
    preferred_morning = hour(_("Remind at, morning"))
    preferred_evening = hour(_("Remind at, evening"))
    hard_of_hearing = forms.BooleanField(label=_("Hard of hearing"), required=False)
    lives_alone = forms.BooleanField(label=_("Lives alone"), required=False)
    protected = forms.BooleanField(
        label=_("Protected"),
        required=False,
        help_text=_("Only a named circle of officials sees this file."),
    )
    remarks = forms.CharField(
        label=_("Remarks"),
        required=False,
        max_length=4000,
        widget=forms.Textarea({"rows": 3}),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    SECTIONS = [
        *PersonForm.SECTIONS[:3],
        (
            _("Place of stay, where it is another"),
            ["stay_street", "stay_postal_code", "stay_city", "stay_from", "stay_until"],
        ),
        (
            _("Wishes and limits"),
            [
                "preferred_channel",
                "preferred_morning",
                "preferred_evening",
                "language",
                "interpreter_needed",
                "hard_of_hearing",
                "no_internet",
                "lives_alone",
            ],
        ),
        (_("For us"), ["protected", "remarks"]),
    ]

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, today=today, **kwargs)
        # What stood there when the page was opened travels with the form, so that
        # a second official's change of another field is not undone by this one.
        for key, field in self.fields.items():
            field.show_hidden_initial = key != "version"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        begins, ends = cleaned.get("stay_from"), cleaned.get("stay_until")
        if begins and ends and ends < begins:
            self.add_error("stay_until", _("This is before the first day there."))
        return cleaned

    @property
    def changes(self) -> dict[str, Any]:
        """Field → value of what was changed on the page, to be called when valid."""
        return {
            key: self.cleaned_data[key] for key in self.changed_data if key != "version"
        }
