"""What an authority changes about itself: hours, on-call, hotlines, address."""

import datetime as dt
from typing import Any

from django_tenants.utils import schema_context

from health_authorities.middleware import forget
from health_authorities.models import HealthAuthority
from quarano.audit import log
from quarano.cockroach.transactions import retrying_transaction

# Name, code, state and schema are the operator's; the rest the authority knows best.
OWN = frozenset(
    {
        "street",
        "postal_code",
        "city",
        "cases_phone",
        "cases_email",
        "contacts_phone",
        "contacts_email",
        "sender_name",
        "staffed_hours",
        "closed_on_holidays",
        "special_days",
        "on_call_phone",
        "on_call_phone_second",
        "session_hours",
    }
)


class SavedMeanwhile(Exception):
    """Somebody else saved first; `.stored` is what stands there now."""

    def __init__(self, stored: HealthAuthority) -> None:
        super().__init__(stored.version)
        self.stored = stored


def read(authority: HealthAuthority) -> HealthAuthority:
    """Return the authority as it is stored this moment, not as it was remembered."""
    with schema_context("public"):
        return HealthAuthority.objects.get(pk=authority.pk)


@retrying_transaction(repeatable=True)
def revise(
    authority: HealthAuthority,
    changes: dict[str, Any],
    *,
    version: int,
    by: Any,
    now: dt.datetime,
) -> HealthAuthority:
    """Change what the authority may of itself; the event stands in its own audit.

    `version` is the one that the form was filled on. Raises SavedMeanwhile where
    another version would be lost, ValueError for a field that is not OWN.
    """
    if not set(changes) <= OWN:
        raise ValueError(sorted(set(changes) - OWN))
    with schema_context("public"):
        row = HealthAuthority.objects.select_for_update().get(pk=authority.pk)
        changed = [name for name, new in changes.items() if getattr(row, name) != new]
        if changed and row.version != version:
            raise SavedMeanwhile(row)
        for name in changed:
            setattr(row, name, changes[name])
        if changed:
            row.version += 1
            row.save(update_fields=[*changed, "version"])
    if changed:
        log.record("authority.changed", row, by=by, now=now, fields=changed)
        forget()
    return row
