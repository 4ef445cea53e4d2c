"""Officials who comment and a citizen who keeps her diary, all at once, by HTTP.

What was acknowledged by a redirect must be there once when all is over.
"""

import http.client
import os
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.bars.forms import forms
from tests.longer.stage import Browser, Stage, until

GONE = (OSError, http.client.HTTPException)
COMMENTS = "SELECT count(*) FROM neckartal.cases_comment"


@dataclass
class Load:
    """Writers at work; `acknowledged` counts the comments that were taken."""

    stage: Stage
    acknowledged: int = 0
    diary: int = 0  # the number in the last diary entry that was taken
    diaries: int = 0  # how many of them were taken
    answers: Counter[str] = field(default_factory=Counter)
    taken_at: list[tuple[float, float]] = field(default_factory=list)
    longest: float = 0.0
    before: int = 0  # comments that were there already
    _entry: str = ""  # address of the entry that Ida changes
    _ida: Browser | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Load":
        self.before = self.stage.count(COMMENTS)
        people = self.stage.people("neckartal")
        for number in range(4):
            browser = self.stage.enter("Anna Becker")
            self._start(self._comment, browser, people, number)
        self._ida = self.stage.enter("Ida Sommer")
        until(self._opens, seconds=30)
        self._start(self._keep, self._ida)
        return self

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a writer still waits for an answer"

    def _opens(self) -> bool:
        assert self._ida is not None
        page = self._ida.get("/diary/")
        self._entry = page.path.replace("/sent/", "/entry/")
        if "/entry/" not in self._entry:
            found = re.search(r'action="([^"]*/entry/[^"]*)"', page.text)
            self._entry = found[1] if found else ""
        return bool(self._entry)

    def _take(self, send: object) -> bool:
        """Send something, note what was answered; whether it was taken."""
        began, taken = time.monotonic(), False
        try:
            answer = send()  # type: ignore[operator]
        except GONE:
            self._count("nobody answered")
            time.sleep(0.1)
        else:
            self._count(str(answer.status))
            location = answer.headers.get("Location", "")
            taken = answer.status == 302 and "/login/" not in location
            if taken:
                self.taken_at.append((began, time.monotonic()))
        self.longest = max(self.longest, time.monotonic() - began)
        return taken

    def _count(self, what: str) -> None:
        with self._lock:
            self.answers[what] += 1

    def _comment(self, browser: Browser, people: list[str], number: int) -> None:
        chance, count = random.Random(number), 0
        while not self._over.is_set():
            count += 1
            word = f"load-{os.getpid()}-{id(self)}-{number}-{count}"
            path = f"/cases/people/{chance.choice(people)}/comment/"
            body: dict[str, object] = {"text": word}
            if self._take(lambda path=path, body=body: browser.post(path, body)):
                with self._lock:
                    self.acknowledged += 1

    def _keep(self, browser: Browser) -> None:
        count = 0
        while not self._over.is_set():
            count += 1
            if self._take(lambda count=count: self._change(browser, count)):
                self.diary, self.diaries = count, self.diaries + 1

    def _change(self, browser: Browser, count: int):
        page = browser.get(self._entry)
        found = [one for one in forms(page.text) if "note" in one.names]
        if not found:
            return page
        answers = {"temperature": "36.6", "note": f"change {count}"}
        return browser.ask("POST", self._entry, found[0].values | answers)

    def back_after(self, moment: float) -> float:
        """Seconds until something was taken again that was sent after the moment."""
        until(lambda: any(began > moment for began, _ in self.taken_at), seconds=90)
        return min(end for began, end in self.taken_at if began > moment) - moment

    def nothing_lost(self) -> str:
        """Compare with what is stored; say it, and assert that nothing is missing."""
        written = self.stage.count(COMMENTS) - self.before
        lost = max(0, self.acknowledged - written)
        # Whoever got no answer may have been heard all the same: that is no double.
        unsure = sum(self.answers.values()) - self.acknowledged - self.diaries
        doubled = max(0, written - self.acknowledged - unsure)
        assert self._ida is not None
        note = re.search(r"change (\d+)", self._ida.get(self._entry).text)
        kept = int(note[1]) if note else 0
        lost += kept < self.diary
        said = (
            f"{self.acknowledged} comments and {self.diaries} changes of a diary entry "
            f"acknowledged, answers {dict(self.answers)}, longest {self.longest:.1f} s;"
            f" {lost} lost, {doubled} doubled"
        )
        print(said)  # noqa: T201 - what one reads of it
        assert self.acknowledged, said
        assert self.diaries, said
        assert not lost, said
        assert not doubled, said
        assert not self.answers["500"], said
        return said
