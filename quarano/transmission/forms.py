"""Which cases the pages on transmission show."""

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.models import Setting
from contacts.transmission.wanted import WINDOW

LONGEST = dt.timedelta(days=400)


class FilterForm(forms.Form):
    """Time, district, setting, and which day counts; empty is all."""

    since = forms.DateField(
        label=_("From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        label=_("Until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    district = forms.RegexField(
        regex=r"^\d{1,5}$",
        label=_("Postal code begins with"),
        required=False,
        error_messages={"invalid": _("Up to five digits, such as 701.")},
    )
    setting = forms.ChoiceField(
        label=_("Setting"),
        required=False,
        choices=[("", _("all")), *Setting.choices],
    )
    by = forms.ChoiceField(
        label=_("By the day of"),
        required=False,
        choices=[
            ("onset", _("onset")),
            ("specimen", _("specimen")),
            ("report", _("report")),
        ],
    )

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        until = found.get("until") or self.today
        since = found.get("since") or until - WINDOW
        if since > until:
            self.add_error("since", _("This is after the last day."))
        elif until > self.today:
            self.add_error("until", _("This day has not come yet."))
        elif until - since > LONGEST:
            self.add_error("since", _("Up to 400 days can be shown at once."))
        return found

    def wanted(self) -> dict[str, Any]:
        """Return what was asked for, without what was wrong or left empty."""
        found = getattr(self, "cleaned_data", {})
        if self.errors:
            return {}
        return {key: value for key, value in found.items() if value}
