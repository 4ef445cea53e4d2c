"""The operator's site: authorities, their hosts, foundings. No person, ever."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from health_authorities import hosts
from health_authorities.models import (
    Domain,
    FoundingRequest,
    HealthAuthority,
    PlacementRequest,
)
from quarano import clock, founding, placement
from quarano.admin.shared import register
from quarano.admin.sites import Refused, Rows, changes, operator_admin


class HealthAuthorityRows(Rows):
    may_view = may_change = "site.operate"
    list_display = (
        "name",
        "schema_name",
        "rki_code",
        "federal_state",
        "region",
        "founded_at",
        "is_practice",
    )
    list_filter = ("is_practice",)
    search_fields = (
        "name",
        "schema_name",
        "rki_code",
    )
    readonly_fields = (
        "schema_name",
        "rki_code",
        "region",
        "founded_at",
        "is_practice",
    )
    actions = None

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        hosts.change_details(obj, changes(form), by=request.user, now=clock.now())


class DomainRows(Rows):
    may_view = may_add = may_delete = "site.operate"
    is_grave = True
    list_display = (
        "domain",
        "tenant",
        "is_primary",
    )
    search_fields = ("domain",)
    fields = (
        "domain",
        "tenant",
    )
    actions = ("make_primary",)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        made = hosts.add(
            obj.domain, authority=obj.tenant, by=request.user, now=clock.now()
        )
        obj.pk = made.pk

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        try:
            hosts.remove(obj, by=request.user, now=clock.now())
        except hosts.StillNeeded as error:
            raise Refused(
                _("Links lead to this host: make another one primary first.")
            ) from error

    @admin.action(description=gettext_lazy("Make this the host that links lead to"))
    def make_primary(self, request: HttpRequest, domains: QuerySet[Domain]) -> None:
        for domain in domains:
            hosts.make_primary(domain, by=request.user, now=clock.now())


class FoundingRequestRows(Rows):
    """The form writes a request; the owner's worker carries it out."""

    may_view = may_add = "site.operate"
    is_grave = True
    list_display = (
        "name",
        "schema_name",
        "host",
        "requested_at",
        "state",
        "progress",
        "problem",
    )
    ordering = ("-requested_at",)
    actions = ("try_again",)
    wishes = (
        "name",
        "short_name",
        "schema_name",
        "host",
        "rki_code",
        "federal_state",
        "region",
        "sender",
        "administrator_name",
        "administrator_email",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        told = ["requested_at", "state", "progress", "problem", "finished_at"]
        return [*self.wishes, *told] if obj is not None else self.wishes

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj) if obj is not None else []

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, request: FoundingRequest) -> str:
        steps = list(founding.STEPS)
        if request.step not in steps:
            return ""
        words = _(founding.STEPS[request.step])
        return f"{steps.index(request.step) + 1}/{len(steps)} {words}"

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        founding.ask_for(obj, by=request.user, now=clock.now())

    @admin.action(description=gettext_lazy("Try again what failed"))
    def try_again(
        self, request: HttpRequest, requests: QuerySet[FoundingRequest]
    ) -> None:
        for one in requests:
            if founding.ask_again(one.pk, by=request.user, now=clock.now()):
                self.message_user(
                    request, _("%(name)s is tried again.") % {"name": one.name}
                )
            else:
                self.message_user(
                    request,
                    _("%(name)s did not fail.") % {"name": one.name},
                    messages.WARNING,
                )


class PlacementRequestRows(Rows):
    """Where rows live: the form writes a request; the owner's worker carries it out."""

    may_view = may_add = "site.operate"
    is_grave = True
    list_display = (
        "region",
        "authority",
        "requested_at",
        "state",
        "progress",
        "told",
    )
    list_select_related = ("authority",)
    ordering = ("-requested_at",)
    wishes = (
        "authority",
        "region",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        told = ["requested_at", "state", "progress", "told", "finished_at"]
        return [*self.wishes, *told] if obj is not None else self.wishes

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj) if obj is not None else []

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, request: PlacementRequest) -> str:
        """How many ranges are there, as SHOW RANGES told at the last look."""
        if not request.ranges:
            return ""
        return f"{request.ranges_there}/{request.ranges}"

    @admin.display(description=gettext_lazy("problem"))
    def told(self, request: PlacementRequest) -> str:
        return placement.in_words(request.problem)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        placement.ask_for(obj, by=request.user, now=clock.now())


register(operator_admin, audit_permission="site.operate")
operator_admin.register(HealthAuthority, HealthAuthorityRows)
operator_admin.register(Domain, DomainRows)
operator_admin.register(FoundingRequest, FoundingRequestRows)
operator_admin.register(PlacementRequest, PlacementRequestRows)
