"""Jobs that name every app."""

from celery import shared_task

from health_authorities.tasks import authority_task, in_authorities_with
from quarano import clock, founding, practice
from quarano.audit import chain


@authority_task(public=True)
def seal() -> None:
    chain.seal(now=clock.now())


@shared_task(ignore_result=True)
def seal_all() -> None:
    in_authorities_with(chain.unsealed_query, seal, public=True)


@shared_task(ignore_result=True)
def found_requested() -> None:
    """On the queue `owner` only: it makes tables."""
    founding.carry_out_all(now=clock.now())


@shared_task(ignore_result=True)
def reset_practice() -> None:
    """On the queue `owner` only: it makes and drops tables."""
    practice.reset_due(now=clock.now())
