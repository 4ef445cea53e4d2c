"""Practice authorities: told apart, nothing leaves, new every night, staff stay."""

import copy
import datetime as dt
import re
from io import StringIO

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.mfa.utils import decrypt
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django_tenants.utils import schema_exists, tenant_context

from cases.models import Escalation, Monitoring, Person
from health_authorities import middleware
from health_authorities.models import HealthAuthority
from quarano import clock, founding, practice
from quarano.accounts.models import Role, StaffInvitation, User
from quarano.audit.models import Event
from quarano.desk import first_hour
from quarano.notifications import delivery, gateway, outbox, transports
from quarano.notifications.models import BoxedMessage, Message
from quarano.notifications.transports import Rendered, TransportError
from tests import world as worlds
from tests.world import NOW, client_of

HOUR = dt.timedelta(hours=1)
pytestmark = pytest.mark.undisturbed


@pytest.fixture
def real(authority):
    connection.set_schema_to_public()
    return authority


@pytest.fixture
def made(real):
    """The practice of Neckartal, founded and not played yet."""
    found = practice.found(
        real,
        host="practice.localhost",
        administrator_name="Ruth",
        administrator_email="ruth@neckartal.example",
        now=NOW,
    )
    connection.set_schema_to_public()
    return found


def settled():
    """Look at what a transaction would look at, so that tables can be dropped."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# --- Told apart ---------------------------------------------------------------------


def test_it_looks_like_the_real_one_and_is_named_otherwise(made, real):
    assert made.is_practice
    assert made.schema_name == "neckartal_practice"
    assert made.host == "practice.localhost"
    assert made.name == "Gesundheitsamt Neckartal (ÜBUNG)"
    assert (made.time_zone, made.federal_state) == (
        real.time_zone,
        real.federal_state,
    )
    assert made.rki_code.startswith("9.99.")
    with tenant_context(made):
        assert Role.objects.count() == len(founding.ROLES)
        assert not Person.objects.exists()


def test_founding_it_again_finds_the_same(made, real):
    again = practice.found(
        real, host="practice.localhost", administrator_name="Ruth",
        administrator_email="ruth@neckartal.example", now=NOW,
    )  # fmt: skip
    assert again.pk == made.pk


def test_a_practice_has_no_practice(made):
    with pytest.raises(practice.NoPractice):
        practice.found(
            made, host="x.localhost", administrator_name="R",
            administrator_email="r@x.example", now=NOW,
        )  # fmt: skip


@pytest.mark.parametrize(
    "change", [{"is_practice": True}, {"schema_name": "else_practice"}]
)
def test_no_real_authority_can_be_taken_for_one(real, change):
    rows = HealthAuthority.objects.filter(pk=real.pk)
    with pytest.raises(IntegrityError, match="practice_named_so"), transaction.atomic():
        rows.update(**change)


def test_it_is_not_counted_among_real_ones(made, real):
    assert list(HealthAuthority.objects.real().filter(pk__in=[made.pk, real.pk])) == [
        real
    ]


def test_whoever_practises_has_nothing_to_set_up(made):
    with tenant_context(made):
        assert first_hour.read(now=NOW).open
        assert not first_hour.summary(now=NOW).is_shown


# --- On every page ------------------------------------------------------------------


@pytest.mark.parametrize("visitor", ["nobody", "ida", "supervisor", "administrator"])
def test_every_page_says_that_it_is_practice(authority, monkeypatch, visitor):
    twin = copy.copy(authority)
    twin.is_practice = True
    monkeypatch.setattr(
        middleware, "authority_at", lambda host: twin if "neckar" in host else None
    )
    with time_machine.travel(NOW, tick=False):
        world = worlds.build()
        user = world.staff.get(visitor) or (
            world.ida.user if visitor == "ida" else None
        )
        client = world.client(user)
        unmarked, seen = [], 0
        for route, name, _view in worlds.routes("quarano.urls"):
            if name == "admin:app_list":
                continue
            path = reverse(
                name,
                urlconf="quarano.urls",
                kwargs=worlds.arguments(route, world.ids, world.token),
            )
            connection.set_schema_to_public()
            html = client.get(path).content.decode(errors="replace")
            if not html.strip().lower().startswith("<!doctype html"):
                continue
            seen += 1
            title = re.search("<title>(.*?)</title>", html, re.DOTALL)[1]
            if 'class="practice"' not in html or "PRACTICE" not in title:
                unmarked.append(name)
    assert not unmarked
    assert seen >= 5


def test_a_real_authoritys_pages_say_nothing_of_practice(authority):
    html = client_of("neckartal.localhost").get("/account/login/").content.decode()
    assert "PRACTICE" not in html
    assert 'class="practice"' not in html


# --- Nothing leaves -----------------------------------------------------------------


def write(**fields):
    return outbox.write(
        "test", template="accounts/messages/staff_invitation", channel="mail",
        recipient="ida@mail.example", language="en", now=NOW,
        parameters={"path": "/account/invitation/{token}/", "name": "Ida", "days": 7},
        token="secret-token", **fields,
    )  # fmt: skip


def test_a_message_lands_in_the_box_with_its_link_and_nowhere_else(made):
    with tenant_context(made):
        message = write()
        delivery.deliver(message.pk, now=NOW)
        delivery.deliver(message.pk, now=NOW)
        kept = BoxedMessage.objects.get()
        assert "secret-token" in kept.body
        message.refresh_from_db()
        assert message.state == Message.State.SENT
    assert mail.outbox == []


def test_a_real_authority_keeps_no_copy(authority):
    message = write()
    delivery.deliver(message.pk, now=NOW)
    assert not BoxedMessage.objects.exists()
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("channel", ["mail", "sms"])
def test_no_transport_works_there_whatever_the_settings_say(made, channel, settings):
    with tenant_context(made), pytest.raises(TransportError) as refused:
        transports.transport(channel)
    assert refused.value.permanent


@pytest.mark.parametrize("kind", [transports.Mail, gateway.Gateway])
def test_a_transport_in_hand_refuses_as_well(made, kind):
    rendered = Rendered("a@b.example", "s", "b", "x@y.example", "X", "<1>", NOW)
    with tenant_context(made), pytest.raises(TransportError):
        kind().send(rendered)
    assert mail.outbox == []


# --- The letter box -----------------------------------------------------------------


@pytest.fixture
def boxed(made):
    with tenant_context(made):
        founding.keep_roles(founding.ROLES)
        about = Person.objects.create(
            given_name="Ida", family_name="Sommer", recorded_at=NOW
        )
        for number, person in enumerate((about.pk, None)):
            message = outbox.write(
                f"box {number}", template="t", channel="mail", recipient="a@b.example",
                language="en", now=NOW, about=person,
            )  # fmt: skip
            BoxedMessage.objects.create(
                message=message,
                subject=f"subject {number}",
                body="see https://practice.localhost/x/",
                kept_at=NOW,
            )
    return made


@pytest.mark.parametrize(
    ("roles", "subjects"),
    [
        (["case_worker"], [0]),
        (["administrator"], [1]),
        (["case_worker", "administrator"], [0, 1]),
    ],
)
def test_each_role_reads_its_own_letters(boxed, roles, subjects):
    with tenant_context(boxed):
        user = worlds.hire("reader", *roles)
        client = client_of("practice.localhost", user)
    connection.set_schema_to_public()
    with time_machine.travel(NOW, tick=False):
        html = client.get("/practice/box/").content.decode()
    found = [number for number in (0, 1) if f"subject {number}" in html]
    assert found == subjects
    assert 'href="https://practice.localhost/x/"' in html


def test_a_real_authority_has_no_box(authority):
    with time_machine.travel(NOW, tick=False):
        world = worlds.build()
        client = world.client(world.staff["supervisor"])
        connection.set_schema_to_public()
        assert client.get("/practice/box/").status_code == 404


# --- New every night ----------------------------------------------------------------


@pytest.fixture
def short(monkeypatch):
    """The story of the last day alone."""
    whole = practice.play

    def play(authority, *, now):
        whole(authority, now=now, days=1)

    monkeypatch.setattr(practice, "play", play)


def test_a_night_drops_people_and_keeps_staff(made, short):
    with tenant_context(made):
        ruth = worlds.hire("ruth", "administrator", "own_role")
        secret = generate_totp_secret()
        TOTP.activate(ruth, secret)
        Role.objects.create(code="own_role", name="own", permissions=["cases.view"])
        Person.objects.create(given_name="Gone", family_name="Person", recorded_at=NOW)
        invited = StaffInvitation.objects.get().token_hash
        User.objects.create_user(
            email="ida@mail.example", name="Ida", created_at=NOW
        )  # a citizen
        settled()
    assert practice.reset(made, now=NOW)
    made.refresh_from_db()
    assert made.practice_played_at == NOW
    assert not schema_exists("neckartal_practice_next")
    assert not schema_exists("neckartal_practice_gone")
    with tenant_context(made):
        kept = User.objects.get(email="ruth@neckartal_practice.example")
        assert kept.pk == ruth.pk
        assert kept.roles == ["administrator", "own_role"]
        assert kept.check_password(worlds.PASSWORD)
        # The second factor is the same, and can be read.
        factor = Authenticator.objects.get(user=kept)
        assert decrypt(factor.data["secret"]) == secret
        assert Role.objects.filter(code="own_role").exists()
        assert StaffInvitation.objects.filter(token_hash=invited).exists()
        assert not Person.objects.filter(given_name="Gone").exists()
        assert not User.objects.filter(email="ida@mail.example").exists()
        # The story was played through the processes, at its own moments.
        assert Person.objects.exists()
        first = Monitoring.objects.order_by("opened_at").first()
        assert NOW - 2 * worlds.DAY <= first.opened_at < NOW
        assert Escalation.objects.exists()
        assert Event.objects.filter(person__isnull=False).exists()
        invented = User.objects.filter(email__endswith="@practice.invalid")
        assert invented.exists()
        assert not any(one.has_usable_password() for one in invented)
        assert BoxedMessage.objects.exists()
        # A second factor can still be added: numbers go on.
        TOTP.activate(worlds.hire("nina", "case_worker"), generate_totp_secret())
    assert mail.outbox == []


def test_the_next_night_makes_the_invented_officials_once(made, short):
    for night in (0, 1):
        settled()
        assert practice.reset(made, now=NOW + night * worlds.DAY)
        made.refresh_from_db()
    with tenant_context(made):
        emails = list(User.objects.values_list("email", flat=True))
        assert len(emails) == len(set(emails))


def test_the_clock_goes_on_after_a_story(made, short):
    settled()
    with time_machine.travel(NOW, tick=False):
        practice.reset(made, now=NOW)
        assert clock.now() == NOW


def test_a_real_authority_is_never_reset(authority):
    before = Role.objects.count()
    with pytest.raises(practice.NoPractice):
        practice.reset(authority, now=NOW)
    assert Role.objects.count() == before
    # Not even one that somebody calls a practice.
    authority.is_practice = True
    with pytest.raises(practice.NoPractice):
        practice.reset(authority, now=NOW)


def test_two_workers_do_not_reset_at_once(made, short, monkeypatch):
    assert practice._claim(made, now=NOW)
    made_anew = []
    monkeypatch.setattr(practice, "_make_anew", lambda *a, **k: made_anew.append(1))
    assert not practice.reset(made, now=NOW + HOUR)
    assert not made_anew
    # One that was killed does not hold the practice for ever.
    assert practice.reset(made, now=NOW + 3 * HOUR)
    assert made_anew


@pytest.mark.parametrize(
    ("played", "now", "due"),
    [
        (None, NOW, True),
        # 3:10 at night, local; played the night before.
        (dt.datetime(2026, 11, 23, 2, 10), dt.datetime(2026, 11, 24, 2, 10), True),
        (dt.datetime(2026, 11, 24, 2, 0), dt.datetime(2026, 11, 24, 2, 40), False),
        (dt.datetime(2026, 11, 23, 2, 10), dt.datetime(2026, 11, 24, 9, 0), False),
    ],
)
def test_a_practice_is_due_at_night_or_before_its_first(made, played, now, due):
    made.practice_played_at = played and played.replace(tzinfo=dt.UTC)
    assert practice.is_due(made, now=now.replace(tzinfo=dt.UTC)) == due


def test_the_job_resets_all_that_are_due_and_no_real_one(made, monkeypatch):
    seen = []
    monkeypatch.setattr(
        practice, "reset", lambda one, now: seen.append(one.schema_name) or True
    )
    assert practice.reset_due(now=NOW) == 1
    assert seen == ["neckartal_practice"]


# --- By command ---------------------------------------------------------------------


def command(**options):
    said = StringIO()
    wanted = {
        "of": "neckartal", "host": "practice.localhost",
        "administrator_name": "Ruth", "administrator_email": "ruth@neckartal.example",
    } | options  # fmt: skip
    call_command("create_practice", stdout=said, **wanted)
    return said.getvalue()


def test_the_command_founds_plays_and_prints_the_link(real, monkeypatch):
    played = []
    monkeypatch.setattr(practice, "reset", lambda one, now: played.append(one))
    said = command()
    assert [one.schema_name for one in played] == ["neckartal_practice"]
    assert re.search(
        r"Good once: http\S+practice\.localhost\S*/account/invitation/", said
    )


def test_the_command_says_whom_it_does_not_know(real):
    with pytest.raises(CommandError, match="no authority"):
        command(of="nowhere")
