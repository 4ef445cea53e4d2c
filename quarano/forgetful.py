"""The cache of what can be asked of the database again: Redis away costs time only.

Limits lie in another cache, which says so where it is away: without them nobody may
guess, and the page answers 503.
"""

import logging
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis import RedisError

logger = logging.getLogger(__name__)


class ForgetfulCache(RedisCache):
    """Redis, which remembers nothing while it cannot be reached."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Return what was kept; the default where Redis is away."""
        try:
            return super().get(key, default, version)
        except RedisError as error:
            return _forgot(error, default)

    def get_many(self, keys: Any, version: int | None = None) -> dict[Any, Any]:
        """Return what was kept of these; nothing where Redis is away."""
        try:
            found: dict[Any, Any] = super().get_many(keys, version)
        except RedisError as error:
            return _forgot(error, {})
        return found

    def set(self, *args: Any, **kwargs: Any) -> None:
        """Keep a value, unless Redis is away."""
        try:
            super().set(*args, **kwargs)
        except RedisError as error:
            _forgot(error, None)

    def add(self, *args: Any, **kwargs: Any) -> bool:
        """Keep a value where none was; False, as if one were, while Redis is away."""
        try:
            return bool(super().add(*args, **kwargs))
        except RedisError as error:
            return bool(_forgot(error, False))

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        """Forget a value; an emptied Redis has forgotten it by itself."""
        try:
            return bool(super().delete(*args, **kwargs))
        except RedisError as error:
            return bool(_forgot(error, False))


def _forgot(error: RedisError, answer: Any) -> Any:
    logger.warning("the cache is away: %s", type(error).__name__)
    return answer
