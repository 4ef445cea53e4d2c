import os
import subprocess
import sys

from quarano.cockroach.schemas import cockroach_table

CODE = """
import django; django.setup()
from django.db import connection
from quarano.cockroach import base, dialect
assert base.ON_COCKROACH and connection.vendor == "cockroachdb"
assert isinstance(connection.introspection, dialect.Introspection)
mro = [cls.__module__ for cls in dialect.Introspection.__mro__]
assert mro.index("django_tenants.postgresql_backend.introspection") < mro.index(
    "django_cockroachdb.introspection")
editor = connection.SchemaEditorClass
assert "%(table)s@%(name)s" in editor.sql_delete_index
assert "%(table)s@%(name)s" in editor.sql_delete_unique
parameters = connection.get_connection_params()
assert "jit" not in parameters["options"]
assert "serializable" in parameters["options"]
connection.set_schema("neckartal")
assert connection._get_cursor_search_paths() == ["neckartal"]
print("composed")
"""


def test_the_backend_composes_over_cockroachdb():
    """Without a cluster: the wrapper is made, nothing is connected."""
    address = "cockroachdb://root@localhost:26257/quarano"
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "DATABASE_URL": address, "DATABASE_OWNER_URL": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "composed", done.stderr


SHOWN = """CREATE TABLE authority_template.cases_case (
\tid UUID NOT NULL,
\tname VARCHAR(60) NOT NULL DEFAULT ''::VARCHAR,
\tperson_id UUID NOT NULL,
\tbefore_id UUID NULL,
\tCONSTRAINT cases_case_pkey PRIMARY KEY (id ASC),
\tCONSTRAINT case_person FOREIGN KEY (person_id)
\t\tREFERENCES authority_template.cases_person(id),
\tCONSTRAINT case_before FOREIGN KEY (before_id)
\t\tREFERENCES authority_template.cases_case(id),
\tINDEX case_open (name ASC) WHERE name != '':::STRING,
\tCONSTRAINT named CHECK (length(name) > (0):::INT8)
) WITH (schema_locked = true) LOCALITY REGIONAL BY TABLE IN PRIMARY REGION;"""


def test_a_cockroach_table_is_made_without_its_schema_and_place():
    table = cockroach_table(
        "cases_case", SHOWN, "authority_template", ["id", "name"], "eu-south"
    )
    made = table.create()
    assert "authority_template" not in made
    assert "schema_locked" not in made
    assert "REFERENCES cases_person(id)" in made
    assert made.endswith(')\n) LOCALITY REGIONAL BY TABLE IN "eu-south"')
    assert table.needs == {"cases_person"}  # a reference to itself orders nothing


def test_a_cockroach_table_without_regions_says_nothing_of_them():
    table = cockroach_table("cases_case", SHOWN, "authority_template", ["id"], "")
    assert table.create().endswith("CHECK (length(name) > (0):::INT8)\n)")
