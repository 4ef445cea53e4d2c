import datetime as dt
import json

import pytest
from django.db import connection

from cases import history
from cases.models import Person, Revision
from quarano.audit.models import Event
from tests import factories
from tests.factories import NOW
from tests.faults import survives


@pytest.fixture
def ida(authority):
    return factories.IdaFactory(city="Neckarfurt")


def revise(ida, changes, by, version=None):
    return history.revise(
        ida, changes, person=ida, by=by, now=NOW, verb="person.changed", version=version
    )


def test_a_change_keeps_what_stood_there_before(ida, anna):
    changed = revise(
        ida, {"city": "Neckarburg", "birth_date": None, "birth_date_source": ""}, anna
    )

    kept = Revision.objects.get()
    assert changed == ["city", "birth_date", "birth_date_source"]
    assert json.loads(kept.changes) == {
        "city": ["Neckarfurt", "Neckarburg"],
        "birth_date": ["1990-04-12", None],
        "birth_date_source": ["official", ""],
    }
    assert (kept.person, kept.changed_by, kept.changed_at) == (ida, anna, NOW)


def test_the_event_names_fields_and_no_values(ida, anna):
    revise(ida, {"city": "Neckarburg"}, anna)

    event = Event.objects.get(person=ida.pk)
    assert Revision.objects.get().event == event.pk
    assert (event.verb, event.fields) == ("person.changed", ["city"])
    assert "Neckarburg" not in str(event.__dict__)


def test_values_lie_sealed_in_their_column(ida, anna):
    revise(ida, {"city": "Neckarburg"}, anna)

    with connection.cursor() as cursor:
        cursor.execute("SELECT changes FROM cases_revision")
        ((stored,),) = cursor.fetchall()
    assert "Neckarburg" not in stored


def test_revisions_go_with_the_person(ida, anna):
    revise(ida, {"city": "Neckarburg"}, anna)

    pk = ida.pk
    ida.delete()

    assert not Revision.objects.exists()
    assert Event.objects.filter(person=pk).exists()


def test_the_callers_object_is_re_read(ida, anna):
    Person.objects.filter(pk=ida.pk).update(street="Uferweg 1")

    revise(ida, {"city": "Neckarburg"}, anna)

    assert (ida.city, ida.street, ida.version) == ("Neckarburg", "Uferweg 1", 2)


def test_saving_the_same_again_is_no_change(ida, anna):
    assert revise(ida, {"city": "Neckarfurt", "mobile": "+491713920001"}, anna) == []

    assert ida.version == 1
    assert not Event.objects.filter(person=ida.pk).exists()


def test_text_of_a_form_is_read_as_the_field_reads_it(ida, anna):
    changed = revise(
        ida, {"birth_date": dt.date(1990, 4, 12), "mobile": "0171 3920001"}, anna
    )

    assert changed == []


def test_a_stale_version_shows_both(ida, anna, oemer):
    revise(ida, {"city": "Neckarburg"}, oemer, version=1)

    with pytest.raises(history.ChangedMeanwhile) as refused:
        revise(ida, {"city": "Neckarstadt"}, anna, version=1)

    assert refused.value.theirs == {"city": "Neckarburg"}
    assert refused.value.mine == {"city": "Neckarstadt"}
    assert refused.value.version == 2
    revise(ida, {"city": "Neckarstadt"}, anna, version=refused.value.version)
    assert ida.city == "Neckarstadt"


def test_a_stale_version_that_wants_the_same_is_no_conflict(ida, anna, oemer):
    revise(ida, {"city": "Neckarburg"}, oemer, version=1)

    assert revise(ida, {"city": "Neckarburg"}, anna, version=1) == []


def test_revising_survives_every_refusal(ida, anna):
    assert survives(lambda: revise(ida, {"city": "Neckarburg"}, anna, version=1))
