import datetime as dt
from collections.abc import Iterable

from django.db.models import Q

from quarano.accounts import logins
from quarano.accounts.models import Role, User
from quarano.audit import log
from quarano.cockroach.transactions import retrying_transaction

# Without one of these nobody could let anybody in again.
KEEPERS = {"administrator", "operator"}


class LastKeeper(Exception):
    """Nobody would be left who can invite."""


class OwnRoles(Exception):
    """Nobody gives a role to themselves: somebody else who may has to."""


class UnknownRole(Exception):
    """A role is named that this place does not have."""


@retrying_transaction(repeatable=True)
def change_roles(
    user: User, *, roles: Iterable[str], by: User, now: dt.datetime
) -> User:
    """Give an official this set of roles; sessions of the old set end.

    Raises UnknownRole, LastKeeper where no administrator would be left, and OwnRoles
    where somebody would give one to themselves.
    """
    wanted = sorted(set(roles))
    locked = User.objects.select_for_update().get(pk=user.pk)
    if not wanted or Role.objects.filter(code__in=wanted).count() != len(wanted):
        raise UnknownRole
    before = sorted(locked.roles)
    if before == wanted:
        return locked
    _keep_a_keeper(locked, roles=wanted, is_active=locked.is_active, now=now)
    if by.pk == locked.pk and set(wanted) - set(before):
        raise OwnRoles
    locked.roles = wanted
    locked.session_epoch += 1
    locked.save(update_fields=["roles", "session_epoch"])
    record_roles(locked, before=before, by=by, now=now)
    return locked


@retrying_transaction(repeatable=True)
def deactivate(user: User, *, by: User, now: dt.datetime) -> User:
    """Close an account: its sessions end at their next request, signing in fails."""
    locked = User.objects.select_for_update().get(pk=user.pk)
    if not locked.is_active:
        return locked
    _keep_a_keeper(locked, roles=locked.roles, is_active=False, now=now)
    locked.is_active = False
    locked.session_epoch += 1
    locked.save(update_fields=["is_active", "session_epoch"])
    log.record("staff.deactivated", locked, by=by, now=now)
    return locked


@retrying_transaction(repeatable=True)
def reactivate(user: User, *, by: User, now: dt.datetime) -> User:
    """Open a closed account again, with roles, password and second factor as before."""
    locked = User.objects.select_for_update().get(pk=user.pk)
    if locked.is_active:
        return locked
    locked.is_active = True
    locked.save(update_fields=["is_active"])
    log.record("staff.reactivated", locked, by=by, now=now)
    return locked


@retrying_transaction(repeatable=True)
def end_on(user: User, *, day: dt.date | None, by: User, now: dt.datetime) -> User:
    """Let an account end by itself after this local day, or never (None)."""
    locked = User.objects.select_for_update().get(pk=user.pk)
    if locked.active_until == day:
        return locked
    locked.active_until = day
    locked.save(update_fields=["active_until"])
    log.record("staff.end_changed", locked, by=by, now=now, fields=["active_until"])
    return locked


def record_roles(
    user: User, *, before: list[str], by: User | None, now: dt.datetime
) -> None:
    """Write down which roles came and went; role codes are no personal data."""
    log.record(
        "staff.roles_changed",
        user,
        by=by,
        now=now,
        fields=["roles"],
        codes={"before": before, "after": sorted(user.roles)},
    )


def _keep_a_keeper(
    user: User, *, roles: Iterable[str], is_active: bool, now: dt.datetime
) -> None:
    stays = is_active and KEEPERS & set(roles)
    if stays or not KEEPERS & set(user.roles):
        return
    today = logins.local_day(now)
    others = (
        User.objects.filter(is_active=True, roles__overlap=sorted(KEEPERS))
        .filter(Q(active_until__isnull=True) | Q(active_until__gte=today))
        .exclude(pk=user.pk)
    )
    if not others.exists():
        raise LastKeeper
