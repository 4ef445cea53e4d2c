"""How gunicorn serves: `gunicorn quarano.wsgi --config python:quarano.serving`.

A process per core, four threads each, connections kept (CONN_MAX_AGE, ten minutes):
quarano/decisions/0014 has the figures.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

# Every address: in a container it is the only one.
bind = os.environ.get("WEB_BIND", "0.0.0.0:8000")  # nosec B104 - behind the proxy
workers = int(os.environ.get("WEB_PROCESSES", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
timeout = 60
# Longer than a proxy keeps its connections, so that none is closed in its face.
keepalive = 75
# Longer than the longest statement: who is served is served to the end.
graceful_timeout = 30
max_requests, max_requests_jitter = 5_000, 500
# Files that workers touch and count in: memory, where there is some.
_memory = Path("/dev/shm")  # noqa: S108 # nosec B108 - folders of our own in it
worker_tmp_dir = str(_memory) if _memory.exists() else None

# Before anybody reads the library, which then decides where it counts.
os.environ.setdefault(
    "PROMETHEUS_MULTIPROC_DIR",
    tempfile.mkdtemp(prefix="quarano-figures-", dir=worker_tmp_dir),
)

# What gunicorn says of itself, in the same form as everything else.
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "quarano": {
            "()": "quarano.logs.Plain"
            if os.environ.get("LOG_FORMAT", "json") == "plain"
            else "quarano.logs.Structured"
        }
    },
    "filters": {"discreet": {"()": "quarano.logs.Discreet"}},
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "quarano",
            "filters": ["discreet"],
        }
    },
    "root": {"handlers": ["stdout"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"handlers": ["stdout"], "level": "INFO", "propagate": False},
        "gunicorn.access": {"handlers": [], "propagate": False},
    },
}


def on_starting(server: Any) -> None:
    """Begin to count at nothing, as Prometheus expects of a process that starts."""
    from quarano.metrics import folding

    folding.begin()


def post_worker_init(worker: Any) -> None:
    """Say in the log which authorities lag behind this release."""
    from django.conf import settings

    from health_authorities.schemas import say_who_lags

    if not settings.DEMO:  # where the page comes before the tables
        say_who_lags()


def child_exit(server: Any, worker: Any) -> None:
    """Keep what a worker counted that has ended."""
    from quarano.metrics import folding

    folding.fold(worker.pid)
