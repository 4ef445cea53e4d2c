"""The doors for jobs: one authority, or all that have work."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, overload

from celery import Task, current_task, shared_task
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context

from health_authorities import everywhere
from health_authorities.everywhere import PUBLIC
from health_authorities.models import HealthAuthority
from quarano.audit.middleware import started_by

Query = Callable[[str], tuple[str, Sequence[Any]]]


@contextmanager
def _entered(schema_name: str, *, public: bool) -> Iterator[None]:
    number = (current_task.request.id if current_task else "") or ""
    if public and schema_name == PUBLIC:
        with started_by(number), schema_context(PUBLIC):
            yield
        return
    with schema_context(PUBLIC):
        authority = HealthAuthority.objects.get(
            schema_name=schema_name, founded_at__isnull=False
        )
    with (
        started_by(number),
        tenant_context(authority),
        timezone.override(authority.zone),
    ):
        yield


@overload
def authority_task(func: Callable[..., None]) -> Task: ...
@overload
def authority_task(*, public: bool) -> Callable[[Callable[..., None]], Task]: ...
def authority_task(
    func: Callable[..., None] | None = None, *, public: bool = False
) -> Task | Callable[[Callable[..., None]], Task]:
    """A Celery task whose first argument names the schema it works in.

    An unknown name, and one not founded yet, raise HealthAuthority.DoesNotExist before
    anything is done. `public` says that the task may be asked to work in `public` too.
    """

    def decorate(work: Callable[..., None]) -> Task:
        @shared_task(name=f"{work.__module__}.{work.__name__}", ignore_result=True)
        @wraps(work)
        def task(schema_name: str, *args: Any, **kwargs: Any) -> None:
            with _entered(schema_name, public=public):
                work(*args, **kwargs)

        task.enters = PUBLIC if public else "authority"  # type: ignore[attr-defined]
        return task

    return decorate(func) if func is not None else decorate


def local(schema_name: str, moment: dt.datetime) -> tuple[str, list[Any]]:
    """Return SQL, with its values, for what the authority's clock shows at the moment.

    A timestamp without zone: CAST(… AS DATE) is its day, CAST(… AS TIME) its time.
    """
    zone = (
        "(SELECT h.time_zone FROM public.health_authorities_healthauthority h"
        " WHERE h.schema_name = %s)"
    )
    return f"(CAST(%s AS TIMESTAMPTZ) AT TIME ZONE {zone})", [moment, schema_name]


def in_authorities_with(
    query: Query, task: Task, *args: Any, public: bool = False
) -> list[str]:
    """Give `task` to each authority in which `query` finds a row; return their schemas.

    `query` gets the name of a schema and returns SQL with its parameters, such as
    `(f'SELECT 1 FROM "{schema}".cases_case WHERE reported_at < %s', [now])`. Fifty
    authorities are asked at once; where one cannot answer, each of them is asked alone,
    so that none holds up another.
    """

    def exists(name: str) -> tuple[str, Sequence[Any]]:
        sql, values = query(name)
        return f"SELECT %s WHERE EXISTS ({sql})", [name, *values]

    found = [name for (name,) in everywhere.rows(exists, public=public)]
    for name in found:
        task.apply_async((name, *args))
    return found
