"""The yardstick: what a page or a process asks of the database, and nothing else."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from quarano.bench.browser import CSRF, Browser

NOT_WORK = re.compile(
    r"^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET |RESET )", re.IGNORECASE
)


@dataclass(frozen=True)
class Asked:
    """The statements of one request, with their values."""

    statements: list[str]

    def replayed(self, times: int = 15) -> float:
        """Return the seconds that they take alone, the best of some runs."""
        spans = []
        for _run in range(times):
            with transaction.atomic():
                with connection.cursor() as cursor:
                    began = time.perf_counter()
                    for statement in self.statements:
                        cursor.execute(statement)
                        if cursor.description:
                            cursor.fetchall()
                    spans.append(time.perf_counter() - began)
                transaction.set_rollback(True)
        return sorted(spans)[len(spans) // 2]


def asked_by(
    browser: Browser, path: str, fields: dict[str, object] | None = None
) -> Asked:
    """Return what the database is asked by one request, all of it taken back."""
    client = Client(headers={k.lower(): v for k, v in browser.headers.items()
                             if k not in ("Cookie", "Accept-Encoding")},
                    SERVER_NAME=browser.host, raise_request_exception=True)  # fmt: skip
    for cookie in browser.headers["Cookie"].split("; "):
        name, _, value = cookie.partition("=")
        client.cookies[name] = value

    def ask() -> int:
        if fields is None:
            return client.get(path, secure=True).status_code
        return client.post(
            path, fields, secure=True, headers={"x-csrftoken": CSRF}
        ).status_code

    tenant = connection.tenant
    if fields is None:
        ask()  # templates, hosts and policies are known from now on
        connection.set_tenant(tenant)
    return captured(ask)


def captured(ask: Callable[[], int]) -> Asked:
    tenant = connection.tenant
    with transaction.atomic():
        with CaptureQueriesContext(connection) as queries:
            status = ask()
        transaction.set_rollback(True)
    connection.set_tenant(tenant)
    if status not in (200, 302):
        raise RuntimeError(f"the page answered {status}")
    return Asked(
        [
            query["sql"]
            for query in queries
            # Whose host it is, is remembered from request to request.
            if not NOT_WORK.match(query["sql"]) and "_domain" not in query["sql"]
        ]
    )
