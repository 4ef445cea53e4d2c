"""The people whom a benchmark meets, at one scale."""

import datetime as dt
import json
from dataclasses import dataclass

from django.core.management import call_command
from django.db import connection
from django.db.models import Count
from django_tenants.utils import schema_context, tenant_context

from cases.models import Monitoring, Person
from health_authorities.models import HealthAuthority
from quarano import clock, embedded
from quarano.accounts.models import User
from quarano.bench.browser import Browser, sign_in
from quarano.bench.house import Web, folder
from quarano.synthetic import country

# People of the large authority, and of the one beside it: a hundredth.
SCALES = {"small": (3_000, 30), "medium": (20_000, 200), "large": (100_000, 1_000)}
FRESH = dt.timedelta(hours=4)  # older people have fallen silent since
LONG = 12
SEED = 20261124


@dataclass
class Scene:
    """Both authorities, the web server, and who is signed in where."""

    scale: str
    web: Web
    large: HealthAuthority
    hundredth: HealthAuthority

    @property
    def dataset(self) -> str:
        large, hundredth = SCALES[self.scale]
        return f"{large:,} people in the authority, {hundredth:,} in the one beside"

    def official(self, authority: HealthAuthority, place: int = 0) -> Browser:
        """A case worker at the desk of that authority."""
        with tenant_context(authority):
            workers = User.objects.filter(roles__contains=["case_worker"])
            user = workers.order_by("pk")[place]
            (key,) = sign_in([user])
        return Browser(self.web.port, authority.host, key)

    def long_diaries(self) -> list[Person]:
        """People with four weeks of diary, still followed."""
        with tenant_context(self.large):
            found = (
                Person.objects.filter(monitorings__status=Monitoring.Status.OPEN)
                .annotate(count=Count("entries"))
                .order_by("-count")[:LONG]
            )
            return list(found)


def prepare(scale: str) -> None:
    """Make the database of that scale, unless a fresh one lies there."""
    note = folder() / scale / "made.json"
    if note.exists():
        made = json.loads(note.read_text())
        at = dt.datetime.fromisoformat(made["at"])
        if (
            dt.timedelta(0) <= clock.now() - at < FRESH
            and made["schema"] == embedded.stamp()
        ):
            return
    now = clock.now()
    call_command("prepare_database", verbosity=0)
    _drop()
    country.invent(SCALES[scale], seed=SEED, now=now, cases=0.3)
    authority = authority_of(1)
    with tenant_context(authority):
        country.long_diaries(authority, LONG, now=now)
    note.write_text(json.dumps({"at": now.isoformat(), "schema": embedded.stamp()}))


def spend(scale: str) -> None:
    """Say that the people have had their say: the next run invents others."""
    (folder() / scale / "made.json").unlink(missing_ok=True)


def _drop() -> None:
    from quarano.cockroach import roles

    connection.set_schema_to_public()
    with schema_context("public"), roles.as_owner(), connection.cursor() as cursor:
        for one in HealthAuthority.objects.all():
            cursor.execute(f'DROP SCHEMA IF EXISTS "{one.schema_name}" CASCADE')
            one.domains.all().delete()
            HealthAuthority.objects.filter(pk=one.pk).delete()


def authority_of(number: int) -> HealthAuthority:
    with schema_context("public"):
        return HealthAuthority.objects.get(schema_name=f"synthetic_{number:03d}")


def enter(scale: str, web: Web) -> Scene:
    return Scene(scale, web, authority_of(1), authority_of(2))
