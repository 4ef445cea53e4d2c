import datetime as dt
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from health_authorities.models import current
from quarano import clock
from quarano.accounts.access import actor, may
from quarano.audit import log as audit
from quarano.audit.models import Event
from quarano.forms import key_of
from quarano.oversight import trail, watch
from quarano.oversight.forms import AlarmForm, TrailForm
from quarano.oversight.models import Alarm

SETTLED_SHOWN = 50
EVENTS_SHOWN = 100
MONTH = dt.timedelta(days=30)


@require_GET
@may(watch.PERMISSION)
def alarms(request: HttpRequest) -> HttpResponse:
    """What somebody must look into, and what was looked into last."""
    return _alarms(request)


def _alarms(
    request: HttpRequest, form: AlarmForm | None = None, pk: UUID | None = None
) -> HttpResponse:
    waiting = list(Alarm.objects.open().order_by("-raised_at", "pk"))
    settled = Alarm.objects.filter(settled_at__isnull=False)
    over = list(settled.order_by("-settled_at", "pk")[:SETTLED_SHOWN])
    keys = {key for one in [*waiting, *over] for key in (one.actor, one.settled_by)}
    names = watch.names_of([key for key in keys if key])
    shown = [one.pk for one in [*waiting, *over]]
    codes = {"alarms": len(shown)}
    audit.viewed(request, "alarms.viewed", now=clock.now(), codes=codes)
    context = {
        "waiting": [_row(request, one, names, form, pk) for one in waiting],
        "over": [_row(request, one, names, None, None) for one in over],
        "may_read_log": actor(request).may("audit.view"),
    }
    status = 422 if form is not None else 200
    return render(request, "oversight/alarms.html", context, status=status)


def _row(
    request: HttpRequest,
    alarm: Alarm,
    names: dict[UUID, str],
    form: AlarmForm | None,
    pk: UUID | None,
) -> dict[str, Any]:
    gone = _("an account that is gone")
    happened_on = current().localdate(alarm.happened_at)
    own = AlarmForm(auto_id=f"alarm_{alarm.pk}_%s")
    return {
        "alarm": alarm,
        "official": names.get(alarm.actor, gone),
        "settled_by": names.get(alarm.settled_by, gone) if alarm.settled_by else "",
        "is_mine": alarm.actor == actor(request).pk,
        "form": form if form is not None and alarm.pk == pk else own,
        "since": happened_on - dt.timedelta(days=1),
        "until": happened_on + dt.timedelta(days=1),
    }


@require_POST
@may(watch.PERMISSION)
def settle(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say what came of an alarm; somebody else than whom it is about."""
    alarm = get_object_or_404(Alarm, pk=pk)
    form = AlarmForm(request.POST, auto_id=f"alarm_{alarm.pk}_%s")
    if not form.is_valid():
        return _alarms(request, form, pk)
    by = actor(request)
    try:
        watch.settle(alarm, **form.cleaned_data, by=by, now=clock.now())
    except watch.OwnAlarm:
        form.add_error(None, _("Somebody else has to look into this one."))
        return _alarms(request, form, pk)
    except watch.SettledAlready:
        messages.info(request, _("Somebody else has settled it already."))
    else:
        messages.success(request, _("Settled."))
    return redirect("oversight:alarms")


@require_GET
@may("audit.view")
def access_log(request: HttpRequest) -> HttpResponse:
    """Who saw or changed a person; what an official saw or did. Asking is an event."""
    now = clock.now()
    today = request.authority.localdate(now)
    span = {"since": today - MONTH, "until": today}
    officials = trail.officials(since=now - MONTH * 13)
    asked = request.GET if {"person", "official"} & {*request.GET} else None
    form = TrailForm(asked, initial=span, officials=officials)
    context: dict[str, Any] = {"form": form}
    if form.is_bound and form.is_valid():
        context |= _answer(request, form.cleaned_data, now=now)
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "oversight/access_log.html", context, status=status)


def _answer(
    request: HttpRequest, asked: dict[str, Any], *, now: dt.datetime
) -> dict[str, Any]:
    zone, midnight = request.authority.zone, dt.time()
    since = dt.datetime.combine(asked["since"], midnight, zone)
    until = dt.datetime.combine(asked["until"] + dt.timedelta(days=1), midnight, zone)
    person, official = asked["person"], asked["official"]
    if person:
        events = trail.of_person(person, since=since, until=until)
    else:
        events = trail.of_official(UUID(official), since=since, until=until)
    found = list(_after(events, request.GET.get("after", ""))[: EVENTS_SHOWN + 1])
    codes = {"official": official} if official else {}
    audit.viewed(request, "audit.viewed", now=now, person=person, codes=codes)
    return {
        "lines": trail.in_words(found[:EVENTS_SHOWN]),
        "asks_for_person": bool(person),
        "after": _further(request, found) if len(found) > EVENTS_SHOWN else "",
    }


def _after(events: Any, key: str) -> Any:
    """The page behind an event that was shown last; a strange key is the first page."""
    known = key_of(key)
    last = Event.objects.filter(pk=known).first() if known else None
    if last is None:
        return events
    return events.filter(at__lte=last.at).exclude(at=last.at, pk__gte=last.pk)


def _further(request: HttpRequest, found: list[Event]) -> str:
    query = request.GET.copy()
    query["after"] = str(found[EVENTS_SHOWN - 1].pk)
    return query.urlencode()
