"""One form for each step that an official takes on a monitoring and its orders."""

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cases.forms.fields import YEAR, DayField
from cases.models import Monitoring, Order, Service

DAY = dt.timedelta(days=1)


def reasons(*, required: bool) -> forms.CharField:
    return forms.CharField(
        label=_("Reasons"),
        required=required,
        max_length=2000,
        widget=forms.Textarea({"rows": 3}),
        help_text=_("They stand in the order; the person reads them."),
        error_messages={"required": _("Say why, in a sentence.")},
    )


class ConfirmForm(forms.Form):
    """A step that needs no word beside the button."""


class StepForm(forms.Form):
    """A step on a monitoring; knows the monitoring and the day of today."""

    def __init__(
        self, *args: Any, monitoring: Monitoring, today: dt.date, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.monitoring, self.today = monitoring, today
        self.prepare()

    def prepare(self) -> None:
        """Set what depends on this monitoring."""

    def day(self, name: str) -> DayField:
        field = self.fields[name]
        assert isinstance(field, DayField)
        return field


class IssueForm(forms.Form):
    """Issue what is proposed; where no end is computed a physician names one."""

    until = DayField(label=_("Until, end of day"))
    reasons = reasons(required=False)
    # The end that stood on the page: another one is not issued unseen.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        proposal: Order | None,
        today: dt.date,
        is_physician: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.end = str(proposal and proposal.until)
        self.fields["seen"].initial = self.end
        is_computed = proposal is None or proposal.until is not None
        is_lift = proposal is not None and proposal.effect == Order.Effect.LIFT
        if is_lift or (is_computed and not is_physician):
            del self.fields["until"]
            return
        field = self.fields["until"]
        assert isinstance(field, DayField)
        field.required = not is_computed
        field.help_text = (
            _("Empty: as computed. Another end needs your reasons.")
            if is_computed
            else _("No end is computed here: a physician decides.")
        )
        field.between(today, today + YEAR, too_early="past", too_late="far")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.pop("seen", "") != self.end:
            # The page shows the new proposal beside this: the next try means that one.
            data: Any = self.data
            self.data = data.copy()
            self.data["seen"] = self.end  # type: ignore[index]
            raise forms.ValidationError(
                _("The proposal has changed meanwhile: look at it once more.")
            )
        return cleaned


class ExtendForm(StepForm):
    until = DayField(label=_("New last day"))
    reasons = reasons(required=True)

    def prepare(self) -> None:
        after = self.monitoring.until or self.monitoring.start
        field = self.day("until")
        field.error_messages["past"] = _("This is no later than the end so far.")
        field.between(after + DAY, self.today + YEAR, too_early="past", too_late="far")


class ShortenForm(StepForm):
    until = DayField(label=_("New last day"))
    reasons = reasons(required=True)

    def prepare(self) -> None:
        field = self.day("until")
        field.error_messages["far"] = _("This is no earlier than the end so far.")
        field.between(
            max(self.monitoring.start, self.today),
            self.monitoring.until - DAY if self.monitoring.until else None,
            too_early="past",
            too_late="far",
        )


class LiftForm(StepForm):
    reasons = reasons(required=True)


class ServeForm(forms.Form):
    """How an order reached its addressee, and from when it binds."""

    way = forms.ChoiceField(label=_("Served"), choices=Service.Way)
    effective_on = DayField(
        label=_("Effective on"), help_text=_("Duties never begin before that day.")
    )

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        way = self.fields["way"]
        assert isinstance(way, forms.ChoiceField)
        # The portal notes by itself when the person opens the page.
        way.choices = [
            choice for choice in Service.Way.choices if choice[0] != Service.Way.PORTAL
        ]
        field = self.fields["effective_on"]
        assert isinstance(field, DayField)
        field.initial = today
        # A letter counts as received some days after it was posted.
        field.between(today, today + 10 * DAY, too_early="past", too_late="far")


class ConcludeForm(StepForm):
    conclusion = forms.ChoiceField(label=_("Because"))

    # Transfer and death have ways of their own; a positive test takes up a case.
    ELSEWHERE = (
        Monitoring.Conclusion.TRANSFERRED,
        Monitoring.Conclusion.DECEASED,
    )

    def prepare(self) -> None:
        left_out = set(self.ELSEWHERE)
        if self.monitoring.is_isolation:
            left_out.add(Monitoring.Conclusion.TURNED_CASE)
        if self.monitoring.until is None or self.monitoring.until >= self.today:
            left_out.add(Monitoring.Conclusion.LAPSED)
        field = self.fields["conclusion"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", _("choose")),
            *(
                choice
                for choice in Monitoring.Conclusion.choices
                if choice[0] not in left_out
            ),
        ]


class DeathForm(forms.Form):
    died_on = DayField(label=_("Died on"))

    def __init__(
        self, *args: Any, born: dt.date | None, today: dt.date, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["died_on"]
        assert isinstance(field, DayField)
        field.between(max(born or dt.date.min, today - YEAR), today)
