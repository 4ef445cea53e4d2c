import datetime as dt

import pytest

from diaries import symptoms
from diaries.models import Symptom
from quarano.accounts.models import User
from quarano.audit.models import Event

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)


@pytest.fixture
def ruth(authority):
    return User.objects.create_user(
        email="ruth@neckartal.example", name="Ruth", roles=["x"], created_at=NOW
    )


def test_a_symptom_is_added(ruth):
    symptoms.add(Symptom(code="itching", names={"en": "Itching"}), by=ruth, now=NOW)

    assert Symptom.objects.get(pk="itching").counts
    assert Event.objects.get(verb="symptom.added").codes == {"subject": "itching"}


def test_a_code_is_given_once(ruth):
    with pytest.raises(symptoms.CodeTaken):
        symptoms.add(Symptom(code="cough", names={"en": "x"}), by=ruth, now=NOW)
    assert Symptom.objects.get(pk="cough").names["en"] == "Cough"


def test_a_revision_names_what_changed(ruth):
    cough = Symptom.objects.get(pk="cough")
    changes = {"active": False, "characteristic": cough.characteristic}

    symptoms.revise(cough, changes, by=ruth, now=NOW)

    assert not Symptom.objects.get(pk="cough").active
    assert Event.objects.get(verb="symptom.revised").fields == ["active"]
