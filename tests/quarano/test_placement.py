"""Where rows live; here on PostgreSQL, which has no regions and says so."""

import datetime as dt
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.utils import OperationalError
from django_tenants.utils import schema_context

from health_authorities.models import HealthAuthority, PlacementRequest
from quarano import founding, placement, tasks
from quarano.accounts.models import User
from quarano.audit.models import Event
from quarano.cockroach import locality
from quarano.cockroach.locality import Share

NOW = dt.datetime(2026, 11, 17, 9, tzinfo=dt.UTC)
State = PlacementRequest.State
pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def olga():
    founding.keep_roles(founding.OPERATION)
    return User.objects.create_user(
        email="op@quarano.example", name="Olga", roles=["operator"], created_at=NOW
    )


@pytest.fixture
def neckartal():
    return HealthAuthority.objects.get(schema_name="neckartal")


def ask(olga, authority=None, region="eu-west-1"):
    wish = PlacementRequest(authority=authority, region=region)
    return placement.ask_for(wish, by=olga, now=NOW)


def called(*words):
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


class Cluster:
    """What the functions of locality find, and what they were told to do."""

    def __init__(self, monkeypatch):
        self.done = []
        self.shares = [Share(3, 9), Share(9, 9)]
        monkeypatch.setattr(locality, "has_regions", lambda: True)
        monkeypatch.setattr(locality, "ranges", list)
        monkeypatch.setattr(locality, "bring_home", self.bring_home)
        monkeypatch.setattr(locality, "leases", lambda *_: self.shares.pop(0))

    def bring_home(self, schema, region):
        if region == "nowhere":
            raise locality.NotInDatabase(region)
        self.done.append((schema, region))
        return []


@pytest.fixture
def cluster(monkeypatch):
    return Cluster(monkeypatch)


# --- On PostgreSQL --------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [("move_authority", "neckartal", "--to", "eu-west-1"), ("add_region", "eu-west-1")],
)
def test_postgresql_has_no_regions_and_says_so(words):
    if connection.vendor != "postgresql":
        pytest.skip("has regions")
    assert called(*words) == "PostgreSQL has no regions: nothing was moved.\n"
    assert HealthAuthority.objects.get(schema_name="neckartal").region == ""


def test_a_request_says_so_too(olga, neckartal):
    if connection.vendor != "postgresql":
        pytest.skip("has regions")
    requests = [ask(olga, neckartal), ask(olga)]
    tasks.place_requested()
    for request in requests:
        request.refresh_from_db()
        assert request.state == State.DONE
        assert "no regions" in placement.in_words(request.problem)


def test_an_authority_that_is_not_there_is_named():
    with pytest.raises(CommandError, match="nowhere is no authority"):
        called("move_authority", "nowhere", "--to", "eu-west-1")


# --- Where there are regions ----------------------------------------------------------


def test_a_request_arrives_when_the_ranges_have_followed(cluster, olga, neckartal):
    request = ask(olga, neckartal)

    assert placement.carry_out_all(now=NOW) == 1
    request.refresh_from_db()
    assert (request.state, request.ranges_there, request.ranges) == ("moving", 3, 9)
    assert request.finished_at is None

    assert placement.carry_out_all(now=NOW) == 1
    request.refresh_from_db()
    assert (request.state, request.ranges_there) == ("done", 9)
    assert request.finished_at == NOW
    assert cluster.done == [("neckartal", "eu-west-1")] * 2
    assert placement.carry_out_all(now=NOW) == 0


def test_new_tables_belong_where_the_authority_moved(cluster, neckartal):
    placement.move("neckartal", "eu-west-1", now=NOW)
    placement.move("neckartal", "eu-west-1", now=NOW)
    neckartal.refresh_from_db()
    assert neckartal.region == "eu-west-1"
    event = Event.objects.get(verb="authority.moved")
    assert (event.subject, event.fields) == (neckartal.pk, ["region"])


def test_one_in_another_workers_hands_is_left_alone(cluster, olga, neckartal):
    request = ask(olga, neckartal)
    PlacementRequest.objects.update(state="moving", claimed_until=NOW + placement.CLAIM)
    assert not placement.carry_out(request.pk, now=NOW)
    assert placement.carry_out(request.pk, now=NOW + placement.CLAIM)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (locality.NotInDatabase("x"), "not spread"),
        (locality.UnknownRegion("x"), "no node"),
        (OperationalError("to ada@uferkreis.example"), "OperationalError"),
    ],
)
def test_what_fails_is_told_without_what_an_error_says(
    cluster, olga, neckartal, monkeypatch, error, problem
):
    def fail(*_):
        raise error

    monkeypatch.setattr(locality, "bring_home", fail)
    request = ask(olga, neckartal)
    placement.carry_out_all(now=NOW)
    request.refresh_from_db()
    assert (request.state, request.problem) == ("failed", problem)
    neckartal.refresh_from_db()
    assert neckartal.region == ""
    assert ask(olga, neckartal).pk != request.pk  # it may be asked again


def test_the_command_shows_how_the_ranges_follow(cluster, monkeypatch):
    monkeypatch.setattr("quarano.management.commands.move_authority.LOOK", 0)
    told = called("move_authority", "neckartal", "--to", "eu-west-1")
    assert "  3/9 ranges of neckartal are led from eu-west-1" in told
    assert "  9/9 " in told


def test_the_command_does_not_wait_for_ever(cluster):
    told = called("move_authority", "neckartal", "--to", "eu-west-1", "--wait", "0")
    assert "The cluster is still at it" in told


def test_a_region_is_added_before_an_authority_moves_there(cluster):
    with pytest.raises(CommandError, match="add_region nowhere first"):
        called("move_authority", "neckartal", "--to", "nowhere")


# --- What the database holds true -----------------------------------------------------


def test_an_authority_moves_to_one_place_at_a_time(olga, neckartal):
    ask(olga, neckartal)
    with pytest.raises(IntegrityError, match="one_open_placement"):
        with transaction.atomic():
            ask(olga, neckartal, region="eu-south")
    PlacementRequest.objects.update(state="done")
    ask(olga, neckartal, region="eu-south")


def test_no_more_ranges_are_there_than_there_are(olga):
    ask(olga)
    with pytest.raises(IntegrityError, match="no_more_there_than_all"):
        with transaction.atomic():
            PlacementRequest.objects.update(ranges_there=2, ranges=1)


def test_a_region_is_named_as_nodes_name_it(olga):
    for region in ("EU West", "", "-x"):
        with pytest.raises(ValidationError):
            PlacementRequest(region=region, requested_at=NOW).full_clean()


def test_the_form_asks_and_the_page_shows_progress(olga, neckartal, cluster):
    from tests.world import client_of

    console = client_of("localhost", olga)
    base = "/admin/health_authorities/placementrequest/"
    assert console.get(f"{base}add/").status_code == 200
    request = ask(olga, neckartal)
    placement.carry_out_all(now=NOW)
    with schema_context("public"):
        page = console.get(base).content.decode()
        assert "3/9" in page
        assert console.get(f"{base}{request.pk}/change/").status_code == 200
