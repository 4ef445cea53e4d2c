"""Browsers that are signed in: real HTTP, one kept connection each."""

import datetime as dt
import gzip
import http.client
import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils.crypto import get_random_string

from health_authorities.models import current
from quarano import clock
from quarano.accounts.models import User
from quarano.accounts.sessions import SCHEMA, SEEN, STARTED, SessionStore

KEY_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
CSRF = "b" * 32  # cookie and header only have to agree


@dataclass
class Answer:
    """What came back: status, seconds it took, bytes on the wire, the text."""

    status: int
    seconds: float
    size: int
    location: str
    text: str
    encoding: str


class Browser:
    """One login at one authority."""

    def __init__(self, port: int, host: str, session: str) -> None:
        self.port, self.host = port, host
        cookies = {
            settings.SESSION_COOKIE_NAME: session,
            settings.CSRF_COOKIE_NAME: CSRF,
        }
        self.headers = {
            "Host": host,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "192.0.2.1",
            "Origin": f"https://{host}",
            "Referer": f"https://{host}/",
            "Accept-Encoding": "gzip",
            "Accept-Language": "de",
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        }
        self.connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> Answer:
        return self._ask("GET", path)

    def post(self, path: str, fields: dict[str, str | list[str]]) -> Answer:
        return self._ask("POST", path, urlencode(fields, doseq=True).encode())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        headers = dict(self.headers)
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["X-CSRFToken"] = CSRF
        began = time.perf_counter()
        # Gunicorn's threads keep no idle connections that nobody needs: one each.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        content = response.read()
        took = time.perf_counter() - began
        connection.close()
        encoding = response.getheader("Content-Encoding", "")
        plain = gzip.decompress(content) if encoding == "gzip" else content
        return Answer(
            response.status,
            took,
            len(content),
            response.getheader("Location", ""),
            plain.decode("utf-8", "replace"),
            encoding,
        )


def sign_in(users: Iterable[User]) -> list[str]:
    """Begin a session for each login of the authority that is entered; return keys."""
    now, rows, keys = int(time.time()), [], []
    expires = clock.now() + dt.timedelta(seconds=settings.SESSION_COOKIE_AGE)
    for user in users:
        store = SessionStore()
        key = get_random_string(32, KEY_LETTERS)
        method = {"method": "mfa", "at": float(now), "type": "totp"}
        data = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
            "account_authentication_methods_user": str(user.pk),
            "account_authentication_methods": [
                {"method": "password", "at": float(now)},
                *([method] if user.is_staff else []),
            ],
            SCHEMA: current().schema_name,
            SEEN: now,
            STARTED: now,
        }
        rows.append(
            Session(
                session_key=key, session_data=store.encode(data), expire_date=expires
            )
        )
        keys.append(key)
    Session.objects.bulk_create(rows, batch_size=1000)
    return keys
