import pytest
from django.contrib.contenttypes.models import ContentType

from quarano.cockroach.transactions import retrying_transaction
from tests.faults import survives


def two_rows() -> None:
    ContentType.objects.create(app_label="faults", model="first")
    ContentType.objects.create(app_label="faults", model="second")


def test_a_process_in_a_retrying_transaction_survives_every_fault(authority):
    assert survives(retrying_transaction(two_rows)) == 4  # with savepoint and release


def test_a_process_without_one_does_not(authority):
    with pytest.raises(Exception, match="injected"):
        survives(two_rows)


def test_a_process_that_remembers_its_first_run_is_found_out(authority):
    runs = []

    @retrying_transaction
    def remembers() -> None:
        runs.append(1)
        ContentType.objects.create(app_label="faults", model=f"run {len(runs)}")

    with pytest.raises(AssertionError, match="differs"):
        survives(remembers)


def test_a_process_that_changes_nothing_proves_nothing(authority):
    with pytest.raises(AssertionError, match="changed nothing"):
        survives(retrying_transaction(lambda: ContentType.objects.count()))
