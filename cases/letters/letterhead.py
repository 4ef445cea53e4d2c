"""The authority's picture on its letters."""

import datetime as dt

from cases.models import Logo
from quarano.accounts.models import User
from quarano.audit import log as audit
from quarano.cockroach.transactions import retrying_transaction
from quarano.letters.typesetting import Logo as Picture


@retrying_transaction
def set_logo(picture: Picture, *, by: User, now: dt.datetime) -> Logo:
    """Put a checked picture onto the letters, in place of the one before."""
    before = Logo.objects.select_for_update().first()
    logo, _is_new = Logo.objects.update_or_create(
        code="logo",
        defaults={
            "kind": picture.kind,
            "content": picture.content,
            "uploaded_at": now,
            "uploaded_by": by,
            "version": before.version + 1 if before else 1,
        },
    )
    audit.record("logo.set", logo, by=by, now=now, codes={"kind": picture.kind})
    return logo


@retrying_transaction(repeatable=True)
def remove_logo(*, by: User, now: dt.datetime) -> bool:
    """Take the picture off the letters; False where there is none."""
    logo = Logo.objects.select_for_update().first()
    if logo is None:
        return False
    logo.delete()
    audit.record("logo.removed", None, by=by, now=now)
    return True
