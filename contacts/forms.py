"""One form for each step: naming somebody, a meeting, taking over, dismissing."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.utils import formats
from django.utils.translation import gettext_lazy as _

from cases.forms.fields import (
    DayField,
    MobileField,
    NameField,
    TelephoneField,
    in_sections,
)
from cases.models import Immunity
from contacts.models import Answer, Contact, Distance, Exposure, Masks, Setting
from contacts.naming import DETAILS, ContactDetails, Meeting
from quarano.forms import Choices, ManyChoices

A_DAY = 24 * 60
CLOSENESS = ["setting", "distance", "minutes", "masks", "place", "remark"]


def days_in_words(days: Iterable[dt.date]) -> list[tuple[str, str]]:
    """Return days as choices: '2026-11-24', 'Tue 24 Nov'."""
    return [
        (day.isoformat(), formats.date_format(day, str(_("D j M")))) for day in days
    ]


class ClosenessForm(forms.Form):
    """How somebody was met: setting, distance, duration, masks, place."""

    setting = forms.ChoiceField(
        label=_("Where"),
        choices=Setting.choices,
        widget=Choices,
        error_messages={"required": _("Choose where you met.")},
    )
    distance = forms.ChoiceField(
        label=_("How close"),
        choices=Distance.choices,
        widget=Choices,
        required=False,
    )
    minutes = forms.IntegerField(
        label=_("How long, in minutes"),
        required=False,
        min_value=0,
        max_value=A_DAY,
        help_text=_("Roughly; empty if nobody knows."),
        error_messages={
            "invalid": _("Enter a number of minutes, for example 20."),
            "max_value": _("A day has 1,440 minutes."),
        },
    )
    masks = forms.ChoiceField(
        label=_("Who wore a mask"),
        choices=Masks.choices,
        widget=Choices,
        required=False,
    )
    place = forms.CharField(label=_("Place"), required=False, max_length=160)
    remark = forms.CharField(
        label=_("Remark"),
        required=False,
        max_length=2000,
        widget=forms.Textarea({"rows": 2}),
    )

    def clean_distance(self) -> str:
        return self.cleaned_data["distance"] or Distance.UNKNOWN

    def clean_masks(self) -> str:
        return self.cleaned_data["masks"] or Masks.UNKNOWN

    @property
    def closeness(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in CLOSENESS}


class DetailsForm(forms.Form):
    """Who somebody is, as far as one knows."""

    given_name = NameField(label=_("Given name"), required=False, max_length=120)
    family_name = NameField(label=_("Family name"), required=False, max_length=120)
    mobile = MobileField(label=_("Mobile"))
    phone = TelephoneField(label=_("Phone"))
    email = forms.EmailField(label=_("E-mail"), required=False)
    hint = forms.CharField(
        label=_("Hint"),
        required=False,
        max_length=200,
        help_text=_("How to find the person: “the baker, red jacket”."),
    )
    at_risk = forms.ChoiceField(
        label=_("Particularly at risk"),
        choices=Answer.choices,
        widget=Choices,
        required=False,
        help_text=_("Old, ill, or living in a home."),
    )

    WAYS = ("mobile", "phone", "email", "hint")
    NEEDED = _("Give a telephone, an e-mail address or a hint.")

    def clean_at_risk(self) -> str:
        return self.cleaned_data["at_risk"] or Answer.UNKNOWN

    def needs_a_way(self) -> None:
        """Say at the field where nobody could find the person."""
        tried = any(name in self.errors for name in self.WAYS)
        if not tried and not any(self.cleaned_data.get(name) for name in self.WAYS):
            self.add_error("hint", self.NEEDED)

    @property
    def details(self) -> ContactDetails:
        said = {
            name: value for name, value in self.cleaned_data.items() if name in DETAILS
        }
        said.pop("remark", None)
        return ContactDetails(**said)

    @property
    def changes(self) -> dict[str, Any]:
        """Field → what was typed, to be asked of a valid form that changes a row."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name != "version"
        }


class OfficialDetailsForm(DetailsForm):
    """With what officials ask of the person."""

    birth_date = DayField(label=_("Birth date"), required=False)
    health_staff = forms.ChoiceField(
        label=_("Health staff"), choices=Answer.choices, widget=Choices, required=False
    )
    over_60 = forms.ChoiceField(
        label=_("Over 60"), choices=Answer.choices, widget=Choices, required=False
    )
    pre_existing = forms.ChoiceField(
        label=_("Pre-existing condition"),
        choices=Answer.choices,
        widget=Choices,
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in ("health_staff", "over_60", "pre_existing"):
            cleaned[name] = cleaned.get(name) or Answer.UNKNOWN
        return cleaned


class MetForm(ClosenessForm):
    """Who was met, on which days, how close; somebody known comes first."""

    known = forms.ChoiceField(label=_("Named before"), required=False)
    days = forms.MultipleChoiceField(
        label=_("On which days"),
        widget=ManyChoices,
        error_messages={"required": _("Choose at least one day.")},
    )

    def __init__(
        self,
        *args: Any,
        known: Sequence[Contact],
        days: Sequence[dt.date],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.contacts = {str(one.pk): one for one in known}
        choices: list[tuple[str, Any]] = [("", _("somebody new"))]
        choices += [(key, one.name) for key, one in self.contacts.items()]
        field = self.fields["known"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        if not self.contacts:
            field.widget = forms.HiddenInput()
        chosen = self.fields["days"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        chosen.choices = days_in_words(days)

    @property
    def contact(self) -> Contact | None:
        """The one named before, None for somebody new."""
        return self.contacts.get(self.cleaned_data.get("known") or "")

    @property
    def meetings(self) -> list[Meeting]:
        return [
            Meeting(day=dt.date.fromisoformat(day), **self.closeness)
            for day in sorted(self.cleaned_data["days"])
        ]


class NameForm(MetForm, OfficialDetailsForm):
    """An official names whom a case met."""

    earlier = DayField(
        label=_("or an earlier day"),
        required=False,
        help_text=_("For the search for a source."),
    )

    def __init__(self, *args: Any, first: dt.date, today: dt.date, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["days"].required = False
        earlier, born = self.fields["earlier"], self.fields["birth_date"]
        assert isinstance(earlier, DayField)
        assert isinstance(born, DayField)
        earlier.between(first, today)
        born.between(None, today)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not cleaned.get("known"):
            self.needs_a_way()
        if cleaned.get("earlier"):
            days = {*(cleaned.get("days") or []), cleaned["earlier"].isoformat()}
            cleaned["days"] = sorted(days)
        if not cleaned.get("days") and "earlier" not in self.errors:
            self.add_error("days", _("Choose at least one day."))
        return cleaned

    @property
    def sections(self) -> list[tuple[Any, list[forms.BoundField]]]:
        return in_sections(
            self,
            [
                (
                    _("Who"),
                    ["known", "given_name", "family_name", "mobile", "phone", "email",
                     "hint", "birth_date"],
                ),
                (_("At risk"), ["at_risk", "health_staff", "over_60", "pre_existing"]),
                (_("When"), ["days", "earlier"]),
                (_("How"), CLOSENESS),
            ],
        )  # fmt: skip


class OwnMetForm(MetForm, DetailsForm):
    """A citizen names whom they met."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("known"):
            self.needs_a_way()
        return cleaned

    @property
    def sections(self) -> list[tuple[Any, list[forms.BoundField]]]:
        return in_sections(
            self,
            [
                (
                    _("Who"),
                    ["known", "given_name", "family_name", "mobile", "phone", "email",
                     "hint", "at_risk"],
                ),
                (_("When"), ["days"]),
                (_("How"), CLOSENESS),
            ],
        )  # fmt: skip


class EditContactForm(OfficialDetailsForm):
    """Change who a contact is; `version` is the one it was filled on."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, contact: Contact, today: dt.date, **kwargs: Any):
        names = [*self.base_fields]
        initial = {name: getattr(contact, name) for name in names}
        super().__init__(*args, **{"initial": initial} | kwargs)
        born = self.fields["birth_date"]
        assert isinstance(born, DayField)
        born.between(None, today)
        self.is_linked = contact.person_id is not None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.is_linked:
            self.needs_a_way()
        return cleaned


class OwnContactForm(DetailsForm):
    """A citizen changes whom they named."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, contact: Contact, **kwargs: Any) -> None:
        initial = {name: getattr(contact, name) for name in self.base_fields}
        super().__init__(*args, **{"initial": initial} | kwargs)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self.needs_a_way()
        return cleaned


class EditExposureForm(ClosenessForm):
    """Change when and how somebody was met."""

    day = DayField(label=_("Day"))
    version = forms.IntegerField(widget=forms.HiddenInput)

    field_order = ["day", *CLOSENESS, "version"]

    def __init__(
        self,
        *args: Any,
        exposure: Exposure,
        first: dt.date,
        today: dt.date,
        **kwargs: Any,
    ) -> None:
        initial = {name: getattr(exposure, name) for name in self.base_fields}
        super().__init__(*args, **{"initial": initial} | kwargs)
        day = self.fields["day"]
        assert isinstance(day, DayField)
        day.between(min(first, exposure.day), today)

    @property
    def changes(self) -> dict[str, Any]:
        return {**self.closeness, "day": self.cleaned_data["day"]}


class ImmunityForm(forms.Form):
    """A dose of a vaccine or a past infection."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=Immunity.Kind.choices,
        widget=Choices,
        error_messages={"required": _("Choose one.")},
    )
    day = DayField(
        label=_("On"), help_text=_("Of the dose, or of the first positive specimen.")
    )
    dose = forms.IntegerField(
        label=_("Which dose"), required=False, min_value=1, max_value=9
    )
    product = forms.CharField(label=_("Product"), required=False, max_length=80)
    proof_seen = forms.BooleanField(label=_("I have seen the proof"), required=False)

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        day = self.fields["day"]
        assert isinstance(day, DayField)
        day.between(None, today)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") == Immunity.Kind.INFECTION:
            cleaned["dose"], cleaned["product"] = None, ""
        elif cleaned.get("kind") and not cleaned.get("dose") and not self.errors:
            self.add_error("dose", _("Say which dose it was."))
        return cleaned


class WhyForm(forms.Form):
    """A step that needs a word why."""

    why = forms.CharField(
        label=_("Why"),
        max_length=2000,
        widget=forms.Textarea({"rows": 2}),
        error_messages={"required": _("Say why, in a sentence.")},
    )


class FollowForm(forms.Form):
    """What happens at once where a contact is taken over."""

    CHANNELS = [
        ("", _("by the person's first way")),
        ("mail", _("by e-mail")),
        ("sms", _("by text message")),
        ("letter", _("by letter")),
        ("none", _("not now")),
    ]

    issue = forms.BooleanField(label=_("Issue the order at once"), required=False)
    channel = forms.ChoiceField(
        label=_("Invite"), choices=CHANNELS, required=False, initial="none"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # What taking up a person hands to every form; nothing here needs it.
        for name in ("now", "today", "born"):
            kwargs.pop(name, None)
        self.may_order = kwargs.pop("may_order", True)
        super().__init__(*args, **kwargs)

    @property
    def sections(self) -> list[tuple[Any, list[forms.BoundField]]]:
        return in_sections(self, [(_("At once"), ["issue", "channel"])])


class BulkForm(FollowForm):
    """The same for all that are checked."""

    contacts = forms.MultipleChoiceField(
        error_messages={"required": _("Check at least one contact.")}
    )

    def __init__(self, *args: Any, keys: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["contacts"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(key, key) for key in keys]
