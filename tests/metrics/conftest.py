import pytest

from quarano.metrics import tallies

TOKEN = "a-token-of-the-monitoring"


@pytest.fixture(autouse=True)
def empty_tallies():
    tallies._silent_until = 0.0
    tallies.store().flushdb()
    yield
    tallies._silent_until = 0.0


@pytest.fixture
def monitoring(settings, client):
    """What Prometheus reads of /metrics/: name with labels to value."""
    settings.METRICS_TOKEN = TOKEN

    def read(host="localhost"):
        answer = client.get(
            "/metrics/", headers={"host": host, "authorization": f"Bearer {TOKEN}"}
        )
        assert answer.status_code == 200, answer.content
        lines = answer.content.decode().splitlines()
        pairs = [one.rpartition(" ") for one in lines if not one.startswith("#")]
        return {name: float(value) for name, _, value in pairs}

    return read
