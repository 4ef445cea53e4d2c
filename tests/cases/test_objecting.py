import pytest

from cases import containment, objecting, settling
from cases.models import Escalation
from tests.factories import DAY, NOW, TODAY, UserFactory

Reason = Escalation.Reason


@pytest.fixture
def ida(authority):
    return UserFactory()


def raised():
    return Escalation.objects.open().get(reason=Reason.STEP_DISPUTED)


def test_a_claim_says_what_it_would_make_and_changes_nothing(isolation, ida):
    objecting.object_to(isolation, step="onset", day=TODAY - 5 * DAY, by=ida, now=NOW)

    assert raised().facts == {
        "step": "onset",
        "recorded": (TODAY - 3 * DAY).isoformat(),
        "claimed": (TODAY - 5 * DAY).isoformat(),
        "proposed": (TODAY + 5 * DAY).isoformat(),
    }
    isolation.refresh_from_db()
    assert isolation.until == TODAY + 7 * DAY


def test_a_confirmed_claim_lands_as_a_proposal(isolation, ida, anna):
    containment.issue(isolation, by=anna, now=NOW)
    objecting.object_to(isolation, step="onset", day=TODAY - 5 * DAY, by=ida, now=NOW)

    settling.settle(raised(), outcome="confirmed", by=anna, now=NOW)

    order = containment.proposal(isolation)
    assert (order.effect, order.until) == ("shorten", TODAY + 5 * DAY)
    assert containment.in_force(isolation).until == TODAY + 7 * DAY


def test_a_kept_claim_changes_nothing_and_does_not_come_back(isolation, ida, anna):
    for _ in range(2):
        objecting.object_to(
            isolation, step="onset", day=TODAY - 5 * DAY, by=ida, now=NOW
        )
        for one in Escalation.objects.open().filter(reason=Reason.STEP_DISPUTED):
            settling.settle(one, outcome="kept", by=anna, now=NOW)

    assert Escalation.objects.filter(reason=Reason.STEP_DISPUTED).count() == 1
    assert not Escalation.objects.open().filter(reason=Reason.STEP_DISPUTED).exists()


def test_the_last_exposure_that_was_typed_is_corrected(quarantine, ida, anna):
    objecting.object_to(
        quarantine, step="last_exposure", day=TODAY - 4 * DAY, by=ida, now=NOW
    )
    settling.settle(raised(), outcome="confirmed", by=anna, now=NOW)

    assert containment.proposal(quarantine).until == TODAY + 6 * DAY


@pytest.mark.parametrize(
    ("step", "back", "refusal"),
    [
        ("onset", -1, containment.DayToCome),
        ("onset", 3, objecting.SameDay),
        ("specimen", 2, objecting.NothingToObject),
    ],
)
def test_a_claim_that_cannot_be_is_refused(isolation, ida, step, back, refusal):
    with pytest.raises(refusal):
        objecting.object_to(
            isolation, step=step, day=TODAY - back * DAY, by=ida, now=NOW
        )
