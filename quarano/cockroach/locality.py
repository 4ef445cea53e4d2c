"""Where rows live: regions of CockroachDB. PostgreSQL has none and is left alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django_tenants.utils import quote_schema_name as quoted

from quarano.cockroach.roles import as_owner

Row = Mapping[str, Any]


class UnknownRegion(LookupError):
    """No node of the cluster has joined with that region in its locality."""


class NotInDatabase(LookupError):
    """The database has not been spread to that region yet; add it first."""


@dataclass(frozen=True)
class Share:
    """How many ranges are where they should be."""

    there: int
    of: int

    @property
    def is_whole(self) -> bool:
        return self.there >= self.of


def clause(region: str) -> str:
    """What is added to CREATE TABLE so that its rows live in a region."""
    return f" LOCALITY REGIONAL BY TABLE IN {quoted(region)}" if region else ""


# --- Asking ---------------------------------------------------------------------------


def rows(statement: str) -> list[dict[str, Any]]:
    """What a SHOW answers, by the names of its columns, which differ by version."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def regions() -> list[str]:
    """The regions that the database is spread to, its primary one first."""
    if connection.vendor != "cockroachdb":
        return []
    return in_order(rows("SHOW REGIONS FROM DATABASE"))


def in_order(found: Iterable[Row]) -> list[str]:
    """The names of regions out of SHOW REGIONS, the primary one first."""
    return [
        str(row["region"])
        for row in sorted(
            found, key=lambda row: (not row.get("primary"), row["region"])
        )
    ]


def has_regions() -> bool:
    """Whether the database runs in named regions."""
    return bool(regions())


def tables_elsewhere(schema_name: str, region: str) -> list[str]:
    """The tables of a schema that do not live in the region."""
    return elsewhere(
        rows(f"SHOW TABLES FROM {quoted(schema_name)}"),
        clause(region).removeprefix(" LOCALITY "),
    )


def elsewhere(found: Iterable[Row], wanted: str) -> list[str]:
    """The tables out of SHOW TABLES whose locality is not the wanted one."""
    return sorted(
        str(row["table_name"])
        for row in found
        if row.get("type", "table") == "table" and not _same(row["locality"], wanted)
    )


def _same(one: str | None, other: str) -> bool:
    """Compare localities: quotation marks stand only where a name needs them."""
    return (one or "").replace('"', "").casefold() == other.replace('"', "").casefold()


def leases(found: Iterable[Row], schema_name: str, region: str) -> Share:
    """How many ranges of a schema are led from the region, out of SHOW RANGES.

    Reading and writing are quick once a range's lease is there; the setting alone moves
    nothing yet.
    """
    ours = {
        row["range_id"]: row["lease_holder_locality"]
        for row in found
        if row["schema_name"] == schema_name
    }
    return Share(sum(_in(region, one) for one in ours.values()), len(ours))


def replicas(found: Iterable[Row], region: str) -> Share:
    """How many ranges have a copy in the region, out of SHOW RANGES."""
    every = {row["range_id"]: row["replica_localities"] for row in found}
    there = sum(
        any(_in(region, place) for place in places or ()) for places in every.values()
    )
    return Share(there, len(every))


def _in(region: str, place: str | None) -> bool:
    # Such as `region=eu-west,zone=a`.
    return f"region={region}" in (place or "").split(",")


def ranges() -> list[dict[str, Any]]:
    """Every range of the database with its tables; dear, so not for a request."""
    name = quoted(str(connection.settings_dict["NAME"]))
    return rows(f"SHOW RANGES FROM DATABASE {name} WITH TABLES, DETAILS")


# --- Placing --------------------------------------------------------------------------


def unlocked(schema_name: str, tables: Sequence[str]) -> list[str]:
    """SQL that lets the tables' definitions be changed, each in its own transaction.

    Since v25 tables may be made `WITH (schema_locked = true)`; SET LOCALITY then fails
    with 57000.
    """
    return [
        f"ALTER TABLE {quoted(schema_name)}.{quoted(table)} SET (schema_locked = false)"
        for table in tables
    ]


def homing(schema_name: str, tables: Sequence[str], region: str) -> list[str]:
    """SQL that lets tables live in a region; for one explicit transaction."""
    return [
        f"ALTER TABLE {quoted(schema_name)}.{quoted(table)} "
        f"SET LOCALITY REGIONAL BY TABLE IN {quoted(region)}"
        for table in tables
    ]


def globally(tables: Sequence[str]) -> list[str]:
    """SQL that lets tables of public be read from every region without a journey."""
    return [
        f"ALTER TABLE public.{quoted(table)} SET LOCALITY GLOBAL" for table in tables
    ]


def bring_home(schema_name: str, region: str) -> list[str]:
    """Let every table of a schema live in a region; return those that moved.

    All in one transaction; may be repeated. Where there are no regions nothing is done.
    Raises NotInDatabase.
    """
    if not region or not (known := regions()):
        return []
    if region not in known:
        raise NotInDatabase(region)
    with as_owner():
        tables = tables_elsewhere(schema_name, region)
        if tables:
            _unlock(schema_name, tables)
            _together(homing(schema_name, tables, region))
    return tables


def make_global() -> list[str]:
    """Let every table of public be global; return those that were not."""
    if not has_regions():
        return []
    with as_owner():
        tables = elsewhere(rows("SHOW TABLES FROM public"), "GLOBAL")
        if tables:
            _unlock("public", tables)
            # One by one: each is a job of its own, and may be repeated.
            with connection.cursor() as cursor:
                for statement in globally(tables):
                    cursor.execute(statement)
    return tables


def _unlock(schema_name: str, tables: Sequence[str]) -> None:
    locked = [
        table
        for table in tables
        if is_locked(
            rows(f"SHOW CREATE TABLE {quoted(schema_name)}.{quoted(table)}")[0][
                "create_statement"
            ]
        )
    ]
    with connection.cursor() as cursor:
        for statement in unlocked(schema_name, locked):
            cursor.execute(statement)


def is_locked(statement: str) -> bool:
    """Whether SHOW CREATE TABLE says that the definition is locked."""
    return "schema_locked = true" in statement


def _together(statements: Sequence[str]) -> None:
    from quarano.cockroach.schemas import ddl_transaction

    with connection.cursor() as cursor:
        # Tables made with their locality carry zone settings of their own, else 42P16.
        cursor.execute("SET override_multi_region_zone_config = true")
        try:
            with ddl_transaction():
                for statement in statements:
                    cursor.execute(statement)
        finally:
            cursor.execute("SET override_multi_region_zone_config = false")


def adding(database: str, known: Sequence[str], region: str) -> str:
    """SQL that spreads a database to a region; the first one becomes its primary."""
    verb = "ADD" if known else "SET PRIMARY"
    return f"ALTER DATABASE {quoted(database)} {verb} REGION {quoted(region)}"


def add_region(region: str) -> bool:
    """Spread the database to a region whose nodes have joined; may be repeated.

    False where it is there already, or the database has no regions at all
    (PostgreSQL). Raises UnknownRegion.
    """
    if connection.vendor != "cockroachdb":
        return False
    joined = [row["region"] for row in rows("SHOW REGIONS FROM CLUSTER")]
    if region not in joined:
        raise UnknownRegion(region)
    known = regions()
    if region in known:
        return False
    if connection.in_atomic_block:
        raise transaction.TransactionManagementError("regions are added outside one")
    name = str(connection.settings_dict["NAME"])
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(adding(name, known, region))
    return True
