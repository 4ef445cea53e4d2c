"""In which region of the cluster an authority's rows live; PostgreSQL has none."""

import datetime as dt
import logging
from collections.abc import Callable
from uuid import UUID

from django.db import DatabaseError, connection
from django.db.models import Q
from django.utils.translation import gettext as _
from django_tenants.utils import schema_context

from health_authorities.middleware import forget
from health_authorities.models import HealthAuthority, PlacementRequest
from quarano.accounts.models import User
from quarano.audit import log
from quarano.cockroach import locality
from quarano.cockroach.locality import Share
from quarano.cockroach.transactions import retrying_transaction

logger = logging.getLogger(__name__)

CLAIM = dt.timedelta(minutes=10)
State = PlacementRequest.State


class NoRegions(Exception):
    """The database has no regions: nothing was done."""


class NotFounded(LookupError):
    """The authority is not founded yet, or unknown."""


def move(schema_name: str, region: str, *, now: dt.datetime) -> Share:
    """Let all tables of an authority live in a region; return how far it is.

    One transaction for all of its tables; may be repeated, and then tells how many of
    its ranges are led from there by now. Outside any transaction, as the owner. Raises
    NoRegions, NotFounded, locality.NotInDatabase.
    """
    with schema_context("public"):
        authority = HealthAuthority.objects.filter(
            schema_name=schema_name, founded_at__isnull=False
        ).first()
        if authority is None:
            raise NotFounded(schema_name)
        if not locality.has_regions():
            raise NoRegions
        locality.bring_home(schema_name, region)
        _note_region(authority, region, now=now)
        return locality.leases(locality.ranges(), schema_name, region)


@retrying_transaction(repeatable=True)
def _note_region(authority: HealthAuthority, region: str, *, now: dt.datetime) -> None:
    """Write down where tables that are made later belong."""
    others = HealthAuthority.objects.filter(pk=authority.pk).exclude(region=region)
    if others.update(region=region):
        log.record("authority.moved", authority, by=None, now=now, fields=["region"])
        forget()


def spread(region: str) -> Share:
    """Spread the database to a region whose nodes have joined; return how far it is.

    May be repeated. Outside any transaction, as the owner. Raises NoRegions,
    locality.UnknownRegion.
    """
    connection.set_schema_to_public()
    if connection.vendor != "cockroachdb":
        raise NoRegions
    locality.add_region(region)
    return locality.replicas(locality.ranges(), region)


# --- By the operator's form -----------------------------------------------------------


@retrying_transaction
def ask_for(
    request: PlacementRequest, *, by: User, now: dt.datetime
) -> PlacementRequest:
    """Enter the operator's wish; the owner's worker carries it out."""
    request.requested_at = now
    request.requested_by = by.pk
    request.save(force_insert=True)
    log.record("placement.requested", request, by=by, now=now)
    return request


def carry_out_all(*, now: dt.datetime) -> int:
    """Go on with every placement that has not arrived; return how many there are.

    As the owner of the database, in the worker of the queue `owner` alone.
    """
    with schema_context("public"):
        open_ones = list(
            PlacementRequest.objects.filter(_open_to_claim(now))
            .order_by("requested_at")
            .values_list("pk", flat=True)
        )
    return sum(carry_out(pk, now=now) for pk in open_ones)


def _open_to_claim(now: dt.datetime) -> Q:
    unclaimed = Q(claimed_until__isnull=True) | Q(claimed_until__lte=now)
    return Q(state__in=[State.WAITING, State.MOVING]) & unclaimed


def carry_out(pk: UUID, *, now: dt.datetime) -> bool:
    """Go on with one placement; False where another worker has it in hand.

    It arrives when the cluster has followed, which SHOW RANGES tells: until then the
    next call looks again.
    """
    connection.set_schema_to_public()
    rows = PlacementRequest.objects.filter(pk=pk)
    claimed = rows.filter(_open_to_claim(now)).update(
        state=State.MOVING, claimed_until=now + CLAIM
    )
    if not claimed:
        return False
    request = rows.select_related("authority").get()
    end = _outcome(lambda: _go_on(request, now=now))
    connection.set_schema_to_public()
    if end["state"] in {State.DONE, State.FAILED}:
        end["finished_at"] = now
    rows.update(claimed_until=None, **end)
    return True


def _go_on(request: PlacementRequest, *, now: dt.datetime) -> Share:
    if request.authority is None:
        return spread(request.region)
    return move(request.authority.schema_name, request.region, now=now)


def _outcome(work: Callable[[], Share]) -> dict[str, object]:
    """What is written down of a placement after one go."""
    try:
        share = work()
    except NoRegions:
        return {"state": State.DONE, "problem": "no regions"}
    except locality.UnknownRegion:
        return {"state": State.FAILED, "problem": "no node"}
    except locality.NotInDatabase:
        return {"state": State.FAILED, "problem": "not spread"}
    except NotFounded:
        return {"state": State.FAILED, "problem": "not founded"}
    except DatabaseError as error:
        # An error's text may hold a value; its class says enough.
        logger.error("placement: %s", type(error).__name__)
        return {"state": State.FAILED, "problem": type(error).__name__}
    return {
        "state": State.DONE if share.is_whole else State.MOVING,
        "ranges_there": share.there,
        "ranges": share.of,
        "problem": "",
    }


def in_words(problem: str) -> str:
    """Say to a person what was written down as a problem."""
    return {
        "no regions": _("This database has no regions: nothing was moved."),
        "no node": _("No node of this region has joined the cluster yet."),
        "not spread": _("The database is not spread to this region yet."),
        "not founded": _("The authority is not founded yet."),
    }.get(problem, problem)
