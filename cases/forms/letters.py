from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from quarano.letters import pictures


class LogoForm(forms.Form):
    """A picture for the authority's letters."""

    picture = forms.FileField(
        label=_("Picture"),
        help_text=_("PNG or SVG, 200 kB at most. It is drawn up to 65 mm wide."),
        widget=forms.FileInput({"accept": "image/png,image/svg+xml"}),
        error_messages={
            "required": _("Choose a file first."),
            "empty": _("This file is empty."),
        },
    )

    def clean_picture(self) -> Any:
        """Return the checked picture."""
        file = self.cleaned_data["picture"]
        if file.size > pictures.MOST_BYTES:
            raise forms.ValidationError(_("This file is too large: 200 kB at most."))
        try:
            return pictures.check(file.read())
        except pictures.Unfit as problem:
            raise forms.ValidationError(problem.args[0]) from None
