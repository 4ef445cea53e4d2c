import datetime as dt
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from quarano import clock
from quarano.cockroach.schemas import TemplateMissing
from quarano.synthetic import country


class Command(BaseCommand):
    help = (
        "Found authorities and fill them with invented people, their diaries, orders "
        "and escalations, in states that the rules make: for benchmarks and practice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--persons", type=int, required=True)
        parser.add_argument("--authorities", type=int, default=1)
        parser.add_argument(
            "--seed", type=int, default=1, help="same seed, same people"
        )
        parser.add_argument(
            "--cases", type=float, default=country.CASES, help="share of index cases"
        )
        parser.add_argument("--workers", type=int, default=0, help="0: one per core")
        parser.add_argument("--at", help="the moment it is, ISO 8601; default: now")
        parser.add_argument(
            "--yes-these-people-are-invented",
            action="store_true",
            help="needed where DEBUG is off",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG and not options["yes_these_people_are_invented"]:
            raise CommandError(
                "this installation is not for trying out (DEBUG is off): invented "
                "people are put into it only with --yes-these-people-are-invented"
            )
        if options["persons"] < options["authorities"] or options["authorities"] < 1:
            raise CommandError("every authority follows at least one person")
        now = clock.now()
        if options["at"]:
            now = dt.datetime.fromisoformat(options["at"])
            if now.tzinfo is None:
                raise CommandError("--at needs an offset: 2026-11-24T12:00:00+00:00")
        began = time.monotonic()
        try:
            rows = country.synthesize(
                persons=options["persons"],
                authorities=options["authorities"],
                seed=options["seed"],
                cases=options["cases"],
                workers=options["workers"],
                now=now,
                report=self._report if options["verbosity"] > 0 else lambda _line: None,
            )
        except TemplateMissing as error:
            raise CommandError("run manage.py prepare_database first") from error
        except country.AlreadyFilled as error:
            raise CommandError(f"{error} has people already") from error
        took = time.monotonic() - began
        self.stdout.write(f"{rows:,} rows in {took:.1f} s, {rows / took:,.0f} a second")

    def _report(self, line: str) -> None:
        self.stdout.write(f"  {line}")
        self.stdout.flush()
