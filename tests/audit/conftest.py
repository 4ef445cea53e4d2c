import pytest
from django_tenants.utils import schema_context

from quarano.audit.models import Event, Seal
from quarano.cockroach.roles import as_owner


@pytest.fixture(autouse=True)
def nothing_recorded(request) -> None:
    """What the founding wrote down is gone, within the test's transaction."""
    if "db" in request.fixturenames:
        request.getfixturevalue("db")
        for schema in ("public", "neckartal", "spreetal"):
            with schema_context(schema), as_owner():
                Seal.objects.all().delete()
                Event.objects.all().delete()
