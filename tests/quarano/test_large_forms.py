"""What a refused form leaves unread would cut the line to the proxy."""

import pytest
from django.test import Client

LOGIN = "/account/login/"


@pytest.mark.bar(64)
@pytest.mark.parametrize("behind", [True, False])
def test_a_refused_form_is_read_to_its_end_behind_the_proxy(
    authority, settings, behind
):
    """Without a proxy nothing has the whole of it, and nobody waits for it here."""
    settings.BEHIND_PROXY = behind
    client = Client(headers={"host": "neckartal.localhost"})
    sent = client.post(
        LOGIN, "x" * 5_000_000, content_type="application/x-www-form-urlencoded"
    )
    assert sent.status_code == 400
    left = len(sent.wsgi_request.environ["wsgi.input"])
    assert left == (0 if behind else 5_000_000)


@pytest.mark.bar(64)
def test_a_form_that_is_taken_is_taken_behind_the_proxy_too(authority, settings):
    settings.BEHIND_PROXY = True
    client = Client(headers={"host": "neckartal.localhost"})
    for kind in ({}, {"content_type": "application/x-www-form-urlencoded"}):
        body = {"login": "x", "password": "y"} if not kind else "login=x&password=y"
        assert client.post(LOGIN, body, **kind).status_code in {200, 422}
