"""How the database goes about the pages: by index, never through a whole table.

The planner decides by itself, over enough invented people that it has a choice.
"""

import json
from collections import Counter

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases.models import Escalation, Monitoring, Person
from diaries.models import Entry
from health_authorities import memory, middleware
from quarano.accounts.models import User
from quarano.cockroach import roles
from quarano.synthetic import country
from quarano.synthetic.story import MODELS
from tests import world as worlds
from tests.world import NOW

pytestmark = pytest.mark.undisturbed
PEOPLE = 1_500
# What grows with the people; what lies beside is small for ever.
GROWING = {
    "cases_person", "cases_monitoring", "cases_order", "cases_escalation",
    "cases_escalationoccasion", "cases_callattempt", "cases_enrolmentcode",
    "diaries_entry", "audit_event", "notifications_message",
}  # fmt: skip


@pytest.fixture
def crowded(authority, settings):
    settings.AUTHORITY_CACHE_SECONDS = 30
    memory.forget()
    middleware.forget()
    country.hire(20, 1, now=NOW)
    piece = country.Piece(authority.schema_name, 0, 0, PEOPLE, 3, 0.3, NOW)
    world = country.enter(authority, piece)
    for _story in country.stories(world, piece):
        pass
    world.bulk.flush()
    analyze()
    with time_machine.travel(NOW, tick=False):
        yield authority
    memory.forget()
    middleware.forget()


def analyze():
    with roles.as_owner(), connection.cursor() as cursor:
        for model in MODELS:
            cursor.execute(f"ANALYZE {model._meta.db_table}")


def whole(plan):
    """The growing tables that a plan reads from end to end."""
    found = set()
    if plan["Node Type"] == "Seq Scan":
        found.add(plan["Relation Name"])
    for part in plan.get("Plans", []):
        found |= whole(part)
    return found & GROWING


def is_any_row(plan):
    """Whether it looks for one row, whichever: the first page it opens has it."""
    below = plan.get("Plans", [{}])[0]
    return plan["Node Type"] == "Limit" and "Filter" not in below


def read_whole(ask):
    """{table: statement} of the tables that a request reads from end to end."""
    schema = connection.tenant
    with CaptureQueriesContext(connection) as asked:
        answer = ask()
    assert answer.status_code in (200, 302), answer.status_code
    connection.set_tenant(schema)
    found = {}
    for one in asked:
        # Whose host it is, public says; the rest is the authority's.
        if one["sql"].strip().startswith(("SELECT", "UPDATE", "WITH")) and (
            "health_authorities_" not in one["sql"]
        ):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (FORMAT JSON) {one['sql']}")
                (said,) = cursor.fetchone()
            plans = json.loads(said) if isinstance(said, str) else said
            if is_any_row(plans[0]["Plan"]):
                continue
            for table in whole(plans[0]["Plan"]):
                found[table] = one["sql"][:400]
    return found


def official():
    user = User.objects.get(email__startswith="official4@")
    return worlds.client_of("neckartal.localhost", user), user


def test_the_desks_pages_go_by_index(crowded):
    client, _anna = official()
    people = list(Person.objects.exclude(mobile="").exclude(birth_date=None))
    families = Counter(person.family_name for person in people)
    person = min(people, key=lambda one: (families[one.family_name], one.pk))
    paths = [
        f"/people/{person.pk}/",
        f"/people/?q={person.family_name[:7]}",
        f"/people/?q={str(person.mobile).replace(' ', '')[-8:]}",
        f"/people/?q={person.birth_date:%d.%m.%Y}",
    ]
    for path in paths:
        connection.set_tenant(crowded)
        assert read_whole(lambda path=path: client.get(path)) == {}, path
    found = Escalation.objects.open().filter(reason="entry_missing").first()
    call = f"/cases/people/{found.person_id}/call/"
    settle = f"/worklist/escalations/{found.pk}/settle/"
    assert read_whole(lambda: client.post(call, {"outcome": "no_answer"})) == {}
    connection.set_tenant(crowded)
    assert read_whole(lambda: client.post(settle, {"outcome": "called"})) == {}


def test_the_worklist_reads_nothing_of_those_who_are_settled(crowded):
    # As after months: nearly everything was settled long ago.
    client, anna = official()
    waiting = Escalation.objects.open().order_by("pk").values_list("person", flat=True)
    few = list(waiting[:20])
    Escalation.objects.open().exclude(person__in=few).update(
        settled_at=NOW, settled_by=anna, outcome="called"
    )
    analyze()
    client.get("/worklist/?tab=all")  # the clocks of the week are remembered
    connection.set_tenant(crowded)
    assert read_whole(lambda: client.get("/worklist/?tab=all")) == {}


def test_a_diary_goes_by_index(crowded):
    keeper = Monitoring.objects.open().filter(
        enrolment="enrolled", person__user__isnull=False, until__gt=NOW.date()
    )
    slot = {"day": NOW.date(), "half": Entry.Half.MORNING}
    written = Entry.objects.filter(**slot).values("person")
    person = keeper.exclude(person__in=written).order_by("pk").first().person
    client = worlds.client_of("neckartal.localhost", person.user)
    form = f"/diary/{person.pk}/entry/{NOW.date()}-morning/"
    pages = [form, f"/diary/{person.pk}/days/", f"/diary/{person.pk}/dates/"]
    for path in pages:
        connection.set_tenant(crowded)
        assert read_whole(lambda path=path: client.get(path)) == {}, path
    connection.set_tenant(crowded)
    sent = read_whole(lambda: client.post(form, {"temperature": "36,7"}))
    assert sent == {}


def test_the_plan_of_a_whole_table_would_be_seen(crowded):
    class Answer:
        status_code = 200

    def ask():
        list(Entry.objects.filter(temperature__gt=37).values_list("pk"))
        return Answer

    assert set(read_whole(ask)) == {"diaries_entry"}
