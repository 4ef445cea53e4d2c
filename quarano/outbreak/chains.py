"""A nursing home and a family over four generations, from one nurse on; one onset is
revised late. Named, accepted, followed and taken up through the processes."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from cases import calls, containment, intake
from cases.models import Case, Person
from contacts import naming, sources, tracing
from quarano.accounts.models import User

if TYPE_CHECKING:
    from quarano.outbreak.story import Event, Story

SCHEMA = "neckartal"
HOUSE = "Haus Abendfrieden"
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Figure:
    """Somebody of the story; days count from its first one.

    Falls ill on `onset` and is reported on `reported`; None stays well. Was met by
    `source` on `met`, in `setting`.
    """

    given: str
    family: str
    born: dt.date
    number: int
    onset: int | None = None
    reported: int | None = None
    source: str = ""
    met: int | None = None
    setting: str = ""
    sensitive: str = ""
    lives: str = "home"
    revised: int | None = None
    told: bool = True

    @property
    def street(self) -> str:
        return {
            "care": "Am Stadtgarten 4", "home": f"Rosenweg {self.number}",
            "hartmann": "Gartenstraße 11", "kovac": "Brückenstraße 27",
        }[self.lives]  # fmt: skip


def _figure(given: str, family: str, born: str, number: int, **rest: object) -> Figure:
    return Figure(given, family, dt.date.fromisoformat(born), number, **rest)  # type: ignore[arg-type]


RITA, JONAS, ELFRIEDE, MILAN, WALTER, SARA = (
    "Rita Hartmann", "Jonas Hartmann", "Elfriede Kunz", "Milan Kovač", "Walter Seidel",
    "Sara Kovač",
)  # fmt: skip
FIGURES = [
    _figure("Rita", "Hartmann", "1981-03-14", 1, onset=4, reported=6,
            sensitive="care", lives="hartmann"),
    _figure("Elfriede", "Kunz", "1938-07-02", 2, onset=8, reported=9, source=RITA,
            met=4, setting="care", sensitive="care", lives="care"),
    _figure("Otto", "Brandl", "1941-01-25", 3, source=RITA, met=5, setting="care",
            lives="care"),
    _figure("Jonas", "Hartmann", "1979-10-30", 4, onset=9, reported=10, source=RITA,
            met=5, setting="household", lives="hartmann", revised=8),
    _figure("Walter", "Seidel", "1935-05-11", 5, onset=12, reported=13,
            source=ELFRIEDE, met=7, setting="care", sensitive="care", lives="care"),
    _figure("Milan", "Kovač", "1990-02-08", 6, onset=12, reported=13, source=ELFRIEDE,
            met=8, setting="care", sensitive="care", lives="kovac"),
    _figure("Lea", "Hartmann", "2009-09-09", 7, onset=12, reported=13, source=JONAS,
            met=9, setting="household", lives="hartmann"),
    _figure("Finn", "Hartmann", "2012-12-12", 8, source=JONAS, met=9,
            setting="household", lives="hartmann"),
    _figure("Sara", "Kovač", "1992-08-21", 9, onset=16, reported=17, source=MILAN,
            met=11, setting="household", lives="kovac"),
    _figure("Hilde", "Auer", "1940-04-04", 10, onset=16, reported=17, source=WALTER,
            met=11, setting="care", sensitive="care", lives="care"),
    _figure("Josef", "Lindner", "1936-11-19", 11, source=WALTER, met=12,
            setting="care", lives="care"),
    _figure("Nico", "Weiß", "1991-06-06", 12, source=SARA, met=16, setting="work",
            told=False),
    _figure("Dilara", "Şen", "1993-01-31", 13, source=SARA, met=15, setting="work",
            told=False),
]  # fmt: skip
# Who remembers somebody in the diary, and whom.
REMEMBERS = ("Pavel", "Novák")
MET = [
    ("Zdeněk", "Horák", "+493023125621", "work"),
    ("Lucie", "Beran", "+493023125622", "transport"),
]


def plays(story: "Story", day: dt.date) -> "Iterator[tuple[dt.datetime, Event]]":
    """Yield what happens in the nursing home and the family on that day."""
    if story.office.schema != SCHEMA:
        return
    for one in FIGURES:
        if one.reported is not None and day == story.began + one.reported * DAY:
            yield story.at(day, 9, 30 + one.number), partial(_reported, story, one)
            yield story.at(day, 11, 2 * one.number), partial(_names, story, one)
        # Somebody remembers a cough of the day before, three days after the report.
        late = None if one.reported is None else story.began + (one.reported + 3) * DAY
        if one.revised is not None and day == late:
            yield story.at(day, 14, 20), partial(_revised, story, one)
    if day == story.began + 20 * DAY:
        yield story.at(day, 19, 40), partial(_says_whom_he_met, story)


def _person(one: Figure) -> Person | None:
    return Person.objects.filter(
        given_name=one.given, family_name=one.family, birth_date=one.born
    ).first()


def _case(one: Figure) -> Case | None:
    return Case.objects.filter(person=_person(one)).order_by("reported_at").first()


def _reported(story: "Story", one: Figure, now: dt.datetime) -> None:
    if _case(one) is not None or one.onset is None:
        return
    by = story.one_with("case_worker")
    known = _person(one)
    report = intake.Report(
        given_name=one.given,
        family_name=one.family,
        birth_date=one.born,
        person=known,
        mobile="" if known else _mobile(one),
        street=one.street,
        postal_code=story.office.postal_codes[0],
        city=story.office.city,
        disease=story.disease,
        onset_kind=Case.Onset.DATE,
        onset=story.began + one.onset * DAY,
        specimen_date=story.authority.localdate(now) - DAY,
        test_kind="pcr",
        reported_at=now - dt.timedelta(hours=2),
        found_by=Case.Found.CONTACT if known else Case.Found.REPORT,
        sensitive_setting=one.sensitive,
    )
    case = intake.take_up(report, by=by, now=now)
    monitoring = case.monitorings.open().first()
    if monitoring is not None:
        containment.issue(monitoring, by=by, now=now)
    _reach(case.person, by=by, now=now)


def _mobile(one: Figure) -> str:
    # 030 23125 … is kept for films.
    return f"+4930231256{one.number:02d}"


def _reach(person: Person, *, by: User, now: dt.datetime) -> None:
    calls.record_call(
        person, outcome="reached", number=person.telephone, by=by, now=now
    )


def _names(story: "Story", one: Figure, now: dt.datetime) -> None:
    """On the telephone the case names whom it met; who is told is followed."""
    case = _case(one)
    if case is None or case.contacts.exists():
        return
    by = story.one_with("case_worker")
    name = f"{one.given} {one.family}"
    for met in FIGURES:
        if met.source != name or met.met is None:
            continue
        contact = naming.name_contact(
            case.person,
            _details(met, story),
            meetings=[
                naming.Meeting(
                    day=story.began + met.met * DAY,
                    setting=met.setting,
                    distance="near",
                    minutes=60,
                    masks="none" if met.setting == "household" else "one",
                    place=HOUSE if met.setting == "care" else "",
                )
            ],
            by=by,
            now=now,
        )
        if not met.told:
            continue
        contact = tracing.tell(contact, by=by, now=now)
        who = _person(met) or tracing.details_of(contact)
        followed = tracing.take_over(contact, who, issue=True, by=by, now=now)
        _reach(followed.person, by=by, now=now)
    _say_where_from(one, case, by=by, now=now)


def _says_whom_he_met(story: "Story", now: dt.datetime) -> None:
    """A case remembers two more in his diary; nobody at the office has looked yet."""
    case = Case.objects.filter(
        person__given_name=REMEMBERS[0], person__family_name=REMEMBERS[1]
    ).first()
    if case is None or case.person.user is None or case.onset is None:
        return
    if case.contacts.exists():
        return
    for given, family, number, setting in MET:
        naming.name_contact(
            case.person,
            naming.ContactDetails(given_name=given, family_name=family, mobile=number),
            meetings=[
                naming.Meeting(
                    day=case.onset - DAY, setting=setting, distance="near", minutes=45,
                    masks="none",
                )
            ],
            by=case.person.user,
            now=now,
        )  # fmt: skip


def _details(met: Figure, story: "Story") -> naming.ContactDetails:
    return naming.ContactDetails(
        given_name=met.given,
        family_name=met.family,
        birth_date=met.born,
        mobile=_mobile(met),
        street=met.street,
        postal_code=story.office.postal_codes[0],
        city=story.office.city,
        over_60="yes" if met.lives == "care" else "unknown",
    )


def _say_where_from(one: Figure, case: Case, *, by: User, now: dt.datetime) -> None:
    source = next((s for s in FIGURES if f"{s.given} {s.family}" == one.source), None)
    found = _case(source) if source else None
    if source is not None and found is not None:
        sources.link(case, source=found, strength="named", by=by, now=now)


def _revised(story: "Story", one: Figure, now: dt.datetime) -> None:
    case = _case(one)
    if case is None or one.revised is None:
        return
    by = story.one_with("case_worker")
    day = story.began + one.revised * DAY
    if case.onset != day:
        changes = {"onset": day, "onset_kind": Case.Onset.DATE}
        intake.revise_case(case, changes, by=by, now=now)
