import time

import pytest
from kombu.exceptions import OperationalError

from quarano.celery import app
from quarano.notifications.tasks import deliver


def test_a_broker_that_is_away_holds_up_nobody_who_writes_a_message(tmp_path):
    """Six seconds a message by default, in the request of whoever caused it."""
    away = app.connection_for_write(f"redis+socket://{tmp_path}/nobody.sock")
    began = time.monotonic()
    with pytest.raises(OperationalError):
        deliver.apply_async(("neckartal", "x"), retry=False, connection=away)
    assert time.monotonic() - began < 3
