from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from quarano import clock
from quarano.accounts.access import open_door
from quarano.metrics import folding, requests
from quarano.metrics.installation import Installation
from quarano.notifications import signatures


@require_GET
@open_door
def figures(request: HttpRequest) -> HttpResponse:
    """Tell Prometheus how the installation fares; nobody else learns anything."""
    if not settings.METRICS_TOKEN:
        raise Http404
    said = request.headers.get("Authorization", "")
    if not signatures.is_borne(said, [settings.METRICS_TOKEN]):
        return HttpResponse(
            "The token is missing or wrong.\n",
            status=401,
            content_type="text/plain; charset=utf-8",
            headers={"WWW-Authenticate": "Bearer"},
        )
    of_process = requests.registry
    if folding.folder() is not None:
        of_process = CollectorRegistry()
        MultiProcessCollector(of_process)
    of_all = CollectorRegistry()
    of_all.register(Installation(now=clock.now()))
    text = generate_latest(of_process) + generate_latest(of_all)
    return HttpResponse(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)
