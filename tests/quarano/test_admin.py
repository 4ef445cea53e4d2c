import datetime as dt
import re
import time

import psycopg
import pytest
import time_machine
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.apps import apps
from django.db import connection
from django.db.utils import OperationalError
from django.test import Client
from django_tenants.utils import schema_context

from cases.models import Policy, Routine
from diaries.models import Symptom
from health_authorities.models import Domain, FoundingRequest, HealthAuthority
from quarano import founding
from quarano.accounts.models import StaffInvitation, User
from quarano.admin import authority_admin, operator_admin
from quarano.audit.models import Event
from quarano.notifications.models import Message

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
TOMORROW = dt.date(2026, 11, 25)


@pytest.fixture(autouse=True)
def now():
    with time_machine.travel(NOW, tick=False):
        yield NOW


def login(name: str, *roles: str) -> User:
    user = User.objects.create_user(
        email=f"{name.lower()}@neckartal.example",
        name=name,
        roles=list(roles),
        created_at=NOW,
        language="en",
    )
    TOTP.activate(user, generate_totp_secret())
    return user


def browser(user: User | None, host: str = "neckartal.localhost") -> Client:
    """A browser in which both factors were given."""
    client = Client(headers={"host": host, "accept-language": "en"})
    if user is not None:
        client.force_login(user)
        session = client.session
        session["account_authentication_methods_user"] = str(user.pk)
        session["account_authentication_methods"] = [
            {"method": "password", "at": time.time()},
            {"method": "mfa", "at": time.time(), "type": "totp"},
        ]
        session.save()
    return client


@pytest.fixture
def ruth(authority):
    return login("Ruth", "administrator")


@pytest.fixture
def desk(ruth):
    """The administrator's browser."""
    return browser(ruth)


@pytest.fixture
def oemer(authority):
    return login("Ömer", "supervisor")


@pytest.fixture
def anna(authority):
    return login("Anna", "case_worker")


@pytest.fixture
def olga(db):
    with schema_context("public"):
        founding.keep_roles(founding.OPERATION)
        return login("Olga", "operator")


@pytest.fixture
def console(olga):
    """The operator's browser."""
    with schema_context("public"):
        return browser(olga, "localhost")


def said(answer) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


# --- The doors -----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/user/", "/admin/login/"])
def test_nobody_enters_by_djangos_own_form(authority, path):
    answer = browser(None).get(path, follow=True)

    assert answer.redirect_chain[-1][0].startswith("/account/login/")
    assert b'name="username"' not in answer.content


def test_a_password_alone_opens_nothing(ruth):
    client = Client(headers={"host": "neckartal.localhost"})
    client.force_login(ruth)

    answer = client.get("/admin/")

    assert answer.status_code == 302
    assert answer.url == "/account/second-factor/choose/"


def test_others_of_the_staff_are_shown_out(anna):
    client = browser(anna)

    assert client.get("/admin/login/").status_code == 403
    assert client.get("/admin/", follow=True).status_code == 403
    assert client.get("/admin/accounts/user/", follow=True).status_code == 403


def test_an_administrator_is_no_operator(desk, console):
    assert b"Foundings" not in desk.get("/admin/").content
    assert b"Foundings of authorities" in console.get("/admin/").content

    answer = desk.get("/admin/", headers={"host": "localhost"})
    assert answer.url.startswith("/admin/login/")


@pytest.mark.bar(11)
def test_the_operators_site_knows_no_person():
    shown = {model._meta.label for model in operator_admin._registry}

    assert shown == {
        "accounts.User",
        "accounts.StaffInvitation",
        "audit.Event",
        "health_authorities.HealthAuthority",
        "health_authorities.Domain",
        "health_authorities.FoundingRequest",
        "health_authorities.PlacementRequest",
    }


@pytest.mark.bar(11)
def test_no_site_shows_the_people_of_an_authority():
    people = {
        model
        for label in ("cases", "contacts", "diaries")
        for model in apps.get_app_config(label).get_models()
    }
    shown = {model._meta.label for model in set(authority_admin._registry) & people}

    assert shown == {"cases.Policy", "cases.Routine", "diaries.Symptom"}


def test_nothing_is_deleted_in_bulk():
    for site in (authority_admin, operator_admin):
        assert "delete_selected" not in dict(site.actions)


@pytest.mark.parametrize("site", [authority_admin, operator_admin])
def test_every_page_opens(site, desk, console):
    client = desk if site is authority_admin else console
    for model, rows in site._registry.items():
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        answer = client.get(base)
        assert answer.status_code == 200, base
        if rows.may_add:
            assert client.get(f"{base}add/").status_code == 200, base
        with schema_context("neckartal" if site is authority_admin else "public"):
            row = model._default_manager.first()
        if row is not None and model is not User:
            assert client.get(f"{base}{row.pk}/change/").status_code == 200, base


INLINE = re.compile(
    rb"""<script(?![^>]*(src=|application/json))|\s(style|on\w+)=["']"""
)


def test_no_page_needs_what_our_content_policy_forbids(desk, policy):
    paths = [
        "/admin/", "/admin/accounts/user/", "/admin/accounts/staffinvitation/add/",
        "/admin/diaries/symptom/", f"/admin/cases/policy/{policy.pk}/change/",
    ]  # fmt: skip
    for path in paths:
        answer = desk.get(path)
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        found = [
            m.group() + answer.content[m.end() : m.end() + 80]
            for m in INLINE.finditer(answer.content)
        ]
        assert not found, path


def test_signing_out_and_the_password_are_the_sites_own(desk):
    assert desk.get("/admin/password_change/").url == "/account/password/change/"
    assert desk.get("/admin/logout/").url == "/account/logout/"

    assert desk.post("/admin/logout/").url == "/account/login/"
    assert desk.get("/admin/").url.startswith("/admin/login/")


# --- Staff ---------------------------------------------------------------------------


def test_the_list_shows_staff_only(desk, anna, authority):
    citizen = User.objects.create_user(
        email="ida@example.org", name="Ida Index", created_at=NOW
    )
    answer = desk.get("/admin/accounts/user/")

    assert b"Anna" in answer.content
    assert b"Ida" not in answer.content
    path = f"/admin/accounts/user/{citizen.pk}/change/"
    assert desk.get(path, follow=True).redirect_chain[-1][0] == "/admin/"


def test_inviting_sends_a_link(desk, ruth):
    answer = desk.post(
        "/admin/accounts/staffinvitation/add/",
        {
            "name": "Nina Neu",
            "email": "nina@neckartal.example",
            "roles": ["case_worker"],
        },
    )

    assert answer.status_code == 302
    invitation = StaffInvitation.objects.get(email="nina@neckartal.example")
    assert (invitation.invited_by, invitation.roles) == (ruth, ["case_worker"])
    assert Message.objects.filter(recipient="nina@neckartal.example").exists()
    assert Event.objects.filter(verb="staff.invited", actor=ruth.pk).exists()


def test_an_address_in_use_is_refused(desk, anna):
    answer = desk.post(
        "/admin/accounts/staffinvitation/add/",
        {"name": "Anna", "email": anna.email, "roles": ["case_worker"]},
        follow=True,
    )

    assert "account already" in said(answer)
    assert not StaffInvitation.objects.filter(email=anna.email).exists()


def test_an_invitation_is_withdrawn(desk):
    invitation = StaffInvitation.objects.get()

    desk.post(
        "/admin/accounts/staffinvitation/",
        {"action": "withdraw", "_selected_action": [str(invitation.pk)]},
    )

    invitation.refresh_from_db()
    assert invitation.voided_at == NOW


def change(desk, user, **values):
    fields = {"roles": user.roles, "active_until": "", "is_active": "on", **values}
    fields = {name: value for name, value in fields.items() if value is not None}
    return desk.post(f"/admin/accounts/user/{user.pk}/change/", fields, follow=True)


def test_roles_and_last_day_are_changed_by_their_processes(desk, ruth, anna):
    change(desk, anna, roles=["case_worker", "supervisor"], active_until="2026-12-31")

    anna = User.objects.get(pk=anna.pk)
    assert sorted(anna.roles) == ["case_worker", "supervisor"]
    assert anna.active_until == dt.date(2026, 12, 31)
    assert anna.session_epoch == 1
    verbs = set(Event.objects.filter(actor=ruth.pk).values_list("verb", flat=True))
    assert {"staff.roles_changed", "staff.end_changed"} <= verbs


def test_an_account_is_closed_and_opened_again(desk, anna):
    change(desk, anna, is_active=None)
    assert not User.objects.get(pk=anna.pk).is_active

    change(desk, User.objects.get(pk=anna.pk))
    assert User.objects.get(pk=anna.pk).is_active


def test_nobody_gives_themselves_a_role(desk, ruth):
    answer = desk.post(
        f"/admin/accounts/user/{ruth.pk}/change/",
        {"roles": ["administrator", "case_worker"], "is_active": "on"},
        follow=True,
    )
    assert b"ask another administrator" in answer.content
    assert User.objects.get(pk=ruth.pk).roles == ["administrator"]


def test_the_last_administrator_stays(desk, ruth):
    answer = change(desk, ruth, is_active=None)

    assert "Nobody would be left" in said(answer)
    assert User.objects.get(pk=ruth.pk).is_active


def test_a_lost_second_factor_is_replaced_by_a_new_link(desk, anna):
    desk.post(
        "/admin/accounts/user/",
        {"action": "send_new_link", "_selected_action": [str(anna.pk)]},
    )

    assert not User.objects.get(pk=anna.pk).has_usable_password()
    assert Message.objects.filter(recipient=anna.email).exists()


def test_a_refused_transaction_is_run_again(desk, anna):
    refused = []

    def refuse_once(execute, sql, *rest):
        if sql.startswith('UPDATE "accounts_user"') and not refused:
            refused.append(sql)
            cause = psycopg.errors.SerializationFailure("restart transaction")
            raise OperationalError(str(cause)) from cause
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse_once):
        change(desk, anna, roles=["supervisor"])

    assert refused
    assert User.objects.get(pk=anna.pk).roles == ["supervisor"]
    assert (
        Event.objects.filter(verb="staff.roles_changed", subject=anna.pk).count() == 1
    )


def test_names_and_addresses_of_staff_are_not_edited_here(desk, anna):
    change(desk, anna, name="Other", email="other@example.org")

    assert User.objects.get(pk=anna.pk).name == "Anna"


# --- Policies ------------------------------------------------------------------------


@pytest.fixture
def policy(authority):
    return Policy.objects.get()


def act(client, action: str, *rows, app="cases", model="policy"):
    return client.post(
        f"/admin/{app}/{model}/",
        {"action": action, "_selected_action": [str(row.pk) for row in rows]},
        follow=True,
    )


def form_of(client, path: str) -> dict[str, object]:
    """What the page's form would send if nothing were typed."""
    page = client.get(path)
    found = {}
    admin_form = page.context["adminform"].form
    for bound in admin_form:
        value = bound.value()
        if value not in (None, False):
            found[bound.html_name] = "on" if value is True else value
    for formset in page.context["inline_admin_formsets"]:
        forms = [formset.formset.management_form, *formset.formset.forms]
        for form in forms:
            for bound in form:
                value = bound.value()
                found[bound.html_name] = "" if value is None else value
                if bound.field.show_hidden_initial:
                    found[bound.html_initial_name] = found[bound.html_name]
    return found


def revise(client, row, model="policy", **values):
    path = f"/admin/cases/{model}/{row.pk}/change/"
    return client.post(path, {**form_of(client, path), **values}, follow=True)


@pytest.fixture
def draft(desk, policy):
    act(desk, "draft", policy)
    return Policy.objects.get(approved_at__isnull=True)


def test_a_draft_is_a_copy_for_tomorrow(draft, policy, ruth):
    assert draft.valid_from == TOMORROW
    assert (draft.drafted_by, draft.shipped) == (ruth, False)
    assert draft.examples.count() == policy.examples.count()
    assert draft.groups == policy.groups
    assert Policy.objects.in_force(policy.disease, on=TOMORROW) == policy


def test_a_policy_in_force_cannot_be_changed(desk, policy):
    path = f"/admin/cases/policy/{policy.pk}/change/"
    page = desk.get(path)

    assert not page.context["adminform"].form.fields
    assert desk.post(path, {"isolation_days": "5"}).status_code == 403
    assert desk.post(f"/admin/cases/policy/{policy.pk}/delete/").status_code == 403
    policy.refresh_from_db()
    assert policy.isolation_days == 10


def test_a_changed_number_must_agree_with_the_examples(desk, draft, oemer):
    answer = revise(desk, draft, isolation_days="7")

    draft.refresh_from_db()
    assert draft.isolation_days == 7
    assert "written" in said(answer)
    event = Event.objects.get(verb="policy.revised")
    assert event.fields == ["isolation_days"]

    answer = act(browser(oemer), "approve", draft)
    assert "computed" in said(answer)
    draft.refresh_from_db()
    assert draft.approved_at is None


def test_a_second_person_approves(desk, draft, oemer, ruth):
    assert "Somebody else" in said(act(desk, "approve", draft))
    draft.refresh_from_db()
    assert draft.approved_at is None

    act(browser(oemer), "approve", draft)

    draft.refresh_from_db()
    assert (draft.approved_by, draft.approved_at) == (oemer, NOW)
    assert Policy.objects.in_force(draft.disease, on=TOMORROW) == draft
    assert (
        desk.post(
            f"/admin/cases/policy/{draft.pk}/change/", {"isolation_days": "5"}
        ).status_code
        == 403
    )


def test_a_policy_with_too_few_examples_is_not_approved(desk, draft, oemer):
    draft.examples.all().delete()

    assert "Four" in said(act(browser(oemer), "approve", draft))
    draft.refresh_from_db()
    assert draft.approved_at is None


def test_a_supervisor_sees_policies_and_nothing_else(oemer, policy):
    client = browser(oemer)

    assert client.get("/admin/cases/policy/").status_code == 200
    assert client.get("/admin/accounts/user/").status_code == 403
    assert client.get("/admin/audit/event/").status_code == 403
    assert client.get("/admin/diaries/symptom/").status_code == 403


def test_a_supervisor_does_not_draft(oemer, policy):
    act(browser(oemer), "draft", policy)

    assert Policy.objects.count() == 1


@pytest.mark.parametrize("day", ["2026-11-24", "2020-06-01"])
def test_a_version_does_not_begin_before_tomorrow(desk, draft, day):
    answer = revise(desk, draft, valid_from=day)

    assert "tomorrow" in said(answer)
    draft.refresh_from_db()
    assert draft.valid_from == TOMORROW


def test_a_draft_whose_day_has_come_is_not_approved(desk, draft, oemer):
    with time_machine.travel(NOW + dt.timedelta(days=1)):
        answer = act(browser(oemer), "approve", draft)
    assert "tomorrow" in said(answer)


def test_a_draft_can_be_thrown_away(desk, draft):
    desk.post(f"/admin/cases/policy/{draft.pk}/delete/", {"post": "yes"})

    assert Policy.objects.count() == 1
    assert Event.objects.filter(verb="policy.discarded").exists()


def test_a_routine_is_a_new_version_from_tomorrow_on(desk, authority):
    first = Routine.objects.get()
    act(desk, "draft", first, model="routine")
    second = Routine.objects.get(valid_from=TOMORROW)

    revise(desk, second, model="routine", slots_per_day="1")

    second.refresh_from_db()
    assert second.slots_per_day == 1
    assert Routine.objects.in_force(on=dt.date(2026, 11, 24)) == first
    path = f"/admin/cases/routine/{first.pk}/change/"
    assert desk.post(path, {"slots_per_day": "1"}).status_code == 403
    with time_machine.travel(NOW + dt.timedelta(days=1)):
        path = f"/admin/cases/routine/{second.pk}/change/"
        assert browser(User.objects.get(name="Ruth")).post(path).status_code == 403


# --- Symptoms, audit -----------------------------------------------------------------


def test_a_symptom_is_renamed_and_its_code_stays(desk, authority, ruth):
    path = "/admin/diaries/symptom/cough/change/"
    form = {**form_of(desk, path), "name_de": "Reizhusten", "code": "other"}

    desk.post(path, form)

    cough = Symptom.objects.get(pk="cough")
    assert (cough.names["de"], cough.names["en"]) == ("Reizhusten", "Cough")
    assert cough.characteristic
    event = Event.objects.get(verb="symptom.revised")
    assert (event.fields, event.actor) == (["names"], ruth.pk)


def test_a_symptom_is_added_and_not_deleted(desk, authority):
    form = {
        "code": "itching", "name_de": "Juckreiz", "name_en": "Itching",
        "position": "500", "active": "on", "counts": "on",
    }  # fmt: skip
    desk.post("/admin/diaries/symptom/add/", form)

    assert Symptom.objects.get(pk="itching").names == {
        "de": "Juckreiz",
        "en": "Itching",
    }
    answer = desk.post("/admin/diaries/symptom/itching/delete/", {"post": "yes"})
    assert answer.status_code == 403


def test_the_audit_is_read_only_and_reading_it_is_an_event(desk, ruth, authority):
    event = Event.objects.first()

    assert desk.get(f"/admin/audit/event/?subject={ruth.pk}").status_code == 200
    path = f"/admin/audit/event/{event.pk}/"
    assert desk.post(f"{path}change/", {"verb": "x"}).status_code == 403
    assert desk.post(f"{path}delete/", {"post": "yes"}).status_code == 403
    seen = Event.objects.get(verb="audit.viewed")
    assert (seen.actor, seen.codes) == (ruth.pk, {"subject": str(ruth.pk)})


def test_the_history_of_a_row_is_in_the_audit(desk, anna):
    answer = desk.get(f"/admin/accounts/user/{anna.pk}/history/")

    assert answer.url == f"/admin/audit/event/?subject={anna.pk}"


# --- The operator --------------------------------------------------------------------


WISH = {
    "name": "Gesundheitsamt Uferkreis",
    "short_name": "Uferkreis",
    "schema_name": "uferkreis",
    "host": "uferkreis.localhost",
    "rki_code": "1.08.2.15.",
    "federal_state": "08",
    "region": "",
    "sender": "diary@uferkreis.example",
    "administrator_name": "Ada Amt",
    "administrator_email": "ada@uferkreis.example",
}


def test_a_form_asks_for_an_authority_and_shows_its_progress(console, olga):
    answer = console.post("/admin/health_authorities/foundingrequest/add/", WISH)

    assert answer.status_code == 302
    request = FoundingRequest.objects.get()
    assert (request.state, request.requested_by) == ("waiting", olga.pk)
    assert not HealthAuthority.objects.filter(schema_name="uferkreis").exists()

    founding.carry_out_all(now=NOW)

    page = console.get("/admin/health_authorities/foundingrequest/")
    assert b"4/4" in page.content
    assert HealthAuthority.objects.get(schema_name="uferkreis").founded_at == NOW


def test_details_of_an_authority_are_changed(console, authority):
    connection.set_schema_to_public()
    path = f"/admin/health_authorities/healthauthority/{authority.pk}/change/"
    form = {**form_of(console, path), "cases_phone": "06221 7", "schema_name": "x"}

    console.post(path, form)

    connection.set_schema_to_public()
    changed = HealthAuthority.objects.get(pk=authority.pk)
    assert (changed.cases_phone, changed.schema_name) == ("06221 7", "neckartal")
    assert Event.objects.get(verb="authority.changed").fields == ["cases_phone"]


def test_the_host_that_links_lead_to_is_kept(console, authority):
    connection.set_schema_to_public()
    base = "/admin/health_authorities/domain/"
    console.post(f"{base}add/", {"domain": "New.localhost", "tenant": authority.pk})
    new = Domain.objects.get(domain="new.localhost")
    old = Domain.objects.get(domain="neckartal.localhost")
    assert not new.is_primary

    answer = console.post(f"{base}{old.pk}/delete/", {"post": "yes"}, follow=True)
    assert "primary" in said(answer)

    act(console, "make_primary", new, app="health_authorities", model="domain")
    console.post(f"{base}{old.pk}/delete/", {"post": "yes"})
    connection.set_schema_to_public()
    assert HealthAuthority.objects.get(pk=authority.pk).host == "new.localhost"
    assert not Domain.objects.filter(pk=old.pk).exists()


@pytest.mark.parametrize("lookup", ["password__startswith=argon2", "secret=x"])
def test_no_column_is_read_out_by_asking_for_its_beginning(desk, lookup):
    """Each letter of a hash could be guessed by which rows a list shows."""
    assert desk.get(f"/admin/accounts/user/?{lookup}").status_code == 400
