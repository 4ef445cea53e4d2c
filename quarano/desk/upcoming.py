"""What an empty worklist says: what was done today, and what comes next."""

import datetime as dt
from typing import Any
from uuid import UUID

from cases import worklist
from quarano.accounts.models import User


def read(user: User, *, now: dt.datetime) -> dict[str, Any]:
    settled, by_me = worklist.settled_today(user, now=now)
    return {
        "settled": settled,
        "by_me": by_me,
        "sleeping": worklist.sleeping(user, now=now),
        "ending": worklist.ending_tomorrow(user, now=now),
    }


def shown(read: dict[str, Any]) -> list[UUID]:
    """Return the people whom this names: being shown them is an event as well."""
    return sorted({one.person_id for one in read["sleeping"]})
