"""The operator signs in as everybody does: the same doors, the same second factor."""

from quarano.accounts.urls import urlpatterns

__all__ = ["urlpatterns"]
