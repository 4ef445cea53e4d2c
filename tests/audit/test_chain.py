import datetime as dt
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django_tenants.utils import tenant_context

from quarano.audit import chain, log
from quarano.audit.models import Event, Seal
from quarano.cockroach.roles import as_owner
from tests.faults import survives

NOW = dt.datetime(2026, 11, 17, 9, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def sealed(authority):
    """Five events of one morning, each a link."""
    for number in range(5):
        log.record("file.opened", None, by=None, now=NOW + number * MINUTE)
    assert chain.seal(now=NOW) == 5


def test_an_untouched_chain_has_no_flaw(sealed):
    assert list(chain.verify()) == []
    assert chain.unsealed() == 0


def test_sealing_again_adds_nothing(sealed):
    head = chain.head()

    assert chain.seal(now=NOW) == 0
    assert chain.head() == head


def test_a_late_event_joins_the_next_seal(sealed):
    late = log.record("file.opened", None, by=None, now=NOW - MINUTE)

    assert chain.seal(now=NOW) == 1
    assert Seal.objects.get(event=late.pk).position == 6
    assert list(chain.verify()) == []


def test_sealing_survives_a_refused_statement(authority):
    for number in range(3):
        log.record("file.opened", None, by=None, now=NOW + number * MINUTE)

    # Keys are random and so are the hashes over them.
    survives(
        lambda: chain.seal(now=NOW),
        lambda: [
            (link.position, Event.objects.get(pk=link.event).at)
            for link in Seal.objects.order_by("position")
        ],
    )


@pytest.mark.parametrize(
    "change",
    [
        {"verb": "file.closed"},
        {"at": NOW},
        {"actor_kind": "staff"},
        {"codes": {"a": 1}},
        {"fields": ["name"]},
        {"address": "192.0.2.1"},
        {"request_id": "x"},
        {"subject_kind": "cases.case"},
    ],
)
def test_a_changed_event_is_found(sealed, change):
    third = Seal.objects.get(position=3)
    with as_owner():
        Event.objects.filter(pk=third.event).update(**change)

    assert list(chain.verify()) == [chain.Flaw("changed", 3, third.event)]


def test_a_removed_event_is_found(sealed):
    third = Seal.objects.get(position=3)
    with as_owner():
        Event.objects.filter(pk=third.event).delete()

    assert list(chain.verify()) == [chain.Flaw("removed", 3, third.event)]


def test_an_event_removed_with_its_seal_is_found(sealed):
    third = Seal.objects.get(position=3)
    with as_owner():
        Event.objects.filter(pk=third.event).delete()
        third.delete()

    assert chain.Flaw("removed", 3) in list(chain.verify())


def test_re_ordered_events_are_found(sealed):
    second, third = Seal.objects.filter(position__in=[2, 3]).order_by("position")
    with as_owner():
        Seal.objects.filter(pk=second.pk).update(position=99)
        Seal.objects.filter(pk=third.pk).update(position=2)
        Seal.objects.filter(pk=second.pk).update(position=3)

    kinds = {flaw.kind for flaw in chain.verify()}
    assert "re-ordered" in kinds


def test_a_chain_made_anew_without_the_secret_is_found(sealed, settings):
    keys = settings.FIELD_KEYS
    with as_owner():
        Seal.objects.all().delete()
    settings.FIELD_KEYS = ["b3RoZXI="]
    chain.seal(now=NOW)
    settings.FIELD_KEYS = keys

    assert len(list(chain.verify())) == 5


def test_a_chain_goes_on_when_the_key_changes(sealed, settings):
    settings.FIELD_KEYS = ["bmV3ZXI=", *settings.FIELD_KEYS]
    log.record("file.opened", None, by=None, now=NOW)
    chain.seal(now=NOW)

    assert list(chain.verify()) == []


def test_links_of_another_authority_do_not_fit(sealed, other_authority):
    events, seals = list(Event.objects.all()), list(Seal.objects.all())
    with tenant_context(other_authority):
        Event.objects.bulk_create(events)
        Seal.objects.bulk_create(seals)

        assert len(list(chain.verify())) == 5


def verify(*args: str) -> str:
    out = StringIO()
    call_command("verify_audit", *args, stdout=out, stderr=out)
    return out.getvalue()


def test_the_command_prints_the_head(sealed):
    head = chain.head()

    assert f"neckartal: 5 events sealed, 0 to be sealed, head {head}" in verify()
    assert str(head) in verify("neckartal", "--noted", f"neckartal={head}")


def test_the_command_fails_on_a_changed_event(sealed):
    with as_owner():
        Event.objects.filter(at=NOW).update(verb="x")

    with pytest.raises(CommandError, match="1 flaws"):
        verify()


def test_the_command_fails_when_the_noted_head_was_cut_off(sealed):
    head = chain.head()
    with as_owner():
        last = Seal.objects.get(position=5)
        Event.objects.filter(pk=last.event).delete()
        last.delete()

    verify("neckartal")  # alone, the chain cannot show it
    with pytest.raises(CommandError, match="1 flaws"):
        verify("neckartal", "--noted", f"neckartal={head}")
