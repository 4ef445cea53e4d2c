from typing import Any

from django import forms
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from cases.models import Escalation
from quarano.accounts.models import Role, User

NOBODY = "nobody"


def officials() -> list[User]:
    """Return the active logins whose roles may settle escalations, by name."""
    roles = Role.objects.filter(permissions__contains=["cases.settle"])
    codes = list(roles.values_list("code", flat=True))
    return list(
        User.objects.filter(is_active=True, roles__overlap=codes).order_by("name", "pk")
    )


def names_of_officials() -> list[tuple[str, str]]:
    """Return key and name of them, at most a minute old: the list is polled."""
    found: list[tuple[str, str]] | None = cache.get("desk:officials")
    if found is None:
        found = [(str(one.pk), one.name) for one in officials()]
        cache.set("desk:officials", found, 60)
    return found


class AssignForm(forms.Form):
    """To whom escalations go."""

    to = forms.ChoiceField(
        label=_("Assign to"), error_messages={"required": _("Choose somebody.")}
    )

    def __init__(self, *args: Any, me: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.officials = {str(one.pk): one for one in officials()}
        mine = [(str(me.pk), _("me"))]
        others = [
            (key, one.name) for key, one in self.officials.items() if one.pk != me.pk
        ]
        field = self.fields["to"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [*mine, *others, (NOBODY, _("nobody"))]
        self.me = me

    @property
    def official(self) -> User | None:
        """Whom was chosen; None is nobody."""
        key = self.cleaned_data["to"]
        return self.me if key == str(self.me.pk) else self.officials.get(key)


class BulkForm(forms.Form):
    """What came of many at once; medical reasons are settled one by one."""

    OUTCOMES = (
        Escalation.Outcome.CALLED,
        Escalation.Outcome.MEASURE,
        Escalation.Outcome.KEPT,
        Escalation.Outcome.NOTHING,
    )

    outcome = forms.ChoiceField(
        label=_("Outcome"),
        choices=[(one.value, one.label) for one in OUTCOMES],
        error_messages={"required": _("Choose what came of it.")},
    )
    word = forms.CharField(
        label=_("Comment for all"),
        max_length=2000,
        error_messages={"required": _("Write one comment for all of them.")},
    )
