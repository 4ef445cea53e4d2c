"""Staff: a random link, good once, that ends in an account.

Citizens have `cases.EnrolmentCode` instead.
"""

import datetime as dt
import secrets
from collections.abc import Iterable

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from health_authorities.models import HealthAuthority
from quarano.accounts.models import Role, StaffInvitation, User
from quarano.accounts.staff import UnknownRole, record_roles
from quarano.audit import log
from quarano.cockroach.transactions import retrying_transaction
from quarano.encryption import fingerprint
from quarano.notifications import outbox

GOOD_FOR = dt.timedelta(days=7)


class AddressInUse(Exception):
    """The address opens an account already; a second one needs another address."""


class InvitationOver(Exception):
    """The link is used, replaced, withdrawn, too old, or was never one."""


@retrying_transaction
def invite(
    *,
    name: str,
    email: str,
    roles: Iterable[str],
    by: User | None,
    now: dt.datetime,
    active_until: dt.date | None = None,
) -> tuple[StaffInvitation, str]:
    """Invite somebody to the staff; return the invitation and the link's token.

    The token is stored hashed: it is in the mail, and here once. An open invitation of
    the same address is void from now on. `by` is None for the first administrator.
    Raises AddressInUse and UnknownRole.
    """
    email, roles = email.strip().lower(), sorted(set(roles))
    if User.objects.filter(email=email).exists():
        raise AddressInUse
    if not roles or Role.objects.filter(code__in=roles).count() != len(roles):
        raise UnknownRole
    return _write(
        name=name.strip(), email=email, roles=roles, active_until=active_until,
        by=by, now=now, verb="staff.invited", text="staff_invitation",
        language=by.language if by else "",
    )  # fmt: skip


@retrying_transaction
def renew(user: User, *, by: User, now: dt.datetime) -> tuple[StaffInvitation, str]:
    """Let an official who lost the password or the second factor begin anew.

    The password and the second factor are gone, every session ends; the link that is
    sent sets new ones, and tells the official what was done. Nobody but the official
    ever sees a password.
    """
    locked = User.objects.select_for_update().get(pk=user.pk)
    Authenticator.objects.filter(user=locked).delete()
    locked.set_unusable_password()
    locked.session_epoch += 1
    locked.save(update_fields=["password", "session_epoch"])
    return _write(
        name=locked.name, email=locked.email or "", roles=locked.roles,
        active_until=locked.active_until, by=by, now=now, verb="staff.renewed",
        text="staff_renewal", language=locked.language,
    )  # fmt: skip


def _write(
    *,
    name: str,
    email: str,
    roles: list[str],
    active_until: dt.date | None,
    by: User | None,
    now: dt.datetime,
    verb: str,
    text: str,
    language: str,
) -> tuple[StaffInvitation, str]:
    for before in _open(email=email).select_for_update():
        _void(before, now=now)
    token = secrets.token_urlsafe(32)
    invitation = StaffInvitation.objects.create(
        name=name,
        email=email,
        roles=roles,
        active_until=active_until,
        token_hash=fingerprint(token),
        invited_at=now,
        invited_by=by,
        expires_at=now + GOOD_FOR,
    )
    log.record(verb, invitation, by=by, now=now, codes={"roles": roles})
    outbox.write(
        f"staff-invitation:{invitation.pk}",
        template=f"accounts/messages/{text}",
        channel="mail",
        recipient=email,
        language=language or _language(),
        now=now,
        parameters={"path": "/account/invitation/{token}/", "days": GOOD_FOR.days},
        token=token,
        expires_at=invitation.expires_at,
    )
    return invitation, token


@retrying_transaction(repeatable=True)
def withdraw(invitation: StaffInvitation, *, by: User, now: dt.datetime) -> None:
    """Make an open invitation void; one that was used or is void stays as it is."""
    locked = StaffInvitation.objects.select_for_update().get(pk=invitation.pk)
    if locked.accepted_at is None and locked.voided_at is None:
        _void(locked, now=now)
        log.record("staff.invitation_withdrawn", locked, by=by, now=now)


def look_up(token: str, *, now: dt.datetime) -> StaffInvitation | None:
    """Return the invitation that a link's token opens now; changes nothing."""
    return _open().filter(token_hash=fingerprint(token), expires_at__gt=now).first()


@retrying_transaction
def accept(token: str, *, password: str, now: dt.datetime, language: str = "") -> User:
    """Make the account with this password, or renew it; the link is used up.

    The second factor follows at the first sign-in. Raises InvitationOver, and
    AddressInUse where an account was made under the address meanwhile.
    """
    invitation = (
        _open()
        .select_for_update()
        .filter(token_hash=fingerprint(token), expires_at__gt=now)
        .first()
    )
    if invitation is None:
        raise InvitationOver
    user = User.objects.select_for_update().filter(email=invitation.email).first()
    if user is None:
        user = User(
            email=invitation.email,
            created_at=now,
            name=invitation.name,
            roles=list(invitation.roles),
            active_until=invitation.active_until,
        )
        is_new = True
    elif not user.is_staff or user.has_usable_password():
        raise AddressInUse
    else:
        # What was taken away since the link was sent does not come back with it.
        is_new = False
    user.language = language
    user.set_password(password)
    user.save()
    taken = _open().filter(pk=invitation.pk).update(accepted_at=now, accepted_by=user)
    if not taken:
        raise InvitationOver
    log.record("staff.joined", user, by=user, now=now)
    if is_new:
        record_roles(user, before=[], by=invitation.invited_by, now=now)
    return user


def _open(email: str | None = None) -> QuerySet[StaffInvitation]:
    rows = StaffInvitation.objects.filter(
        accepted_at__isnull=True, voided_at__isnull=True
    )
    return rows if email is None else rows.filter(email=email)


def _void(invitation: StaffInvitation, *, now: dt.datetime) -> None:
    invitation.voided_at = now
    invitation.save(update_fields=["voided_at"])
    outbox.void(now=now, prefix=f"staff-invitation:{invitation.pk}")


def _language() -> str:
    tenant = connection.tenant
    if isinstance(tenant, HealthAuthority):
        return tenant.default_language
    return settings.LANGUAGE_CODE
