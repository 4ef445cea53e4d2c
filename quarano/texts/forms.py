from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from health_authorities.models import HealthAuthority
from quarano.notifications import wording
from quarano.notifications.texts import MAIL, SMS, Kind, Text
from quarano.texts.samples import fill


class TextForm(forms.Form):
    """The wording of one text in one language."""

    subject = forms.CharField(
        label=_("Subject"), error_messages={"required": _("A mail needs a subject.")}
    )
    body = forms.CharField(
        label=_("Text"),
        error_messages={"required": _("The text is empty.")},
        strip=False,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "true"}),
    )
    # Which version was edited: a later one is not overwritten unseen.
    version = forms.CharField(widget=forms.HiddenInput, max_length=20)

    def __init__(
        self,
        data: Any = None,
        *,
        kind: Kind,
        channel: str,
        text: Text,
        authority: HealthAuthority,
    ) -> None:
        subject, body = wording.parts(channel, text.source)
        first = {"subject": subject, "body": body, "version": text.version}
        super().__init__(data, initial=first)
        self.kind, self.channel, self.authority = kind, channel, authority
        if channel != MAIL:
            del self.fields["subject"]
        if channel == SMS:
            self.fields["body"].widget.attrs["rows"] = 5

    @property
    def source(self) -> str:
        """The text as it is kept."""
        said = self.cleaned_data if self.is_bound else self.initial
        return wording.joined(
            self.channel, said.get("subject") or "", said.get("body") or ""
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        found = wording.problems(self.kind, self.channel, self.source)
        filled = fill(self.kind, self.channel, self.source, self.authority)
        long = wording.too_many_segments(self.channel, filled)
        for problem in [*found, *([long] if long else [])]:
            part = problem.part if problem.part in self.fields else wording.BODY
            if problem.code == wording.EMPTY and part in self.errors:
                continue  # the field has said so
            self.add_error(part, forms.ValidationError(problem.sentence, problem.code))
        return cleaned


class ReaderForm(forms.Form):
    """For whom a text is looked at."""

    reader = forms.CharField(
        label=_("Show it as this person gets it"),
        required=False,
        max_length=200,
        help_text=_("Name, telephone, e-mail or reference. Looking is recorded."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
