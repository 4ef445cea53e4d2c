import datetime as dt

from django.db import connection

from health_authorities.models import HealthAuthority
from quarano import clock
from quarano.accounts.models import User
from quarano.cockroach.transactions import retrying_transaction


def today() -> dt.date:
    """The day on the authority's clock; on the public host in UTC."""
    return local_day(clock.now())


def local_day(now: dt.datetime) -> dt.date:
    """Return the day of the moment here: the authority's zone, else UTC."""
    tenant = connection.tenant
    return tenant.localdate(now) if isinstance(tenant, HealthAuthority) else now.date()


@retrying_transaction(repeatable=True)
def keep_language(user: User, *, language: str) -> None:
    """Keep the language that a login chose, for its next visit."""
    User.objects.filter(pk=user.pk).update(language=language)


@retrying_transaction(repeatable=True)
def end_sessions(user: User) -> int:
    """End every session of this login at its next request; return the new epoch."""
    locked = User.objects.select_for_update().get(pk=user.pk)
    locked.session_epoch += 1
    locked.save(update_fields=["session_epoch"])
    return locked.session_epoch
