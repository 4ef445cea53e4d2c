"""What the operator changes of an authority: its details and its hosts."""

import datetime as dt
from typing import Any

from health_authorities.middleware import forget
from health_authorities.models import Domain, HealthAuthority
from quarano.audit import log
from quarano.cockroach.transactions import retrying_transaction


class StillNeeded(Exception):
    """Links lead to this host: another one has to be primary first."""


@retrying_transaction(repeatable=True)
def change_details(
    authority: HealthAuthority, changes: dict[str, Any], *, by: Any, now: dt.datetime
) -> HealthAuthority:
    """Change name, address, hotlines and the like; never schema, code or region."""
    locked = HealthAuthority.objects.select_for_update().get(pk=authority.pk)
    changed = [
        name for name, value in changes.items() if getattr(locked, name) != value
    ]
    for name in changed:
        setattr(locked, name, changes[name])
    if changed:
        locked.version += 1
        locked.save(update_fields=[*changed, "version"])
        log.record("authority.changed", locked, by=by, now=now, fields=changed)
        forget()
    return locked


@retrying_transaction
def add(host: str, *, authority: HealthAuthority, by: Any, now: dt.datetime) -> Domain:
    """Let the authority answer at a further host."""
    locked = HealthAuthority.objects.select_for_update().get(pk=authority.pk)
    domain = Domain(domain=host.lower(), tenant=locked, is_primary=False)
    # DomainMixin.save() would decide on primary hosts by itself.
    Domain.objects.bulk_create([domain])
    log.record("domain.added", domain, by=by, now=now)
    forget(domain.domain)
    return domain


@retrying_transaction
def make_primary(domain: Domain, *, by: Any, now: dt.datetime) -> None:
    """Let links lead to this host from now on."""
    locked = HealthAuthority.objects.select_for_update().get(pk=domain.tenant_id)
    hosts = Domain.objects.filter(tenant=locked)
    hosts.exclude(pk=domain.pk).update(is_primary=False)
    hosts.filter(pk=domain.pk).update(is_primary=True)
    log.record("domain.made_primary", domain, by=by, now=now)
    forget()


@retrying_transaction
def remove(domain: Domain, *, by: Any, now: dt.datetime) -> None:
    """Answer no longer at a host; raises StillNeeded for the primary one."""
    locked = Domain.objects.select_for_update().get(pk=domain.pk)
    if locked.is_primary:
        raise StillNeeded
    log.record("domain.removed", locked, by=by, now=now)
    locked.delete()
    forget(locked.domain)
