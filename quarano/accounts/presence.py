"""Where a login is signed in, and how to end that."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils.crypto import constant_time_compare, salted_hmac

from quarano.accounts.browsers import described
from quarano.accounts.models import User
from quarano.accounts.sessions import SEEN, SessionStore
from quarano.audit import log
from quarano.cockroach.transactions import retrying_transaction


@dataclass(frozen=True)
class Presence:
    """One browser in which this login is signed in; `mark` names it in forms."""

    mark: str
    device: str
    since: dt.datetime
    seen: dt.datetime  # to the minute
    is_here: bool


def of(user: User, *, here: str | None, now: dt.datetime) -> list[Presence]:
    """Return where the login is signed in: this browser first, then the latest seen.

    `here` is the key of the session that asks. Two statements; changes nothing.
    """
    known = {row.session_key: row for row in UserSession.objects.filter(user=user)}
    rows = Session.objects.filter(session_key__in=list(known), expire_date__gt=now)
    hash_now = user.get_session_auth_hash()
    found = []
    for row in rows.order_by("session_key"):
        kept = SessionStore(row.session_key).opened(row.session_data)
        if not constant_time_compare(kept.get(HASH_SESSION_KEY, ""), hash_now):
            continue
        one = known[row.session_key]
        found.append(
            Presence(
                mark=_mark(row.session_key),
                device=described(one.user_agent),
                since=one.created_at,
                seen=dt.datetime.fromtimestamp(kept[SEEN], dt.UTC),
                is_here=row.session_key == here,
            )
        )
    return sorted(found, key=lambda one: (not one.is_here, -one.seen.timestamp()))


@retrying_transaction(repeatable=True)
def end(user: User, *, marks: Collection[str], now: dt.datetime) -> int:
    """End these sessions of the login at once; return how many there were."""
    User.objects.select_for_update().get(pk=user.pk)
    keys = [
        row.session_key
        for row in UserSession.objects.filter(user=user)
        if _mark(row.session_key) in marks
    ]
    if keys:
        Session.objects.filter(session_key__in=keys).delete()
        UserSession.objects.filter(user=user, session_key__in=keys).delete()
        log.record(
            "login.sessions_ended", user, by=user, now=now, codes={"count": len(keys)}
        )
    return len(keys)


def _mark(key: str) -> str:
    # The key itself opens the session: it stands on no page.
    return salted_hmac("quarano.accounts.presence", key).hexdigest()[:32]


@retrying_transaction(repeatable=True)
def erase_expired(*, now: dt.datetime) -> int:
    """Delete the sessions of this schema that are over by `now`, and what was noted of
    them; return how many. Their rows hold sealed tokens and kept forms."""
    over = Session.objects.filter(expire_date__lt=now)
    count, _each = over.delete()
    UserSession.objects.exclude(
        session_key__in=Session.objects.values("session_key")
    ).delete()
    return count


def expired_query(schema: str, now: dt.datetime) -> tuple[str, list[Any]]:
    """SQL that finds a session of that schema which is over."""
    sql = f'SELECT 1 FROM "{schema}".django_session WHERE expire_date < %s'  # noqa: S608 - a schema's name
    return sql, [now]
