"""Rows 1 to 5 and 7: what officials wait for, and what the jobs take."""

import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from urllib.parse import urlencode

from django_tenants.utils import tenant_context

from cases.models import Disease, Escalation, Monitoring, Person
from quarano import clock
from quarano.bench.browser import Browser
from quarano.bench.house import cpu_of_tree, postmaster
from quarano.bench.results import Result, percentile
from quarano.bench.scene import Scene
from quarano.bench.sql import asked_by

EVERY_REQUEST = 6  # session, login, roles …
MS = 1000.0


def _times(browser: Browser, paths: list[str], rounds: int) -> list[float]:
    """Milliseconds of each answer, after one round that nobody counts."""
    spans = []
    for turn in range(rounds + 1):
        for path in paths:
            answer = browser.get(path)
            if answer.status != 200:
                raise RuntimeError(f"{path} answered {answer.status}")
            if turn:
                spans.append(answer.seconds * MS)
    return spans


def officials(scene: Scene) -> list[Result]:
    """Row 1: ten officials at once, twenty rounds of start page, search and file."""
    with tenant_context(scene.large):
        people = [str(pk) for pk in Person.objects.values_list("pk", flat=True)[:200]]
    count = 10
    browsers = [scene.official(scene.large, place % 4) for place in range(count)]
    names = ["worklist", "search", "file"]

    def work(place: int) -> list[tuple[str, float, int]]:
        seen = []
        for turn in range(20):
            person = people[(place * 20 + turn) % len(people)]
            for name, path in zip(
                names,
                ("/worklist/?tab=all", "/people/?q=schm", f"/people/{person}/"),
                strict=True,
            ):
                answer = browsers[place].get(path)
                seen.append((name, answer.seconds * MS, answer.status))
        return seen

    with ThreadPoolExecutor(count) as pool:
        seen = [one for found in pool.map(work, range(count)) for one in found]
    errors = sum(status != 200 for _name, _ms, status in seen)
    found = [
        Result(1, "10 officials at once: errors", errors, "answers", scene.dataset,
               target=0, met=errors == 0)
    ]  # fmt: skip
    for name in names:
        spans = [ms for one, ms, _status in seen if one == name]
        p95 = percentile(spans, 0.95)
        found.append(
            Result(1, f"10 officials at once: {name}, p95", p95, "ms", scene.dataset,
                   yardstick=percentile(spans, 0.5), target=200, met=p95 <= 200,
                   why="beside: the median")
        )  # fmt: skip
    return found


def worklist(scene: Scene) -> list[Result]:
    """Row 2: the same list at a hundredth of the people."""
    found = []
    path = "/worklist/?tab=all"
    large, small = scene.official(scene.large), scene.official(scene.hundredth)
    spans = _times(large, [path], 40)
    beside = _times(small, [path], 40)
    p95, median = percentile(spans, 0.95), percentile(spans, 0.5)
    few = percentile(beside, 0.5)
    with tenant_context(scene.large):
        asked = asked_by(large, path)
        sql = asked.replayed() * MS
    with tenant_context(scene.hundredth):
        fewer = len(asked_by(small, path).statements)
    size = large.get(path).size
    said = "beside: the hundredth"
    found += [
        Result(2, "worklist, median", median, "ms", scene.dataset, few, 1.2 * few,
               median <= 1.2 * few, said),
        Result(2, "worklist, p95", p95, "ms", scene.dataset, sql, 40, p95 <= 40,
               "beside: its own SQL"),
        Result(2, "worklist, statements", len(asked.statements), "statements",
               scene.dataset, fewer, fewer, len(asked.statements) <= fewer, said),
        Result(2, "worklist, bytes on the wire", size, "bytes", scene.dataset,
               small.get(path).size, 20_000, size <= 20_000, said),
    ]  # fmt: skip
    return found


def search(scene: Scene) -> list[Result]:
    """Row 3: part of a name, several words, a telephone number."""
    found = []
    large, small = scene.official(scene.large), scene.official(scene.hundredth)
    with tenant_context(scene.large):
        one = Person.objects.exclude(mobile="").order_by("pk")[0]
    asks = [
        ("part of a name", one.family_name[:4], 100),
        ("two words", f"{one.given_name} {one.family_name[:5]}", 100),
        ("telephone", str(one.mobile).replace(" ", "")[-9:], 50),
    ]
    for name, words, target in asks:
        path = f"/people/?{urlencode({'q': words})}"
        spans = _times(large, [path], 30)
        p95 = percentile(spans, 0.95)
        beside = percentile(_times(small, [path], 30), 0.95)
        found.append(
            Result(3, f"search, {name}, p95", p95, "ms", scene.dataset, beside,
                   target, p95 <= target, "beside: the hundredth")
        )  # fmt: skip
    return found


def file(scene: Scene) -> list[Result]:
    """Row 4: the file of somebody with four weeks of diary."""
    people = scene.long_diaries()
    official = scene.official(scene.large)
    paths = [f"/people/{person.pk}/" for person in people]
    _times(official, paths, 1)
    server = postmaster()
    before = scene.web.cpu() + cpu_of_tree(server)
    spans = _times(official, paths, 20)
    # Steady also where others use the same cores.
    cpu = (scene.web.cpu() + cpu_of_tree(server) - before) / (21 * len(paths)) * MS
    p95, median = percentile(spans, 0.95), percentile(spans, 0.5)
    with tenant_context(scene.large):
        asked = asked_by(official, paths[0])
        sql = asked.replayed() * MS
        entries = people[0].entries.count()
    beyond = len(asked.statements) - EVERY_REQUEST
    dataset = f"{scene.dataset}; {entries} entries, no contacts yet"
    limit = 2 * sql + 15
    return [
        Result(4, "file with 28 days of diary, p95", p95, "ms", dataset, sql, 80,
               p95 <= 80, "beside: its own SQL"),
        Result(4, "file with 28 days of diary, median", median, "ms", dataset, sql,
               limit, median <= limit, "twice its own SQL + 15 ms"),
        Result(4, "file, CPU of web and database", cpu, "ms", dataset, sql,
               why="steady on a busy machine; no target"),
        Result(4, "file, statements beyond those of every request", beyond,
               "statements", dataset, target=12, met=beyond <= 12),
    ]  # fmt: skip


def changes(scene: Scene) -> list[Result]:
    """Row 5: create a case, record a call, settle an escalation."""
    found = []
    official = scene.official(scene.large)
    with tenant_context(scene.large):
        disease = str(Disease.objects.get().pk)
        people = list(
            Monitoring.objects.open().values_list("person", flat=True).order_by("pk")
        )[:120]
        escalations = list(
            Escalation.objects.open().filter(reason="entry_missing").order_by("pk")
        )[:70]
    now = scene.large.localtime(clock.now())
    day = now.date().isoformat()

    def case(number: int) -> tuple[str, dict[str, object]]:
        lots = Random(number)
        return "/cases/take-up/", {
            "given_name": _word(lots), "family_name": _word(lots),
            "birth_date": f"{1940 + number % 60}-{1 + number % 12:02d}-"
            f"{1 + number % 28:02d}",
            "mobile": f"+491699{number:07d}", "city": "Neustadt", "language": "de",
            "disease": disease, "classification": "confirmed", "onset_kind": "date",
            "onset": day, "specimen_date": day, "test_kind": "pcr",
            "reported_at": now.strftime("%Y-%m-%dT00:01"), "found_by": "report",
        }  # fmt: skip

    def call(number: int) -> tuple[str, dict[str, object]]:
        path = f"/cases/people/{people[number % len(people)]}/call/"
        return path, {"outcome": "no_answer", "note": "", "number": ""}

    def settle(number: int) -> tuple[str, dict[str, object]]:
        path = f"/worklist/escalations/{escalations[number].pk}/settle/"
        return path, {"outcome": "called", "word": ""}

    for name, make, times in (
        ("create a case", case, 60),
        ("record a call", call, 60),
        ("settle an escalation", settle, min(60, len(escalations) - 5)),
    ):
        start = int(time.time() * 20) % 9_000_000 if make is case else 0
        spans = []
        for number in range(times):
            path, fields = make(start + number)
            answer = official.post(path, fields)  # type: ignore[arg-type]
            if answer.status != 302:
                raise RuntimeError(f"{name}: {answer.status}")
            spans.append(answer.seconds * MS)
        with tenant_context(scene.large):
            path, fields = make(start + times)
            asked = asked_by(official, path, fields)
            sql = asked.replayed() * MS
        p95 = percentile(spans[3:], 0.95)
        found.append(
            Result(5, f"{name} ({len(asked.statements)} statements), p95", p95, "ms",
                   scene.dataset, sql, 60, p95 <= 60, "beside: its own SQL")
        )  # fmt: skip
    return found


def _word(lots: Random) -> str:
    """A name that is like no other: nobody is asked whether it is a duplicate."""
    return "".join(lots.choices("bcdfghjklmnpqrstvwxz", k=9)).title()
