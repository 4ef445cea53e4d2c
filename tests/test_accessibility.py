"""Every page of every role: axe, keyboard, names and roles, 320 px, right to left."""

import re

import pytest
from playwright.sync_api import Error

from tests.browsing import IN_A_BROWSER, accessible, file_of, go_in, press, visitor

pytestmark = IN_A_BROWSER
# Whose pages, at most how many, and how they look at them: at 320 px (which is 1280 px
# at 400 % zoom), or in the dark at a desk.
ROLES = [
    ("nobody", 20, 320, "light"),
    ("nobody", 20, 1280, "dark"),
    ("Anna Becker", 90, 320, "light"),
    ("Anna Becker", 90, 1280, "dark"),
    ("Ömer Yıldız", 10, 1280, "light"),
    ("Ruth Adler", 30, 320, "dark"),
    ("Ida Sommer's", 30, 320, "light"),
    ("Ida Sommer's", 30, 1280, "dark"),
    ("Kolja Brenner's", 30, 320, "dark"),
    ("Olga Petrenko", 20, 1280, "light"),
]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
SLOT = re.compile(r"\d{4}-\d\d-\d\d-\w+")
NAMED = {
    "button", "link", "textbox", "searchbox", "checkbox", "radio", "combobox",
    "listbox", "switch", "spinbutton", "tab", "image", "img", "dialog", "navigation",
    "table", "DisclosureTriangle", "menuitem",
}  # fmt: skip


def shape(url):
    """One address for all pages of a kind: ids and values do not matter."""
    path, _, query = url.partition("#")[0].partition("?")
    # Django's admin has a page for every filter.
    names = {one.partition("=")[0] for one in query.split("&") if "/admin/" not in path}
    return SLOT.sub("slot", UUID.sub("id", path)) + "?" + "&".join(sorted(names))


def pages(page, start, *more, most):
    """Open page after page by its links, one of each kind; yield each."""
    host = start.split("/")[2]
    waiting, seen = [start, *more], {shape(one) for one in (start, *more)}
    opened = 0
    while waiting and opened < most:
        url = waiting.pop(0)
        try:
            answer = page.goto(url)
        except Error as refused:
            assert "Download is starting" in str(refused)
            continue
        if "text/html" not in answer.headers["content-type"]:
            continue
        opened += 1
        yield page
        links = page.eval_on_selector_all("a[href]", READ)
        for link in links:
            if link.split("/")[2:3] != [host] or "logout" in link:
                continue
            if shape(link) not in seen:
                seen.add(shape(link))
                waiting.append(link.partition("#")[0])


# What links in a drawing lead to is no text but an object.
READ = "all => all.map((a) => new URL(a.getAttribute('href'), location.href).href)"


def first_page(page, demo, role):
    if role == "nobody":
        return demo.at("neckartal", "/account/login/"), [
            demo.at("neckartal", "/enrolment/"),
            demo.at("neckartal", "/no/such/page/"),
        ]
    go_in(page, demo, role)
    return page.url, []


def names_and_roles(page):
    """What a screen reader is told: no control without a name, one main, one h1."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    nameless, roles = [], []
    for node in nodes:
        role = node.get("role", {}).get("value", "")
        if node.get("ignored"):
            continue
        roles.append(role)
        if role in NAMED and not node.get("name", {}).get("value", "").strip():
            nameless.append(role)
    assert not nameless, f"{page.url}: {nameless}"
    assert roles.count("main") == 1, f"{page.url}: {roles.count('main')} main"
    assert page.locator("h1:visible").count() == 1, f"{page.url}: h1"
    assert page.title().strip()
    assert page.locator("html").get_attribute("lang") in {"en", "de"}


@pytest.mark.parametrize(("role", "most", "width", "scheme"), ROLES)
def test_every_page_is_accessible(browser, demo, role, most, width, scheme):
    with visitor(browser, width=width, height=800, color_scheme=scheme) as page:
        start, more = first_page(page, demo, role)
        opened = 0
        for one in pages(page, start, *more, most=most):
            accessible(one)
            if "/admin/" not in one.url:
                names_and_roles(one)
            opened += 1
        assert opened >= 6


# --- By keyboard ----------------------------------------------------------------------

# Where the focus is: its name, whether it is on screen, uncovered, and drawn.
FOCUS = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const box = one.getBoundingClientRect();
  const drawn = [getComputedStyle(one), getComputedStyle(one, "::after"),
    ...[one.nextElementSibling, one.closest("label, .stepper, .find, summary")]
      .filter(Boolean).map((near) => getComputedStyle(near))]
    .some((look) => look.outlineStyle !== "none" && parseFloat(look.outlineWidth) > 1);
  const [x, y] = [box.x + box.width / 2, box.y + Math.min(box.height / 2, 20)];
  const hit = document.elementFromPoint(x, y);
  // The button of a date field is drawn by a rule that no script can see.
  const inside = `${one.type}`.startsWith("date") && !one.matches(":focus");
  const near = (other) => other && (one.contains(other) || other.contains(one)
    || (other.closest("label") && other.closest("label").contains(one))
    || other.closest("tr.row") === one.closest("tr.row"));
  return {
    key: one.outerHTML.slice(0, 160), drawn: drawn || inside,
    onscreen: box.bottom > 0 && box.top < innerHeight
      && box.right > 0 && box.left < innerWidth,
    free: near(hit),
  };
}"""


def stops(page, most=150):
    """Press Tab until the focus has gone round; yield each stop."""
    seen = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if stop is None or (seen and stop["key"] == seen[0]["key"]):
            break
        seen.append(stop)
    return seen


@pytest.mark.parametrize("width", [360, 1280])
def test_the_focus_is_always_seen(browser, demo, width):
    with visitor(browser, width=width, height=800) as page:

        def seen_all_along(*, least):
            found = stops(page)
            assert len(found) >= least, page.url
            # A way out: no control keeps the focus.
            assert len({one["key"] for one in found}) >= 0.5 * len(found)
            for one in found:
                assert one["drawn"], f"{page.url}: not drawn: {one['key']}"
                assert one["onscreen"], f"{page.url}: off screen: {one['key']}"
                assert one["free"], f"{page.url}: covered: {one['key']}"

        page.goto(demo.at("neckartal", "/account/login/"))
        seen_all_along(least=4)
        page.goto(demo.at("neckartal", "/enrolment/"))
        seen_all_along(least=4)
        go_in(page, demo, "Anna Becker")
        seen_all_along(least=15)
        page.goto(demo.at("neckartal", "/cases/take-up/"))
        seen_all_along(least=20)
        file_of(page, demo, "Bogdan Petrescu")
        seen_all_along(least=20)
        go_in(page, demo, "Kolja Brenner's")
        seen_all_along(least=6)


def test_an_official_settles_by_keyboard_alone(browser, demo):
    with visitor(browser) as page:
        go_in(page, demo, "Anna Becker")
        page.goto(demo.at("neckartal", "/worklist/?tab=all"))
        keys = page.keyboard
        keys.press("j")
        keys.press("j")
        name = page.evaluate("document.activeElement.textContent")
        panel = page.locator("#panel")
        panel.get_by_role("heading", name=re.compile(re.escape(name))).wait_for()
        keys.press("s")
        form = panel.locator("form[action*='/snooze/']")
        form.wait_for()
        # The focus is in the form that the key has opened.
        assert form.evaluate("form => form.contains(document.activeElement)")
        tab_to(page, "form[action*='/snooze/'] button[type=submit]")
        keys.press("Enter")
        form.wait_for(state="detached")
        page.locator("#announcer:not(:empty)").wait_for(state="attached")
        keys.press("?")
        page.get_by_role("dialog").wait_for()
        keys.press("Escape")
        page.get_by_role("dialog").wait_for(state="hidden")
        keys.press("/")
        keys.type("Bogdan")
        with page.expect_navigation():
            keys.press("Enter")
        assert "q=Bogdan" in page.url
        keys.press("j")
        with page.expect_navigation():
            keys.press("Enter")
        heading = page.get_by_role("heading", level=1)
        assert "Bogdan Petrescu" in heading.inner_text()


def test_a_citizen_reports_by_keyboard_alone(browser, demo):
    with visitor(browser, width=360, height=760) as page:
        go_in(page, demo, "Frida Holm's")
        keys = page.keyboard
        change = page.get_by_role("link", name=re.compile("^(Change|Enter)"))
        if change.count():
            change.first.focus()
            with page.expect_navigation():
                keys.press("Enter")
        tab_to(page, "[name=temperature]")
        keys.press("Control+A")
        keys.type("36.8")
        tab_to(page, "[name=symptom][value=cough]")
        if not page.locator("[name=symptom][value=cough]").is_checked():
            keys.press("Space")
        tab_to(page, "[name=severity-cough]")
        keys.press("ArrowRight")
        tab_to(page, "button[type=submit]:not(.foot *, .top *)")
        with page.expect_navigation():
            keys.press("Enter")
        page.get_by_role("heading", name="Thank you, sent").wait_for()
        assert "36.8" in page.locator("main").inner_text()


def tab_to(page, selector):
    """Press Tab until the focus is on what the selector names."""
    for _ in range(120):
        if page.evaluate("one => document.activeElement.matches(one)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{selector} is not reached")


# --- What a change says, and where the focus stays ------------------------------------


def test_an_error_is_told_at_the_field(browser, demo):
    with visitor(browser) as page:
        go_in(page, demo, "Anna Becker")
        file_of(page, demo, "Bogdan Petrescu")
        orders = page.locator("#orders")
        orders.get_by_role("link", name="Extend").first.click()
        orders.locator("[name=until]").fill("2020-01-01")
        orders.locator("[name=reasons]").fill("Typed with care.")
        # The browser would refuse it alone: what the server says is asked for.
        orders.locator("form").first.evaluate("form => { form.noValidate = true }")
        orders.locator("form button[type=submit]").first.click()
        wrong = orders.locator("[aria-invalid=true]")
        wrong.wait_for()
        described = wrong.get_attribute("aria-describedby").split()
        said = [page.locator(f"#{one}").inner_text().strip() for one in described]
        assert any(said)
        assert orders.locator("[name=reasons]").input_value() == "Typed with care."
        page.locator("#announcer:not(:empty)").wait_for(state="attached")


def test_colours_may_be_forced(browser, demo):
    """What is chosen or current is told from the rest by more than a background."""
    with visitor(browser, forced_colors="active") as page:
        go_in(page, demo, "Anna Becker")
        page.locator("a.row__link").first.click()
        page.locator("#panel h2").first.wait_for()
        outline = (
            "one => { const s = getComputedStyle(one);"
            " return s.outlineStyle + s.outlineWidth + s.borderBottomWidth }"
        )
        for chosen, other in (
            ("tr.row.is-selected", "tr.row:not(.is-selected)"),
            (".menu__link[aria-current]", ".menu__link:not([aria-current])"),
        ):
            marks = [
                page.locator(one).first.evaluate(outline) for one in (chosen, other)
            ]
            assert marks[0] != marks[1], chosen


IN_ORDER = """() => {
  const words = [...document.querySelectorAll(".helpline__call b")]
    .find((one) => one.textContent.startsWith("116")).firstChild;
  const place = (from, to) => {
    const range = document.createRange();
    range.setStart(words, from);
    range.setEnd(words, to);
    return range.getBoundingClientRect().x;
  };
  return place(0, 3) < place(4, 7);
}"""


def test_pages_turn_around_for_scripts_from_right_to_left(browser, demo):
    turn = "document.documentElement.dir = 'rtl'"
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    with visitor(browser, width=360, height=760) as page:
        go_in(page, demo, "Ida Sommer's")
        for name in ("Days", "My dates", "Help"):
            page.get_by_role("link", name=name, exact=True).click()
            page.wait_for_load_state()
            page.evaluate(turn)
            assert not page.evaluate(wide), name
            # Numbers of telephones keep the order of their groups.
            assert page.evaluate(IN_ORDER), name
    with visitor(browser, width=1280, height=800) as page:
        go_in(page, demo, "Anna Becker")
        page.evaluate(turn)
        assert not page.evaluate(wide)
        side = page.locator(".side").bounding_box()
        assert side["x"] > 640


# --- Without JavaScript ---------------------------------------------------------------


def test_an_official_works_without_javascript(browser, demo):
    """Every step of the panel and of the file is a page of its own."""
    with visitor(browser, script=False) as page:
        go_in(page, demo, "Anna Becker")
        page.goto(demo.at("neckartal", "/worklist/?tab=all"))
        filters = page.locator("a.chip").first
        with page.expect_navigation():
            filters.click()
        page.goto(demo.at("neckartal", "/worklist/?tab=all"))
        page.locator("a.row__link").last.click()
        page.wait_for_load_state()
        panel = page.locator("#panel")
        with page.expect_navigation():
            panel.get_by_role("link", name=re.compile("Snooze")).first.click()
        with page.expect_navigation():
            page.locator("form[action*='/snooze/'] button[type=submit]").first.click()
        assert page.locator("#messages, .notice").first.is_visible()
        file_of(page, demo, "Bogdan Petrescu")
        with page.expect_navigation():
            page.get_by_role("link", name="Record a call").first.click()
        page.locator("[name=outcome][value=no_answer]").check(force=True)
        press(page, re.compile("^Record"))
        assert page.locator("h1").count() == 1
        file_of(page, demo, "Bogdan Petrescu")
        assert "no answer" in page.locator("#calls").inner_text().lower()
        with page.expect_navigation():
            page.get_by_role(
                "link", name=re.compile("comment", re.IGNORECASE)
            ).first.click()
        page.locator("form textarea").first.fill("Written without a script.")
        with page.expect_navigation():
            page.locator("main form button[type=submit]").first.click()
        file_of(page, demo, "Bogdan Petrescu")
        assert page.get_by_text("Written without a script.").first.is_visible()
