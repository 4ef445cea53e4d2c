"""Row 12: a guest list of ten thousand, from the file to contacts that are weighed."""

import datetime as dt
import time
from random import Random

from django.db import transaction
from django_tenants.utils import tenant_context

from cases.models import Case
from contacts import events
from contacts.guest_lists import receiving
from contacts.models import Contact, Exposure, GuestList
from quarano import clock
from quarano.accounts.models import User
from quarano.bench.results import Result
from quarano.bench.scene import Scene
from quarano.sheets import read
from quarano.synthetic.bulk import Bulk

GUESTS = 10_000
TARGET = 20.0  # seconds
EVENING = dt.timedelta(hours=3)


def guest_list(scene: Scene) -> list[Result]:
    """Read the file, judge each row, take all in with one exposure each; and what COPY
    takes for the same contacts and exposures. All of it is taken back."""
    now = clock.now()
    raw = _file().encode("cp1252")
    with tenant_context(scene.large), transaction.atomic():
        by = User.objects.filter(roles__contains=["case_worker"]).order_by("pk")[0]
        case = Case.objects.filter(onset__isnull=False).order_by("-onset", "pk")[0]
        assert case.onset is not None
        event = events.record(
            _evening(case.onset, now=now), cases=[case], by=by, now=now
        )
        began = time.perf_counter()
        rows = read(raw, "guests.csv").rows
        received = receiving.receive(
            event, rows, way=GuestList.Way.FILE, by=by, now=now
        )
        seen = time.perf_counter() - began
        while receiving.take_in(received, by=by, now=now):
            pass
        took = time.perf_counter() - began
        received.refresh_from_db()
        made = Contact.objects.filter(guest_list=received, exposures__case=case).count()
        copied = _copied(received)
        transaction.set_rollback(True)
    if made != GUESTS or received.accepted != GUESTS:
        raise RuntimeError(f"{made} of {GUESTS} guests became contacts")
    dataset = f"{scene.dataset}; {GUESTS:,} guests"
    return [
        Result(12, "guest list: read, judged, contacts, weighed", took, "s", dataset,
               copied, TARGET, took <= TARGET,
               "beside: COPY of the same contacts and exposures"),
        Result(12, "until the official sees what came in", seen, "s", dataset, copied,
               why="beside: the same COPY; no target"),
    ]  # fmt: skip


def _evening(day: dt.date, *, now: dt.datetime) -> events.Details:
    starts_at = min(dt.datetime.combine(day, dt.time(18), dt.UTC), now - EVENING)
    return events.Details(
        name="Concert",
        kind="culture",
        place="Hall",
        starts_at=starts_at,
        ends_at=starts_at + EVENING,
        distance="near",
        minutes=180,
        masks="none",
    )


def _file() -> str:
    random = Random(12)
    lines = ["Name;Vorname;Geburtsdatum;Telefon;E-Mail;PLZ;Ort"]
    for number in range(GUESTS):
        family = f"{random.choice(FAMILIES)}{random.choice(ENDINGS)}"
        given = random.choice(GIVEN)
        day, month = random.randint(1, 28), random.randint(1, 12)
        born = f"{day}.{month}.{random.randint(1940, 2010)}"
        lines.append(
            f"{family};{given};{born};0621 {2_000_000 + number};"
            f"guest{number}@mail.example;70001;Neckarfurt"
        )
    return "\r\n".join(lines)


FAMILIES = ("Müll", "Schmi", "Weiß", "Groß", "Öst", "Kö", "Bach", "Stein", "Wald", "Ho")
ENDINGS = ("er", "mann", "dt", "berg", "feld", "hof", "ler", "ing", "au", "s")
GIVEN = ("Jürgen", "Anna", "Zoë", "Sören", "Käthe", "Ali", "Mia", "Jan", "Ute", "Leo")


def _copied(received: GuestList) -> float:
    """Seconds that COPY takes for the same rows, which are gone before."""
    contacts = list(Contact.objects.filter(guest_list=received))
    exposures = list(Exposure.objects.filter(contact__guest_list=received))
    Exposure.objects.filter(contact__guest_list=received).delete()
    Contact.objects.filter(guest_list=received).delete()
    began = time.perf_counter()
    bulk = Bulk([Contact, Exposure])
    for row in (*contacts, *exposures):
        bulk.add(row)
    bulk.flush()
    return time.perf_counter() - began
