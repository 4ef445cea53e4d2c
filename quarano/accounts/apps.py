from allauth.core.internal import ratelimit
from django.apps import AppConfig
from django.core.cache import caches


class AccountsConfig(AppConfig):
    name = "quarano.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Listen to sign-ins; count tries over all authorities together.

        allauth counts in the default cache, whose keys begin with the schema: its
        limits would be multiplied by the number of authorities.
        """
        from quarano.accounts import receivers  # noqa: F401 - connects

        ratelimit.cache = caches["shared"]
