import datetime as dt
import os
import re
import signal
import subprocess
import sys
from decimal import Decimal
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.utils import OperationalError
from django_tenants.utils import schema_context, schema_exists, tenant_context

from cases.arithmetic import check_examples
from cases.models import Disease, Policy, PolicyExample, Routine
from diaries.models import Symptom
from health_authorities.models import Domain, FoundingRequest, HealthAuthority
from quarano import clock, founding, tasks
from quarano.accounts import invitations
from quarano.accounts.models import Role, StaffInvitation, User
from quarano.audit.models import Event
from quarano.cockroach import roles, schemas
from quarano.notifications.models import Message
from tests.cockroach.test_schemas import describe

NOW = dt.datetime(2026, 11, 17, 9, tzinfo=dt.UTC)
WORDS = {
    "name": "Gesundheitsamt Uferkreis",
    "short_name": "Uferkreis",
    "schema_name": "uferkreis",
    "host": "uferkreis.localhost",
    "rki_code": "1.08.2.15.",
    "federal_state": "08",
    "sender": "diary@uferkreis.example",
    "administrator_name": "Ada Amt",
    "administrator_email": "ada@uferkreis.example",
}


def found(**changes):
    return founding.found(**{**WORDS, "now": NOW, **changes})


@pytest.fixture
def uferkreis(db):
    """A third authority, with the test's transaction gone again."""
    return found()


@pytest.mark.bar(25)
def test_an_authority_has_all_it_needs(uferkreis):
    assert uferkreis.host == "uferkreis.localhost"
    assert HealthAuthority.objects.get(schema_name="uferkreis").founded_at == NOW
    with tenant_context(uferkreis):
        assert set(Role.objects.values_list("code", flat=True)) == set(founding.ROLES)
        assert Symptom.objects.filter(characteristic=True).exists()
        assert Routine.objects.in_force(on=dt.date(2026, 11, 1)).slots_per_day == 2
        disease = Disease.objects.get(code="covid-19")
        policy = Policy.objects.in_force(disease, on=dt.date(2026, 11, 1))
        assert policy.fever_contacts == Decimal("37.9")
        assert policy.source
        assert policy.remedies


def test_the_shipped_policy_computes_its_examples(uferkreis):
    with tenant_context(uferkreis):
        policy = Policy.objects.get()
        assert policy.examples.count() >= 4
        assert {example.anchor_kind for example in policy.examples.all()} == {
            "onset", "specimen", "last_exposure", "household",
        }  # fmt: skip
        assert check_examples(policy) == []


@pytest.mark.bar(25)
def test_the_first_administrator_is_invited_by_mail(uferkreis):
    with tenant_context(uferkreis):
        invitation = StaffInvitation.objects.get()
        assert (invitation.email, invitation.roles) == (
            "ada@uferkreis.example",
            ["administrator"],
        )
        message = Message.objects.get()
        assert message.recipient == "ada@uferkreis.example"
        assert message.token
        assert not User.objects.exists()


def test_founding_is_in_the_audit_of_both(uferkreis):
    with schema_context("public"):
        assert Event.objects.filter(verb="authority.founded").count() >= 1
    with tenant_context(uferkreis):
        assert Event.objects.get(verb="authority.founded").actor_kind == "rule"


def test_the_app_may_not_change_the_new_audit(uferkreis):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('quarano_app', 'uferkreis.audit_event', %s), "
            "has_table_privilege('quarano_app', 'uferkreis.audit_event', %s), "
            "has_table_privilege('quarano_app', 'uferkreis.cases_case', %s)",
            ["UPDATE", "INSERT", "UPDATE"],
        )
        assert cursor.fetchone() == (False, True, True)


def test_its_people_are_its_own(uferkreis, authority):
    with tenant_context(authority):
        Disease.objects.create(code="measles")
    with tenant_context(uferkreis):
        assert not Disease.objects.filter(code="measles").exists()


def test_founding_twice_is_founding_once(uferkreis):
    assert found() == uferkreis

    with tenant_context(uferkreis):
        assert StaffInvitation.objects.count() == 1
        assert Policy.objects.count() == 1


@pytest.mark.parametrize("step", list(founding.STEPS))
def test_a_founding_that_broke_off_goes_on(db, step):
    class Killed(Exception):
        pass

    def die(reached):
        if reached == step:
            raise Killed

    with pytest.raises(Killed):
        found(report=die)
    if step != "invited":
        assert HealthAuthority.objects.get(schema_name="uferkreis").founded_at is None

    authority = found()

    assert authority.founded_at == NOW
    with tenant_context(authority):
        assert StaffInvitation.objects.count() == Policy.objects.count() == 1
        assert Symptom.objects.exists()


def test_one_that_the_template_overtook_is_made_from_it_anew(db):
    """A migration of all authorities ran before this one could be seen."""

    def migrate_template(step):
        if step == "rows":
            with roles.as_owner(), schema_context(schemas.TEMPLATE):
                with connection.cursor() as cursor:
                    # Or the test's own transaction holds checks that a DROP refuses.
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                    cursor.execute("ALTER TABLE cases_person ADD COLUMN later int8")
                    cursor.execute(
                        "INSERT INTO django_migrations (app, name, applied) "
                        "VALUES ('cases', '9999_later', now())"
                    )

    authority = found(report=migrate_template)

    assert not schemas.is_behind_template("uferkreis")
    with tenant_context(authority), connection.cursor() as cursor:
        cursor.execute("SELECT later FROM cases_person")
        assert Policy.objects.count() == StaffInvitation.objects.count() == 1


KILLED_AT = ["reserved", "cloned", "tables", "rows", "opened", "invited"]
DIES = """
import datetime as dt, os, signal, sys
import django; django.setup()
from quarano import founding
from quarano.cockroach import roles, schemas

def die(reached):
    if reached == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)

def after(module, name, step):
    work = getattr(module, name)
    def wrapped(*args, **kwargs):
        found = work(*args, **kwargs)
        die(step)
        return found
    setattr(module, name, wrapped)

after(schemas, "clone_tables", "cloned")  # within the transaction
after(founding.log, "record", "opened")
founding.found(**eval(sys.argv[2]), now=dt.datetime.now(dt.UTC), report=die)
"""


@pytest.mark.committed
@pytest.mark.parametrize("step", KILLED_AT)
def test_a_founding_whose_process_is_killed_is_finished_by_calling_again(
    django_db_setup, django_db_blocker, step
):
    words = {**WORDS, "rki_code": "1.08.2.35."}
    killed = subprocess.run(
        [sys.executable, "-c", DIES, step, repr(words)],
        env={**os.environ, "DATABASE_AS": "owner"},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with django_db_blocker.unblock():
        try:
            if step in {"reserved", "cloned"}:
                assert not schema_exists("uferkreis")  # all of it or nothing
            authority = founding.found(**words, now=NOW)
            assert authority.founded_at
            with tenant_context(authority):
                assert StaffInvitation.objects.count() == Policy.objects.count() == 1
                assert Message.objects.count() == 1
                assert Event.objects.filter(verb="authority.founded").count() == 1
                assert Symptom.objects.exists()
            assert describe("uferkreis") == describe(schemas.TEMPLATE)
        finally:
            connection.set_schema_to_public()
            schemas.drop("uferkreis")
            with roles.as_owner():
                Event.objects.filter(
                    subject__in=HealthAuthority.objects.filter(
                        schema_name="uferkreis"
                    ).values("pk")
                ).delete()
                Domain.objects.filter(domain=WORDS["host"]).delete()
                HealthAuthority.objects.filter(schema_name="uferkreis").delete()


def test_nobody_answers_before_all_is_there(db, client):
    found(report=lambda step: None)
    HealthAuthority.objects.filter(schema_name="uferkreis").update(founded_at=None)

    answer = client.get("/account/login/", headers={"host": "uferkreis.localhost"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "elsewhere.localhost"},
        {"rki_code": "1.08.2.16."},
        {"schema_name": "other"},
        {"schema_name": "other", "rki_code": "1.08.2.16."},
        {"schema_name": "public"},
        {"schema_name": "authority_template"},
    ],
)
def test_what_belongs_to_another_is_refused(uferkreis, changes):
    with pytest.raises(founding.AlreadyTaken):
        found(**changes)
    assert not schema_exists("other")


@pytest.mark.parametrize(
    "changes", [{"rki_code": "8"}, {"federal_state": "99"}, {"sender": "nobody"}]
)
def test_nonsense_is_refused_before_anything_is_made(db, changes):
    with pytest.raises(ValidationError):
        found(**changes)
    assert not schema_exists("uferkreis")
    assert not Domain.objects.filter(domain="uferkreis.localhost").exists()


def test_a_wrong_example_stops_the_founding(db, monkeypatch):
    wrong = [("x", "isolation", "onset", dt.date(2026, 11, 1), dt.date(2026, 11, 12))]
    monkeypatch.setattr(founding, "worked_examples", lambda: wrong)

    with pytest.raises(founding.ExampleDiffers):
        found()
    with schema_context("uferkreis"):
        assert not PolicyExample.objects.exists()


# --- By command ---------------------------------------------------------------------


def create_authority(**changes: str) -> str:
    words = {
        "--name": WORDS["name"],
        "--short-name": WORDS["short_name"],
        "--schema": WORDS["schema_name"],
        "--host": WORDS["host"],
        "--code": WORDS["rki_code"],
        "--state": WORDS["federal_state"],
        "--sender": WORDS["sender"],
        "--administrator-name": WORDS["administrator_name"],
        "--administrator-email": WORDS["administrator_email"],
        **{f"--{name}": value for name, value in changes.items()},
    }
    out = StringIO()
    arguments = [part for pair in words.items() for part in pair]
    call_command("create_authority", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_a_link_that_works_once(db):
    out = create_authority(city="Uferstadt")

    assert "answers at http://uferkreis.localhost:8000/" in out
    (token,) = re.findall(r"/account/invitation/(\S+)/", out)
    authority = HealthAuthority.objects.get(schema_name="uferkreis")
    assert authority.city == "Uferstadt"
    with tenant_context(authority):
        user = invitations.accept(token, password="a-long-enough-one", now=clock.now())
        assert user.roles == ["administrator"]
        assert user.may("site.administer")
        assert not user.may("cases.view")
        with pytest.raises(invitations.InvitationOver):
            invitations.accept(token, password="a-long-enough-one", now=clock.now())


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"code": "1.08.2.22."}, "belongs to another"),
        ({"state": "99"}, "federal_state"),
        ({"sender": "x"}, "sender"),
    ],
)
def test_the_command_says_in_one_sentence_what_is_wrong(db, changes, problem):
    with pytest.raises(CommandError, match=problem):
        create_authority(**changes)


def test_an_operator_is_invited_by_command(db):
    out = StringIO()
    call_command("create_operator", "op@quarano.example", "--name", "Olga", stdout=out)

    (token,) = re.findall(
        r"http://localhost:8000/account/invitation/(\S+)/", out.getvalue()
    )
    user = invitations.accept(token, password="a-long-enough-one", now=clock.now())
    assert user.may("site.operate")
    with pytest.raises(CommandError, match="already"):
        call_command("create_operator", "op@quarano.example", "--name", "Olga")


# --- By the operator's form ---------------------------------------------------------


@pytest.fixture
def operator(db):
    founding.keep_roles(founding.OPERATION)
    return User.objects.create_user(
        email="op@quarano.example", name="Olga", roles=["operator"], created_at=NOW
    )


@pytest.fixture
def request_(operator):
    return founding.ask_for(FoundingRequest(**WORDS), by=operator, now=NOW)


def test_a_request_is_carried_out_by_the_owners_worker(request_, operator):
    tasks.found_requested()

    request_.refresh_from_db()
    assert (request_.state, request_.step) == ("done", "invited")
    assert request_.requested_by == operator.pk
    assert HealthAuthority.objects.get(schema_name="uferkreis").founded_at


def test_a_request_is_carried_out_once(request_):
    assert founding.carry_out_all(now=NOW) == 1
    assert founding.carry_out_all(now=NOW) == 0


def test_a_lost_workers_request_is_taken_up_again(request_):
    FoundingRequest.objects.update(
        state="founding", claimed_until=NOW + founding.CLAIM, step="tables"
    )

    assert founding.carry_out_all(now=NOW) == 0
    assert founding.carry_out_all(now=NOW + founding.CLAIM) == 1
    request_.refresh_from_db()
    assert request_.state == "done"


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("schema_name", "public", "taken public"),
        ("federal_state", "99", "invalid federal_state"),
    ],
)
def test_a_refused_request_tells_why(request_, field, value, problem):
    FoundingRequest.objects.update(**{field: value})

    founding.carry_out_all(now=NOW)

    request_.refresh_from_db()
    assert (request_.state, request_.problem) == ("failed", problem)
    assert not HealthAuthority.objects.filter(rki_code=WORDS["rki_code"]).exists()


def test_a_failed_request_can_be_tried_again(request_, operator, monkeypatch):
    def broken(*args, **kwargs):
        raise OperationalError("disk full of ada@uferkreis.example")

    with monkeypatch.context() as patch:
        patch.setattr(founding, "_make_tables", broken)
        founding.carry_out_all(now=NOW)
    request_.refresh_from_db()
    assert (request_.state, request_.problem) == ("failed", "OperationalError")

    assert founding.ask_again(request_.pk, by=operator, now=NOW)
    assert not founding.ask_again(request_.pk, by=operator, now=NOW)
    founding.carry_out_all(now=NOW)

    request_.refresh_from_db()
    assert (request_.state, request_.problem) == ("done", "")


def test_a_release_gives_the_shipped_roles_what_is_new(authority, other_authority):
    for one in (authority, other_authority):
        with tenant_context(one):
            Role.objects.filter(code="case_worker").update(permissions=["cases.view"])
            Role.objects.create(code="hotline", name="hotline", permissions=["own"])
    assert founding.keep_roles_everywhere() >= 2
    for one in (authority, other_authority):
        with tenant_context(one):
            assert "letters.print" in Role.objects.get(code="case_worker").permissions
            assert Role.objects.get(code="hotline").permissions == ["own"]
