"""Row 14: the transmission graph of 2,000 nodes, from the request to the picture."""

import datetime as dt
import time
import uuid
from random import Random
from typing import Any
from urllib.parse import urlencode

from django_tenants.utils import tenant_context

from cases.models import Case, Disease, Person
from contacts.models import SourceLink
from quarano import clock
from quarano.bench.browser import Browser
from quarano.bench.results import Result, percentile
from quarano.bench.scene import Scene

MS = 1000.0
NODES = {"large": 2_000, "few": 20}
POSTAL_CODES = {2_000: "98001", 20: "98002"}
ROUNDS = 10
CHROMIUM = "/usr/bin/chromium"


def graph(scene: Scene) -> list[Result]:
    """Row 14: the page, its numbers, and the first paint in a browser; beside it the
    same page with 20 nodes."""
    with tenant_context(scene.large):
        for nodes in NODES.values():
            _chain(nodes)
    browser = scene.official(scene.large)
    many = _times(browser, NODES["large"])
    few = _times(browser, NODES["few"])
    said = f"{NODES['large']:,} nodes; {scene.dataset}"
    p95 = percentile(many, 0.95)
    found = [
        Result(14, "transmission: page and numbers, p95", p95, "ms", said,
               percentile(few, 0.95), 1000, p95 <= 1000, "beside: 20 nodes")
    ]  # fmt: skip
    painted = _painted(scene, browser)
    if isinstance(painted, str):
        found.append(
            Result(14, "transmission: first paint", None, "ms", said, why=painted)
        )
    else:
        found.append(
            Result(14, "transmission: first paint in Chromium", painted, "ms", said,
                   p95, 1000, painted <= 1000, "beside: page and numbers")
        )  # fmt: skip
    return found


def _path(nodes: int, *, numbers: bool = False) -> str:
    page = "/transmission/elements/" if numbers else "/transmission/"
    return f"{page}?{urlencode({'district': POSTAL_CODES[nodes]})}"


def _times(browser: Browser, nodes: int) -> list[float]:
    spans = []
    for turn in range(ROUNDS + 1):
        page = browser.get(_path(nodes))
        took = page.seconds
        if page.status != 200:
            raise RuntimeError(f"the graph answered {page.status}")
        if nodes > NODES["few"]:
            took += browser.get(_path(nodes, numbers=True)).seconds
        if turn:
            spans.append(took * MS)
    return spans


def _chain(nodes: int) -> None:
    """Invent cases who infected one another, in a postal code of their own."""
    code = POSTAL_CODES[nodes]
    if Person.objects.filter(postal_code=code).exists():
        return
    random = Random(nodes)
    now = clock.now()
    disease = Disease.objects.get()
    people: list[Person] = []
    links: list[SourceLink] = []
    made: list[Case] = []
    for number in range(nodes):
        onset = now.date() - dt.timedelta(days=38 - number * 34 // nodes)
        person = Person(
            id=uuid.UUID(int=random.getrandbits(128), version=4), given_name="Kette",
            family_name=f"Nummer {number}", postal_code=code, recorded_at=now,
        )  # fmt: skip
        case = Case(
            id=uuid.UUID(int=random.getrandbits(128), version=4), person=person,
            disease=disease, onset_kind=Case.Onset.DATE, onset=onset,
            reported_at=now - dt.timedelta(days=36 - number * 34 // nodes),
            recorded_at=now,
        )  # fmt: skip
        people.append(person)
        earlier = [
            one
            for one in made[-nodes // 6 :]
            if one.onset and 2 <= (onset - one.onset).days <= 8
        ]
        if earlier:
            source = random.choice(earlier)
            links.append(
                SourceLink(
                    id=uuid.UUID(int=random.getrandbits(128), version=4), case=case,
                    source=source, strength="named", likely=True, found_at=now,
                )
            )  # fmt: skip
        made.append(case)
    Person.objects.bulk_create(people, batch_size=500)
    Case.objects.bulk_create(made, batch_size=500)
    SourceLink.objects.bulk_create(links, batch_size=500)


def _painted(scene: Scene, browser: Browser) -> float | str:
    """Milliseconds from the address to the drawn picture in Chromium, the median of
    five; why not, where there is no browser."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        return "playwright is not installed"
    headers = {
        name: browser.headers[name]
        for name in ("X-Forwarded-Proto", "X-Forwarded-For", "Cookie")
    }
    address = f"http://{browser.host}:{browser.port}{_path(NODES['large'])}"
    spans: list[Any] = []
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=CHROMIUM,
                args=["--no-sandbox", "--host-resolver-rules=MAP * 127.0.0.1"],
            )
            page = chromium.new_page(extra_http_headers=headers)
            for _turn in range(6):
                began = time.perf_counter()
                page.goto(address, wait_until="commit")
                page.wait_for_selector("#graph[data-drawn]", timeout=20_000)
                spans.append((time.perf_counter() - began) * MS)
            chromium.close()
    except Error as refused:
        return f"no picture in Chromium: {str(refused).splitlines()[0][:80]}"
    return percentile(spans[1:], 0.5)
