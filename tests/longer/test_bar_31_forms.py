"""Bar 31: whatever is sent to a form, nothing breaks and nothing hangs."""

import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests import world as worlds
from tests.bars.forms import forms
from tests.longer.report import measured, tries

pytestmark = [pytest.mark.undisturbed, pytest.mark.bar(31)]
SLOW = 2.0  # seconds
NASTY = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\u202eabc",
    "\ufeff",
    "🦠" * 40,
    "ﷺ" * 80,
    "-1",
    "1e309",
    "NaN",
    "9" * 400,
    "0x1f",
    "2026-02-30",
    "9999-12-31",
    "0000-00-00",
    "31.12.1899",
    "<script>",
    "{{ 7*7 }}",
    "' OR 1=1 --",
    "../../etc/passwd",
    "\r\nX: y",
    "x" * 70_000,
    "00000000-0000-0000-0000-000000000000",
    "None",
    "true",
    "[]",
    '{"a": [1]}',
    "٣٧٫٥",
    "37,5",
    "+49 171 " + "5" * 40,
    "a@b",
    "@",
    "\ud83d",
    "1" * 1_000_000,
]
ANYTHING = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=300),
    st.integers().map(str),
    st.floats().map(str),
    st.dates().map(str),
    st.uuids().map(str),
)
VALUES = st.one_of(ANYTHING, st.lists(ANYTHING, max_size=5))


def sendable(value: Any) -> Any:
    """A lone surrogate cannot be written as UTF-8: no browser sends one."""
    if isinstance(value, list):
        return [sendable(one) for one in value]
    return value.encode("utf-8", "replace").decode()


def collected(world: worlds.World) -> list[tuple[str, str, dict[str, Any], list[str]]]:
    """Every form of every page: who sees it, its address, its values and names."""
    found: dict[tuple[str, str], tuple[str, str, dict[str, Any], list[str]]] = {}
    visitors = {"nobody": None, "ida": world.ida.user, **world.staff}
    for who, user in visitors.items():
        client = world.client(user)
        for route, name, _view in worlds.routes("quarano.urls"):
            if "logout" in name or name == "admin:app_list":
                continue
            arguments = worlds.arguments(route, world.ids, world.token)
            path = reverse(name, urlconf="quarano.urls", kwargs=arguments)
            connection.set_schema_to_public()
            response = client.get(path)
            kind = response.headers.get("Content-Type", "")
            if response.status_code != 200 or "html" not in kind:
                continue
            for form in forms(response.content.decode()):
                action = (form.action or path).split("#")[0]
                if "logout" not in action:
                    found.setdefault(
                        (action.split("?")[0], ",".join(sorted(form.names))),
                        (who, action, form.values, sorted(form.names)),
                    )
    return list(found.values())


@dataclass
class Sent:
    """What came of all that was sent."""

    count: int = 0
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


def fuzz(
    client: Client, action: str, values: dict[str, Any], names: list[str], sent: Sent
) -> None:
    """Send the form many times: fields changed, left out, added."""

    @seed(31)
    @settings(
        max_examples=tries(1000),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        changed=st.dictionaries(
            st.sampled_from([*names, "surplus"]), VALUES, max_size=8
        ),
        left_out=st.sets(st.sampled_from(names), max_size=3),
    )
    def send(changed: dict[str, Any], left_out: set[str]) -> None:
        body = {k: v for k, v in values.items() if k not in left_out}
        body |= {k: sendable(v) for k, v in changed.items()}
        connection.set_schema_to_public()
        began = time.perf_counter()
        with contextlib.suppress(Undone), transaction.atomic():
            response = client.post(action, body)
            raise Undone
        took = time.perf_counter() - began
        sent.count += 1
        sent.slowest = max(sent.slowest, took)
        if response.status_code >= 500 or took > SLOW:
            short = {name: str(value)[:40] for name, value in body.items()}
            sent.wrong.append(
                f"{action}: {response.status_code}, {took:.1f} s, {short}"
            )

    send()


def test_bar_31_no_form_breaks_or_hangs(authority):
    with time_machine.travel(worlds.NOW, tick=True):
        world = worlds.build()
        every = collected(world)
        assert len(every) >= 30
        visitors = {"nobody": None, "ida": world.ida.user, **world.staff}
        sent = Sent()
        for who, action, values, names in every:
            client = world.client(visitors[who])
            client.raise_request_exception = False
            fuzz(client, action, values, names, sent)
    measured(
        31,
        f"{len(every)} forms, {sent.count} sent, "
        f"slowest {sent.slowest * 1000:.0f} ms, {len(sent.wrong)} broke",
    )
    assert not sent.wrong[:10], f"{len(sent.wrong)} times"


class Undone(Exception):
    """Rolls back what a form has done."""
