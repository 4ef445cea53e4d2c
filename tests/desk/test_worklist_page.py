import pytest

from tests.desk.conftest import raise_for

pytestmark = pytest.mark.django_db


def test_the_worklist_shows_whoever_is_to_be_looked_at(desk, follow):
    raise_for(follow())
    response = desk.get("/worklist/")
    assert response.status_code == 200
    assert "Kolja Busch" in response.content.decode()
