"""Fields that several forms of the desk share: days, names, postal codes."""

import datetime as dt
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from phonenumber_field.formfields import PhoneNumberField
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import PhoneNumberType, number_type

YEAR = dt.timedelta(days=366)
OLDEST = dt.timedelta(days=366 * 120)
# Beside letters and their marks; apostrophes as they are typed in several languages.
IN_NAMES = frozenset(" .-'’ʼ`´‐‑")

postal_code_shape = RegexValidator(
    r"^(\d{5}|[A-Z]{1,3}-[A-Z0-9][A-Z0-9 -]{1,7})$",
    _("Enter five digits; abroad with the country in front, for example CH-8001."),
)


class DayField(forms.DateField):
    """A local day, picked or typed; `between` says which days can be meant."""

    default_error_messages = {
        "invalid": _("Enter a date that exists, for example 21.11.2026."),
        "future": _("This day has not come yet."),
        "past": _("This day has passed already."),
        "long_ago": _("This is too long ago: check the year."),
        "far": _("This is too far ahead: check the year."),
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.DateInput({"type": "date"}, "%Y-%m-%d"))
        kwargs.setdefault("input_formats", ["%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y"])
        super().__init__(**kwargs)
        self.earliest: dt.date | None = None
        self.latest: dt.date | None = None
        self.too_early, self.too_late = "long_ago", "future"

    def between(
        self,
        earliest: dt.date | None,
        latest: dt.date | None,
        *,
        too_early: str = "long_ago",
        too_late: str = "future",
    ) -> None:
        """Set the first and last day that can be meant, both included."""
        self.earliest, self.latest = earliest, latest
        self.too_early, self.too_late = too_early, too_late
        for name, day in (("min", earliest), ("max", latest)):
            if day is not None:
                self.widget.attrs[name] = day.isoformat()

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value is None:
            return
        if self.latest is not None and value > self.latest:
            raise ValidationError(self.error_messages[self.too_late], self.too_late)
        if self.earliest is not None and value < self.earliest:
            raise ValidationError(self.error_messages[self.too_early], self.too_early)


def past_day(form: forms.Form, name: str, *, today: dt.date) -> None:
    """Let a field of a form take a day of the last year, today included."""
    field = form.fields[name]
    assert isinstance(field, DayField)
    field.between(today - YEAR, today)


def say_when_needed(form: forms.Form, words: Mapping[str, Any]) -> None:
    """Name at fields, by their names, when they are needed, in place of 'optional'.

    For what a form asks only together with, or instead of, another field.
    """
    for name, when in words.items():
        setattr(form.fields[name], "needed", when)  # noqa: B010 - the widget's page reads it


def in_sections(
    form: forms.Form, sections: Iterable[tuple[Any, list[str]]]
) -> list[tuple[Any, list[forms.BoundField]]]:
    """Return a form's visible fields in their groups, each under its heading."""
    return [
        (heading, [form[name] for name in names if not form[name].is_hidden])
        for heading, names in sections
    ]


class NameField(forms.CharField):
    """Part of a person's name: letters of any script, apostrophes, hyphens, blanks."""

    default_error_messages = {
        "letters": _("Enter letters only; hyphens and apostrophes may be among them."),
    }

    def to_python(self, value: Any) -> str:
        """Put accents and blanks into one form, so that equal names are equal."""
        text = unicodedata.normalize("NFC", super().to_python(value) or "")
        return " ".join(text.split())

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and not (
            all(ch in IN_NAMES or unicodedata.category(ch)[0] in "LM" for ch in value)
            and any(unicodedata.category(ch)[0] == "L" for ch in value)
        ):
            raise ValidationError(self.error_messages["letters"], "letters")


class PostalCodeField(forms.CharField):
    """Five digits, or a country and its own kind of code."""

    default_validators = [postal_code_shape]

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").upper()


PHONE_ERRORS = {
    "invalid": _(
        "Enter a number that exists, with its area code, for example 0621 1234567; "
        "abroad with the country, for example +41 44 668 18 00."
    )
}


class TelephoneField(PhoneNumberField):
    """A telephone number, kept in E.164; without a country Germany is meant."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("error_messages", PHONE_ERRORS)
        kwargs.setdefault("required", False)
        super().__init__(**kwargs)
        self.widget.attrs.setdefault("autocomplete", "off")


class MobileField(TelephoneField):
    """A number that text messages reach."""

    default_error_messages = {
        "fixed": _("Text messages do not reach this number: enter it under Phone."),
    }

    def to_python(self, value: Any) -> PhoneNumber | str:
        number = super().to_python(value)
        if number and number_type(number) == PhoneNumberType.FIXED_LINE:
            raise ValidationError(self.error_messages["fixed"], "fixed")
        return number
