"""What Django's admin does differently here: its doors, its writes, its history."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from quarano.accounts import confirmation
from quarano.accounts.views import sign_out
from quarano.admin.meanwhile import RowForm
from quarano.cockroach.transactions import retrying


class Refused(Exception):
    """A process refused; the sentence is shown above the form, nothing was changed."""


class Site(admin.AdminSite):
    """A site behind the same door as all others: sign-in with a second factor."""

    permissions: tuple[str, ...] = ()
    enable_nav_sidebar = False
    empty_value_display = "–"

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(
            user.is_authenticated
            and user.is_active
            and any(map(user.may, self.permissions))
        )

    def get_urls(self) -> list[Any]:
        # The way from a content type to any object's page is not ours.
        return [
            url
            for url in super().get_urls()
            if getattr(url, "name", "") not in {"view_on_site", "password_change_done"}
        ]

    @method_decorator(never_cache)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Never Django's own form, which knows no second factor."""
        del extra_context
        if request.user.is_authenticated:
            raise PermissionDenied
        way = urlencode({"next": reverse("admin:index", current_app=self.name)})
        return redirect(f"{reverse('account_login')}?{way}")

    def logout(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        del extra_context
        if request.method == "POST":
            return sign_out(request)
        return redirect("account_logout")

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        del request, extra_context
        return redirect("account_change_password")


class AuthorityAdmin(Site):
    # Supervisors and physicians come here to approve a policy, and see nothing else.
    permissions = ("site.administer", "policy.approve")
    site_header = site_title = _("Administration")
    index_title = _("Administration of this authority")


class OperatorAdmin(Site):
    permissions = ("site.operate",)
    site_header = site_title = _("Operation of Quarano")
    index_title = _("Authorities of this installation")


authority_admin = AuthorityAdmin(name="admin")
operator_admin = OperatorAdmin(name="admin")
for site in (authority_admin, operator_admin):
    site.disable_action("delete_selected")


class Rows(admin.ModelAdmin):
    """Rows that processes write: named permissions, retried, in the audit."""

    may_view = may_add = may_change = may_delete = ""
    form = RowForm
    # Whether a change is asked about again: is it you?
    is_grave = False
    list_per_page = 50
    show_full_result_count = False
    view_on_site = False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what the page offers: a lookup of any column would read it out letter
        by letter, a password's hash too."""
        offered = {one for one in self.list_filter if isinstance(one, str)}
        return lookup.partition("__")[0] in {"id", "pk", *offered}

    def get_urls(self) -> list[Any]:
        # Without the old addresses that only lead on to the change form.
        return [url for url in super().get_urls() if url.name]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        found = super().get_form(request, obj, change, **kwargs)
        if not self._is_edited(request, obj):
            found.base_fields.pop("seen", None)
        return found

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Put the hidden field that knows what stood in the row last, and out of
        sight; where nothing is changed there is none."""
        found = [
            (
                title,
                {**told, "fields": [one for one in told["fields"] if one != "seen"]},
            )
            for title, told in super().get_fieldsets(request, obj)
        ]
        if self._is_edited(request, obj):
            found.append((None, {"fields": ["seen"], "classes": ["hidden"]}))
        return found

    def _is_edited(self, request: HttpRequest, obj: Any) -> bool:
        return obj is not None and self.has_change_permission(request, obj)

    def _may(self, request: HttpRequest, permission: str) -> bool:
        return bool(permission) and request.user.may(permission)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.may_view)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.may_add)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.may_change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.may_delete)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if (asked := self._ask_first(request)) is not None:
            return asked
        try:
            return retrying(super().changeform_view)(
                request, object_id, form_url, extra_context
            )
        except Refused as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return redirect(request.get_full_path())

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if (asked := self._ask_first(request)) is not None:
            return asked
        try:
            return retrying(super().delete_view)(request, object_id, extra_context)
        except Refused as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return redirect(request.get_full_path())

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        asked = self._ask_first(request)
        return asked or super().changelist_view(request, extra_context)

    def _ask_first(self, request: HttpRequest) -> HttpResponse | None:
        if self.is_grave and request.method == "POST":
            return confirmation.ask_first(request)
        return None

    def history_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What was done to a row is in the audit."""
        del request, extra_context
        events = reverse("admin:audit_event_changelist")
        return redirect(f"{events}?{urlencode({'subject': object_id})}")

    # Django's own log of actions would be a second audit, and holds names.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        raise NotImplementedError("each kind of row is saved by its process")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        raise NotImplementedError("each kind of row is deleted by its process")


def changes(form: Any) -> dict[str, Any]:
    """What a form changes of its row, by name."""
    return {
        name: form.cleaned_data[name] for name in form.changed_data if name != "seen"
    }
