"""What is typed about events and guest lists."""

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cases.forms.fields import PostalCodeField, in_sections
from contacts.guest_lists import columns, receiving, rows
from contacts.models import Distance, Event, Masks
from quarano.forms import Choices
from quarano.sheets import SheetRefused, read

MOMENT = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M"]
PASTED = 900_000
ACCEPTED = (
    ".csv,.txt,.tsv,.xlsx,text/csv,"
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)


def _line(label: Any, length: int, *, required: bool = False) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=length,
        required=required,
        widget=forms.TextInput({"autocomplete": "off"}),
    )


def _moment(label: Any) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M"),
        input_formats=MOMENT,
        error_messages={"invalid": _("Enter a date and a time.")},
    )


class EventForm(forms.Form):
    """Where and when many met, and how close."""

    name = _line(_("What it was"), 160, required=True)
    kind = forms.ChoiceField(
        label=_("Kind"), choices=[("", _("choose")), *Event.Kind.choices]
    )
    place = _line(_("Place"), 160, required=True)
    street = _line(_("Street and number"), 160)
    postal_code = PostalCodeField(label=_("Postal code"), required=False, max_length=10)
    city = _line(_("Town"), 120)
    starts_at = _moment(_("From"))
    ends_at = _moment(_("Until"))
    distance = forms.ChoiceField(
        label=_("How close people were"),
        choices=Distance,
        initial=Distance.UNKNOWN,
        widget=Choices,
    )
    minutes = forms.IntegerField(
        label=_("Minutes together"), required=False, min_value=1, max_value=24 * 60
    )
    masks = forms.ChoiceField(
        label=_("Masks"), choices=Masks, initial=Masks.UNKNOWN, widget=Choices
    )
    host_name = _line(_("Host"), 160)
    host_phone = _line(_("Host's telephone"), 40)
    host_email = forms.EmailField(label=_("Host's e-mail"), required=False)
    remark = forms.CharField(
        label=_("Remark"),
        required=False,
        max_length=4_000,
        widget=forms.Textarea({"rows": 3}),
    )

    SECTIONS: list[tuple[Any, list[str]]] = [
        (_("The event"), ["name", "kind", "starts_at", "ends_at"]),
        (_("Where"), ["place", "street", "postal_code", "city"]),
        (_("How close"), ["distance", "minutes", "masks"]),
        (_("Who can give the guest list"), ["host_name", "host_phone", "host_email"]),
        (_("For us"), ["remark"]),
    ]

    @property
    def sections(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The visible fields in their groups."""
        return in_sections(self, self.SECTIONS)


class EventEditForm(EventForm):
    """An event that is changed: only what was changed on the page is saved."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for key, field in self.fields.items():
            field.show_hidden_initial = key != "version"

    @property
    def changes(self) -> dict[str, Any]:
        """Field → value of what was changed on the page, to be called when valid."""
        return {
            key: self.cleaned_data[key] for key in self.changed_data if key != "version"
        }


class DiscardForm(forms.Form):
    """Why it was no event after all."""

    why = forms.CharField(
        label=_("Why"), max_length=400, widget=forms.Textarea({"rows": 2})
    )


class TypedForm(rows.GuestForm):
    """One guest, typed by an official."""

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        typed = {name: str(self.data.get(name, "")).strip() for name in self.fields}
        guest = rows.check(typed, today=self.today)
        for name, code in guest.problems.items():
            self.add_error(name, rows.SAID[code])
        return guest.values


class PasteForm(forms.Form):
    """Lines 'name; telephone; mail', or a table with headings."""

    pasted = forms.CharField(
        label=_("Lines"),
        max_length=PASTED,
        strip=False,
        widget=forms.Textarea({"rows": 6, "spellcheck": "false"}),
        help_text=_("One guest a line: name; telephone; e-mail."),
        error_messages={"required": _("Paste at least one line.")},
    )

    def clean_pasted(self) -> Any:
        """Return the rows."""
        try:
            return receiving.lines(self.cleaned_data["pasted"])
        except SheetRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None


class FileForm(forms.Form):
    """A guest list as CSV or XLSX."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("CSV or XLSX, 10,000 guests and 10 MB at most."),
        widget=forms.FileInput({"accept": ACCEPTED}),
        error_messages={
            "required": _("Choose a file first."),
            "empty": _("This file is empty."),
        },
    )

    def clean_file(self) -> Any:
        """Return the rows; what is hostile is refused with its place."""
        file = self.cleaned_data["file"]
        try:
            if file.size > 10_000_000:
                raise SheetRefused("too_large")
            return receiving.of_sheet(read(file.read(), file.name))
        except SheetRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None


class ColumnsForm(forms.Form):
    """What each column of a list is."""

    def __init__(
        self, data: Any, *, columns_now: list[str], headings: list[str]
    ) -> None:
        super().__init__(data)
        choices = [("", _("leave out")), *columns.COLUMNS.items()]
        for at, now in enumerate(columns_now):
            heading = headings[at] if at < len(headings) else ""
            label: Any = heading or _("Column %(n)d") % {"n": at + 1}
            self.fields[f"column-{at}"] = forms.ChoiceField(
                label=label, choices=choices, required=False, initial=now
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        named = [one for one in cleaned.values() if one]
        for name, value in cleaned.items():
            if value and named.count(value) > 1:
                self.add_error(name, _("Two columns cannot be the same."))
                break
        return cleaned

    @property
    def columns(self) -> list[str]:
        """The columns in their order, to be called when valid."""
        return [self.cleaned_data.get(name, "") for name in self.fields]


class CodeForm(forms.Form):
    """The code that an official read out to the host."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "characters",
             "spellcheck": "false", "placeholder": "XXXX-XXXX-XXXX-XXXXX"}
        ),
        help_text=_("Somebody from the authority reads it out on the telephone."),
    )  # fmt: skip


class HostForm(forms.Form):
    """What a host hands in: a file, or lines."""

    file = forms.FileField(
        label=_("File"),
        required=False,
        help_text=_("CSV or XLSX, 10,000 guests and 10 MB at most."),
        widget=forms.FileInput({"accept": ACCEPTED}),
    )
    pasted = forms.CharField(
        label=_("Or type or paste them here"),
        required=False,
        max_length=PASTED,
        strip=False,
        widget=forms.Textarea({"rows": 6, "spellcheck": "false"}),
        help_text=_("One guest a line: name; telephone; e-mail."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        file, pasted = cleaned.get("file"), (cleaned.get("pasted") or "").strip()
        if not file and not pasted:
            raise forms.ValidationError(_("Choose a file, or type at least one line."))
        try:
            if file and file.size > 10_000_000:
                raise SheetRefused("too_large")
            if file:
                cleaned["rows"] = receiving.of_sheet(read(file.read(), file.name))
            else:
                cleaned["rows"] = receiving.lines(pasted)
        except SheetRefused as refusal:
            self.add_error("file" if file else "pasted", str(refusal))
        return cleaned
