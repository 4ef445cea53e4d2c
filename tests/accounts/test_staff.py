import datetime as dt

import pytest
from django.db import connection
from django_tenants.utils import tenant_context

from quarano.accounts import invitations, staff
from quarano.accounts.models import StaffInvitation, User
from quarano.audit.models import Event
from quarano.notifications.models import Message
from quarano.notifications.rendering import render
from tests.accounts.conftest import NOW, PASSWORD, browser, enter, make_user
from tests.faults import survives

SET_UP = "/account/second-factor/choose/"
TABLES = ("accounts_staffinvitation", "notifications_message", "audit_event")
WEEK = dt.timedelta(days=7)


def invite(ruth, email="mara@neckartal.example", **kwargs):
    kwargs = {"name": "Mara Okafor", "roles": ["case_worker"], "now": NOW} | kwargs
    return invitations.invite(email=email, by=ruth, **kwargs)


def mails():
    return Message.objects.filter(recipient="mara@neckartal.example")


def test_an_invitation_is_a_mail_with_a_link_and_stored_hashed(ruth):
    invitation, token = invite(ruth)
    assert len(token) >= 43, "256 bits"
    message = mails().get()
    assert message.purpose == f"staff-invitation:{invitation.pk}"
    text = render(message).body
    assert f"http://neckartal.localhost:8000/account/invitation/{token}/" in text
    with connection.cursor() as cursor:
        for table in (
            "accounts_staffinvitation",
            "notifications_message",
            "audit_event",
        ):
            cursor.execute(f"SELECT * FROM {table}")
            assert token not in str(cursor.fetchall()), table
    event = Event.objects.get(verb="staff.invited", subject=invitation.pk)
    assert event.codes == {"roles": ["case_worker"]}


@pytest.mark.bar(16)
def test_the_link_ends_in_an_account_with_a_second_factor(ruth, clock):
    _invitation, token = invite(ruth)
    client = browser()
    answer = client.get(f"/account/invitation/{token}/")
    assert answer.url == "/account/invitation/", "the token leaves the address"
    page = client.get(answer.url)
    assert b"Mara Okafor" in page.content
    assert client.post(answer.url, {"password": "fourteen chars"}).status_code == 422
    done = client.post(answer.url, {"password": PASSWORD})
    assert done.url == SET_UP
    assert client.get("/worklist/").url == SET_UP
    mara = User.objects.get(email="mara@neckartal.example")
    assert (mara.name, mara.roles) == ("Mara Okafor", ["case_worker"])
    assert mara.check_password(PASSWORD)


def test_a_scanner_changes_nothing_and_the_link_is_good_once(ruth, clock):
    _invitation, token = invite(ruth)
    for _time in range(3):
        browser().get(f"/account/invitation/{token}/")
        browser().head(f"/account/invitation/{token}/")
    assert (
        StaffInvitation.objects.get(email="mara@neckartal.example").accepted_at is None
    )
    invitations.accept(token, password=PASSWORD, now=NOW)
    with pytest.raises(invitations.InvitationOver):
        invitations.accept(token, password=PASSWORD, now=NOW)
    client = browser()
    client.get(f"/account/invitation/{token}/")
    page = client.get("/account/invitation/")
    assert page.status_code == 404
    assert b"does not work any more" in page.content


def test_an_invitation_dies_after_a_week_and_with_a_new_one(ruth):
    _first, old = invite(ruth)
    _second, new = invite(ruth, roles=["supervisor"])
    assert invitations.look_up(old, now=NOW) is None
    assert invitations.look_up(new, now=NOW + WEEK - dt.timedelta(seconds=1))
    assert invitations.look_up(new, now=NOW + WEEK) is None
    assert mails().filter(state="void").count() == 1


def test_a_withdrawn_invitation_opens_nothing(ruth):
    invitation, token = invite(ruth)
    invitations.withdraw(invitation, by=ruth, now=NOW)
    assert invitations.look_up(token, now=NOW) is None
    assert mails().get().state == "void"


def test_an_address_in_use_and_an_unknown_role_are_refused(ruth):
    with pytest.raises(invitations.AddressInUse):
        invite(ruth, email="RUTH@neckartal.example")
    with pytest.raises(staff.UnknownRole):
        invite(ruth, roles=["emperor"])
    with pytest.raises(staff.UnknownRole):
        invite(ruth, roles=[])


def test_an_invitation_never_makes_a_citizen_an_official(ruth):
    _invitation, token = invite(ruth)
    make_user("Mara")  # registers under the same address meanwhile
    with pytest.raises(invitations.AddressInUse):
        invitations.accept(token, password=PASSWORD, now=NOW)
    assert User.objects.get(name="Mara").roles == []


def test_an_invitation_is_worth_nothing_at_another_authority(ruth, other_authority):
    _invitation, token = invite(ruth)
    with tenant_context(other_authority):
        assert invitations.look_up(token, now=NOW) is None


@pytest.mark.bar(18)
def test_renewing_takes_password_factor_and_sessions_away(anna, ruth, clock):
    client = browser()
    enter(client, anna)
    User.objects.filter(pk=anna.pk).update(language="en")
    _invitation, token = invitations.renew(anna, by=ruth, now=NOW)
    assert client.get("/account/sessions/").status_code == 302
    found = User.objects.get(pk=anna.pk)
    assert not found.has_usable_password()
    assert not found.authenticator_set.exists()
    told = render(Message.objects.get(recipient=anna.email)).body
    assert "you are signed out everywhere" in told
    assert Event.objects.get(verb="staff.renewed").actor == ruth.pk
    again = invitations.accept(token, password="a river and a mill", now=NOW)
    assert (again.pk, again.roles) == (anna.pk, ["case_worker"])


def test_a_link_does_not_bring_back_what_was_taken_away(anna, ruth, clock):
    staff.change_roles(anna, roles=["case_worker", "supervisor"], by=ruth, now=NOW)
    _invitation, token = invitations.renew(anna, by=ruth, now=NOW)
    staff.change_roles(anna, roles=["case_worker"], by=ruth, now=NOW)
    staff.end_on(anna, day=NOW.date(), by=ruth, now=NOW)

    again = invitations.accept(token, password="a river and a mill", now=NOW)

    assert again.roles == ["case_worker"]
    assert again.active_until == NOW.date()


def test_changed_roles_are_written_down(anna, ruth):
    changed = staff.change_roles(anna, roles=["supervisor"], by=ruth, now=NOW)
    assert changed.roles == ["supervisor"]
    event = Event.objects.get(verb="staff.roles_changed")
    assert (event.actor, event.subject) == (ruth.pk, anna.pk)
    assert event.codes == {"before": ["case_worker"], "after": ["supervisor"]}
    with pytest.raises(staff.UnknownRole):
        staff.change_roles(anna, roles=[], by=ruth, now=NOW)


def test_nobody_gives_a_role_to_themselves(ruth):
    make_user("Rita", "administrator")
    with pytest.raises(staff.OwnRoles):
        staff.change_roles(
            ruth, roles=["administrator", "case_worker"], by=ruth, now=NOW
        )
    with pytest.raises(staff.OwnRoles):
        staff.change_roles(ruth, roles=["supervisor"], by=ruth, now=NOW)
    assert User.objects.get(pk=ruth.pk).roles == ["administrator"]
    assert not Event.objects.filter(verb="staff.roles_changed").exists()


def test_a_role_of_ones_own_can_be_given_up(ruth):
    rita = make_user("Rita", "administrator")
    staff.change_roles(ruth, roles=["administrator", "supervisor"], by=rita, now=NOW)
    changed = staff.change_roles(ruth, roles=["supervisor"], by=ruth, now=NOW)
    assert changed.roles == ["supervisor"]


def test_the_last_administrator_stays(ruth):
    with pytest.raises(staff.LastKeeper):
        staff.deactivate(ruth, by=ruth, now=NOW)
    with pytest.raises(staff.LastKeeper):
        staff.change_roles(ruth, roles=["case_worker"], by=ruth, now=NOW)
    make_user("Rita", "administrator")
    assert staff.deactivate(ruth, by=ruth, now=NOW).is_active is False


def test_a_closed_account_opens_again_with_its_roles(anna, ruth):
    staff.deactivate(anna, by=ruth, now=NOW)
    again = staff.reactivate(anna, by=ruth, now=NOW)
    assert (again.is_active, again.roles) == (True, ["case_worker"])


@pytest.mark.parametrize("process", ["invite", "accept", "renew", "roles", "close"])
def test_the_processes_survive_refused_statements(anna, ruth, process):
    _invitation, token = invite(ruth, email="omar@neckartal.example")
    run = {
        "invite": lambda: invite(ruth),
        "accept": lambda: invitations.accept(token, password=PASSWORD, now=NOW),
        "renew": lambda: invitations.renew(anna, by=ruth, now=NOW),
        "roles": lambda: staff.change_roles(
            anna, roles=["supervisor"], by=ruth, now=NOW
        ),
        "close": lambda: staff.deactivate(anna, by=ruth, now=NOW),
    }[process]

    def state():
        # What is random is left out: keys, tokens, salted hashes.
        return [
            sorted(
                StaffInvitation.objects.values_list("email", "accepted_at", "voided_at")
            ),
            sorted(
                User.objects.values_list("name", "roles", "is_active", "session_epoch")
            ),
            sorted(Event.objects.values_list("verb", "subject_kind")),
            sorted(Message.objects.values_list("template", "recipient", "state")),
        ]

    def comparable():
        return [[str(row) for row in rows] for rows in state()]

    survives(run, comparable)


def test_a_login_without_a_password_gets_one_by_mail(authority):
    from quarano.accounts.models import User
    from tests.world import client_of

    user = User.objects.create_user(
        email="new@neckartal.example", name="New", created_at=NOW, language="en"
    )
    client = client_of("neckartal.localhost", user)
    response = client.get("/account/password/change/", follow=True)
    assert response.redirect_chain[-1][0] == "/account/password/reset/"
