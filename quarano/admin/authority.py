"""An authority's own site: staff, policies, routines, symptoms, audit."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases import due_times
from cases import policy as versions
from cases.arithmetic import check_examples
from cases.models import Policy, PolicyExample, Routine
from diaries import symptoms
from diaries.models import Symptom
from health_authorities.models import current
from quarano import clock
from quarano.admin.meanwhile import RowForm
from quarano.admin.shared import register
from quarano.admin.sites import Refused, Rows, authority_admin, changes

REFUSALS = {
    versions.Immutable: gettext_lazy(
        "This version can no longer be changed: draft a new one."
    ),
    versions.TooEarly: gettext_lazy(
        "A version holds from tomorrow on at the earliest."
    ),
    versions.DayTaken: gettext_lazy("Another version begins on that day."),
    versions.SamePerson: gettext_lazy(
        "Somebody else than who drafted it has to approve it."
    ),
}


class VersionRows(Rows):
    """Dated versions: a draft is changed, a version in force never."""

    may_view = "policy.approve"
    may_change = may_delete = "policy.edit"
    ordering = ("-valid_from",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _is_draft(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (
            super().has_delete_permission(request, obj)
            and obj is not None
            and _is_draft(obj)
        )

    @admin.display(description=gettext_lazy("state"))
    def state(self, version: Policy | Routine) -> str:
        return state_in_words(version)


def _is_draft(version: Policy | Routine | None) -> bool:
    today = current().localdate(clock.now())
    return version is None or versions.is_draft(version, on=today)


def state_in_words(version: Policy | Routine) -> str:
    """Draft, approved for later, in force, or replaced."""
    rows: QuerySet[Policy] | QuerySet[Routine]
    if isinstance(version, Policy):
        if version.approved_at is None:
            return _("draft")
        rows = Policy.objects.filter(
            disease=version.disease_id, approved_at__isnull=False
        )
    else:
        rows = Routine.objects.all()
    today = current().localdate(clock.now())
    if version.valid_from > today:
        return _("to come")
    later = rows.filter(valid_from__gt=version.valid_from, valid_from__lte=today)
    return _("replaced") if later.exists() else _("in force")


class ExampleRows(admin.TabularInline):
    model = PolicyExample
    extra = 1
    verbose_name_plural = gettext_lazy("worked examples: each must compute as written")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.may("policy.approve")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.may("policy.edit") and _is_draft(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)


class PolicyForm(RowForm):
    followers = ("examples",)


class PolicyRows(VersionRows):
    form = PolicyForm
    inlines = (ExampleRows,)
    list_display = (
        "valid_from",
        "disease",
        "state",
        "drafted_by",
        "approved_by",
        "approved_at",
    )
    readonly_fields = (
        "disease",
        "drafted_at",
        "drafted_by",
        "approved_at",
        "approved_by",
    )
    actions = (
        "draft",
        "approve",
    )

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        try:
            versions.revise_policy(obj, changes(form), by=request.user, now=clock.now())
        except (versions.Immutable, versions.TooEarly, versions.DayTaken) as error:
            raise Refused(REFUSALS[type(error)]) from error

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        for problem in check_examples(form.instance):
            self.message_user(request, _sentence(problem), messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        try:
            versions.discard_policy(obj, by=request.user, now=clock.now())
        except versions.Immutable as error:
            raise Refused(REFUSALS[versions.Immutable]) from error

    @admin.action(
        description=gettext_lazy("Draft a new version of this"), permissions=["change"]
    )
    def draft(self, request: HttpRequest, policies: QuerySet[Policy]) -> None:
        for policy in policies:
            made = versions.draft_policy(policy, by=request.user, now=clock.now())
            self.message_user(request, _("Drafted: %(policy)s") % {"policy": made})

    @admin.action(description=gettext_lazy("Approve"), permissions=["view"])
    def approve(self, request: HttpRequest, policies: QuerySet[Policy]) -> None:
        for policy in policies:
            self._approve(request, policy)

    def _approve(self, request: HttpRequest, policy: Policy) -> None:
        try:
            versions.approve_policy(policy, by=request.user, now=clock.now())
        except versions.ExamplesDiffer as error:
            for problem in error.problems:
                self.message_user(request, _sentence(problem), messages.ERROR)
            if not error.problems:
                self.message_user(
                    request, _("Four worked examples are needed."), messages.ERROR
                )
        except (versions.Immutable, versions.SamePerson, versions.TooEarly) as error:
            self.message_user(request, REFUSALS[type(error)], messages.ERROR)
        else:
            self.message_user(request, _("Approved: %(policy)s") % {"policy": policy})


def _sentence(problem: Any) -> str:
    return _("“%(title)s”: written %(expected)s, computed %(computed)s.") % {
        "title": problem.title,
        "expected": problem.expected,
        "computed": problem.computed or "–",
    }


class RoutineForm(RowForm):
    """Reasons whose clock stands while nobody is there, to be ticked."""

    staffed_clock = forms.MultipleChoiceField(
        label=gettext_lazy("reasons whose clock runs in staffed hours only"),
        choices=[(reason.value, reason.label) for reason in due_times.MAY_STAND],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=gettext_lazy(
            "Medical reasons and the end of an order count all hours, always."
        ),
    )


class RoutineRows(VersionRows):
    form = RoutineForm
    list_display = (
        "valid_from",
        "state",
        "drafted_by",
    )
    readonly_fields = (
        "drafted_at",
        "drafted_by",
    )
    actions = ("draft",)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        try:
            versions.revise_routine(
                obj, changes(form), by=request.user, now=clock.now()
            )
        except (versions.Immutable, versions.TooEarly, versions.DayTaken) as error:
            raise Refused(REFUSALS[type(error)]) from error

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        try:
            versions.discard_routine(obj, by=request.user, now=clock.now())
        except versions.Immutable as error:
            raise Refused(REFUSALS[versions.Immutable]) from error

    @admin.action(
        description=gettext_lazy("Draft a new version of this"), permissions=["change"]
    )
    def draft(self, request: HttpRequest, routines: QuerySet[Routine]) -> None:
        for routine in routines:
            made = versions.draft_routine(routine, by=request.user, now=clock.now())
            self.message_user(request, _("Drafted: %(policy)s") % {"policy": made})


class SymptomForm(RowForm):
    """The names, one field for each language."""

    code = forms.CharField(
        label=gettext_lazy("code"),
        max_length=40,
        validators=[RegexValidator(r"^[a-z][a-z0-9_]*$")],
        help_text=gettext_lazy("Small letters, digits and _; never changes."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = self.instance.names or {}
        for language, _name in settings.LANGUAGES:
            field = f"name_{language}"
            if field in self.fields:
                self.fields[field].initial = names.get(language, "")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self.instance.names = {
            **(self.instance.names or {}),
            **{
                language: cleaned.get(f"name_{language}", "").strip()
                for language, _name in settings.LANGUAGES
            },
        }
        return cleaned


for _code, _language in settings.LANGUAGES:
    SymptomForm.base_fields[f"name_{_code}"] = SymptomForm.declared_fields[
        f"name_{_code}"
    ] = forms.CharField(label=_language, max_length=120)


class SymptomRows(Rows):
    may_view = may_add = may_change = "site.administer"
    form = SymptomForm
    list_display = (
        "__str__",
        "code",
        "characteristic",
        "suspicious_for_cases",
        "suspicious_for_contacts",
        "counts",
        "emergency",
        "group",
        "active",
    )
    list_filter = (
        "active",
        "characteristic",
        "emergency",
    )
    ordering = (
        "position",
        "code",
    )
    flags = (
        "characteristic",
        "suspicious_for_cases",
        "suspicious_for_contacts",
        "counts",
        "emergency",
        "group",
        "position",
        "active",
    )
    actions = None

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = [f"name_{language}" for language, _name in settings.LANGUAGES]
        return ["code", *names, *self.flags]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["code"] if obj is not None else []

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        if not change:
            try:
                symptoms.add(obj, by=request.user, now=clock.now())
            except symptoms.CodeTaken as error:
                raise Refused(_("Another symptom has this code.")) from error
            return
        wanted = {
            name: value for name, value in changes(form).items() if name in self.flags
        }
        symptoms.revise(
            obj, {**wanted, "names": obj.names}, by=request.user, now=clock.now()
        )


register(authority_admin, audit_permission="site.administer")
authority_admin.register(Policy, PolicyRows)
authority_admin.register(Routine, RoutineRows)
authority_admin.register(Symptom, SymptomRows)
