from collections.abc import Sequence
from typing import Any

from celery import shared_task

from contacts import sources
from health_authorities.tasks import authority_task, in_authorities_with
from quarano import clock


def recent_cases(schema_name: str) -> tuple[str, Sequence[Any]]:
    """SQL that finds a row where a case was reported within the last weeks."""
    sql = (
        f'SELECT 1 FROM "{schema_name}".cases_case '  # noqa: S608 - a schema's name
        "WHERE reported_at > %s"
    )
    return sql, [clock.now() - 2 * sources.TOGETHER]


@authority_task
def find_clusters() -> None:
    sources.find_clusters(now=clock.now())


@shared_task(ignore_result=True)
def find_clusters_all() -> None:
    in_authorities_with(recent_cases, find_clusters)
