"""What is asked of a cluster and said to it, on answers as it gives them."""

from quarano.cockroach import locality
from quarano.cockroach.locality import Share

# As SHOW … answers, by the names of the columns.
REGIONS = [
    {"database": "q", "region": "eu-north", "primary": False, "zones": ["a"]},
    {"database": "q", "region": "eu-west", "primary": True, "zones": ["a"]},
    {"database": "q", "region": "eu-south", "primary": False, "zones": ["a"]},
]
TABLES = [
    {"schema_name": "a", "table_name": "cases_case", "type": "table",
     "locality": 'REGIONAL BY TABLE IN "eu-south"'},
    {"schema_name": "a", "table_name": "cases_person", "type": "table",
     "locality": "REGIONAL BY TABLE IN PRIMARY REGION"},
    {"schema_name": "a", "table_name": "django_session", "type": "table",
     "locality": "GLOBAL"},
    {"schema_name": "a", "table_name": "by_sequence", "type": "sequence",
     "locality": None},
]  # fmt: skip
SOUTH, WEST = "region=eu-south,zone=a", "region=eu-west,zone=a"
RANGES = [
    {"range_id": 71, "schema_name": "a", "table_name": "cases_case",
     "lease_holder_locality": SOUTH, "replica_localities": [SOUTH, WEST]},
    # One range that two tables share is one range.
    {"range_id": 71, "schema_name": "a", "table_name": "cases_person",
     "lease_holder_locality": SOUTH, "replica_localities": [SOUTH, WEST]},
    {"range_id": 72, "schema_name": "a", "table_name": "django_session",
     "lease_holder_locality": WEST, "replica_localities": [WEST]},
    {"range_id": 73, "schema_name": "b", "table_name": "cases_case",
     "lease_holder_locality": WEST, "replica_localities": [WEST]},
    {"range_id": 74, "schema_name": "b", "table_name": "cases_person",
     "lease_holder_locality": None, "replica_localities": None},
]  # fmt: skip


def test_the_primary_region_comes_first():
    assert locality.in_order(REGIONS) == ["eu-west", "eu-north", "eu-south"]


def test_only_tables_that_live_elsewhere_are_moved():
    wanted = 'REGIONAL BY TABLE IN "eu-south"'
    assert locality.elsewhere(TABLES, wanted) == ["cases_person", "django_session"]
    assert locality.elsewhere(TABLES, "GLOBAL") == ["cases_case", "cases_person"]


def test_quotation_marks_make_no_other_region():
    rows = [{"table_name": "t", "locality": "REGIONAL BY TABLE IN south"}]
    assert locality.elsewhere(rows, 'REGIONAL BY TABLE IN "south"') == []


def test_progress_is_how_many_ranges_are_led_from_there():
    assert locality.leases(RANGES, "a", "eu-south") == Share(1, 2)
    assert locality.leases(RANGES, "a", "eu-west") == Share(1, 2)
    assert locality.leases(RANGES, "b", "eu-south") == Share(0, 2)
    assert not locality.leases(RANGES, "a", "eu-south").is_whole
    assert locality.leases(RANGES[:2], "a", "eu-south").is_whole


def test_no_region_is_taken_for_one_whose_name_begins_alike():
    assert locality.leases(RANGES, "a", "eu-sou") == Share(0, 2)


def test_progress_of_a_region_is_how_many_ranges_have_a_copy_there():
    assert locality.replicas(RANGES, "eu-south") == Share(1, 4)
    assert locality.replicas(RANGES, "eu-west") == Share(3, 4)


def test_an_authority_moves_in_one_transaction():
    (said,) = locality.homing("neckartal", ["cases_case"], "eu-south")
    assert said == (
        'ALTER TABLE "neckartal"."cases_case" '
        'SET LOCALITY REGIONAL BY TABLE IN "eu-south"'
    )


def test_the_first_region_is_the_primary_one():
    said = locality.adding("quarano", [], "eu-west")
    assert said == 'ALTER DATABASE "quarano" SET PRIMARY REGION "eu-west"'
    said = locality.adding("quarano", ["eu-west"], "eu-south")
    assert said == 'ALTER DATABASE "quarano" ADD REGION "eu-south"'


def test_a_locked_definition_is_unlocked_before_it_changes():
    assert locality.is_locked("CREATE TABLE t (…) WITH (schema_locked = true);")
    assert not locality.is_locked("CREATE TABLE t (…);")
    assert locality.unlocked("a", ["t"]) == [
        'ALTER TABLE "a"."t" SET (schema_locked = false)'
    ]


def test_public_tables_are_read_everywhere_without_a_journey():
    assert locality.globally(["t"]) == ['ALTER TABLE public."t" SET LOCALITY GLOBAL']
