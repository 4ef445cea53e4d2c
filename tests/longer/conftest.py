import pytest

from tests.longer import stage as stages
from tests.notifications.conftest import sink, texts  # noqa: F401 - used here too
from tests.notifications.test_kill import transactional_schema  # noqa: F401 - as well


@pytest.fixture(scope="session")
def stage():
    """One demo for all that is broken here: each test leaves it working."""
    with stages.built() as whole:
        yield whole
