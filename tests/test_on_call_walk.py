"""An emergency sign while nobody is there, in a browser: from the diary to whoever is
on call."""

import datetime as dt
import os
import re
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests import demo as demos
from tests.browsing import IN_A_BROWSER, accessible, file_of, go_in, press, visitor

# All but the group of the other walks: what they do to Ida and the clock counts here.
pytestmark = [one for one in IN_A_BROWSER if one.name != "xdist_group"]
FIRST = "+491713920090"
# Remembered authorities, one round of the job, and patience.
WAITING = 150


@pytest.fixture(scope="module")
def demo():
    """A demo of its own, unless one is named that runs already."""
    if port := os.environ.get("WALK_PORT"):
        yield demos.Demo(int(port), Path(), None, 0.0, 0.0)
        return
    with demos.running() as started:
        yield started


def today(page, demo):
    """The demo's day on the clock of Neckartal."""
    page.goto(demo.url)
    words = page.locator(".demo__clock p").inner_text()
    number, month = re.search(r"(\d+) (\w+)", words).groups()
    year = dt.datetime.now(dt.UTC).year
    return dt.datetime.strptime(f"{number} {month} {year}", "%d %B %Y").date()  # noqa: DTZ007


def sms(page, demo):
    """The links of the on-call messages, newest first."""
    page.goto(f"{demo.url}demo/inbox/?to={quote(FIRST)}")
    return [one.get_attribute("href") for one in page.locator(".letters__row a").all()]


def close_today(browser, demo):
    """Ruth says that nobody is there on the days around the demo's today."""
    with visitor(browser) as ruth:
        day = today(ruth, demo)
        go_in(ruth, demo, "Ruth Adler")
        ruth.goto(demo.at("neckartal", "/authority/"))
        days = [day + dt.timedelta(days=n) for n in range(-1, 3)]
        ruth.get_by_label("Days that are different").fill(
            "\n".join(f"{one:%d.%m.%Y}" for one in days)
        )
        accessible(ruth)
        press(ruth, "Save")
        assert ruth.get_by_text("Nobody is here now.").is_visible()


def enter_sign(browser, demo):
    """Ida enters an emergency sign, for the slot that runs."""
    with visitor(browser, width=360, height=800) as ida:
        go_in(ida, demo, "Ida Sommer's")
        change = ida.get_by_role("link", name="Change")
        if change.count():
            change.first.click()
            ida.wait_for_load_state()
        box = ida.locator("[data-emergency-box]")
        assert box.is_hidden()
        ida.context.set_offline(True)
        row = ida.locator(".symptom", has_text="Confusion")
        row.get_by_role("switch").check()
        assert box.is_visible()  # at once, without a network
        ida.context.set_offline(False)
        ida.get_by_role("button", name="Back to my entry").click()
        row.get_by_role("radio", name="severe").check(force=True)
        press(ida, "Send this entry")
        assert ida.get_by_text("Call 112 now").is_visible()
        assert "We call you today" not in ida.content()
        accessible(ida)


def test_who_is_on_call_takes_an_emergency_sign(browser, demo):
    close_today(browser, demo)
    with visitor(browser, width=360, height=740) as phone:
        before = sms(phone, demo)
        enter_sign(browser, demo)
        until = time.monotonic() + WAITING
        while len(found := sms(phone, demo)) == len(before):
            assert time.monotonic() < until, "nobody on call was told"
            time.sleep(2)
        phone.goto(f"{demo.url.rstrip('/')}{found[0]}")
        body = phone.locator("main").inner_text()
        assert "Ida" not in body
        assert "Sommer" not in body
        phone.goto(re.search(r"http\S+/on-call/\S+", body)[0])
        assert phone.get_by_role("heading", name="Urgent matter at the").is_visible()
        accessible(phone)
        press(phone, "I take it")
        assert phone.get_by_role("heading", name="You have taken it").is_visible()
        accessible(phone)
        phone.get_by_role("link", name="Sign in and look").click()
        phone.wait_for_url(re.compile("/account/login/"))
    with visitor(browser) as anna:
        go_in(anna, demo, "Anna Becker")
        file_of(anna, demo, "Ida Sommer")
        told = anna.locator("#escalations")
        assert told.get_by_text("taken from the first telephone").first.is_visible()
