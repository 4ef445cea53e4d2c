"""How the tests move through a demo in Chromium."""

import re
import shutil
from contextlib import contextmanager

import pytest

IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.xdist_group("walk"),
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="not run: Chromium is not installed"
    ),
]


@contextmanager
def visitor(browser, *, width=1280, height=900, language="en", script=True, **more):
    """A browser of its own, whose console must stay silent."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale=language,
        java_script_enabled=script,
        **more,
    )
    page = context.new_page()
    page.set_default_timeout(15_000)
    complaints = []
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            # axe's own probing has no address.
            if "Content Security Policy" in message.text and message.location["url"]
            else None
        ),
    )
    yield page
    context.close()
    assert not complaints


def go_in(page, demo, label):
    """By the demo's way in."""
    page.goto(demo.url)
    page.get_by_role("link", name=re.compile(re.escape(label))).first.click()
    press(page, re.compile("Go in as"))


def later(page, demo, times=1):
    for _ in range(times):
        page.goto(demo.url)
        with page.expect_navigation(timeout=90_000):
            page.get_by_role("button", name="Half a day later").click()


def accessible(page):
    """No finding of axe, of any weight, and no sideways scrolling."""
    from axe_playwright_python.sync_playwright import Axe

    found = [
        f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in Axe().run(page).response["violations"]
    ]
    assert not found, f"{page.url}: {found}"
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide), f"{page.url} scrolls sideways"


def press(page, name):
    """Press a button that leads to another page, or to the same one with errors."""
    with page.expect_navigation():
        page.get_by_role("button", name=name).first.click()


def file_of(page, demo, name, schema="neckartal"):
    page.goto(demo.at(schema, f"/people/?q={name}"))
    page.locator("main").get_by_role("link", name=re.compile(name)).first.click()
    page.wait_for_load_state()
