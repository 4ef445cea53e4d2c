import re
from pathlib import Path

import pytest

from cases import calls, containment, intake, regions, timeline
from quarano.audit import log
from tests.cases.views.conftest import *  # noqa: F403 - the same cast
from tests.cases.views.conftest import DAY, NOW, TODAY, isolation

pytestmark = pytest.mark.django_db


def said(person):
    return [row.what for row in timeline.read(person, limit=50)]


def test_the_history_says_what_happened_newest_first(ida, anna):
    containment.issue(isolation(ida), by=anna, now=NOW + DAY)
    calls.record_call(ida, outcome="reached", by=anna, now=NOW + 2 * DAY)
    rows = timeline.read(ida, limit=50)
    words = [row.what for row in rows]
    assert words.index("Call: reached") < words.index("Order issued")
    assert words.index("Order issued") < words.index("Case taken up")
    assert "Raised: First call open" in words
    call = rows[words.index("Call: reached")]
    assert (call.who, call.state) == ("Anna", "fine")
    assert rows[words.index("Order proposed")].who == "by the rule"


def test_a_change_says_before_and_after(ida, anna):
    intake.change_details(
        ida, {"city": "Altstadt", "lives_alone": True}, by=anna, now=NOW
    )
    case = ida.cases.get()
    intake.revise_case(case, {"onset": TODAY - DAY}, by=anna, now=NOW + DAY)
    rows = {row.what: row for row in timeline.read(ida, limit=50)}
    assert "Town: nothing → Altstadt" in rows["Details changed"].changes
    assert "Lives alone: no → yes" in rows["Details changed"].changes
    assert "Onset: 21 November 2026 → 23 November 2026" in rows["Case changed"].changes


def test_looking_again_and_again_is_one_line(ida, anna):
    for days in range(1, 5):
        log.record("file.opened", None, by=anna, now=NOW + days * DAY, person=ida)
    assert said(ida).count("File opened") == 1


def test_every_verb_about_a_person_has_words(ida):
    for icon, state, words in timeline.WORDS.values():
        assert icon
        assert state in ("", "fine", "due", "urgent")
        assert str(words)


def test_the_history_asks_one_statement(ida, anna, django_assert_num_queries):
    intake.change_details(ida, {"city": "Altstadt"}, by=anna, now=NOW)
    for reading in (timeline.read, timeline.apart):
        with django_assert_num_queries(1):
            reading(ida, limit=20)


# About no person: their events stand in no file.
ELSEWHERE = {
    "clocks.viewed", "code.guessed_often", "duplicates.offered", "event.discarded",
    "event.opened", "event.recorded", "event.revised", "event.viewed",
    "guest_list.asked",
    "guest_list.columns_named", "guest_list.link_locked", "guest_list.link_voided",
    "guest_list.mended", "guest_list.received", "guest_list.taken",
    "guest_list.undone", "guest_list.viewed", "letters.posted", "letters.printed",
    "letters.put_back", "letters.taken", "letters.viewed", "logo.removed", "logo.set",
    "policy.approved", "policy.discarded", "policy.drafted", "policy.revised",
    "routine.discarded", "routine.drafted", "routine.revised", "search.viewed",
    "symptom.added",
    "symptom.revised",
}  # fmt: skip


def test_every_verb_of_the_field_has_words():
    root = Path(timeline.__file__).parent.parent
    pattern = re.compile(
        r'(?:record|viewed|revise|conclude)\(\s*(?:request,\s*)?"([a-z_]+\.[a-z_]+)"'
        r'|verb="([a-z_]+\.[a-z_]+)"'
    )
    verbs = {
        first or second
        for app in ("cases", "contacts", "diaries")
        for path in (root / app).rglob("*.py")
        for first, second in pattern.findall(path.read_text())
    }
    assert len(verbs) > 30
    assert verbs - ELSEWHERE <= set(timeline.WORDS)


def test_who_looked_stands_apart_from_what_happened(ida, anna):
    for days in range(1, 30):
        by = anna if days % 2 else None
        log.record("file.opened", None, by=by, now=NOW + days * DAY, person=ida)
    happened = regions.history(ida, limit=20)
    assert "Case taken up" in [row.what for row in happened["rows"]]
    assert {row.what for row in happened["looks"]} == {"File opened"}
    assert "Monitoring opened: isolation" in [row.what for row in happened["rows"]]


def test_an_alarm_that_was_taken_says_from_which_telephone(ida):
    log.record(
        "on_call.taken", None, by=None, now=NOW + DAY, person=ida,
        codes={"alarm": "x", "telephone": 2},
    )  # fmt: skip
    assert timeline.read(ida, limit=1)[0].who == "from the second telephone on call"
