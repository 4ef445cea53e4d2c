"""Rows 15 and 16: authority number 401, and one added column in 400 authorities.

In a database of its own on the server of the benchmark, in a process of its own; the
database is dropped at the end.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from quarano.bench.house import ROOT
from quarano.bench.results import Result

NAME = "quarano_many"
AUTHORITIES = {"small": 40, "medium": 400, "large": 400}
STANDARD = 10  # authorities that are migrated in the standard way, as a yardstick
MORE = 3  # foundings that are measured
MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("desk", "{last}")]
    operations = [migrations.AddField(
        "SetUpMark", "remark",
        models.CharField(max_length=40, default="", db_default=""))]
"""


def measured(scale: str) -> list[Result]:
    """Measure both rows in another process; return what it found."""
    address = os.environ["DATABASE_URL"]
    done = subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-m", "quarano.bench.schema_rows", scale],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": _beside(address), "DATABASE_AS": "owner"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError("founding many authorities failed")
    return [Result(**one) for one in json.loads(done.stdout.splitlines()[-1])]


def _beside(address: str) -> str:
    return urlunsplit(urlsplit(address)._replace(path=f"/{NAME}"))


def _on_server(*statements: str) -> None:
    address = urlunsplit(
        urlsplit(os.environ["DATABASE_URL"])._replace(path="/postgres")
    )
    address = address.replace("cockroachdb:", "postgresql:")
    with psycopg.connect(
        address.replace("cockroach:", "postgresql:"), autocommit=True
    ) as server:
        for statement in statements:
            server.execute(sql.SQL(statement).format(sql.Identifier(NAME)))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(scale: str) -> None:
    """Measure, and write the results as the last line."""
    _on_server("DROP DATABASE IF EXISTS {}", "CREATE DATABASE {}")
    try:
        import django

        django.setup()
        results = [*_founding(AUTHORITIES[scale]), *_migrating(AUTHORITIES[scale])]
        from django.db import connections

        connections.close_all()
    finally:
        _on_server("DROP DATABASE IF EXISTS {}")
    print(json.dumps([vars(one) for one in results]))


def _found(number: int) -> None:
    from quarano import clock, founding

    founding.found(
        name=f"Gesundheitsamt {number}",
        short_name=f"Amt {number}",
        schema_name=f"many_{number:03d}",
        host=f"many-{number:03d}.localhost",
        rki_code=f"1.08.{number // 100}.{number % 100:02d}.",
        federal_state="08",
        sender=f"amt{number}@many.example",
        administrator_name="Ada Amt",
        administrator_email=f"ada{number}@many.example",
        now=clock.now(),
    )


def _founding(count: int) -> list[Result]:
    from django.core.management import call_command
    from django.db import connection

    from quarano.audit import APPEND_ONLY
    from quarano.cockroach import schemas
    from quarano.cockroach.preparing import prepare

    prepare(append_only=APPEND_ONLY)

    def standard() -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA standard")
        call_command(
            "migrate_schemas", tenant=True, schema_name="standard", verbosity=0
        )
        connection.set_schema_to_public()

    yardstick = _seconds(standard)
    schemas.drop("standard")
    spans = [_seconds(lambda n=n: _found(n)) for n in range(1, count + MORE + 1)]  # type: ignore[misc]
    last = statistics.median(spans[-MORE:])
    limit = 3.0 if connection.vendor == "cockroachdb" else 0.5
    tables = _tables()
    dataset = f"{count} authorities of {tables} tables each"
    return [
        Result(15, f"authority number {count + 1}, ready for log-in", last, "s",
               dataset, yardstick, limit, last <= limit,
               "beside: its tables alone by migrating, the standard way"),
        Result(15, f"{count} authorities, one after the other", sum(spans[:count]),
               "s", dataset, yardstick * count,
               why="beside: the standard way, extrapolated"),
    ]  # fmt: skip


def _tables() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM information_schema.tables "
            "WHERE table_schema = 'many_001'"
        )
        (count,) = cursor.fetchone() or (0,)
        return int(count)


def _migrating(count: int) -> list[Result]:
    from django.core.management import call_command
    from django.db import connection

    from health_authorities import schemas as authorities
    from quarano.cockroach import lagging, migrating, schemas

    places = authorities.places()

    def migrate() -> None:
        outcome = migrating.run(authorities.places)
        if outcome.failed:
            raise RuntimeError(str(outcome.failed))

    idle = _seconds(lambda: call_command("prepare_database", verbosity=0))
    with tempfile.TemporaryDirectory() as folder:
        _add_column(Path(folder))
        lagging.shipped.cache_clear()
        schemas.make_template()
        names = sorted(places)

        def standard() -> None:
            for name in names[:STANDARD]:
                call_command(
                    "migrate_schemas", tenant=True, schema_name=name, verbosity=0
                )
            connection.set_schema_to_public()

        rest = len(names) - STANDARD
        yardstick = _seconds(standard) / STANDARD * rest
        span = _seconds(migrate)
    limit = 120.0 if connection.vendor == "cockroachdb" else 10.0
    dataset = f"{count} authorities of {_tables()} tables each"
    return [
        Result(16, f"one added column in {rest} authorities", span, "s", dataset,
               yardstick, limit, span <= limit,
               f"beside: the standard way, extrapolated from {STANDARD}"),
        Result(16, f"prepare_database, nothing to do, {len(names)}", idle, "s", dataset,
               target=5.0, met=idle <= 5.0),
    ]  # fmt: skip


def _add_column(folder: Path) -> None:
    """Let the app `desk` have one migration more."""
    from django.conf import settings

    place = folder / "desk_of_tomorrow"
    shutil.copytree(ROOT / "quarano" / "desk" / "migrations", place)
    last = max(path.stem for path in place.glob("0*.py"))
    (place / "9999_tomorrow.py").write_text(MIGRATION.format(last=last))
    sys.path.insert(0, str(folder))
    settings.MIGRATION_MODULES = {"desk": "desk_of_tomorrow"}


if __name__ == "__main__":
    main(sys.argv[1])
