"""The one form of an entry, for citizens and for officials on their behalf."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from diaries.models import Entry, Symptom
from diaries.submission import Answers

USUAL = Decimal("35.0"), Decimal("43.0")
POSSIBLE = Decimal("30.0"), Decimal("45.0")
NOTE = 2000  # characters
UNIT = re.compile(r"\s|°|celsius|grad|degrees|c$", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """A symptom as the form shows it: on or off, and how bad."""

    symptom: Symptom
    is_on: bool
    severity: int
    error: str


class Note(forms.CharField):
    """Free text whose length counts as the browser counts it: a line break is one."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if isinstance(text, str) else text


def _between(least: int, most: int) -> dict[str, Any]:
    """Return the one sentence for a number that is none, or out of range."""
    said = format_lazy(
        _("Enter a whole number between {least} and {most}."), least=least, most=most
    )
    return dict.fromkeys(("invalid", "min_value", "max_value"), said)


class EntryForm(forms.Form):
    """Temperature in °C, symptoms with severity, medicine, note.

    Nothing about health is preselected; `first` are the codes that come first because
    the entry before had them.
    """

    temperature = forms.CharField(label=_("Temperature"), required=False, max_length=40)
    no_thermometer = forms.BooleanField(
        label=_("I have no thermometer"), required=False
    )
    confirmed = forms.BooleanField(label=_("Yes, that is right"), required=False)
    fever_medicine = forms.BooleanField(
        label=_("I took medicine against fever"), required=False
    )
    oxygen = forms.IntegerField(
        label=_("Oxygen (SpO₂), %"),
        required=False,
        min_value=50,
        max_value=100,
        error_messages=_between(50, 100),
    )
    pulse = forms.IntegerField(
        label=_("Pulse"),
        required=False,
        min_value=20,
        max_value=250,
        error_messages=_between(20, 250),
    )
    note = Note(
        label=_("Anything else?"),
        required=False,
        max_length=NOTE,
        widget=forms.Textarea({"rows": 3}),
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        symptoms: Sequence[Symptom],
        first: Sequence[str] = (),
        entry: Entry | None = None,
        **kwargs: Any,
    ) -> None:
        self.catalogue = symptoms
        self.first = first
        self.entry = entry
        self.missing_severity: set[str] = set()
        self.is_unusual = False
        # Values that are an emergency sign by themselves; the page says so at once.
        self.oxygen_emergency: int | None = None
        self.fever_emergency: Decimal | None = None
        kwargs.setdefault("initial", _initial(entry))
        super().__init__(*args, **kwargs)
        # One that is offered no more, and was sent all the same, is not lost.
        chosen = self._chosen()
        self.symptoms = [
            one
            for one in symptoms
            if one.active or _on(entry, one) or one.code in chosen
        ]

    # --- Symptoms: a box and three grades each, not one field each -------------------

    def _chosen(self) -> dict[str, int]:
        if not self.is_bound:
            return dict(self.entry.symptoms) if self.entry else {}
        known = {one.code for one in self.catalogue}
        getlist = getattr(self.data, "getlist", None)
        codes = getlist("symptom") if getlist else self.data.get("symptom", [])
        found = {}
        for code in codes:
            grade = self.data.get(f"severity-{code}", "")
            if code in known:
                found[code] = int(grade) if grade in {"1", "2", "3"} else 0
        return found

    def _row(self, symptom: Symptom, chosen: dict[str, int]) -> Row:
        error = ""
        if symptom.code in self.missing_severity:
            error = str(_("Choose how bad it is."))
        return Row(symptom, symptom.code in chosen, chosen.get(symptom.code, 0), error)

    def near(self) -> list[Row]:
        """Return those shown at once: had before, chosen, characteristic, emergency."""
        chosen = self._chosen()
        shown = [
            one
            for one in self.symptoms
            if one.characteristic
            or one.emergency
            or one.code in chosen
            or one.code in self.first
        ]
        shown.sort(key=lambda one: (one.code not in self.first, one.position))
        return [self._row(one, chosen) for one in shown]

    def others(self) -> list[Row]:
        """Return those behind 'Something else'."""
        near = {row.symptom.code for row in self.near()}
        chosen = self._chosen()
        return [self._row(s, chosen) for s in self.symptoms if s.code not in near]

    def warn(self, *, oxygen: int, fever: Decimal | None) -> None:
        """Let the page say 'Call 112 now' from these values on: SpO₂ in %, and where
        the person is an infant a temperature in °C."""
        self.oxygen_emergency, self.fever_emergency = oxygen, fever
        self.fields["oxygen"].widget.attrs["data-emergency-max"] = oxygen

    def has_emergency(self) -> bool:
        """Whether an emergency sign is switched on, valid or not: the box shows."""
        chosen = self._chosen()
        oxygen = _number(self["oxygen"].value())
        degrees = _number(self["temperature"].value())
        low, high = self.oxygen_emergency, self.fever_emergency
        return (
            any(one.emergency and one.code in chosen for one in self.symptoms)
            or (low is not None and oxygen is not None and oxygen <= low)
            or (high is not None and degrees is not None and degrees >= high)
        )

    # --- Checks ----------------------------------------------------------------------

    def clean_temperature(self) -> Decimal | None:
        typed = UNIT.sub("", self.cleaned_data["temperature"])
        if not typed:
            return None
        try:
            typed = typed.replace(",", ".")
            value = Decimal(typed).quantize(Decimal("0.1"), ROUND_HALF_UP)
        except InvalidOperation:
            raise ValidationError(_("Enter degrees, for example 37.4.")) from None
        if not value.is_finite():  # 'NaN' is a Decimal, too
            raise ValidationError(_("Enter degrees, for example 37.4."))
        if not POSSIBLE[0] <= value <= POSSIBLE[1]:
            raise ValidationError(_("Enter a temperature between 30.0 and 45.0 °C."))
        return value

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self._check_temperature(cleaned)
        chosen = self._chosen()
        self.missing_severity = {code for code, grade in chosen.items() if not grade}
        if self.missing_severity:
            self.add_error(None, _("Choose for each symptom how bad it is."))
        return cleaned

    def _check_temperature(self, cleaned: dict[str, Any]) -> None:
        if "temperature" not in cleaned:
            return
        value = cleaned["temperature"]
        if cleaned.get("no_thermometer"):
            if value is not None:
                self.add_error(
                    "temperature",
                    _("Enter a temperature, or say that you have no thermometer."),
                )
            return
        if value is None:
            self.add_error(
                "temperature",
                _("Enter your temperature, or say that you have no thermometer."),
            )
        elif not USUAL[0] <= value <= USUAL[1] and not cleaned.get("confirmed"):
            self.is_unusual = True
            self.add_error(
                "temperature", _("This is unusual. Is that right? Confirm it below.")
            )

    def compare(self, stands: Entry, in_words: str) -> None:
        """Show what stands there by now; the next send replaces it, knowingly."""
        self.entry = stands
        sent: Any = self.data
        again = sent.copy()
        again["version"] = str(stands.version)
        self.data = again
        self.add_error(
            None,
            _(
                "There is an entry for this half of the day by now: %(entry)s. "
                "Send again to replace it by what you see below."
            )
            % {"entry": in_words},
        )

    @property
    def answers(self) -> Answers:
        """The valid form as answers of an entry."""
        cleaned = self.cleaned_data
        return Answers(
            temperature=cleaned["temperature"],
            symptoms=self._chosen(),
            fever_medicine=cleaned["fever_medicine"],
            oxygen=cleaned["oxygen"],
            pulse=cleaned["pulse"],
            note=cleaned["note"].strip(),
        )


def _on(entry: Entry | None, symptom: Symptom) -> bool:
    return entry is not None and symptom.code in entry.symptoms


def _initial(entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        return {}
    return {
        "temperature": entry.temperature if entry.temperature is not None else "",
        "no_thermometer": entry.temperature is None,
        "fever_medicine": entry.fever_medicine,
        "oxygen": entry.oxygen,
        "pulse": entry.pulse,
        "note": entry.note,
        "version": entry.version,
    }


def _number(value: Any) -> Decimal | None:
    """What was typed as a number, with comma or point; None where it is none."""
    try:
        found = Decimal(str(value or "").strip().replace(",", "."))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
