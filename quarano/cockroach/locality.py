"""SQL that says where rows live; PostgreSQL has no regions and is left alone."""

from collections.abc import Sequence

from django.db import connection
from django_tenants.utils import quote_schema_name as quoted

from quarano.cockroach.roles import as_owner


def has_regions() -> bool:
    """Whether the database runs in named regions."""
    if connection.vendor != "cockroachdb":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SHOW REGIONS FROM DATABASE")
        return bool(cursor.fetchall())


def clause(region: str) -> str:
    """What is added to CREATE TABLE so that its rows live in a region."""
    return f" LOCALITY REGIONAL BY TABLE IN {quoted(region)}" if region else ""


def home(schema_name: str, tables: Sequence[str], region: str) -> None:
    """Move the tables of a schema to a region, in one transaction of the caller's."""
    if not region or not has_regions():
        return
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET override_multi_region_zone_config = true")
        for table in tables:
            cursor.execute(
                f"ALTER TABLE {quoted(schema_name)}.{quoted(table)} "
                f"SET LOCALITY REGIONAL BY TABLE IN {quoted(region)}"
            )


def make_global(tables: Sequence[str]) -> None:
    """Let tables of public be read from every region without a journey."""
    if not has_regions():
        return
    with as_owner(), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE public.{quoted(table)} SET LOCALITY GLOBAL")
