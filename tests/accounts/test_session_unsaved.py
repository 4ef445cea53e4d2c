import psycopg
import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.db.utils import OperationalError

from quarano.accounts.sessions import SessionStore
from tests.faults import refused

pytestmark = pytest.mark.undisturbed


@pytest.fixture
def session(authority):
    store = SessionStore()
    store["said"] = "once"
    store.save()
    return store


def test_a_session_that_a_lost_database_cannot_keep_says_so(session):
    """The page is 503 then, where Django would say 400: the session was deleted."""
    session["said"] = "twice"
    with (
        refused(at=2, error=psycopg.OperationalError),
        pytest.raises(OperationalError),
    ):
        session.save()


def test_a_session_that_was_ended_meanwhile_is_not_written_again(session):
    SessionStore().delete(session.session_key)
    with pytest.raises(UpdateError):
        session.save()
