"""The list of the first hour: each line looks at facts, and ticks itself."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

from health_authorities import details
from health_authorities.models import Office
from quarano.audit.models import Event
from quarano.desk import first_hour
from quarano.desk.models import SetUpMark
from quarano.notifications.models import TextVersion
from tests import factories as make
from tests.desk.conftest import NOW, WORKER, official, sign_in


@pytest.fixture
def ruth(authority, now):
    make.RoleFactory(
        code="administrator",
        name="administrator",
        permissions=["site.administer", "accounts.invite", "policy.edit"],
    )
    return official("Ruth", "administrator")


@pytest.fixture
def admin_browser(ruth):
    return sign_in(ruth)


def open_steps():
    return {step.code for step in first_hour.read(now=NOW).open}


def revise(authority, by, **changes):
    version = details.read(authority).version
    details.revise(authority, changes, version=version, by=by, now=NOW)


def test_an_authority_on_an_empty_server_has_everything_before_it(ruth):
    assert open_steps() == {
        "staff", "hours", "on_call", "hotlines", "texts", "policy", "offices",
        "first_case",
    }  # fmt: skip


def test_staff_count_once_they_sign_in_with_two_factors(ruth, roles):
    anna = official("Anna", "case_worker")
    assert "staff" in open_steps()
    TOTP.activate(anna, generate_totp_secret())
    assert "staff" not in open_steps()
    anna.is_active = False
    anna.save()
    assert "staff" in open_steps()


def test_an_administrator_alone_is_no_staff_for_cases(ruth):
    TOTP.activate(ruth, generate_totp_secret())
    assert "staff" in open_steps()


@pytest.mark.parametrize(
    ("step", "changes"),
    [
        ("hours", {"staffed_hours": [[["08:00", "16:00"]], [], [], [], [], [], []]}),
        ("on_call", {"on_call_phone": "+4917139200"}),
        (
            "hotlines",
            {
                "cases_phone": "07000 1",
                "contacts_phone": "07000 2",
                "street": "Am Markt 1",
                "postal_code": "70001",
                "city": "Neckarfurt",
            },
        ),
    ],
)
def test_what_the_authority_says_of_itself_ticks_its_line(
    ruth, authority, step, changes
):
    assert step in open_steps()
    revise(authority, ruth, **changes)
    assert step not in open_steps()


def test_hours_on_no_day_are_no_hours(ruth, authority):
    revise(authority, ruth, staffed_hours=[[], [], [], [], [], [], []])
    assert "hours" in open_steps()


def test_texts_of_ones_own_are_texts_that_were_read(ruth):
    TextVersion.objects.create(
        template="cases/messages/invitation", channel="mail", language="en", number=2,
        source="{link}", written_at=NOW, written_by=ruth.pk,
    )  # fmt: skip
    assert "texts" not in open_steps()


def test_rules_are_checked_by_approving_ones_own(ruth, disease):
    make.PolicyFactory(
        disease=disease, valid_from=NOW.date(), shipped=False, drafted_by=ruth,
        approved_at=NOW, approved_by=make.OemerFactory(),
    )  # fmt: skip
    assert "policy" not in open_steps()


def test_offices_and_the_first_case_are_counted(ruth, follow):
    from django_tenants.utils import schema_context

    with schema_context("public"):
        Office.objects.create(code="1.08.1.11.", name="Anywhere")
    follow()
    assert not {"offices", "first_case"} & open_steps()


@pytest.mark.parametrize("step", ["texts", "policy"])
def test_what_only_a_person_can_say_is_marked_by_hand(admin_browser, ruth, step):
    response = admin_browser.post("/first-hour/mark/", {"step": step}, follow=True)
    assert f'id="step-{step}"' in response.content.decode()
    assert step not in open_steps()
    mark = SetUpMark.objects.get(step=step)
    assert (mark.made_by, mark.made_at) == (ruth, NOW)
    assert Event.objects.filter(verb="first_hour.marked", actor=ruth.pk).count() == 1
    # Twice is once.
    admin_browser.post("/first-hour/mark/", {"step": step})
    assert Event.objects.filter(verb="first_hour.marked").count() == 1


def test_the_administrator_starts_with_the_list_until_it_is_put_away(
    admin_browser, django_capture_on_commit_callbacks
):
    assert admin_browser.get("/").url == "/first-hour/"
    assert ">First hour<" in admin_browser.get("/first-hour/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        admin_browser.post("/first-hour/mark/", {"step": "put_away"})
    assert admin_browser.get("/").url == "/admin/"
    page = admin_browser.get("/first-hour/").content.decode()
    assert "Call it back" in page
    assert ">First hour<" not in page
    with django_capture_on_commit_callbacks(execute=True):
        admin_browser.post("/first-hour/mark/", {"step": "put_away", "undo": "1"})
    assert admin_browser.get("/").url == "/first-hour/"


def test_an_unknown_mark_changes_nothing(admin_browser):
    response = admin_browser.post("/first-hour/mark/", {"step": "everything"})
    assert response.status_code == 302
    assert not SetUpMark.objects.exists()


def test_every_line_leads_to_a_page_that_opens(admin_browser):
    for step in first_hour.read(now=NOW).steps:
        if step.url:
            assert admin_browser.get(step.url).status_code == 200, step.code


def test_others_read_on_the_worklist_whom_to_ask(ruth, desk):
    html = desk.get("/worklist/").content.decode()
    assert "8 steps of the first hour are open." in html
    assert "Ask Ruth." in html


def test_an_official_who_may_do_it_gets_the_way_there(ruth, roles, now):
    make.RoleFactory(code="both", permissions=[*WORKER, "site.administer"])
    both = official("Bo", "both")
    html = sign_in(both).get("/worklist/").content.decode()
    assert 'href="/first-hour/"' in html
    assert "Ask Ruth" not in html


def test_the_list_is_nobodys_but_the_administrators(desk):
    assert desk.get("/first-hour/").status_code == 403
    assert desk.post("/first-hour/mark/", {"step": "texts"}).status_code == 403
