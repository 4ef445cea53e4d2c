"""What may stand in a log: where and what kind of thing went wrong, never of whom.

The text of an exception can hold a whole row ("Failing row contains …"), the address of
a page a link's token. So exceptions are told by their kind and the lines of our code,
requests by the pattern of their address.
"""

import datetime as dt
import json
import logging
import traceback
from types import TracebackType
from typing import Any

from django.apps import apps
from django.db import connection

from quarano.audit.middleware import origin

ExcInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None]
    | tuple[None, None, None]
)
# The text of these is made of what an exception, a task or a request said.
OF_REQUESTS = ("django.request", "django.security")
OF_TASKS = "celery.app.trace"
OF_SERVER = "gunicorn.error"
# Gunicorn goes on with the address asked for, or with who asked.
NAMING = ("Error handling request", "Invalid request")


FIELDS = ("route", "method", "status", "ms")  # what a record may bring along


class Plain(logging.Formatter):
    """One line, the request's or task's id in it, and an exception without its text."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(reference)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        record.reference = reference_of(record)
        return super().format(record)

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - logging's name
        lines: list[str] = []
        seen: set[int] = set()
        error = ei[1]
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            lines += traceback.format_tb(error.__traceback__)
            lines.append(f"{kind(error)}\n")
            error = error.__cause__ or error.__context__
        return "".join(lines).rstrip()


class Structured(Plain):
    """One object in JSON: when (UTC), how grave, who says it, for which request or
    task and authority, what, and of a request its page, status and duration."""

    def format(self, record: logging.LogRecord) -> str:
        moment = dt.datetime.fromtimestamp(record.created, tz=dt.UTC)
        said: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request": reference_of(record),
            "authority": getattr(record, "authority", None) or authority(),
            "message": record.getMessage(),
        }
        said |= {one: vars(record)[one] for one in FIELDS if one in vars(record)}
        if record.exc_info and record.exc_info[0]:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False, default=repr)


def reference_of(record: logging.LogRecord) -> str:
    """The id of the request or task that a record belongs to; "-" for none."""
    return getattr(record, "reference", None) or origin().request_id or "-"


def authority() -> str:
    """The schema in which this thread works."""
    if not apps.ready:
        return "-"
    return str(getattr(connection, "schema_name", None) or "-")


def kind(error: BaseException) -> str:
    """Name an exception; of the database also the state and what was violated."""
    name = type(error).__qualname__
    found = [getattr(error, "sqlstate", None)]
    diagnosis = getattr(error, "diag", None)
    found.append(getattr(diagnosis, "constraint_name", None))
    more = " ".join(str(one) for one in found if one)
    return f"{name} ({more})" if more else name


class Discreet(logging.Filter):
    """Takes addresses out of what Django and gunicorn say, errors out of Celery's."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if record.name.startswith(OF_REQUESTS):
            record.msg, record.args = _of_request(record, request), ()
        elif record.name == OF_TASKS:
            record.msg, record.args = _of_task(record), ()
        elif record.name == OF_SERVER:
            for start in NAMING:
                if str(record.msg).startswith(start):
                    record.msg, record.args = start, ()
        return True


def _of_request(record: logging.LogRecord, request: Any) -> str:
    if request is None:
        return record.name
    match = getattr(request, "resolver_match", None)
    page = f"/{match.route}" if match is not None else "no page of ours"
    status = getattr(record, "status_code", 403)
    return f"{status} {request.method} {page}"


def _of_task(record: logging.LogRecord) -> str:
    said = record.args if isinstance(record.args, dict) else {}
    error = record.exc_info[1] if record.exc_info else None
    told = f": {kind(error)}" if error is not None else ""
    how = said.get("description", "done")
    return f"task {said.get('name', '?')}[{said.get('id', '?')}] {how}{told}"
