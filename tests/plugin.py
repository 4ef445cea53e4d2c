"""Starts PostgreSQL and Redis before anybody reads the settings.

Loaded by `-p tests.plugin` (pyproject.toml), earlier than any conftest: pytest-django
reads the settings before those. Workers of xdist inherit the address of the database
and start a Redis of their own.
"""

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from quarano import embedded
from quarano.management.commands.messages import compile_changed

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quarano.settings")
os.environ.setdefault("DEBUG", "true")
os.environ.setdefault("DATABASE_AS", "app")
# The synchronous interface of Playwright runs a loop in our thread.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

PREFIX = f"quarano-tests-{os.geteuid()}-"


def sweep() -> None:
    """Stop and remove what killed runs left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        number = folder.name.removeprefix(PREFIX).split("-")[0]
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            for part in ("postgres", "redis"):
                embedded.forget(folder / part)
            shutil.rmtree(folder, ignore_errors=True)
        except (ValueError, PermissionError):
            continue


def start() -> None:
    """Start what the environment does not name."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o711)  # PostgreSQL's own user passes through
    stack = contextlib.ExitStack()
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(stack.close)
    os.environ.setdefault("QUARANO_TEST_LOCK", str(folder / "lock"))
    if not os.environ.get("DATABASE_URL"):
        stack.callback(embedded.forget, folder / "postgres")
        server = stack.enter_context(
            embedded.postgres(folder / "postgres", durable=False)
        )
        os.environ["DATABASE_URL"] = server.url
        os.environ["QUARANO_OWN_DATABASE"] = "yes"
    if not os.environ.get("REDIS_URL") or os.environ.get("QUARANO_OWN_REDIS"):
        server = stack.enter_context(embedded.redis(folder / "redis"))
        os.environ["REDIS_URL"] = server.url
        os.environ["QUARANO_OWN_REDIS"] = "yes"


if not os.environ.get("PYTEST_XDIST_WORKER"):
    sweep()
    compile_changed(Path(__file__).parent.parent / "quarano" / "locale")
start()


# --- The walk keeps one process, and begins before all others ------------------------

# Files whose tests share one demo.
WALKS = (
    "tests/test_walk.py",
    "tests/test_accessibility.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give out test by test, but the walk as one: it starts a demo, which is long."""
    from xdist.scheduler import LoadScopeScheduling

    class WalkFirst(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "walk" if nodeid.startswith(WALKS) else nodeid

    return WalkFirst(config, log) if config.getvalue("dist") == "loadgroup" else None


# --- --refuse: which processes met refusals, over all workers -----------------------

refused: set[str] = set()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--refuse",
        action="store_true",
        help="refuse every statement of every process once, with 40001",
    )
    parser.addoption(
        "--bars",
        action="store_true",
        help="run the long tests of tests/longer, and write their report",
    )


# --- --bars: the longer run, and its report -----------------------------------------


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave the long tests out of every other run."""
    if config.getoption("--bars"):
        return
    long = [one for one in items if one.nodeid.startswith("tests/longer/")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [one for one in items if one not in long]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    outcome = yield
    mark = item.get_closest_marker("bar")
    if mark and item.config.getoption("--bars"):
        from tests.longer import report

        report.note(mark.args, outcome.get_result())


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.getoption("--refuse"):
        return
    from tests.faults import disturbed

    refused.update(disturbed)
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["refused"] = sorted(disturbed)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    refused.update(getattr(node, "workeroutput", {}).get("refused", []))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if config.getoption("--bars"):
        from tests.longer import report

        report.write(terminalreporter.write_line)
    if not config.getoption("--refuse") or hasattr(config, "workeroutput"):
        return
    from tests.faults import processes

    left = sorted(set(processes()) - refused)
    terminalreporter.write_line(
        f"{len(refused)} processes were refused at each statement"
        + (f"; never called in these tests: {', '.join(left)}" if left else "")
    )
