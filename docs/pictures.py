"""Takes the pictures of the manuals from the demo: `make pictures`.

`--port 8000` takes them from a demo that runs already; else one is started. The
pictures are written as PNG of few colours, at the size at which they are shown.
"""

import argparse
import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests import demo as demos  # noqa: E402 — the folder above is no package of ours

PICTURES = HERE / "pictures"
DESK, PHONE = (1280, 800), (390, 844)
Page = Any


def anybody(page: Page, demo: demos.Demo, path: str) -> None:
    page.goto(demo.at("neckartal", path))


def go_in(page: Page, demo: demos.Demo, label: str) -> None:
    """By the demo's way in, then in the language of the browser."""
    page.goto(demo.url)
    row = re.compile(re.escape(label))
    page.get_by_role("link", name=row).first.click()
    with page.expect_navigation():
        page.locator("main form button[type=submit]").first.click()
    language = page.evaluate("navigator.language").partition("-")[0]
    if page.locator("html").get_attribute("lang") != language:
        switch = page.locator(f"button[name=language][value={language}]").first
        with page.expect_navigation():
            switch.click()


def worklist(page: Page, demo: demos.Demo) -> None:
    go_in(page, demo, "Anna Becker")
    anybody(page, demo, "/worklist/?tab=all")
    page.locator("a.row__link").nth(1).click()
    page.locator("#panel h2").wait_for()
    page.wait_for_timeout(500)


def file_of_ida(page: Page, demo: demos.Demo) -> None:
    go_in(page, demo, "Anna Becker")
    anybody(page, demo, "/people/?q=Ida+Sommer")
    page.locator("main a.row__link").first.click()
    page.wait_for_load_state()


def as_administrator(path: str) -> Callable[[Page, demos.Demo], None]:
    def take(page: Page, demo: demos.Demo) -> None:
        go_in(page, demo, "Ruth Adler")
        anybody(page, demo, path)

    return take


def text_of_an_invitation(page: Page, demo: demos.Demo) -> None:
    as_administrator("/texts/")(page, demo)
    page.locator("main a[href*='invitation']").first.click()
    page.wait_for_load_state()


def founding(page: Page, demo: demos.Demo) -> None:
    go_in(page, demo, "Olga Petrenko")
    page.goto(f"{demo.url}admin/health_authorities/foundingrequest/add/")


def citizen(path: str) -> Callable[[Page, demos.Demo], None]:
    def take(page: Page, demo: demos.Demo) -> None:
        go_in(page, demo, "Ida Sommer")
        if path:
            page.goto(f"{page.url.split('/diary/')[0]}{path}")

    return take


def dates(page: Page, demo: demos.Demo) -> None:
    go_in(page, demo, "Ida Sommer")
    page.locator("nav.below a").nth(2).click()
    page.wait_for_load_state()


def entry(page: Page, demo: demos.Demo) -> None:
    """The form of an entry, filled in a little and not sent."""
    go_in(page, demo, "Ida Sommer")
    if not page.locator("[name=temperature]").count():
        page.locator("main a[href*='/entry/']").first.click()
        page.wait_for_load_state()


SHOTS: dict[str, tuple[tuple[int, int], Callable[[Page, demos.Demo], None]]] = {
    "sign-in": (DESK, lambda page, demo: anybody(page, demo, "/account/login/")),
    "worklist": (DESK, worklist),
    "file": (DESK, file_of_ida),
    "first-hour": (DESK, as_administrator("/first-hour/")),
    "authority": (DESK, as_administrator("/authority/")),
    "text": (DESK, text_of_an_invitation),
    "founding": (DESK, founding),
    "diary": (PHONE, entry),
    "dates": (PHONE, dates),
    "invitation": (PHONE, lambda page, demo: anybody(page, demo, "/enrolment/")),
}


@contextlib.contextmanager
def demo_on(port: int | None) -> Iterator[demos.Demo]:
    if port is None:
        with demos.running() as started:
            yield started
    else:
        yield demos.Demo(port, Path(), None, 0.0, 0.0)  # type: ignore[arg-type]


def take_all(port: int | None, names: list[str]) -> None:
    from playwright.sync_api import sync_playwright

    PICTURES.mkdir(exist_ok=True)
    with demo_on(port) as demo, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=demos.CHROMIUM, args=demos.FLAGS
        )
        for name in names:
            (width, height), take = SHOTS[name]
            for language in ("en", "de"):
                context = chromium.new_context(
                    viewport={"width": width, "height": height}, locale=language
                )
                page = context.new_page()
                page.set_default_timeout(20_000)
                take(page, demo)
                path = PICTURES / f"{name}.{language}.png"
                page.screenshot(path=path)
                context.close()
                sys.stdout.write(f"{path.name}: {path.stat().st_size // 1024} kB\n")
        chromium.close()


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--port", type=int, help="of a demo that runs already")
    asked.add_argument("names", nargs="*", default=list(SHOTS), help="which pictures")
    options = asked.parse_args()
    take_all(options.port, options.names)
