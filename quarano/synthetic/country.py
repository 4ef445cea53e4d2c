"""Authorities of many sizes, and the wave of infections that they live through."""

import datetime as dt
import gc
import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from random import Random

from django.conf import settings
from django.db import connection, connections
from django_tenants.utils import schema_context, tenant_context

from cases.models import Disease, Monitoring, Person, Policy, Routine
from diaries import escalation as rules
from health_authorities.models import HealthAuthority
from quarano import founding
from quarano.accounts.models import User
from quarano.cockroach import roles
from quarano.synthetic import people
from quarano.synthetic.bulk import Bulk
from quarano.synthetic.story import MODELS, Story
from quarano.synthetic.world import Arrival, World

PIECE = 2_500  # people that one worker invents at a time
LARGEST = 0.1  # of all people live in the largest authority
DAYS = 16  # that the wave has lasted
GROWTH = 11.0  # days in which it has grown by e
CASES = 0.1  # of the people are index cases, the others contacts
STAFF_PER = 150
DAY = dt.timedelta(days=1)
TOWNS = ("Neustadt", "Altenfurt", "Seeheim", "Waldkirchen", "Burgau", "Moorbach")


class AlreadyFilled(Exception):
    """The authority has people already: invented ones never go among real ones."""


@dataclass(frozen=True)
class Piece:
    """What one worker invents: so many people of one authority."""

    schema: str
    number: int
    first: int  # number of the first person in the whole country
    count: int
    seed: int
    cases: float
    now: dt.datetime


def sizes(persons: int, authorities: int, random: Random) -> list[int]:
    """Return how many people each authority follows: one large, many small."""
    if authorities == 1:
        return [persons]
    largest = max(round(persons * LARGEST), persons // authorities)
    weights = [random.lognormvariate(0, 0.7) for _other in range(authorities - 1)]
    rest = persons - largest
    found = [max(1, int(rest * weight / sum(weights))) for weight in weights]
    found[0] += rest - sum(found)
    return [largest, *found]


def synthesize(
    *,
    persons: int,
    authorities: int,
    seed: int,
    now: dt.datetime,
    cases: float = CASES,
    workers: int = 0,
    report: Callable[[str], None] = lambda _line: None,
) -> int:
    """Found authorities and fill them with invented people; return how many rows.

    The same numbers and the same `now` invent the same people. `workers` processes, as
    many as there are cores where 0; with 1 none but this one. Raises AlreadyFilled.
    """
    every = sizes(persons, authorities, Random(f"{seed}"))
    return invent(
        every, seed=seed, now=now, cases=cases, workers=workers, report=report
    )


def invent(
    people_of: Sequence[int],
    *,
    seed: int,
    now: dt.datetime,
    cases: float = CASES,
    workers: int = 0,
    report: Callable[[str], None] = lambda _line: None,
) -> int:
    """As `synthesize`, with the number of people of each authority."""
    schemas: list[str] = []

    def found() -> Iterator[Piece]:
        first = 0
        for number, size in enumerate(people_of, start=1):
            authority = found_one(number, now=now)
            with tenant_context(authority):
                if Person.objects.exists():
                    raise AlreadyFilled(authority.schema_name)
                hire(max(6, min(80, size // STAFF_PER)), number, now=now)
            report(f"{authority.name}: {size:,} people, {authority.url()}")
            schemas.append(authority.schema_name)
            for start in range(0, size, PIECE):
                count = min(PIECE, size - start)
                place = (authority.schema_name, start // PIECE)
                yield Piece(*place, first, count, seed, cases, now)
                first += count

    written = 0
    for done, rows in enumerate(_fill_all(found(), workers), start=1):
        written += rows
        if done % 20 == 0:
            report(f"{done} pieces, {written:,} rows")
    for schema in schemas:
        _analyze(schema)
    return written


def _fill_all(pieces: Iterator[Piece], workers: int) -> Iterator[int]:
    """Fill the pieces as they come: the next authority is founded meanwhile."""
    workers = workers or os.cpu_count() or 1
    if workers == 1:
        yield from map(fill, pieces)
        return
    connections.close_all()
    with ProcessPoolExecutor(workers) as pool:
        # The processes begin here, before this one speaks with the database again.
        pool.submit(os.getpid).result()
        try:
            yield from pool.map(fill, pieces)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _analyze(schema: str) -> None:
    """Tell the planner what came in; the database's own job may be minutes away."""
    with roles.as_owner(), connection.cursor() as cursor:
        for model in MODELS:
            cursor.execute(f'ANALYZE "{schema}"."{model._meta.db_table}"')


def found_one(number: int, *, now: dt.datetime) -> HealthAuthority:
    """Found the invented authority of that number, or find it."""
    schema = f"synthetic_{number:03d}"
    return founding.found(
        name=f"Gesundheitsamt Probeland {number}",
        short_name=f"Probeland {number}",
        schema_name=schema,
        host=f"synthetic-{number:03d}.{settings.PUBLIC_HOST}",
        rki_code=f"9.{number // 100:02d}.0.{number % 100:02d}.",
        federal_state=f"{number % 16 + 1:02d}",
        sender=f"office@synthetic-{number:03d}.example",
        administrator_name="Ada Administration",
        administrator_email=f"ada@synthetic-{number:03d}.example",
        now=now - 30 * DAY,
        postal_code=f"{10_000 + number * 7:05d}",
        city=TOWNS[number % len(TOWNS)],
    )


def hire(count: int, number: int, *, now: dt.datetime) -> None:
    """Enter staff without passwords: nobody signs in as somebody invented by chance."""
    roles = ["supervisor", "physician", "administrator", "epidemiologist"]
    staff = [
        User(
            email=f"official{place}@synthetic-{number:03d}.example",
            name=f"{people.ORIGINS.values[place % 7].women.values[place % 5]} "
            f"{people.ORIGINS.values[place % 7].families.values[place % 6]}",
            roles=[roles[place] if place < len(roles) else "case_worker"],
            language="de",
            created_at=now - 30 * DAY,
            password="!invented",  # noqa: S106 - opens nothing
        )
        for place in range(count)
    ]
    User.objects.bulk_create(staff)


def fill(piece: Piece) -> int:
    """Invent one piece and write it; return how many rows."""
    with schema_context("public"):
        authority = HealthAuthority.objects.get(schema_name=piece.schema)
    with tenant_context(authority):
        world = enter(authority, piece)
        # What a story leaves behind goes with it; looking for circles costs a tenth.
        gc.disable()
        try:
            for _story in stories(world, piece):
                pass
        finally:
            gc.enable()
        world.bulk.flush()
        return world.bulk.written


def enter(authority: HealthAuthority, piece: Piece) -> World:
    """Return the world of the authority that is entered, for this piece."""
    disease = Disease.objects.get()
    today = authority.localdate(piece.now)
    staff = dict(User.objects.exclude(roles=[]).values_list("pk", "roles"))
    workers = sorted(pk for pk, roles in staff.items() if "case_worker" in roles)
    physicians = sorted(pk for pk, roles in staff.items() if "physician" in roles)
    return World(
        authority=authority,
        now=piece.now,
        random=Random(f"{piece.seed} {piece.schema} {piece.number}"),
        bulk=Bulk(MODELS),
        staff=workers,
        physicians=physicians,
        policy=Policy.objects.in_force(disease, on=today),
        routine=Routine.objects.in_force(on=today),
        disease=disease,
        symptoms=rules.catalogue(),
    )


def stories(world: World, piece: Piece) -> Iterator[Story]:
    """Tell one story after the other, household by household."""
    random, authority = world.random, world.authority
    around = int(authority.postal_code or "10115")
    codes = tuple(f"{around + n:05d}" for n in range(4))
    town = people.Town(codes, authority.city or TOWNS[0])
    told = 0
    while told < piece.count:
        home = people.household(random, town, world.today)
        # A case at home makes the others contacts; else somebody met a case elsewhere.
        has_case = random.random() < piece.cases * 2.2
        first_onset: dt.date | None = None
        parent: User | None = None
        opened_at: dt.datetime | None = None
        for place, member in enumerate(home):
            if told >= piece.count:
                break
            if place and not has_case and random.random() < 0.45:
                continue
            opened_at = _opened(world, opened_at)
            day = authority.localdate(opened_at)
            if has_case and place == 0:
                back = random.choices((0, 1, 2, 3, 4, 5), (6, 20, 28, 24, 14, 8))[0]
                first_onset = day - back * DAY
                lasting = random.random() < 0.01
                if lasting:
                    opened_at = min(opened_at, world.now - 26 * DAY)
                    first_onset = authority.localdate(opened_at) - 2 * DAY
                arrival = Arrival(
                    Monitoring.Kind.ISOLATION, opened_at, first_onset, lasting=lasting
                )
            elif first_onset is not None:
                # Whose quarantine would be over is not followed any more.
                latest = authority.at(first_onset + 11 * DAY, dt.time(17))
                opened_at = min(opened_at, latest)
                arrival = Arrival(
                    Monitoring.Kind.QUARANTINE, opened_at, first_onset, household=True
                )
            else:
                back = random.choices((0, 1, 2, 3, 4, 5), (8, 26, 30, 20, 10, 6))[0]
                arrival = Arrival(
                    Monitoring.Kind.QUARANTINE, opened_at, day - back * DAY
                )
            keeper = parent if member.is_child else None
            story = Story(world, member, piece.first + told, arrival, keeper)
            user = story.tell()
            if user is not None and not member.is_child and parent is None:
                parent = user
            told += 1
            yield story


def _opened(world: World, before: dt.datetime | None) -> dt.datetime:
    """When the authority takes somebody up: in a growing wave, fewer at weekends."""
    random, authority = world.random, world.authority
    if before is not None and random.random() < 0.8:
        soon = before + dt.timedelta(minutes=random.randrange(3, 90))
        if soon < world.now:
            return soon
    while True:
        ago = min(DAYS, int(-math.log(1 - random.random()) * GROWTH))
        day = world.today - ago * DAY
        if day.weekday() >= 5 and random.random() < 0.45:
            continue
        minutes = int(random.triangular(7.5 * 60, 18.5 * 60, 10.5 * 60))
        moment = authority.at(day, dt.time(0)) + dt.timedelta(minutes=minutes)
        if moment < world.now:
            return moment


def long_diaries(authority: HealthAuthority, count: int, *, now: dt.datetime) -> None:
    """Add people who are ill for four weeks, their isolation extended again and
    again, to the authority that is entered."""
    piece = Piece(authority.schema_name, 10_000, 98_000_000, count, 7, 1.0, now)
    world = enter(authority, piece)
    town = people.Town(("10115",), TOWNS[0])
    begun = authority.at(world.today - 28 * DAY, dt.time(9))
    for place in range(count):
        member = people.household(world.random, town, world.today)[0]
        opened_at = begun + dt.timedelta(minutes=place)
        onset = authority.localdate(opened_at) - 2 * DAY
        arrival = Arrival(Monitoring.Kind.ISOLATION, opened_at, onset, lasting=True)
        Story(world, member, piece.first + place, arrival).tell()
    world.bulk.flush()
