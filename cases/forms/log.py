import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cases.models import CallAttempt, Escalation, Person
from quarano.forms import Choices
from quarano.telephones import dialled


class CallForm(forms.Form):
    """A call that was made, reached or not."""

    outcome = forms.ChoiceField(
        label=_("Outcome"),
        choices=CallAttempt.Outcome,
        widget=Choices,
        error_messages={"required": _("Choose how the call went.")},
    )
    number = forms.ChoiceField(label=_("Number"), required=False)
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=4000,
        widget=forms.Textarea({"rows": 3}),
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        numbers = [
            (number.as_e164, dialled(number))
            for number in (person.mobile, person.phone)
            if number
        ]
        field = self.fields["number"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [*numbers, ("", _("another number"))]
        if numbers:
            field.initial = numbers[0][0]


class CommentForm(forms.Form):
    text = forms.CharField(
        label=_("Comment"),
        max_length=4000,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": _("Write something first.")},
    )


class SettleForm(forms.Form):
    """How an escalation was dealt with."""

    outcome = forms.ChoiceField(
        label=_("Outcome"),
        widget=Choices,
        error_messages={"required": _("Choose what came of it.")},
    )
    word = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=2000,
        widget=forms.Textarea({"rows": 2}),
    )

    def __init__(self, *args: Any, escalation: Escalation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        left_out = {Escalation.Outcome.CLEARED.value}
        if escalation.reason != Escalation.Reason.POSSIBLE_DUPLICATE:
            left_out.add(Escalation.Outcome.DIFFERENT.value)
        field = self.fields["outcome"]
        assert isinstance(field, forms.ChoiceField)
        if escalation.reason == Escalation.Reason.STEP_DISPUTED:
            field.choices = [
                (Escalation.Outcome.CONFIRMED, _("the person is right: propose it")),
                (Escalation.Outcome.KEPT, _("keep what is recorded")),
            ]
            return
        if escalation.reason == Escalation.Reason.ONSET_DIFFERS:
            field.choices = [
                (Escalation.Outcome.CONFIRMED, _("the diary's day becomes the onset")),
                (Escalation.Outcome.KEPT, _("keep what is recorded")),
            ]
            return
        field.choices = [
            choice for choice in Escalation.Outcome.choices if choice[0] not in left_out
        ]


class SnoozeForm(forms.Form):
    """Until when an escalation may rest."""

    until = forms.DateTimeField(
        label=_("Rests until"),
        widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M"],
        error_messages={"invalid": _("Enter a date and a time.")},
    )

    LONGEST = dt.timedelta(days=7)

    def __init__(self, *args: Any, now: dt.datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        self.fields["until"].initial = timezone.localtime(
            now + dt.timedelta(hours=2)
        ).replace(second=0, microsecond=0)

    def clean_until(self) -> dt.datetime:
        until: dt.datetime = self.cleaned_data["until"]
        if until <= self.now:
            raise forms.ValidationError(_("This moment has passed already."))
        if until - self.now > self.LONGEST:
            raise forms.ValidationError(_("Seven days at most."))
        return until


class InviteForm(forms.Form):
    """By which way a person gets link or code."""

    WAYS = {
        "mail": _("by e-mail, with a link"),
        "sms": _("by text message, with a link"),
        "letter": _("by letter, with a code; to be printed"),
        "none": _("read out by telephone, a code"),
    }

    channel = forms.ChoiceField(
        label=_("How"),
        widget=Choices,
        error_messages={"required": _("Choose how the invitation gets there.")},
    )

    def __init__(
        self, *args: Any, person: Person, today: dt.date, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        by_post = ["letter"] if person.postal_address(today) else []
        ways = [*person.channels, *by_post, "none"]
        field = self.fields["channel"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(way, self.WAYS[way]) for way in ways]
        field.initial = ways[0]
