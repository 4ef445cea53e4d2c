"""The one way a field looks, and the fields that Django lacks."""

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import TemplatesSetting
from django.utils.translation import gettext_lazy as _


class Renderer(TemplatesSetting):
    """Render forms from `templates/django/forms/`."""

    form_template_name = "django/forms/div.html"
    field_template_name = "django/forms/field.html"
    formset_template_name = "django/forms/formsets/div.html"


def key_of(text: str) -> UUID | None:
    """Return the key that an address or a form names; None for what is no key."""
    try:
        return UUID(text)
    except ValueError:
        return None


class SplitDateWidget(forms.MultiWidget):
    """Day, month and year as three boxes: nobody scrolls a calendar to 1952."""

    template_name = "django/forms/widgets/split_date.html"
    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None, *, birth: bool = False):
        numeric = {"inputmode": "numeric", "autocomplete": "off"}
        bday = ("bday-day", "bday-month", "bday-year") if birth else ("off",) * 3
        super().__init__(
            {
                part: forms.TextInput(
                    numeric | {"autocomplete": fill, "maxlength": length}
                )
                for part, fill, length in zip(
                    ("day", "month", "year"), bday, (2, 2, 4), strict=True
                )
            },
            attrs,
        )

    def decompress(self, value: date | str | None) -> list[Any]:
        """Take a date apart; what is no date is left as typed in the first box."""
        if isinstance(value, date):
            return [value.day, value.month, value.year]
        return [value, None, None]

    def get_context(
        self, name: str, value: Any, attrs: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Name the three boxes for the template."""
        context = super().get_context(name, value, attrs)
        labels = (_("Day"), _("Month"), _("Year"))
        for part, label in zip(context["widget"]["subwidgets"], labels, strict=True):
            part["label"] = label
            part["is_year"] = part["name"].endswith("_year")
        return context


class SplitDateField(forms.MultiValueField):
    """A local day, typed as day, month and year; two-digit years are refused."""

    default_error_messages = {
        "invalid": _("Enter a date that exists, for example 2 3 1992."),
        "incomplete": _("Enter day, month and year."),
        "year": _("Enter the year with four digits."),
        "future": _("This day has not come yet."),
    }

    def __init__(self, *, birth: bool = False, **kwargs: Any) -> None:
        kwargs.setdefault("widget", SplitDateWidget(birth=birth))
        kwargs.setdefault("require_all_fields", False)
        required = kwargs.pop("required", True)
        parts = tuple(
            forms.CharField(required=False, max_length=4) for _part in range(3)
        )
        super().__init__(fields=parts, required=required, **kwargs)

    def clean(self, value: Any) -> date | None:
        """Check the three boxes together, so that one message says what to do."""
        parts = [str(part or "").strip() for part in (value or [])]
        if not any(parts):
            if self.required:
                raise ValidationError(self.error_messages["required"], "required")
            return None
        if len(parts) != 3 or not all(parts):
            raise ValidationError(self.error_messages["incomplete"], "incomplete")
        # Also what is too long for a number of the machine, or to be read as one.
        if not all(part.isdecimal() and len(part) <= 4 for part in parts):
            raise ValidationError(self.error_messages["invalid"], "invalid")
        day, month, year = (int(part) for part in parts)
        if year < 1000:
            raise ValidationError(self.error_messages["year"], "year")
        try:
            found = date(year, month, day)
        except ValueError:
            raise ValidationError(self.error_messages["invalid"], "invalid") from None
        self.validate(found)
        self.run_validators(found)
        return found

    def compress(self, data_list: list[Any]) -> date | None:
        """Never called: `clean` builds the date."""
        raise NotImplementedError

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Tell whether the boxes say another day than before."""
        try:
            return self.clean(data) != initial
        except ValidationError:
            return True


class Choices(forms.RadioSelect):
    """A few answers as buttons side by side; nothing is chosen beforehand."""

    template_name = "django/forms/widgets/choices.html"


class ManyChoices(forms.CheckboxSelectMultiple):
    """Several answers as buttons side by side."""

    template_name = "django/forms/widgets/choices.html"


class Toggle(forms.CheckboxInput):
    """A switch; a checkbox underneath."""

    template_name = "django/forms/widgets/toggle.html"


class Severity(forms.RadioSelect):
    """Mild, moderate, severe: told by height, not only by colour."""

    template_name = "django/forms/widgets/severity.html"


class Password(forms.PasswordInput):
    """A password box with 'Show'."""

    template_name = "django/forms/widgets/password_shown.html"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"autocomplete": "current-password"} | (attrs or {}))
