import threading

import pytest
from django.db import ProgrammingError, connection, transaction
from django_tenants.utils import schema_context, tenant_context

from quarano.cockroach import roles


def show(setting: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {setting}")
        return cursor.fetchone()[0]


def test_every_transaction_is_serializable(db):
    assert show("transaction_isolation") == "serializable"
    assert show("default_transaction_isolation") == "serializable"


def test_public_is_not_in_the_path_of_an_authority(authority):
    assert show("search_path") == "neckartal"


def test_a_table_that_is_missing_is_not_looked_for_in_public(authority):
    with pytest.raises(ProgrammingError), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM health_authorities_healthauthority")


def test_one_statement_sets_the_path(authority, django_assert_num_queries):
    with django_assert_num_queries(3), schema_context("spreetal"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.execute("SELECT 2")


def test_a_savepoint_that_is_rolled_back_keeps_the_path(authority, other_authority):
    with pytest.raises(ValueError, match="inside"), transaction.atomic():
        connection.set_tenant(other_authority)
        show("search_path")
        raise ValueError("inside")
    assert show("search_path") == "spreetal"


@pytest.mark.committed
def test_threads_work_in_the_schemas_they_entered(django_db_setup, django_db_blocker):
    from health_authorities.models import HealthAuthority

    wrong: list[str] = []

    def look(authority: HealthAuthority) -> None:
        try:
            for _ in range(50):
                with tenant_context(authority):
                    if (found := show("search_path")) != authority.schema_name:
                        wrong.append(found)
        finally:
            connection.close()

    with django_db_blocker.unblock():
        both = list(HealthAuthority.objects.all())
        threads = [threading.Thread(target=look, args=[a]) for a in both * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_tables_are_read_from_the_current_schema_only(authority):
    names = connection.introspection.table_names()
    assert "health_authorities_healthauthority" not in names
    with roles.as_owner(), schema_context("public"):
        assert "health_authorities_healthauthority" in (
            connection.introspection.table_names()
        )


def test_a_kept_connection_is_asked_before_it_is_used_again():
    assert connection.settings_dict["CONN_HEALTH_CHECKS"]
    assert connection.settings_dict["CONN_MAX_AGE"] == 600


@pytest.mark.committed
def test_a_connection_whose_node_died_meanwhile_is_replaced(scratch):
    """Between two requests; the role is taken anew on the new one."""
    show("search_path")
    connection.connection.close()  # what a killed node leaves
    connection.role_in_force = None
    connection.close_if_unusable_or_obsolete()  # as at the start of a request
    connection.set_schema(scratch)
    assert show("search_path") == scratch
    assert show("role") == "quarano_app"
