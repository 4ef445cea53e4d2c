"""Bars 1, 3 and 5: every address × method × role × owner of the object.

One walk shows all three: each answer is the declared one, nothing of the other
authority is seen or changed, and what is not mine looks like what does not exist.
"""

import logging
import re
from collections import Counter

import pytest
import time_machine
from django.db import connection, transaction
from django_tenants.utils import tenant_context

from cases.access import OWN_PERSON
from cases.models import Person
from quarano.accounts.access import OPEN_DOOR, SIGNED_IN
from quarano.accounts.models import User
from quarano.founding import OPERATION, keep_roles
from tests import world as worlds
from tests.bars.rows import fingerprint
from tests.test_isolation import AUTHORITY, CANARY, address

pytestmark = [pytest.mark.undisturbed, pytest.mark.bar(1, 3, 5)]


@pytest.fixture(autouse=True)
def quiet():
    """Fifteen thousand refusals would each be written down."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


ROLES = ("nobody", "ida", "lena", "case_worker", "administrator", "operator")
OWNERS = ("own", "other", "foreign", "missing")
OF_A_PERSON = {
    "person", "case", "monitoring", "order", "escalation", "print_run", "letter",
    "contact", "exposure",
}  # fmt: skip
METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
ROUTES = [one for one in worlds.routes(AUTHORITY) if one[1] != "admin:app_list"]
# Who may open what in the administration; a new kind of row is declared here.
ADMINISTRATION = {
    "accounts_user": "accounts.invite",
    "accounts_staffinvitation": "accounts.invite",
    "audit_event": "site.administer",
    "cases_policy": "policy.approve",
    "cases_routine": "policy.approve",
    "diaries_symptom": "site.administer",
}
DOORS = {"index", "login", "logout", "password_change", "autocomplete", "jsi18n"}
TYPED = {
    "reasons": "x", "until": "2027-01-01", "outcome": "called", "word": "x",
    "text": "x", "way": "oral", "effective_on": "2026-11-24", "channel": "none",
    "conclusion": "released", "died_on": "2026-11-24", "given_name": "X",
    "family_name": "X", "temperature": "37.0", "roles": "case_worker",
    "name": "X", "email": "x@mail.example", "is_active": "on",
}  # fmt: skip


@pytest.fixture
def both(authority, other_authority):
    """Anna's world, in which Lena is protected, and Nora's full of canaries."""
    with time_machine.travel(worlds.NOW, tick=False):
        with tenant_context(other_authority):
            theirs = worlds.build(CANARY)
        with tenant_context(authority):
            ours = worlds.build()
            worlds.name_contact(ours.lena, mark="")
            Person.objects.filter(pk=ours.lena.pk).update(protected=True)
            lenas = ours.ids | {
                kind: pk
                for kind, pk in worlds.ids(ours.lena, ours.ida).items()
                if kind in OF_A_PERSON
            }
        connection.set_schema_to_public()
        keep_roles(OPERATION)
        olga = User.objects.create_user(
            email="olga@quarano.example", name="Olga", roles=["operator"],
            created_at=worlds.NOW, language="en", password=worlds.PASSWORD,
        )  # fmt: skip
        owned = {
            "own": ours.ids,
            "other": lenas,
            "foreign": theirs.ids,
            "missing": worlds.unknown_ids(ours.ids),
        }
        yield ours, owned, olga


def declared(name, view):
    """Who may open an address: a kind of door, or a named permission."""
    if not name.startswith("admin:"):
        return view.guard
    rest = name.removeprefix("admin:")
    if rest in DOORS:
        return "door of the administration"
    return ADMINISTRATION[rest.rpartition("_")[0]]


# Shown once there is one.
NOTHING_YET = {"cases:logo_picture"}
# What is typed names a row or a day; one that is nobody's is not found.
NAMED_IN_THE_FORM = {
    "contacts:own_nobody", "contacts:own_withdraw", "events:choose_case",
    "events:remove_case", "transmission:link_source", "transmission:reject_source",
}  # fmt: skip
SIGNED_REPORTS = {"report_sms", "report_mail"}
REFUSED = {403, 405}
SHOWN = {200, 204, 302, 400, 405, 409, 422}
NOWHERE = {404, 405}


def wanted(name, guard, role, user, owner, *, of_object):
    """The statuses that an address owes to a role, for an object of that owner."""
    is_admin = name.startswith("admin:")
    if guard == OPEN_DOOR:
        # Gateways come with a signature in place of a login.
        return SHOWN | {404, 429} | ({403} if name in SIGNED_REPORTS else set())
    if role in {"nobody", "operator"}:
        return {302, 405}
    if is_admin and guard == "door of the administration":
        return {200, 302, 403, 404, 405}
    if guard == SIGNED_IN:
        return SHOWN | {403, 404}
    if guard == OWN_PERSON:
        is_mine = (role, owner) in {("ida", "own"), ("lena", "other")}
        by_form = {404} if name in NAMED_IN_THE_FORM else set()
        return SHOWN | by_form if is_mine else NOWHERE
    if not user.may(guard):
        return {302, 403} if is_admin else REFUSED
    if not of_object:
        nothing_yet = {404} if name in NOTHING_YET else set()
        return SHOWN | nothing_yet | ({403} if is_admin else set())
    if is_admin:
        # Django sends from a row that is not there to the first page.
        return {302, 403, 404} if owner in {"foreign", "missing"} else {200, 302, 403}
    by_form = {404} if name in NAMED_IN_THE_FORM else set()
    return SHOWN | by_form if owner == "own" else NOWHERE


def bare(response):
    """The answer without what is new in every answer, and the id that was asked."""
    told = response.content.decode(errors="replace") + response.headers.get(
        "Location", ""
    )
    told = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", told)
    told = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|/nothing/|%2Fnothing%2F", "ID", told)
    return response.status_code, told


def told_by(response):
    return response.content.decode(errors="replace") + str(response.headers)


@pytest.mark.parametrize("role", ROLES)
def test_bar_01_every_answer_is_the_declared_one(both, role):
    ours, owned, olga = both
    user = {"nobody": None, "operator": None, "ida": ours.ida.user,
            "lena": ours.lena.user}.get(role, ours.staff.get(role))  # fmt: skip
    client = ours.client(user)
    if role == "operator":
        client.cookies = worlds.client_of("localhost", olga).cookies
    before = {schema: fingerprint(schema) for schema in ("spreetal", "public")}
    wrong, seen = [], Counter()
    for route, name, view in ROUTES:
        guard = declared(name, view)
        of_object = bool(re.search(r"<uuid:|<path:object_id>", route))
        for method in METHODS:
            answers = {}
            for owner in owners_of(route) if of_object else ("own",):
                path = address(name, route, owned[owner], ours.token)
                keeps = owner in {"foreign", "missing"}
                answer = ask(client, method, path, typed(owned[owner]), keeps=keeps)
                answers[owner] = answer
                seen[answer.status_code] += 1
                statuses = wanted(name, guard, role, user, owner, of_object=of_object)
                where = f"{method} {name} ({owner}): {answer.status_code}"
                if answer.status_code not in statuses and method != "options":
                    wrong.append(f"{where}, declared {sorted(statuses)}")
                if answer.status_code >= 500 or CANARY in told_by(answer):
                    wrong.append(f"{where}: shows what is not ours")
                if role == "ida" and "Winter" in told_by(answer):
                    wrong.append(f"{where}: shows another citizen")
            wrong += [
                f"{method} {name}: {owner} is not like missing"
                for owner in others(role, guard)
                if owner in answers and differs(answers[owner], answers["missing"])
            ]
    assert not wrong
    assert seen[200] >= 10
    after = {schema: fingerprint(schema) for schema in ("spreetal", "public")}
    assert after == before


def owners_of(route):
    """Whose object may be asked for; an alarm is about no citizen, so of no other."""
    of_no_citizen = ("alarms/<", "events/<", "guest-lists/<", "host-links/<")
    is_of_one = not any(part in route for part in of_no_citizen)
    return [one for one in OWNERS if one != "other" or is_of_one]


def others(role, guard):
    """The owners whose objects this role must not tell from none."""
    if role == "lena" and guard == OWN_PERSON:
        return ["own", "foreign"]
    return ["other", "foreign"]


def differs(one, unknown):
    """Whether an answer is not found, and tells more than that."""
    return 404 in {one.status_code, unknown.status_code} and bare(one) != bare(unknown)


class _Back(Exception):
    """Undoes what a form has changed."""


def typed(ids):
    """What is sent: enough for many forms, with ids of that owner in every field."""
    return TYPED | {
        "order": str(ids["order"]), "people": str(ids["person"]),
        "person": str(ids["person"]), "escalations": str(ids["escalation"]),
        "to": str(ids["user"]), "monitoring": str(ids["monitoring"]),
        "user": str(ids["user"]),
    }  # fmt: skip


def ask(client, method, path, data, *, keeps):
    """One request; what a form changes of ours is undone, of others it would stay."""
    connection.set_schema_to_public()
    if method != "post":
        return getattr(client, method)(path)
    if keeps:
        return client.post(path, data)
    try:
        with transaction.atomic():
            answer = client.post(path, data)
            raise _Back
    except _Back:
        return answer
