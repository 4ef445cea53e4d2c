import datetime as dt
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.arithmetic import Immune
from cases.containment import Basis
from cases.models import Policy
from contacts.weighing import Circumstances, Fact, weigh

MARCH = dt.date(2026, 3, 1)


def day(n: int) -> dt.date:
    """The n-th of March, beyond it as well."""
    return MARCH + dt.timedelta(days=n - 1)


def fact(on: int, *, onset: int | None = 5, setting="work", **said) -> Fact:
    values = {"distance": "near", "minutes": 60, "masks": "none", **said}
    return Fact(
        key=uuid.uuid4(),
        day=day(on),
        setting=setting,
        onset=None if onset is None else day(onset),
        **values,
    )


def ends(*facts, **of):
    weighed = weigh(facts, of=Circumstances(**of), policy=Policy())
    return weighed.basis.sum(Policy()).until


def why(*facts, **of):
    return weigh(facts, of=Circumstances(**of), policy=Policy()).basis.not_ordered


def test_quarantine_lasts_ten_days_from_the_last_exposure():
    assert ends(fact(4), fact(7)) == day(17)


@pytest.mark.parametrize(
    ("on", "counts"), [(2, False), (3, True), (15, True), (16, False)]
)
def test_an_exposure_counts_only_while_the_case_is_infectious(on, counts):
    assert ends(fact(on)) == (day(on + 10) if counts else None)


def test_a_physician_may_say_that_a_case_is_infectious_for_longer():
    assert ends(fact(18, infectious_until=day(20))) == day(28)


def test_the_specimen_counts_where_there_was_no_symptom():
    assert ends(fact(3, onset=None, specimen=day(5))) == day(13)


def test_nothing_counts_before_a_day_of_the_case_is_known():
    weighed = weigh([fact(4, onset=None)], of=Circumstances(), policy=Policy())

    assert weighed.basis.not_ordered == "unexposed"
    assert {one.is_infectious_day for one in weighed.verdicts.values()} == {None}


def test_a_discarded_case_infects_nobody():
    assert why(fact(4, is_discarded=True)) == "unexposed"


@pytest.mark.parametrize(
    ("said", "until"),
    [
        ({"masks": "both"}, None),
        ({"masks": "both", "distance": "room"}, 14),
        ({"minutes": 9}, None),
        ({"minutes": 10}, 14),
        ({"minutes": None}, 14),
        ({"distance": "outdoors"}, None),
        ({"distance": "unknown", "masks": "unknown", "minutes": None}, 14),
    ],
)
def test_closeness_duration_and_masks_make_the_category(said, until):
    assert ends(fact(4, **said)) == (day(until) if until else None)


def test_a_short_meeting_counts_for_somebody_at_risk():
    assert why(fact(4, minutes=2)) == "not_counted"
    assert ends(fact(4, minutes=2), is_vulnerable=True) == day(14)


def test_the_household_counts_from_the_onset_of_the_first_case_there():
    assert ends(fact(9, setting="household")) == day(19)


def test_further_cases_at_home_count_anew_up_to_twenty_days():
    home = {"setting": "household"}

    assert ends(fact(5, **home), fact(8, onset=8, **home)) == day(22)
    assert ends(fact(5, **home), fact(16, onset=16, **home)) == day(25)


def test_who_falls_ill_after_the_cap_begins_another_outbreak():
    home = {"setting": "household"}

    assert ends(fact(5, **home), fact(40, onset=40, **home)) == day(54)


def test_an_exposure_outside_the_household_may_last_longer():
    assert ends(fact(5, setting="household"), fact(14, onset=12)) == day(24)


IMMUNE = [Immune("vaccination", day(4) - dt.timedelta(days=20), 2)]


def test_who_is_immune_as_the_policy_names_it_is_exempt():
    assert why(fact(4), immunities=IMMUNE) == "exempt"
    assert why(fact(4), immunities=[Immune("vaccination", day(1), 2)]) == ""
    assert why(fact(4), immunities=[Immune("vaccination", IMMUNE[0].day, 1)]) == ""


def test_recovered_counts_from_four_weeks_to_half_a_year():
    def had(days):
        return [Immune("infection", day(4) - dt.timedelta(days=days))]

    assert [why(fact(4), immunities=had(n)) for n in (27, 28, 180, 181)] == [
        "", "exempt", "exempt", "",
    ]  # fmt: skip


def test_the_exemption_ends_with_symptoms():
    assert why(fact(4), immunities=IMMUNE, symptoms_since=day(6)) == ""
    assert why(fact(4), immunities=IMMUNE, symptoms_since=day(3)) == "exempt"


def test_what_an_official_typed_counts_beside_the_exposures():
    assert ends(fact(4), stated=Basis("last_exposure", day(6))) == day(16)
    assert ends(stated=Basis("household", day(6))) == day(20)


FACTS = st.builds(
    fact,
    st.integers(1, 60),
    onset=st.none() | st.integers(1, 60),
    setting=st.sampled_from(["household", "work", "school"]),
    distance=st.sampled_from(["near", "room", "outdoors", "unknown"]),
    minutes=st.none() | st.integers(0, 90),
    masks=st.sampled_from(["none", "one", "both", "unknown"]),
    is_discarded=st.booleans(),
)


@given(st.lists(FACTS, max_size=7), st.randoms(), st.booleans())
def test_the_order_of_facts_never_changes_what_is_weighed(facts, random, at_risk):
    of = Circumstances(is_vulnerable=at_risk)
    shuffled = list(facts)
    random.shuffle(shuffled)

    one = weigh(facts, of=of, policy=Policy())
    other = weigh(shuffled, of=of, policy=Policy())

    assert one == other


@given(st.lists(FACTS, max_size=5), FACTS)
def test_a_further_exposure_outside_the_household_never_ends_it_earlier(facts, more):
    before = ends(*facts)
    if before is not None and more.setting != "household":
        assert ends(*facts, more) >= before
