"""Where gateways and mail providers tell what became of a message."""

import json
from dataclasses import replace

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from quarano import clock
from quarano.accounts.access import open_door
from quarano.accounts.limits import Limit, address, allow
from quarano.audit import log
from quarano.notifications import bounces, gateway, reports, signatures

# So many refusals of one address are written down; more say nothing new.
REFUSALS = Limit(20, 60 * 60)


@csrf_exempt
@require_POST
@open_door
def report_sms(request: HttpRequest) -> JsonResponse:
    """Take what the gateway tells, in its provider's words."""
    return _take(request, "sms", gateway.adapter())


@csrf_exempt
@require_POST
@open_door
def report_mail(request: HttpRequest) -> JsonResponse:
    """Take what a mail provider tells, in the words of our own protocol."""
    return _take(request, "mail", gateway.ADAPTERS["quarano"])


def _take(
    request: HttpRequest, channel: str, provider: gateway.Adapter
) -> JsonResponse:
    """Note reports that the authority's secret vouches for; the host names whose.

    403 without it, 400 for what is no report, 404 where no message here is meant: then
    the provider may tell again.
    """
    now = clock.now()
    if not _is_vouched_for(request):
        if allow("report-refused", REFUSALS, key=address(request)):
            log.record("report.refused", None, by=None, now=now)
        return JsonResponse({"error": "signature"}, status=403)
    try:
        told = list(reports.read(json.loads(request.body), provider))
    except (ValueError, RecursionError, reports.Unreadable):
        return JsonResponse({"error": "unreadable"}, status=400)
    unknown = 0
    for one in map(_in_our_words, told):
        pk = reports.find(one, channel=channel)
        if pk is None:
            unknown += 1
        else:
            reports.note(pk, one, now=now)
    return JsonResponse(
        {"known": len(told) - unknown, "unknown": unknown},
        status=404 if told and unknown == len(told) else 200,
    )


def _is_vouched_for(request: HttpRequest) -> bool:
    secrets = [
        signatures.secret(connection.schema_name, key) for key in settings.FIELD_KEYS
    ]
    signed = request.headers.get(signatures.HEADER, "")
    borne = request.headers.get("Authorization", "")
    return signatures.is_signed(request.body, signed, secrets) or signatures.is_borne(
        borne, secrets
    )


def _in_our_words(report: reports.Report) -> reports.Report:
    """An enhanced status code such as 5.1.1 says more than 'undelivered'."""
    if report.outcome != reports.UNDELIVERED or not bounces.STATUS.match(report.reason):
        return report
    outcome, reason = bounces.outcome_of("failed", report.reason) or ("", "")
    return replace(report, outcome=outcome, reason=reason)
