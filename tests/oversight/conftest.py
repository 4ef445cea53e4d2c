import pytest
import time_machine

from tests import world as worlds


@pytest.fixture
def world(authority):
    with time_machine.travel(worlds.NOW, tick=False):
        yield worlds.build()
