"""The session engine and its middleware.

Sessions lie in the authority's schema and carry its name. They end after half an hour
without a request (a poll is none), and so many hours after signing in as the authority
says, twelve at most. The row is written at most once a minute, and again when the
database asks for that. It is sealed: for a while a session holds the token of a link
that was opened, or the secret of a second factor that is being set up.
"""

import time
from typing import Any

from django.conf import settings
from django.contrib.sessions import middleware
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.db import connection
from django.http import HttpRequest, HttpResponse

from health_authorities.models import HealthAuthority
from quarano.cockroach.transactions import is_unavailable, retrying
from quarano.encryption import Unreadable, seal, unseal

SCHEMA, SEEN, STARTED = "_schema", "_seen", "_started"
EXTENDED_EVERY = 60  # seconds
PLACE = "django_session.session_data"


class SessionStore(db.SessionStore):
    def encode(self, session_dict: dict[str, Any]) -> str:
        return seal(super().encode(session_dict), place=PLACE)

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """Return what was stored; nothing where no key of ours opens it."""
        try:
            return super().decode(unseal(str(session_data), place=PLACE))
        except (Unreadable, ValueError):
            return {}

    def load(self) -> dict[str, Any]:
        """Return the session; nothing of another schema, nothing over its time."""
        data = super().load()
        if data and not _is_good(data):
            self._session_key = None
            return {}
        return data

    def opened(self, session_data: str) -> dict[str, Any]:
        """Return what a stored row holds, by the same rules, without reading it."""
        data = self.decode(session_data)
        return data if _is_good(data) else {}

    def save(self, must_create: bool = False) -> None:
        self._stamp(must_create=must_create)
        self._save(must_create)

    @retrying
    def _save(self, must_create: bool) -> None:
        try:
            super().save(must_create)
        except UpdateError as error:
            # Django calls it deleted, which is 400; a database that is away is 503.
            cause = error.__context__
            if cause is not None and is_unavailable(cause):
                raise cause from cause.__cause__
            raise

    @retrying
    def delete(self, session_key: str | None = None) -> None:
        super().delete(session_key)

    def _stamp(self, *, must_create: bool) -> None:
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        data[SCHEMA] = connection.schema_name
        data.setdefault(SEEN, int(time.time()))


def _is_good(data: dict[str, Any]) -> bool:
    started = data.get(STARTED)
    too_old = started and time.time() - started > absolute_age()
    return not too_old and data.get(SCHEMA) == connection.schema_name


def begin(session: SessionBase) -> None:
    """Start the clock of a session: somebody has just signed in."""
    session[STARTED] = session[SEEN] = int(time.time())


def absolute_age() -> float:
    """The longest life of a session, in seconds from signing in.

    The installation's; where the authority that is entered says less, the authority's.
    """
    most = settings.SESSION_ABSOLUTE_AGE.total_seconds()
    authority = connection.tenant
    if isinstance(authority, HealthAuthority):
        return min(most, authority.session_hours * 3600)
    return most


class SessionMiddleware(middleware.SessionMiddleware):
    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        """Extend the session where a person asked for the page."""
        session = request.session
        if session.accessed and not session.is_empty() and not is_poll(request):
            now = int(time.time())
            if now - session.get(SEEN, 0) >= EXTENDED_EVERY:
                session[SEEN] = now
        return super().process_response(request, response)


def is_poll(request: HttpRequest) -> bool:
    """Whether the page asked by itself, with nobody at the keys."""
    return "X-Poll" in request.headers
