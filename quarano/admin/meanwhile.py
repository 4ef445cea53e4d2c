"""A form that sees what somebody else saved since it was opened."""

import hashlib
import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _


class RowForm(forms.ModelForm):
    """Carries what stood in the row when the page was made, field by field, hashed.

    A second save over somebody else's shows both values and changes nothing; sent once
    more, it counts. Rows have no column for it here: what is edited is compared.
    """

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stood = state_of(self.instance, self.followers)
        if "seen" in self.fields:
            self.fields["seen"].initial = _digests(self.stood)

    # Names of the rows that are edited on the same page.
    followers: tuple[str, ...] = ()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.instance.pk and cleaned.get("seen"):
            self._compare(cleaned["seen"])
        return cleaned

    def _compare(self, seen: str) -> None:
        try:
            before = dict(json.loads(seen))
        except (ValueError, TypeError):
            before = {}
        now = json.loads(_digests(self.stood))
        changed = [name for name in now if before.get(name) != now[name]]
        if not changed:
            return
        # Sent once more it is against what stands there now.
        self.data = self.data.copy()  # type: ignore[attr-defined]
        self.data[self.add_prefix("seen")] = _digests(self.stood)  # type: ignore[index]
        theirs = ", ".join(
            f"{self._label(name)}: {self.stood[name] or '–'}" for name in changed
        )
        raise ValidationError(
            _(
                "Somebody else changed this meanwhile (now %(theirs)s). Below stands "
                "what you typed: look at it, then save again."
            ),
            params={"theirs": theirs},
            code="changed_meanwhile",
        )

    def _label(self, name: str) -> str:
        if name in self.fields and self.fields[name].label:
            return str(self.fields[name].label)
        known = {field.name: field for field in self.instance._meta.get_fields()}
        return str(getattr(known.get(name), "verbose_name", name))


def state_of(row: Model, followers: tuple[str, ...] = ()) -> dict[str, str]:
    """What stands in a row, by field, as text; with the rows that belong to it."""
    if row._state.adding:
        return {}
    found = {
        field.name: _text(field.value_from_object(row))
        for field in row._meta.concrete_fields
        if field.name not in {"password", "last_login", "session_epoch"}
    }
    for name in followers:
        rows = getattr(row, name).order_by("pk").values()
        found[name] = _text([sorted(map(str, one.values())) for one in rows])
    return found


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _digests(state: dict[str, str]) -> str:
    return json.dumps(
        {
            name: hashlib.sha256(text.encode()).hexdigest()[:16]
            for name, text in state.items()
        }
    )
