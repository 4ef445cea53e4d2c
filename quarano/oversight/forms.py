import datetime as dt
import re
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from quarano.forms import Choices
from quarano.oversight.models import Alarm

KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LONGEST = dt.timedelta(days=366)


class AlarmForm(forms.Form):
    """What came of an alarm."""

    outcome = forms.ChoiceField(
        label=_("Outcome"),
        choices=Alarm.Outcome,
        widget=Choices,
        error_messages={"required": _("Choose what came of it.")},
    )
    word = forms.CharField(
        label=_("What was found out"),
        max_length=2000,
        widget=forms.Textarea({"rows": 2}),
        error_messages={"required": _("Say in a sentence what was found out.")},
    )


class TrailForm(forms.Form):
    """Which question the access log is asked."""

    person = forms.CharField(
        label=_("Person: the file's address or its number"),
        required=False,
        max_length=300,
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    official = forms.ChoiceField(label=_("or official"), required=False)
    since = forms.DateField(
        label=_("From"), widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )
    until = forms.DateField(
        label=_("Until"), widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )

    def __init__(
        self, *args: Any, officials: list[tuple[UUID, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["official"]
        assert isinstance(field, forms.ChoiceField)
        named = [(str(key), name) for key, name in officials]
        field.choices = [("", _("nobody chosen")), *named]

    def clean_person(self) -> UUID | None:
        """Find the number in what was pasted."""
        typed = self.cleaned_data["person"].strip().lower()
        if not typed:
            return None
        found = KEY.search(typed)
        if found is None:
            raise forms.ValidationError(
                _("Paste the address of the file, or the number in it.")
            )
        return UUID(found.group())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in ("since", "until"):
            day = cleaned.get(name)
            if day is not None and not 2000 <= day.year <= 2200:
                self.add_error(name, _("Enter a day of this century."))
        person, official = cleaned.get("person"), cleaned.get("official")
        if not self.errors and bool(person) == bool(official):
            raise forms.ValidationError(_("Ask for a person or for an official."))
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and not dt.timedelta() <= until - since <= LONGEST:
            self.add_error("until", _("From the first day on, for a year at most."))
        return cleaned
