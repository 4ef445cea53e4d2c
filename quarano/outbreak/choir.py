"""A choir evening from which nine more cases come, and a school class: many at once.

The choir's host hands the list in through the link; the class is pasted by an official.
"""

import datetime as dt
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from cases import calls, intake
from cases.models import Case, Person
from contacts import events, tracing
from contacts.guest_lists import hosts, receiving
from contacts.models import Contact, GuestList
from contacts.models import Event as Gathering
from quarano.accounts.models import User
from quarano.outbreak.personas import PEOPLE

if TYPE_CHECKING:
    from quarano.outbreak.story import Event, Story

DAY = dt.timedelta(days=1)
SCHEMA = "neckartal"
CHOIR, CLASS = "Chorabend", "Klasse 7b"
# Personas: who sang the day before the first symptom, and who taught.
SANG, TAUGHT = "bogdan.petrescu", "emre.sahin"
SINGERS = """\
Adler Ruth 1951-03-02, Amann Heike 1964-07-19, Bach Jonas 1990-01-30,
Baumgart Inge 1949-11-05, Bernauer Till 1985-05-12, Cordes Maike 1978-09-09,
Ebert Susanne 1960-02-21, Fink Rainer 1958-12-01, Gruber Anke 1972-06-15,
Haas Wilfried 1947-04-04, Iwanowa Darja 1983-08-23, Jung Petra 1966-10-10,
Kern Matthias 1975-01-17, Lorenz Beate 1955-05-29, Marx Friederike 1969-03-13,
Nguyen Linh 1992-07-07, Ott Hannelore 1944-09-27, Pohl Gisela 1953-12-12,
Rapp Stefan 1980-11-21, Sauer Monika 1962-02-02, Thoma Ulrike 1971-04-18,
Ulmer Bernd 1959-08-08, Vogt Elisabeth 1950-06-30, Wirth Klaus 1967-10-25"""
# Places on the list of those who fell ill, with the days after the evening.
ILL = {0: 2, 3: 3, 6: 3, 7: 4, 9: 3, 13: 5, 16: 4, 17: 2, 22: 5}
PUPILS = """\
Arslan Mert, Becker Lina, Brandt Emil, Dietz Frieda, Engel Oskar, Fuchs Mila,
Georgiou Nikos, Hahn Paula, Jansen Theo, Kaya Elif, Kuhn Jakob, Lang Greta"""


def plays(story: "Story", day: dt.date) -> "Iterator[tuple[dt.datetime, Event]]":
    """Yield what happens around both on that day, with its moment."""
    if story.office.schema != SCHEMA:
        return
    evening = story.began + 14 * DAY
    lesson = next(
        one for n in (17, 16, 15) if (one := story.began + n * DAY).weekday() < 5
    )
    if day == evening + 2 * DAY:
        yield story.at(day, 11, 10), lambda now: _choir(story, evening, now)
        yield story.at(day, 13, 40), lambda now: _handed_in(now)
        yield story.at(day, 14, 30), lambda now: _followed(story, now)
    for place, after in ILL.items():
        # Reported the second day after the first symptom.
        if day == evening + (after + 2) * DAY:
            yield story.at(day, 10, place), partial(_ill, story, place)
    if day == story.began + 19 * DAY:
        yield story.at(day, 12, 20), lambda now: _class(story, lesson, now)


def _guests() -> list[tuple[str, str, str]]:
    return [
        (words[0], words[1], words[2])
        for words in (line.split() for line in SINGERS.replace("\n", " ").split(","))
    ]


def _cases(story: "Story", slug: str) -> list[Case]:
    personas = [one for one in PEOPLE[SCHEMA] if one.slug == slug]
    people = [person for one in personas if (person := story.person(one))]
    return list(Case.objects.filter(person__in=people).order_by("reported_at", "pk"))


def _choir(story: "Story", evening: dt.date, now: dt.datetime) -> None:
    if Gathering.objects.filter(name=CHOIR).exists():
        return
    by = story.one_with("case_worker")
    event = events.record(
        events.Details(
            name=CHOIR,
            kind=Gathering.Kind.CULTURE,
            place="Gemeindehaus St. Martin",
            city=story.office.city,
            starts_at=story.at(evening, 19),
            ends_at=story.at(evening, 21, 30),
            distance="near",
            minutes=150,
            masks="none",
            host_name="Gisela Pohl",
            host_phone="+4930231255017",
            host_email="chor@mail.example",
        ),
        cases=_cases(story, SANG),
        by=by,
        now=now,
    )
    hosts.ask(event, by=by, now=now)


def _handed_in(now: dt.datetime) -> None:
    links = GuestList.objects.open_links(at=now)
    asked = links.filter(event__name=CHOIR).first()
    if asked is None:
        return
    lines = ["Name;Vorname;Geburtsdatum;Telefon;E-Mail"]
    lines += [
        f"{family};{given};{born};030 231255{place:03d};{_mail(given, family)}"
        for place, (family, given, born) in enumerate(_guests())
    ]
    rows = receiving.lines("\n".join(lines))
    hosts.hand_in(asked, rows, file_name="chorliste.csv", now=now)


def _mail(given: str, family: str) -> str:
    return f"{given}.{family}@mail.example".lower()


def _followed(story: "Story", now: dt.datetime) -> None:
    """The list is taken in; whoever sang is told, and followed."""
    event = Gathering.objects.filter(name=CHOIR).first()
    if event is None:
        return
    guest_list = event.guest_lists.received().first()
    if guest_list is None or guest_list.taken_at is not None:
        return
    by = story.one_with("case_worker")
    receiving.take_in(guest_list, by=by, now=now)
    for contact in event.participants.order_by("family_name", "given_name"):
        if contact.person_id is None:
            _follow(contact, by=by, now=now)


def _follow(contact: Contact, *, by: User, now: dt.datetime) -> None:
    contact = tracing.tell(contact, by=by, now=now)
    who = tracing.details_of(contact)
    followed = tracing.take_over(contact, who, issue=True, by=by, now=now)
    calls.record_call(
        followed.person, outcome="reached", number=followed.person.telephone, by=by,
        now=now,
    )  # fmt: skip


def _ill(story: "Story", place: int, now: dt.datetime) -> None:
    family, given, _born = _guests()[place]
    person = Person.objects.filter(given_name=given, family_name=family).first()
    if person is None or person.cases.exists():
        return
    by = story.one_with("case_worker")
    day = story.authority.localdate(now)
    report = intake.Report(
        person=person,
        disease=story.disease,
        onset_kind=Case.Onset.DATE,
        onset=day - 2 * DAY,
        specimen_date=day - DAY,
        test_kind="pcr",
        found_by=Case.Found.CONTACT,
        reported_at=now - dt.timedelta(hours=1),
    )
    intake.take_up(report, by=by, now=now)
    calls.record_call(
        person, outcome="reached", number=person.telephone, by=by, now=now
    )


def _class(story: "Story", lesson: dt.date, now: dt.datetime) -> None:
    if Gathering.objects.filter(name=CLASS).exists():
        return
    by = story.one_with("case_worker")
    event = events.record(
        events.Details(
            name=CLASS,
            kind=Gathering.Kind.SCHOOL,
            place="Uferschule",
            city=story.office.city,
            starts_at=story.at(lesson, 8),
            ends_at=story.at(lesson, 13),
            distance="room",
            minutes=270,
            masks="none",
        ),
        cases=_cases(story, TAUGHT),
        by=by,
        now=now,
    )
    lines = [
        f"{family}, {given}; 030 231255{100 + place:03d}"
        for place, (family, given) in enumerate(
            one.split() for one in PUPILS.replace("\n", " ").split(",")
        )
    ]
    rows = receiving.lines("\n".join(lines))
    guest_list = receiving.receive(event, rows, way="pasted", by=by, now=now)
    receiving.take_in(guest_list, by=by, now=now)
