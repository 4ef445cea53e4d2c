"""Host → authority → one SET search_path; zone and language put back afterwards."""

import time
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django_tenants.utils import schema_context

from health_authorities.models import Domain, HealthAuthority

_known: dict[str, tuple[float, HealthAuthority | None]] = {}


def forget(host: str | None = None) -> None:
    """Forget which authority answers at the host, or at any."""
    if host is None:
        _known.clear()
    else:
        _known.pop(host, None)


def authority_at(host: str) -> HealthAuthority | None:
    """Return the authority of a host name without port, None where nobody is."""
    known = _known.get(host)
    if known and known[0] > time.monotonic():
        return known[1]
    with schema_context("public"):
        domain = (
            Domain.objects.select_related("tenant")
            .filter(domain=host, tenant__founded_at__isnull=False)
            .first()
        )
    authority = domain.tenant if domain else None
    if authority is not None:
        authority._host = host
    if len(_known) > 5000:
        _known.clear()
    _known[host] = (time.monotonic() + settings.AUTHORITY_CACHE_SECONDS, authority)
    return authority


class AuthorityMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        host = request.get_host().rpartition(":")[0] or request.get_host()
        host = host.lower().rstrip(".")
        if host == settings.PUBLIC_HOST:
            connection.set_schema_to_public()
            request.urlconf = settings.PUBLIC_SCHEMA_URLCONF
            request.authority = None
            return self.get_response(request)
        authority = authority_at(host)
        if authority is None:
            return HttpResponse(status=404, content_type="text/plain")
        connection.set_tenant(authority)
        request.authority = authority
        timezone.activate(authority.zone)
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()
            translation.deactivate()
