"""Bar 32: what anybody types runs on nobody's page, in a real browser."""

import shutil

import pytest
import time_machine
from django.db import connection, transaction
from django.urls import reverse

from tests import world as worlds
from tests.demo import CHROMIUM, FLAGS
from tests.longer.report import measured, tries

pytestmark = [
    pytest.mark.undisturbed,
    pytest.mark.bar(32),
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="Chromium is not installed"
    ),
]
RUN = "window.ran=1"
PAYLOADS = [
    f"<script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<svg onload={RUN}>",
    f'"><script>{RUN}</script>',
    f"'><img src=x onerror={RUN}>",
    f"</textarea><svg onload={RUN}>",
    f"</title><script>{RUN}</script>",
    f"<a href=javascript:{RUN}>x</a>",
    f'" onfocus={RUN} autofocus x="',
    f"' onmouseover={RUN} x='",
    f"<iframe srcdoc='<script>{RUN}</script>'>",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}>",
    f"<video><source onerror={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<math><mi xlink:href=javascript:{RUN}>",
    "{{ constructor.constructor('window.ran=1')() }}",
    "${window.ran=1}",
    f"<style>@import 'javascript:{RUN}'</style>",
    f"<link rel=stylesheet href=javascript:{RUN}>",
    f"<object data=javascript:{RUN}>",
    f"<embed src=javascript:{RUN}>",
    f"<form action=javascript:{RUN}><button>",
    f"<button formaction=javascript:{RUN}>",
    f"<meta http-equiv=refresh content=0;url=javascript:{RUN}>",
    f"<base href=javascript:{RUN}//>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN}>",
    f"<marquee onstart={RUN}>",
    f"<select onfocus={RUN} autofocus>",
    f"<keygen autofocus onfocus={RUN}>",
    f"<div hx-on:load='{RUN}'>",
    f"<div hx-get='/' hx-trigger='load' hx-on::after-request='{RUN}'>",
    f"<div data-hx-on-click='{RUN}'>",
    f"<p hx-vals='js:{{x:{RUN}}}' hx-get=/ hx-trigger=load>",
    f'\\"><script>{RUN}</script>',
    f"\\';{RUN}//",
    f"';{RUN}//",
    f'";{RUN}//',
    f"`;{RUN}//",
    f"</script><script>{RUN}</script>",
    f"<!--><script>{RUN}</script>",
    f"<![CDATA[<script>{RUN}</script>]]>",
    f"%3Cscript%3E{RUN}%3C/script%3E",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"\u003cscript\u003e{RUN}\u003c/script\u003e",
    f"＜script＞{RUN}＜/script＞",
    f"<ScRiPt>{RUN}</sCrIpT>",
    f"<script\x0c>{RUN}</script>",
    f"<script/x>{RUN}</script>",
    f"<img src=x onerror\x0a={RUN}>",
    f"<img/src=x/onerror={RUN}>",
    f"<x onclick={RUN} tabindex=1 autofocus onfocus={RUN}>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<svg><foreignObject><script>{RUN}</script>",
    f"<template><script>{RUN}</script></template>",
    f"<slot onslotchange={RUN}>",
    f"<dialog open onclose={RUN}>",
    f"<audio src=x onerror={RUN}>",
    f"<table background=javascript:{RUN}>",
]


def test_bar_32_nothing_typed_is_run(authority):
    from playwright.sync_api import sync_playwright

    assert len(PAYLOADS) >= 60
    ran: list[str] = []
    opened = 0
    with (
        sync_playwright() as playwright,
        time_machine.travel(worlds.NOW, tick=False),
    ):
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for payload in PAYLOADS[: tries(len(PAYLOADS))]:
            try:
                # Beside the loop of Playwright Django's connection is another one.
                connection.set_tenant(authority)
                with transaction.atomic():
                    world = worlds.build(payload)
                    opened += open_all(chromium, world, payload, ran)
                    raise Undone
            except Undone:
                connection.set_tenant(authority)
        chromium.close()
    measured(
        32, f"{tries(len(PAYLOADS))} payloads, {opened} pages opened, {len(ran)} ran"
    )
    assert not ran


class Undone(Exception):
    """Rolls one world back."""


def open_all(chromium, world, payload, ran) -> int:
    """Open every page of three roles, answered by Django's client without a server."""
    opened = 0
    for user in (
        None,
        world.ida.user,
        world.staff["supervisor"],
        world.staff["administrator"],
    ):
        client = world.client(user)
        context = chromium.new_context()
        page = context.new_page()
        page.on("dialog", lambda dialog: (ran.append(payload), dialog.dismiss()))

        def answer(route, client=client):
            request = route.request
            connection.set_schema_to_public()
            if request.method != "GET" or world.host not in request.url:
                route.abort()
                return
            response = client.get(request.url.split(world.host, 1)[1])
            body = (
                b"".join(response.streaming_content)
                if response.streaming
                else response.content
            )
            route.fulfill(
                status=response.status_code, headers=dict(response.headers), body=body
            )

        page.route("**/*", answer)
        for route, name, _view in worlds.routes("quarano.urls"):
            if "logout" in name or name == "admin:app_list" or "download" in name:
                continue
            path = reverse(
                name,
                urlconf="quarano.urls",
                kwargs=worlds.arguments(route, world.ids, world.token),
            )
            connection.set_schema_to_public()
            found = client.get(path)
            kind = found.headers.get("Content-Type", "")
            if found.status_code != 200 or not kind.startswith("text/html"):
                continue
            page.goto(f"http://{world.host}{path}", wait_until="load")
            opened += 1
            if page.evaluate("window.ran"):
                ran.append(f"{payload} at {name}")
        context.close()
    return opened
