from allauth.core.internal import ratelimit
from django.apps import AppConfig
from django.core.cache import caches


class AccountsConfig(AppConfig):
    name = "quarano.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Listen to sign-ins; count tries over all authorities together; write down
        again which browser is signed in, where the database asks for that.

        allauth counts in the default cache, whose keys begin with the schema: its
        limits would be multiplied by the number of authorities.
        """
        from allauth.usersessions.models import UserSessionManager

        from quarano.accounts import receivers  # noqa: F401 - connects
        from quarano.cockroach.transactions import retrying

        ratelimit.cache = caches["shared"]
        # In the middle of what cannot be repeated as a whole: a password that has
        # been changed is not the old one any more.
        write = UserSessionManager.create_from_request
        UserSessionManager.create_from_request = retrying(write)
