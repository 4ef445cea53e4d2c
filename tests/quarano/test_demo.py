"""The demo where it can be seen quickly; the walk starts all of it."""

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
from email.message import EmailMessage
from types import SimpleNamespace

import pytest

from quarano.demo import __main__ as demo
from quarano.demo import folder, inbox, time, ways
from quarano.outbreak import jobs

DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("DEMO_FOLDER", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return tmp_path


def test_the_clock_moves_for_every_process():
    before = time.now()
    time.move(dt.timedelta(hours=12))
    time.move(dt.timedelta(hours=12))
    assert DAY <= time.now() - before < DAY + dt.timedelta(minutes=1)
    assert json.loads((folder.folder() / "offset.json").read_text()) == 86_400


def test_a_played_moment_holds_this_process():
    moment = dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC)
    time.play_at(moment)
    try:
        assert time.now() == moment
    finally:
        time.play_at(None)
    assert time.now() != moment


@pytest.mark.parametrize(
    ("after", "then"),
    [
        (dt.datetime(2026, 1, 10, 7, 0), dt.datetime(2026, 1, 10, 8, 0)),
        (dt.datetime(2026, 1, 10, 21, 0), dt.datetime(2026, 1, 11, 0, 5)),
    ],
)
def test_the_jobs_run_at_the_next_moment(after, then):
    zone = dt.timezone(dt.timedelta(hours=1))
    found = jobs.next_moment(after.replace(tzinfo=zone), zone)
    assert found == then.replace(tzinfo=zone)
    assert found.utcoffset() == dt.timedelta()


def test_mail_lies_in_the_inbox_with_its_own_date():
    import asyncio

    message = EmailMessage()
    message["Subject"] = "Zwei Wörter"
    message["Date"] = "Sun, 01 Mar 2026 08:00:00 +0000"
    message.set_content("Grüße")
    envelope = SimpleNamespace(content=bytes(message), rcpt_tos=["ida@mail.example"])
    catcher = inbox.Catcher()
    assert asyncio.run(catcher.handle_DATA(None, None, envelope)).startswith("250")
    inbox.put_sms("+4917139200000", "Kurz")
    (letter,) = inbox.letters(recipient="ida@mail.example")
    assert (letter.subject, letter.body.strip()) == ("Zwei Wörter", "Grüße")
    assert letter.at == dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC)
    assert [one.channel for one in inbox.letters()] == ["sms", "mail"]
    assert inbox.read("../keys.json") is None


def test_an_unknown_mailbox_is_refused():
    import asyncio

    envelope = SimpleNamespace(rcpt_tos=[])
    said = asyncio.run(
        inbox.Catcher().handle_RCPT(None, None, envelope, "emre@refused.example", [])
    )
    assert said.startswith("550")
    assert envelope.rcpt_tos == []


@pytest.mark.usefixtures("empty_cache")
def test_a_way_in_leads_in_once_and_on_its_own_host():
    token = ways.open_way(schema="neckartal", user="17")
    assert ways.take(token, schema="spreetal") is None
    assert ways.take(token, schema="neckartal") == "17"
    assert ways.take(token, schema="neckartal") is None
    assert ways.look(token) is None


# --- What the demo says and forgets --------------------------------------------------


@pytest.mark.localhost
def test_a_port_in_use_is_one_sentence():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(demo.Refused, match=f"Port {port} is in use") as refusal:
            demo.free_port(port)
    assert "\n" not in str(refusal.value)


def test_a_full_disk_is_one_sentence(monkeypatch):
    left = SimpleNamespace(free=5_000_000)
    monkeypatch.setattr(demo.shutil, "disk_usage", lambda place: left)
    with pytest.raises(demo.Refused, match=r"needs 400 MB .*, 5 MB are left"):
        demo.check_disk()


def told(until: dt.datetime) -> None:
    folder.keep("keys", {"SECRET_KEY": "x"})
    folder.keep("began", "2026-01-01")
    folder.keep("played_until", until.isoformat())


def test_a_demo_of_two_weeks_goes_on_and_an_older_one_does_not():
    told(time.now() - 13 * DAY)
    assert demo.fits()
    told(time.now() - 15 * DAY)
    assert not demo.fits()


def test_a_story_that_broke_off_begins_anew():
    folder.keep("keys", {"SECRET_KEY": "x"})
    assert demo.fits()
    folder.keep("began", "2026-01-01")
    assert not demo.fits()


def test_without_its_keys_a_demo_begins_anew():
    told(time.now())
    folder.forget("keys")
    assert not demo.fits()


def test_beginning_anew_forgets_the_demo_and_nothing_else(place):
    told(time.now())
    inbox.put_sms("+4917139200000", "Kurz")
    (place / "mine.txt").write_text("kept")
    demo.begin_anew()
    assert [path.name for path in place.iterdir()] == ["mine.txt"]


def test_a_database_of_others_is_not_dropped(monkeypatch):
    told(time.now() - 15 * DAY)
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/quarano")
    with pytest.raises(demo.Refused, match="empty that database"):
        demo.begin_anew()
    assert folder.read("began", None)


def sleeper(place) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"],
        env={**os.environ, "DEMO_FOLDER": str(place)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.mark.skipif(not os.path.exists("/proc/self"), reason="needs /proc")  # noqa: PTH110
def test_what_a_killed_demo_left_is_stopped_and_nobody_else(place):
    with sleeper(place) as left, sleeper(place / "other") as strange:
        left.stdout.readline()
        strange.stdout.readline()
        folder.keep("processes", [left.pid, strange.pid])
        demo.stop_left_overs()
        assert left.wait(timeout=10) == -signal.SIGKILL
        assert strange.poll() is None
        strange.kill()
    assert folder.read("processes", None) is None


# --- While the story is told ---------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "path", "passes"),
    [
        ("localhost:8000", "/", True),
        ("localhost:8000", "/demo/progress/", True),
        ("localhost:8000", "/healthz/", True),
        ("localhost:8000", "/admin/", False),
        ("neckartal.localhost:8000", "/", False),
        ("nobody.localhost:8000", "/people/", False),
    ],
)
def test_until_the_story_is_told_every_address_leads_to_its_page(
    rf, settings, host, path, passes
):
    from django.http import HttpResponse

    from quarano.demo.waiting import WaitingMiddleware

    settings.SITE_PORT = ":8000"
    ask = WaitingMiddleware(lambda request: HttpResponse("page"))
    folder.keep("progress", {"step": "founding", "share": 1, "done": False})
    answer = ask(rf.get(path, headers={"host": host}))
    if passes:
        assert answer.content == b"page"
    else:
        assert answer["Location"] == "http://localhost:8000/"
        assert ask(rf.post(path, headers={"host": host})).status_code == 503
    folder.keep("progress", {"step": "done", "share": 100, "done": True})
    assert ask(rf.get(path, headers={"host": host})).content == b"page"
