import pytest
from django_tenants.utils import schema_context, tenant_context

from health_authorities import details
from health_authorities.models import HealthAuthority
from quarano.audit.models import Event
from tests import factories as make

NOW = make.NOW
OFFICE = [[["08:00", "16:00"]]] * 5 + [[], []]


def stored(authority):
    with schema_context("public"):
        return HealthAuthority.objects.get(pk=authority.pk)


def test_an_authority_says_when_it_is_staffed(authority):
    anna = make.AnnaFactory()
    details.revise(
        authority, {"staffed_hours": OFFICE, "city": "Neckarfurt"},
        version=1, by=anna, now=NOW,
    )  # fmt: skip
    found = stored(authority)
    assert found.hours.is_staffed(NOW)  # Tuesday, 10:00
    assert found.version == 2
    event = Event.objects.get(verb="authority.changed")
    assert set(event.fields) == {"staffed_hours", "city"}
    assert event.actor == anna.pk


def test_the_event_stays_with_the_authority(authority, other_authority):
    details.revise(authority, {"city": "X"}, version=1, by=make.AnnaFactory(), now=NOW)
    with tenant_context(other_authority):
        assert not Event.objects.filter(verb="authority.changed").exists()
    with schema_context("public"):
        assert not Event.objects.filter(verb="authority.changed").exists()
    assert stored(other_authority).city == ""


def test_whoever_saves_second_sees_what_the_first_saved(authority):
    anna = make.AnnaFactory()
    details.revise(authority, {"city": "Neckarfurt"}, version=1, by=anna, now=NOW)
    with pytest.raises(details.SavedMeanwhile) as refusal:
        details.revise(authority, {"city": "Elsewhere"}, version=1, by=anna, now=NOW)
    assert refusal.value.stored.city == "Neckarfurt"
    assert stored(authority).city == "Neckarfurt"


def test_saving_the_same_again_changes_nothing(authority):
    anna = make.AnnaFactory()
    for _ in range(2):
        details.revise(authority, {"city": "Neckarfurt"}, version=1, by=anna, now=NOW)
    assert stored(authority).version == 2
    assert Event.objects.filter(verb="authority.changed").count() == 1


@pytest.mark.parametrize("field", ["schema_name", "rki_code", "name", "federal_state"])
def test_what_is_the_operators_an_authority_does_not_change(authority, field):
    with pytest.raises(ValueError, match=field):
        details.revise(
            authority, {field: "x"}, version=1, by=make.AnnaFactory(), now=NOW
        )
