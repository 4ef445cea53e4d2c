import datetime as dt
import html

import pytest
from django.contrib.messages import get_messages

from cases import calls, escalation
from cases.models import Escalation
from diaries.models import Entry
from quarano.audit.models import Event
from tests.desk.conftest import NOW, official, raise_for, sign_in

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
POLL = {"hx-request": "true", "hx-target": "worklist", "x-poll": "1"}
BULK = {"hx-request": "true", "hx-target": "bulk"}
IN_PANEL = {"hx-request": "true", "hx-target": "panel"}


def text(response):
    return html.unescape(response.content.decode())


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_the_page_shows_who_why_what_and_when(desk, follow):
    raise_for(follow("Leyla Aydın", birth_date=dt.date(1992, 3, 2)))
    page = text(desk.get("/worklist/"))
    for part in ("Act now", "Fever", "Leyla Aydın", ", 34", "38.9\xa0°C", "in 1 h"):
        assert part in page
    assert 'hx-trigger="every 60s' in page


def test_only_officials_with_the_permission_may_look(roles, now, follow):
    raise_for(follow())
    epi = sign_in(official("Epi", "epidemiologist"))
    assert epi.get("/worklist/").status_code == 403


def test_showing_is_recorded_once_with_all_ids(desk, anna, follow):
    people = {follow("A A").pk, follow("B B").pk}
    for pk in people:
        raise_for(type(follow("C C")).objects.get(pk=pk))
    desk.get("/worklist/")
    event = Event.objects.get(verb="worklist.viewed")
    assert (set(event.shown), event.actor) == (people, anna.pk)


def test_who_is_named_as_sleeping_is_recorded_too(desk, anna, follow):
    kolja = follow("Kolja Busch")
    found = raise_for(kolja)
    hour = dt.timedelta(hours=1)
    escalation.snooze(found, until=NOW + hour, by=anna, now=NOW)

    assert "Kolja Busch" in text(desk.get("/worklist/"))

    assert Event.objects.get(verb="worklist.viewed").shown == [kolja.pk]


def test_a_poll_is_recorded_only_when_the_set_changed(desk, follow):
    raise_for(follow())
    desk.get("/worklist/")
    desk.get("/worklist/?tab=all", headers=POLL)
    desk.get("/worklist/?tab=all", headers=POLL)
    assert Event.objects.filter(verb="worklist.viewed").count() == 1
    raise_for(follow("New N"))
    desk.get("/worklist/?tab=all", headers=POLL)
    assert Event.objects.filter(verb="worklist.viewed").count() == 2


def test_a_poll_gets_the_region_alone(desk, follow):
    raise_for(follow())
    page = text(desk.get("/worklist/?tab=all", headers=POLL)).strip()
    assert page.startswith('<div id="worklist"')
    assert "<html" not in page


@pytest.mark.undisturbed
def test_the_page_asks_at_most_8_times_however_many_rows(
    desk, follow, settings, django_assert_max_num_queries
):
    settings.AUTHORITY_CACHE_SECONDS = 30  # as in production
    for number in range(15):
        kolja = follow(f"P{number} Q")
        raise_for(kolja)
        raise_for(kolja, "silent")
    ill = follow("Ill I")
    raise_for(ill, "suspicious_symptom", facts={"symptoms": {"cough": 2}})
    desk.get("/worklist/?tab=all")  # authority and officials are remembered
    for headers in ({}, POLL):
        with django_assert_max_num_queries(8):
            page = desk.get("/worklist/?tab=all", headers=headers)
        assert page.status_code == 200


def test_the_panel_stands_beside_the_list_without_javascript(desk, follow):
    kolja = follow("Kolja Busch", lives_alone=True)
    raise_for(kolja)
    page = text(desk.get(f"/worklist/?tab=all&person={kolja.pk}"))
    for part in (
        "Call 0171\u00a05550142",
        "Contact in quarantine",
        "day 6 of 10",
        "Sat 28 Nov, end of day",
        "Lives alone",
        "Why at this place",
        "is-selected",
    ):
        assert part in page
    assert Event.objects.filter(verb="panel.viewed", person=kolja.pk).count() == 1


def test_the_panel_draws_the_temperatures(desk, anna, follow):
    kolja = follow()
    raise_for(kolja)
    url = f"/worklist/?tab=all&person={kolja.pk}"
    assert "<h3>Temperature</h3>" not in text(desk.get(url))
    opens = NOW - 4 * HOUR
    Entry.objects.create(
        person=kolja,
        day=opens.date(),
        half="morning",
        opens=opens,
        ends=opens + 11 * HOUR,
        deadline=opens + 35 * HOUR,
        reported_at=NOW,
        reported_by=anna,
        via="official",
        temperature="38.9",
    )
    page = text(desk.get(url))
    assert "<h3>Temperature</h3>" in page
    assert ">38.9<" in page
    assert "fever from 37.9" in page


def test_without_a_number_the_panel_says_letter_or_visit(desk, follow):
    kolja = follow(mobile="")
    raise_for(kolja)
    page = text(desk.get(f"/worklist/?person={kolja.pk}"))
    assert "letter or visit" in page
    assert "tel:" not in page


def test_after_three_calls_in_vain_the_panel_says_letter_or_visit(desk, anna, follow):
    kolja = follow()
    raise_for(kolja)
    url = f"/worklist/?person={kolja.pk}"
    for hours in (30, 20, 10):
        assert "letter or visit" not in text(desk.get(url))
        calls.record_call(kolja, outcome="no_answer", by=anna, now=NOW - hours * HOUR)
    page = text(desk.get(url))
    assert "letter or visit" in page
    assert "no answer" in page


def test_a_possible_duplicate_leads_to_the_other_record(desk, follow):
    kolja, other = follow(), follow("Kolja Busch")
    facts = {"same": ["phone"], "other": str(other.pk)}
    raise_for(kolja, "possible_duplicate", occasion=str(other.pk), facts=facts)
    page = text(desk.get(f"/worklist/?person={kolja.pk}"))
    assert "same phone" in page
    assert f'href="/people/{other.pk}/"' in page


def test_the_panel_alone_for_htmx_and_the_page_for_others(desk, follow):
    kolja = follow()
    raise_for(kolja)
    url = f"/worklist/panel/{kolja.pk}/?tab=all"
    alone = desk.get(url, headers=IN_PANEL)
    assert text(alone).strip().startswith("<aside")
    assert alone["HX-Trigger-After-Swap"] == "person-chosen"
    assert desk.get(url).url == f"/worklist/?tab=all&person={kolja.pk}"


def test_a_person_nobody_may_see_has_no_panel(desk, follow):
    assert (
        desk.get("/worklist/panel/00000000-0000-4000-8000-000000000000/").status_code
        == 404
    )
    page = desk.get("/worklist/?person=00000000-0000-4000-8000-000000000000")
    assert '<aside class="panel" id="panel"></aside>' in text(page)


def step(escalation, what):
    return f"/worklist/escalations/{escalation.pk}/{what}/?tab=all"


def test_a_form_opens_in_the_panel(desk, follow):
    kolja = follow()
    raised = raise_for(kolja)
    page = text(desk.get(f"/worklist/?person={kolja.pk}&do=settle&on={raised.pk}"))
    assert step(raised, "settle")[:-8] in page
    assert "Resolved by itself" not in page
    page = text(desk.get(f"/worklist/?person={kolja.pk}&do=snooze&on={raised.pk}"))
    assert 'name="until"' in page


def test_settling_from_the_panel(desk, anna, follow):
    kolja = follow()
    raised = raise_for(kolja)
    answer = desk.post(step(raised, "settle"), {"outcome": "doctor", "word": "Dr. Öz"})
    assert answer.url == f"/worklist/?tab=all&person={kolja.pk}"
    raised.refresh_from_db()
    assert (raised.outcome, raised.settled_by, raised.word) == (
        "doctor",
        anna,
        "Dr. Öz",
    )
    page = text(desk.get(answer.url))
    assert "Settled: Fever." in page
    assert "Nothing is open about this person." in page
    assert "Undo" in page


def test_settling_by_htmx_tells_every_region(desk, follow):
    raised = raise_for(follow())
    answer = desk.post(step(raised, "settle"), {"outcome": "called"}, headers=IN_PANEL)
    assert answer.status_code == 204
    assert "person-changed" in answer["HX-Trigger"]
    assert "Settled: Fever." in answer["HX-Trigger"]


def test_without_an_outcome_the_panel_comes_back_with_the_form(desk, follow):
    raised = raise_for(follow())
    for headers in ({}, IN_PANEL):
        answer = desk.post(step(raised, "settle"), {"word": "typed"}, headers=headers)
        assert answer.status_code == 422
        assert "Choose what came of it." in text(answer)
        assert "typed" in text(answer)
    assert Escalation.objects.open().exists()


def test_who_comes_second_is_told(desk, oemer, follow):
    raised = raise_for(follow())
    escalation.settle(raised, outcome="test", by=oemer, now=NOW)
    answer = desk.post(step(raised, "settle"), {"outcome": "called"})
    assert said(answer) == ["Somebody else has settled this meanwhile."]
    raised.refresh_from_db()
    assert raised.outcome == "test"


def test_snoozing_and_waking(desk, follow):
    kolja = follow()
    raised = raise_for(kolja)
    desk.post(step(raised, "snooze"), {"until": "2026-11-24T16:00"})
    raised.refresh_from_db()
    assert raised.snoozed_until == dt.datetime(2026, 11, 24, 15, tzinfo=dt.UTC)
    assert "Wake now" in text(desk.get(f"/worklist/?tab=snoozed&person={kolja.pk}"))
    desk.post(step(raised, "wake"))
    raised.refresh_from_db()
    assert raised.snoozed_until is None


def test_snoozing_into_the_past_is_refused(desk, follow):
    raised = raise_for(follow())
    answer = desk.post(step(raised, "snooze"), {"until": "2026-11-24T09:00"})
    assert answer.status_code == 422


def test_undoing_what_was_settled(desk, anna, follow):
    raised = raise_for(follow())
    escalation.settle(raised, outcome="called", by=anna, now=NOW)
    answer = desk.post(step(raised, "undo"))
    assert said(answer) == ["Open again: Fever."]
    assert Escalation.objects.open().get() == raised


def test_assigning_a_person_assigns_all_that_is_open(desk, oemer, follow):
    kolja = follow()
    raise_for(kolja)
    raise_for(kolja, "silent")
    url = f"/worklist/panel/{kolja.pk}/assign/"
    assert desk.post(url, {"to": "somebody"}).status_code == 422
    desk.post(url, {"to": str(oemer.pk)})
    assert set(Escalation.objects.values_list("assigned_to", flat=True)) == {oemer.pk}
    desk.post(url, {"to": "nobody"})
    assert set(Escalation.objects.values_list("assigned_to", flat=True)) == {None}


def test_a_bulk_settles_what_is_not_medical_with_one_comment(desk, follow):
    kolja, ida = follow("Kolja K"), follow("Ida I")
    fever = raise_for(kolja)
    raise_for(kolja, "silent")
    raise_for(ida, "first_call")
    answer = desk.post(
        "/worklist/settle/?tab=all",
        {"people": [kolja.pk, ida.pk], "outcome": "called", "word": "all spoken to"},
    )
    assert said(answer) == [
        "2 reasons settled.",
        "1 medical reason stays: settle it by itself.",
    ]
    assert Escalation.objects.open().get() == fever
    words = {one.word for one in Escalation.objects.filter(settled_at__isnull=False)}
    assert words == {"all spoken to"}


@pytest.mark.parametrize(
    ("reason", "data", "problem"),
    [
        ("silent", {"outcome": "called", "word": "x"}, "Check the people first."),
        ("silent", {"people": True, "outcome": "called"}, "Write one comment"),
        ("fever", {"people": True, "outcome": "called", "word": "x"}, "one by one"),
    ],
)
def test_a_bulk_that_cannot_be_is_refused(desk, follow, reason, data, problem):
    kolja = follow()
    raise_for(kolja, reason)
    data = data | ({"people": [kolja.pk]} if "people" in data else {})
    answer = desk.post("/worklist/settle/?tab=all", data)
    assert answer.status_code == 422
    assert problem in text(answer)
    assert Escalation.objects.open().exists()
    if "people" in data:
        assert f'form="bulk" hx-preserve checked aria-label="{kolja.name}"' in text(
            answer
        )


def test_by_htmx_a_refused_bulk_answers_with_its_bar(desk, follow):
    kolja = follow()
    raise_for(kolja, "silent")
    url = "/worklist/settle/?tab=all"
    answer = desk.post(url, {"people": [kolja.pk], "outcome": "called"}, headers=BULK)
    assert answer.status_code == 422
    assert "Write one comment" in text(answer)
    assert "<table" not in text(answer)
    assert "Write one comment" not in text(desk.get(url, headers=BULK))
    assert desk.get(url).url == "/worklist/?tab=all"


def test_many_are_assigned_at_once(desk, anna, follow):
    people = [follow("A A"), follow("B B")]
    for person in people:
        raise_for(person)
    url = "/worklist/assign/?tab=all"
    assert desk.post(url, {"to": str(anna.pk)}).status_code == 422
    desk.post(url, {"people": [one.pk for one in people], "to": str(anna.pk)})
    assert set(Escalation.objects.values_list("assigned_to", flat=True)) == {anna.pk}


def test_looking_alone_settles_nothing(roles, now, follow):
    from quarano.accounts.models import Role

    Role.objects.create(code="reader", name="R", permissions=["cases.view"])
    reader = sign_in(official("Reader", "reader"))
    kolja = follow()
    raised = raise_for(kolja)
    page = text(reader.get(f"/worklist/?person={kolja.pk}&do=settle&on={raised.pk}"))
    assert "Settle" not in page[page.index("<body") :]
    for url in (
        step(raised, "settle"),
        step(raised, "snooze"),
        step(raised, "wake"),
        step(raised, "undo"),
        "/worklist/settle/",
        "/worklist/assign/",
        f"/worklist/panel/{kolja.pk}/assign/",
    ):
        assert reader.post(url, {}).status_code == 403


def test_an_empty_worklist_says_what_was_done_and_what_comes(desk, anna, follow):
    settled, asleep = raise_for(follow("S S")), raise_for(follow("Zofia Łuk"))
    escalation.settle(settled, outcome="called", by=anna, now=NOW)
    escalation.snooze(asleep, until=NOW + 2 * HOUR, by=anna, now=NOW)
    follow("Ends Tomorrow", until=dt.date(2026, 11, 25))
    page = text(desk.get("/worklist/?tab=all"))
    for part in (
        "Nothing waits for anybody",
        "1 escalation was settled today,",
        "1 of them by you.",
        "Zofia Łuk",
        "Wake now",
        "1 monitoring ends",
    ):
        assert part in page


def test_with_nothing_of_mine_the_way_to_everybody_is_shown(desk, follow):
    raise_for(follow())
    page = text(desk.get("/worklist/?tab=mine"))
    assert "Nothing is assigned to you" in page
    assert "1 person waits for anybody" in page


def test_the_file_leads_on_to_the_next_of_the_list(desk, follow):
    first, second = follow("Ada Busch"), follow("Ben Busch")
    raise_for(first, "emergency")
    raise_for(second, "fever")
    page = desk.get("/worklist/?tab=all").content.decode()
    assert f'data-file="/people/{first.pk}/?tab=all"' in page
    page = desk.get(f"/people/{first.pk}/?tab=all").content.decode()
    assert "1 of 2" in page
    assert f'href="/people/{second.pk}/?tab=all" rel="next"' in page
    assert 'rel="prev"' not in page
    # Without a list there is no next one.
    page = desk.get(f"/people/{first.pk}/").content.decode()
    assert 'rel="next"' not in page


# --- The panel: closing, forms, calls ------------------------------------------------


def test_closing_the_panel_leads_back_to_the_row(desk, follow):
    person = raise_for(follow()).person
    page = text(desk.get(f"/worklist/?tab=all&person={person.pk}"))
    close = page[page.index('id="panel"') :]
    assert f"#row-{person.pk}" in close[: close.index('data-key="escape"')]


@pytest.mark.parametrize("do", ["settle", "snooze", "assign", "call"])
def test_a_form_of_the_panel_is_closed_without_the_panel(desk, follow, do):
    person = raise_for(follow()).person
    page = text(desk.get(f"/worklist/?tab=all&person={person.pk}&do={do}"))
    form = page[page.index("autofocus") :]
    form = form[: form.index("</form>")]
    assert 'data-key="escape"' in form
    assert "Cancel" in form[form.index('data-key="escape"') :]


def test_a_call_is_recorded_beside_the_list(desk, anna, follow):
    person = follow()
    raise_for(person, "entry_missing")
    here = f"/worklist/panel/{person.pk}/call/?tab=all"
    refused = desk.post(here, {}, headers=IN_PANEL)
    assert refused.status_code == 422
    assert "Choose how the call went." in text(refused)
    assert 'id="panel"' in text(refused)

    answer = desk.post(here, {"outcome": "reached", "note": "Well."}, headers=IN_PANEL)

    assert (answer.status_code, said(answer)) == (204, ["Call recorded."])
    call = person.calls.get()
    assert (call.outcome, call.note, call.called_by) == ("reached", "Well.", anna)
    assert not Escalation.objects.open().filter(reason="entry_missing").exists()


def test_who_may_not_call_sees_no_form_for_it(roles, now, follow):
    person = raise_for(follow()).person
    epi = sign_in(official("Epi", "epidemiologist"))
    assert epi.post(f"/worklist/panel/{person.pk}/call/", {}).status_code == 403


def test_the_order_is_explained_on_demand(desk, follow):
    raise_for(follow("Leyla Aydın", birth_date=dt.date(1940, 3, 2)))
    page = text(desk.get("/worklist/?tab=all"))
    table = page[page.index("Why this order?") :]
    for part in ("Risk", "Trend", "Silence", "Due", "Weight", "Leyla Aydın"):
        assert part in table
    assert "Why this order?" not in text(desk.get("/worklist/?tab=all", headers=POLL))
