"""Ways in for the cast: a token good once, on the host where it is used."""

import secrets
from typing import Any

from django.core.cache import caches

MINUTES = 5


def open_way(*, schema: str, user: str) -> str:
    """Return a token that signs this login in once, within five minutes."""
    token = secrets.token_urlsafe(24)
    key = f"demo-way:{token}"
    caches["shared"].set(key, {"schema": schema, "user": user}, MINUTES * 60)
    return token


def look(token: str) -> dict[str, Any] | None:
    """Return whom a token signs in, without using it up."""
    found: dict[str, Any] | None = caches["shared"].get(f"demo-way:{token}")
    return found


def take(token: str, *, schema: str) -> str | None:
    """Use the token up; return the login's id where it belongs to this schema."""
    found = look(token)
    if not found or found["schema"] != schema:
        return None
    # delete() says whether it was there: two posts, one way in.
    return found["user"] if caches["shared"].delete(f"demo-way:{token}") else None
