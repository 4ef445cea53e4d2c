"""Both admin sites; no person is ever registered in the operator's."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class Site(admin.AdminSite):
    """A site behind the same door as all others: sign-in with a second factor."""

    permission = ""
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(
            user.is_authenticated and user.is_active and user.may(self.permission)
        )

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Never Django's own form, which knows no second factor."""
        del extra_context
        if request.user.is_authenticated:
            raise PermissionDenied
        way = urlencode({"next": request.get_full_path()})
        return redirect(f"{reverse('account_login')}?{way}")


class AuthorityAdmin(Site):
    permission = "site.administer"
    site_header = site_title = _("Administration")


class OperatorAdmin(Site):
    permission = "site.operate"
    site_header = site_title = _("Operation of Quarano")


authority_admin = AuthorityAdmin(name="admin")
operator_admin = OperatorAdmin(name="admin")
