import datetime as dt

import pytest

from cases import policy as versions
from cases.models import Policy, PolicyExample, Routine
from quarano.accounts.models import User
from quarano.audit.models import Event

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
TODAY = dt.date(2026, 11, 24)


def official(name: str) -> User:
    return User.objects.create_user(
        email=f"{name}@neckartal.example", name=name, roles=["x"], created_at=NOW
    )


@pytest.fixture
def ruth(authority):
    return official("Ruth")


@pytest.fixture
def oemer(authority):
    return official("Ömer")


@pytest.fixture
def draft(ruth):
    return versions.draft_policy(Policy.objects.get(), by=ruth, now=NOW)


def test_a_draft_takes_the_next_free_day(draft, ruth):
    second = versions.draft_policy(draft, by=ruth, now=NOW)

    assert (draft.valid_from, second.valid_from) == (TODAY + DAY, TODAY + 2 * DAY)
    assert (second.shipped, second.approved_at) == (False, None)


def test_the_day_of_a_draft_is_the_authoritys(ruth):
    late = dt.datetime(2026, 11, 24, 23, 30, tzinfo=dt.UTC)  # half past midnight there

    draft = versions.draft_policy(Policy.objects.get(), by=ruth, now=late)

    assert draft.valid_from == dt.date(2026, 11, 26)


def test_a_revised_draft_names_its_changed_fields(draft, ruth):
    changes = {"isolation_days": 7, "quarantine_days": 10}
    changed = versions.revise_policy(draft, changes, by=ruth, now=NOW)

    assert changed.isolation_days == 7
    assert Event.objects.get(verb="policy.revised").fields == ["isolation_days"]


def test_two_versions_do_not_begin_on_one_day(draft, ruth):
    second = versions.draft_policy(draft, by=ruth, now=NOW)

    with pytest.raises(versions.DayTaken):
        changes = {"valid_from": draft.valid_from}
        versions.revise_policy(second, changes, by=ruth, now=NOW)


def test_an_approved_policy_is_immutable(draft, ruth, oemer):
    versions.approve_policy(draft, by=oemer, now=NOW)

    with pytest.raises(versions.Immutable):
        versions.revise_policy(draft, {"isolation_days": 7}, by=ruth, now=NOW)
    with pytest.raises(versions.Immutable):
        versions.approve_policy(draft, by=oemer, now=NOW)
    with pytest.raises(versions.Immutable):
        versions.discard_policy(draft, by=ruth, now=NOW)


def test_the_shipped_policy_is_immutable(ruth, oemer):
    shipped = Policy.objects.get()

    with pytest.raises(versions.Immutable):
        versions.revise_policy(shipped, {"isolation_days": 7}, by=ruth, now=NOW)
    with pytest.raises(versions.Immutable):
        versions.approve_policy(shipped, by=oemer, now=NOW)


def test_nobody_approves_the_own_draft(draft, ruth):
    with pytest.raises(versions.SamePerson):
        versions.approve_policy(draft, by=ruth, now=NOW)


def test_examples_that_differ_stop_the_approval(draft, ruth, oemer):
    example = draft.examples.get(anchor_kind="household", anchor_day__year=2026)
    example.until += DAY
    example.save()

    with pytest.raises(versions.ExamplesDiffer) as raised:
        versions.approve_policy(draft, by=oemer, now=NOW)
    (problem,) = raised.value.problems
    assert problem.computed == example.until - DAY


def test_too_few_examples_stop_the_approval(draft, oemer):
    kept = draft.examples.values_list("pk", flat=True)[:3]
    PolicyExample.objects.filter(policy=draft).exclude(pk__in=list(kept)).delete()

    with pytest.raises(versions.ExamplesDiffer):
        versions.approve_policy(draft, by=oemer, now=NOW)


def test_an_approved_policy_holds_from_its_day_on(draft, oemer):
    versions.approve_policy(draft, by=oemer, now=NOW)

    disease = draft.disease
    assert Policy.objects.in_force(disease, on=TODAY).shipped
    assert Policy.objects.in_force(disease, on=TODAY + DAY) == draft


def test_a_draft_is_never_in_force(draft):
    assert Policy.objects.in_force(draft.disease, on=TODAY + 9 * DAY).shipped


def test_a_discarded_draft_is_gone(draft, ruth):
    versions.discard_policy(draft, by=ruth, now=NOW)

    assert Policy.objects.get().shipped
    assert Event.objects.get(verb="policy.discarded").subject == draft.pk


def test_a_routine_is_changed_until_its_day_comes(ruth):
    first = Routine.objects.get()
    second = versions.draft_routine(first, by=ruth, now=NOW)

    versions.revise_routine(second, {"slots_per_day": 1}, by=ruth, now=NOW)

    assert Routine.objects.in_force(on=TODAY).slots_per_day == 2
    assert Routine.objects.in_force(on=TODAY + DAY).slots_per_day == 1
    with pytest.raises(versions.Immutable):
        versions.revise_routine(second, {"slots_per_day": 2}, by=ruth, now=NOW + DAY)
    with pytest.raises(versions.Immutable):
        versions.discard_routine(first, by=ruth, now=NOW)


def test_a_routine_to_come_can_be_thrown_away(ruth):
    second = versions.draft_routine(Routine.objects.get(), by=ruth, now=NOW)

    versions.discard_routine(second, by=ruth, now=NOW)

    assert Routine.objects.count() == 1
