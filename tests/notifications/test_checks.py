import pytest

from quarano.notifications import checks


def ids(found):
    return [one.id for one in found]


@pytest.mark.parametrize(
    ("address", "token", "adapter", "wanted"),
    [
        ("", "", "nowhere.json", []),
        ("https://sms.example/", "t", "quarano", []),
        ("http://127.0.0.1:9000/", "t", "quarano", []),
        ("http://sms.example/", "t", "quarano", ["quarano.E013"]),
        ("https://sms.example/", "", "quarano", ["quarano.W004"]),
        ("https://sms.example/", "t", "/nowhere.json", ["quarano.E014"]),
    ],
)
def test_the_way_to_the_gateway_is_checked(settings, address, token, adapter, wanted):
    settings.SMS_GATEWAY_URL, settings.SMS_GATEWAY_TOKEN = address, token
    settings.SMS_ADAPTER = adapter
    assert ids(checks.text_messages()) == wanted


@pytest.mark.parametrize(
    ("address", "host", "tls", "wanted"),
    [
        ("", "", True, []),
        ("bounces@quarano.example", "imap.example", True, []),
        ("bounces", "", True, ["quarano.E011"]),
        ("much.too.long.a.name@quarano.example", "", True, ["quarano.E012"]),
        ("bounces@quarano.example", "imap.example", False, ["quarano.W005"]),
        ("bounces@quarano.example", "127.0.0.1", False, []),
    ],
)
def test_the_way_back_is_checked(settings, address, host, tls, wanted):
    settings.BOUNCE_ADDRESS = address
    settings.BOUNCE_IMAP_HOST, settings.BOUNCE_IMAP_TLS = host, tls
    assert ids(checks.bounces()) == wanted


def test_the_longest_name_leaves_room_for_the_mark(settings):
    from uuid import uuid4

    from quarano.notifications.bounces import return_path

    settings.BOUNCE_ADDRESS = "thirteen.char@quarano.example"
    assert checks.bounces() == []
    assert len(return_path(None, uuid4()).partition("@")[0]) == 64
