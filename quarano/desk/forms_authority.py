"""What an authority says of itself, as its administrator types it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.http import QueryDict
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.forms.fields import MobileField, in_sections
from health_authorities import hours
from health_authorities.details import OWN
from health_authorities.models import LONGEST_SESSION, HealthAuthority

# A Monday; only its weekdays' names are used.
MONDAY = dt.date(2026, 11, 23)
WEEK = tuple(f"day_{number}" for number in range(7))
DAY_SHAPES = ("%d.%m.%Y", "%Y-%m-%d")
telephone_shape = RegexValidator(
    r"^[+0-9][0-9 ()/-]{3,38}$", gettext_lazy("Enter a telephone number: digits only.")
)
HOURS_WANTED = gettext_lazy(
    "Write hours as 8:00-12:00, 13:00-16:30; nothing where nobody is there."
)


class HoursField(forms.CharField):
    """The spans of one day, in one line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=120, **kwargs)
        self.widget.attrs |= {"placeholder": _("closed"), "autocomplete": "off"}

    def clean(self, value: Any) -> list[list[str]]:
        """Return the spans as they are stored; an empty line says that nobody comes."""
        text = self.to_python(value) or ""
        self.run_validators(text)
        try:
            return hours.stored(hours.parse(text))
        except hours.NoHours as error:
            raise ValidationError(HOURS_WANTED, "hours") from error


class SpecialDaysField(forms.CharField):
    """One day a line: '24.12.2026 8:00-12:00', or only the day where nobody comes."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.Textarea({"rows": 4, "autocomplete": "off"})
        super().__init__(max_length=4_000, required=False, widget=widget, **kwargs)

    def clean(self, value: Any) -> dict[str, list[list[str]]]:
        """Return the days as they are stored."""
        found = {}
        for line in super().clean(value).splitlines():
            if line.strip():
                day, spans = self._read(line)
                found[day.isoformat()] = spans
        return dict(sorted(found.items()))

    def _read(self, line: str) -> tuple[dt.date, list[list[str]]]:
        word, _space, rest = line.strip().partition(" ")
        for shape in DAY_SHAPES:
            try:
                day = dt.datetime.strptime(word, shape).date()  # noqa: DTZ007 - a day
                return day, hours.stored(hours.parse(rest))
            except hours.NoHours:
                break
            except ValueError:
                continue
        raise ValidationError(
            _("“%(line)s” is no day with hours: write 24.12.2026 8:00-12:00."),
            "special",
            {"line": line.strip()},
        )


class AuthorityForm(forms.Form):
    """Hours, on-call telephones, hotlines and address of the own authority."""

    use_required_attribute = False

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    closed_on_holidays = forms.BooleanField(
        label=gettext_lazy("Closed on the state's holidays"), required=False
    )
    special_days = SpecialDaysField(
        label=gettext_lazy("Days that are different"),
        help_text=gettext_lazy(
            "One a line: 24.12.2026 8:00-12:00, or only the day where nobody is there."
        ),
    )
    on_call_phone = MobileField(
        label=gettext_lazy("First on-call telephone"),
        help_text=gettext_lazy("Gets a text message when nobody is there."),
    )
    on_call_phone_second = MobileField(
        label=gettext_lazy("Second on-call telephone"),
        help_text=gettext_lazy("When the first does not answer."),
    )
    cases_phone = forms.CharField(
        label=gettext_lazy("Hotline for cases"),
        max_length=40,
        required=False,
        validators=[telephone_shape],
    )
    cases_email = forms.EmailField(
        label=gettext_lazy("E-mail for cases"), required=False
    )
    contacts_phone = forms.CharField(
        label=gettext_lazy("Hotline for contacts"),
        max_length=40,
        required=False,
        validators=[telephone_shape],
    )
    contacts_email = forms.EmailField(
        label=gettext_lazy("E-mail for contacts"), required=False
    )
    street = forms.CharField(
        label=gettext_lazy("Street"), max_length=120, required=False
    )
    postal_code = forms.RegexField(
        r"^\d{5}$", label=gettext_lazy("Postal code"), max_length=5, required=False
    )
    city = forms.CharField(label=gettext_lazy("Town"), max_length=120, required=False)
    sender_name = forms.CharField(
        label=gettext_lazy("Name of the sender of mail"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("Empty: the authority's name."),
    )

    session_hours = forms.IntegerField(
        label=gettext_lazy("Signed in for at most, hours"),
        min_value=1,
        max_value=LONGEST_SESSION,
        required=False,
        help_text=gettext_lazy(
            "Counted from signing in, for everybody; half an hour without a step ends "
            "it in any case."
        ),
    )

    def __init__(self, data: QueryDict | None, *, authority: HealthAuthority) -> None:
        super().__init__(data, initial=typed(authority))
        self.conflicts: list[dict[str, str]] = []
        for number, name in enumerate(WEEK):
            day = MONDAY + dt.timedelta(days=number)
            self.fields[name] = HoursField(label=formats.date_format(day, "l"))

    @property
    def sections(self) -> Sequence[tuple[Any, list[forms.BoundField]]]:
        """The fields in their groups."""
        return in_sections(
            self,
            [
                (_("Staffed hours"), [*WEEK, "closed_on_holidays"]),
                (_("Other days"), ["special_days"]),
                (_("On call"), ["on_call_phone", "on_call_phone_second"]),
                (
                    _("Hotlines"),
                    ["cases_phone", "cases_email", "contacts_phone", "contacts_email"],
                ),
                (_("Address"), ["street", "postal_code", "city", "sender_name"]),
                (_("Signing in"), ["session_hours"]),
            ],
        )

    def clean(self) -> dict[str, Any]:
        """A second telephone needs a first, and is another one."""
        cleaned = super().clean() or self.cleaned_data
        first = cleaned.get("on_call_phone")
        second = cleaned.get("on_call_phone_second")
        if second and "on_call_phone" in cleaned and not first:
            self.add_error("on_call_phone", _("Enter the first telephone first."))
        elif second and first == second:
            self.add_error("on_call_phone_second", _("Enter another telephone."))
        return cleaned

    @property
    def said(self) -> dict[str, Any]:
        """What was typed, by the authority's fields."""
        cleaned = self.cleaned_data
        week = [cleaned[name] for name in WEEK]
        found = {name: cleaned[name] for name in OWN & set(cleaned)}
        for name in ("on_call_phone", "on_call_phone_second"):
            found[name] = str(cleaned[name].as_e164) if cleaned[name] else ""
        found["session_hours"] = cleaned["session_hours"] or LONGEST_SESSION
        return {**found, "staffed_hours": week if any(week) else []}

    def compare(self, stored: HealthAuthority) -> None:
        """Show what stands there now beside what was typed; saving again saves this."""
        theirs = typed(stored)
        for name, field in self.fields.items():
            mine = str(self.data.get(name, ""))
            if isinstance(field, forms.BooleanField):
                theirs[name], mine = yes_no(theirs[name]), yes_no(bool(mine))
            if not self[name].is_hidden and str(theirs[name]) != mine:
                self.conflicts.append(
                    {
                        "label": str(field.label),
                        "theirs": str(theirs[name]),
                        "mine": mine,
                    }
                )
        self.data = {**self.data, "version": stored.version}


def yes_no(value: object) -> str:
    return _("yes") if value else _("no")


def typed(authority: HealthAuthority) -> dict[str, Any]:
    """Return the authority's fields as they stand in the form."""
    found = {name: getattr(authority, name) for name in OWN}
    week = authority.staffed_hours or [[]] * 7
    found |= {
        name: hours.written(hours.loaded(spans))
        for name, spans in zip(WEEK, week, strict=True)
    }
    found["special_days"] = "\n".join(
        f"{dt.date.fromisoformat(day):%d.%m.%Y} "
        f"{hours.written(hours.loaded(spans))}".strip()
        for day, spans in authority.special_days.items()
    )
    return {**found, "version": authority.version}
