"""Rows that both sites have: staff, invitations, the audit."""

from collections.abc import Iterable
from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from quarano import clock
from quarano.accounts import invitations, staff
from quarano.accounts.models import Role, StaffInvitation, User
from quarano.admin.meanwhile import RowForm
from quarano.admin.sites import Refused, Rows, changes
from quarano.audit import log
from quarano.audit.models import Event
from quarano.forms import key_of


def role_names() -> dict[str, str]:
    """The roles of this place by code, in words."""
    return {
        code: _(name)
        for code, name in Role.objects.order_by("name").values_list("code", "name")
    }


def in_words(roles: Iterable[str]) -> str:
    names = role_names()
    return ", ".join(names.get(role, role) for role in roles)


class RolesForm(RowForm):
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("roles"), widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        roles = self.fields.get("roles")
        if isinstance(roles, forms.MultipleChoiceField):
            roles.choices = list(role_names().items())


class StaffRows(Rows):
    """Staff; citizens' logins never show here."""

    may_view = may_change = "accounts.invite"
    is_grave = True
    form = RolesForm
    fields = (
        "name",
        "email",
        "roles",
        "active_until",
        "is_active",
        "second_factor",
    )
    readonly_fields = (
        "name",
        "email",
        "second_factor",
    )
    list_display = (
        "name",
        "email",
        "role_list",
        "is_active",
        "active_until",
        "second_factor",
    )
    list_filter = ("is_active",)
    search_fields = (
        "name",
        "email",
    )
    ordering = ("name",)
    actions = ("send_new_link",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        factors = Authenticator.objects.filter(user=OuterRef("pk")).exclude(
            type=Authenticator.Type.RECOVERY_CODES
        )
        return (
            super()
            .get_queryset(request)
            .exclude(roles=[])
            .annotate(has_second_factor=Exists(factors))
        )

    @admin.display(description=gettext_lazy("roles"))
    def role_list(self, user: User) -> str:
        return in_words(user.roles)

    @admin.display(description=gettext_lazy("second factor"), boolean=True)
    def second_factor(self, user: User) -> bool:
        return bool(getattr(user, "has_second_factor", False))

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        wanted, now = changes(form), clock.now()
        try:
            if "roles" in wanted:
                staff.change_roles(obj, roles=wanted["roles"], by=request.user, now=now)
            if "active_until" in wanted:
                staff.end_on(obj, day=wanted["active_until"], by=request.user, now=now)
            if "is_active" in wanted:
                process = staff.reactivate if wanted["is_active"] else staff.deactivate
                process(obj, by=request.user, now=now)
        except staff.LastKeeper as error:
            raise Refused(
                _("Nobody would be left who can let anybody in again.")
            ) from error
        except staff.OwnRoles as error:
            raise Refused(
                _("Nobody gives a role to themselves: ask another administrator.")
            ) from error

    @admin.action(
        description=gettext_lazy("Send a new link; ends password and second factor")
    )
    def send_new_link(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users:
            invitations.renew(user, by=request.user, now=clock.now())
            self.message_user(
                request, _("A new link goes to %(email)s.") % {"email": user.email}
            )


class InvitationRows(Rows):
    """Invite by adding a row; the mail with the link goes through the outbox."""

    may_view = may_add = "accounts.invite"
    is_grave = True
    form = RolesForm
    fields = (
        "name",
        "email",
        "roles",
        "active_until",
    )
    list_display = (
        "name",
        "email",
        "role_list",
        "invited_at",
        "expires_at",
        "state",
    )
    ordering = ("-invited_at",)
    actions = ("withdraw",)

    @admin.display(description=gettext_lazy("roles"))
    def role_list(self, invitation: StaffInvitation) -> str:
        return in_words(invitation.roles)

    @admin.display(description=gettext_lazy("state"))
    def state(self, invitation: StaffInvitation) -> str:
        if invitation.accepted_at:
            return _("accepted")
        if invitation.voided_at:
            return _("withdrawn")
        if invitation.expires_at <= clock.now():
            return _("expired")
        return _("open")

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        try:
            invitation, _token = invitations.invite(
                name=obj.name,
                email=obj.email,
                roles=obj.roles,
                active_until=obj.active_until,
                by=request.user,
                now=clock.now(),
            )
        except invitations.AddressInUse as error:
            raise Refused(_("This address has an account already.")) from error
        obj.pk = invitation.pk

    @admin.action(description=gettext_lazy("Withdraw the invitation"))
    def withdraw(self, request: HttpRequest, rows: QuerySet[StaffInvitation]) -> None:
        for row in rows:
            invitations.withdraw(row, by=request.user, now=clock.now())
        self.message_user(request, _("Withdrawn."), messages.SUCCESS)


class EventRows(Rows):
    """The audit, to be read only; ids and codes, no names. Reading it is an event."""

    may_view = "site.administer"
    list_display = (
        "at",
        "verb",
        "actor_kind",
        "actor",
        "subject_kind",
        "subject",
        "person",
        "address",
    )
    list_filter = ("actor_kind",)
    search_fields = ("verb__startswith",)
    search_help_text = gettext_lazy("How the verb begins, such as 'order.'")
    ordering = ("-at",)
    actions = None

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in {"subject", "person", "actor"} or super().lookup_allowed(
            lookup, value, request
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        # Whatever else is typed there is no id, and may be a name.
        asked = {
            key: value
            for key in ("subject", "person", "actor")
            if key_of(value := request.GET.get(key, ""))
        }
        log.viewed(request, "audit.viewed", now=clock.now(), codes=asked)
        return super().changelist_view(request, extra_context)


def register(site: admin.AdminSite, *, audit_permission: str) -> None:
    """Give a site its staff, invitations and audit."""
    site.register(User, StaffRows)
    site.register(StaffInvitation, InvitationRows)
    site.register(
        Event, type("EventRows", (EventRows,), {"may_view": audit_permission})
    )
