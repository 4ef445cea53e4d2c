"""Invented people: names of many origins, ages and households as they are found."""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

from cases.models import Person
from cases.search import fold

T = TypeVar("T")


class Weighted(Generic[T]):
    """Values with weights, to be drawn again and again."""

    def __init__(self, pairs: list[tuple[T, float]]) -> None:
        self.values = [value for value, _weight in pairs]
        self.sums = list(accumulate(weight for _value, weight in pairs))

    def draw(self, random: Random) -> T:
        return random.choices(self.values, cum_weights=self.sums)[0]


def zipf(names: str) -> Weighted[str]:
    """Names in the order of their frequency, the n-th about 1/n as common."""
    return Weighted([(name, 1 / (n + 3)) for n, name in enumerate(names.split())])


@dataclass(frozen=True)
class Origin:
    """Where the names of a family are from."""

    families: Weighted[str]
    women: Weighted[str]
    men: Weighted[str]
    languages: Weighted[str]


ORIGINS = Weighted[Origin](
    [
        (
            Origin(
                zipf(
                    "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz "
                    "Hoffmann Schäfer Koch Bauer Richter Klein Wolf Schröder Neumann "
                    "Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Schmitt "
                    "Werner Krause Meier Lehmann Schmid Schulze Maier Köhler Herrmann "
                    "König Walter Mayer Huber Kaiser Fuchs Peters Lang Scholz Möller "
                    "Weiß Jung Hahn Schubert Vogel Friedrich Keller Günther Frank "
                    "Berger Winkler Roth Beck Lorenz Baumann Franke Albrecht Schuster "
                    "Simon Ludwig Böhm Winter Kraus Martin Schumacher Krämer Vogt "
                    "Stein Jäger Otto Sommer Groß Seidel Heinrich Brandt Haas "
                    "Schreiber Graf Dietrich Ziegler Kuhn Kühn Pohl Engel Horn Busch "
                    "Bergmann Thomas Voigt Sauer Arnold Wolff Pfeiffer Großmann "
                    "Strauß Süßmilch Freiherr-Weiß Meyer-Lüdenscheidt"
                ),
                zipf(
                    "Maria Anna Sabine Susanne Petra Monika Claudia Birgit Andrea "
                    "Julia Ursula Katharina Emma Mia Hannah Sofia Emilia Lina Lea Lena "
                    "Marie Clara Ida Ella Renate Helga Karin Brigitte Ingrid Erika "
                    "Christa Gisela Barbara Heike Martina Nicole Stefanie Christine "
                    "Sarah Laura Lisa Johanna Charlotte Mathilda Käthe Anne-Sophie"
                ),
                zipf(
                    "Peter Michael Thomas Andreas Wolfgang Klaus Jürgen Günter Stefan "
                    "Christian Uwe Werner Horst Frank Dieter Manfred Gerhard Hans "
                    "Bernd Matthias Alexander Noah Leon Paul Ben Finn Elias Jonas Luca "
                    "Felix Maximilian Henry Emil Karl Anton Jakob Heinz Helmut Rolf "
                    "Jörg Björn Sören Tobias Daniel Sebastian Florian Jan-Philipp"
                ),
                Weighted([("de", 1.0)]),
            ),
            0.68,
        ),
        (
            Origin(
                zipf(
                    "Yılmaz Kaya Demir Şahin Çelik Yıldız Yıldırım Öztürk Aydın "
                    "Özdemir Arslan Doğan Kılıç Aslan Çetin "
                    "Kara Koç Kurt Özkan Şimşek Polat "
                    "Güneş Erdoğan Bulut Ünal"
                ),
                zipf(
                    "Fatma Ayşe Emine Hatice Zeynep Elif Meryem Leyla Esra Büşra Ebru"
                ),
                zipf("Mehmet Mustafa Ahmet Ali Hüseyin Hasan İbrahim Murat Emre Ömer"),
                Weighted([("de", 0.7), ("tr", 0.3)]),
            ),
            0.09,
        ),
        (
            Origin(
                zipf(
                    "Nowak Kowalski Wiśniewski Wójcik Kowalczyk Kamiński Lewandowski "
                    "Zieliński Szymański Woźniak Dąbrowski Kozłowski Jankowski Mazur"
                ),
                zipf("Anna Katarzyna Małgorzata Agnieszka Barbara Ewa Zofia Łucja"),
                zipf("Piotr Krzysztof Andrzej Tomasz Paweł Jan Michał Łukasz Wojciech"),
                Weighted([("de", 0.6), ("pl", 0.4)]),
            ),
            0.06,
        ),
        (
            Origin(
                zipf(
                    "Ivanov Smirnov Kuznetsov Popov Vasiliev Petrov Sokolov "
                    "Schevchenko Kovalenko Bondarenko "
                    "Tkachenko Kravchenko Oliynyk Melnyk"
                ),
                zipf("Olena Oksana Natalia Irina Svetlana Tetiana Kateryna Ludmila"),
                zipf("Sergej Alexander Dmytro Andrij Oleksandr Viktor Igor Mykola"),
                Weighted([("de", 0.4), ("ru", 0.3), ("uk", 0.3)]),
            ),
            0.06,
        ),
        (
            Origin(
                zipf(
                    "Al-Ahmad Hassan Mohammed Ibrahim Khalil Haddad Mansour Saleh "
                    "Rahimi Ahmadi Hosseini Karimi Nazari Al-Khatib O'Haddad"
                ),
                zipf("Fatima Aisha Maryam Zahra Noor Rana Samira Fatemeh Shirin Amal"),
                zipf("Mohammad Ahmad Omar Ali Yusuf Khaled Mahmoud Reza Hamid Karim"),
                Weighted([("ar", 0.5), ("de", 0.4), ("other", 0.1)]),
            ),
            0.05,
        ),
        (
            Origin(
                zipf(
                    "Popescu Ionescu Popa Radu Dumitru Stan Gheorghe Petrescu Țurcanu"
                ),
                zipf("Maria Elena Ioana Andreea Mihaela Alexandra Ștefania"),
                zipf("Andrei Ion Mihai Alexandru Bogdan Gheorghe Ștefan Vlăduț"),
                Weighted([("ro", 0.5), ("de", 0.5)]),
            ),
            0.03,
        ),
        (
            Origin(
                zipf(
                    "Rossi Russo Ferrari Nguyễn Trần "
                    "Phạm García Fernández Silva Santos "
                    "Jensen Østergaard Þórsson O'Brien D'Angelo Kovačević Jovanović "
                    "Çela Okafor Mensah Singh Sharma Wang Li Papadopoulos"
                ),
                zipf("Giulia Thị-Hoa Carmen Ana Freya Sinéad Milica Ngozi Priya Mei"),
                zipf(
                    "Marco Văn-Minh José João Lars Håkon Dragan Chidi Arjun Wei Nikos"
                ),
                Weighted([("de", 0.55), ("en", 0.3), ("other", 0.15)]),
            ),
            0.03,
        ),
    ]
)
# Years, weighted as the population of Germany and as often infected, roughly.
ADULTS = Weighted(
    [((20, 29), 18), ((30, 44), 28), ((45, 59), 29), ((60, 74), 17), ((75, 84), 6),
     ((85, 99), 2)]
)  # fmt: skip
SIZES = Weighted([(1, 0.41), (2, 0.33), (3, 0.12), (4, 0.09), (5, 0.035), (7, 0.015)])
STREETS = zipf(
    "Hauptstraße Schulstraße Gartenstraße Bahnhofstraße Dorfstraße Bergstraße "
    "Birkenweg Lindenstraße Kirchstraße Waldstraße Ringstraße Ahornweg Amselweg "
    "Wiesenweg Rosenstraße Mühlweg Feldstraße Eichenweg Uferweg Fährgasse"
)


@dataclass(frozen=True)
class Member:
    """One of a household, before the authority hears of them."""

    given: str
    family: str
    sex: str
    age: int
    birth_date: dt.date
    language: str
    street: str
    postal_code: str
    city: str
    alone: bool
    place: int  # in the household, adults first

    @property
    def is_child(self) -> bool:
        return self.age < 16


@dataclass(frozen=True)
class Town:
    postal_codes: tuple[str, ...]
    city: str


def household(random: Random, town: Town, today: dt.date) -> list[Member]:
    """Return who lives under one roof, adults first."""
    size = SIZES.draw(random)
    origin = ORIGINS.draw(random)
    family = origin.families.draw(random)
    language = origin.languages.draw(random)
    street = f"{STREETS.draw(random)} {int(random.triangular(1, 140, 8))}"
    postal_code = random.choice(town.postal_codes)
    parents = 1 if size == 1 or (size > 2 and random.random() < 0.2) else 2
    ages = [random.randint(*ADULTS.draw(random))]
    if parents == 2:
        ages.append(max(18, min(99, ages[0] + round(random.gauss(-1, 4)))))
    for _child in range(size - parents):
        ages.append(max(0, min(25, ages[0] - round(random.gauss(31, 5)))))
    members = []
    for place, age in enumerate(ages):
        sex = random.choices(("female", "male", "diverse", ""), (49, 49, 0.3, 1.7))[0]
        names = origin.women if sex == "female" else origin.men
        own = place == 1 and random.random() < 0.22
        members.append(
            Member(
                given=names.draw(random),
                family=origin.families.draw(random) if own else family,
                sex=sex,
                age=age,
                birth_date=today - dt.timedelta(days=age * 365 + random.randrange(365)),
                language=language,
                street=street,
                postal_code=postal_code,
                city=town.city,
                alone=size == 1,
                place=place,
            )
        )
    return members


class Number(str):
    """A telephone in E.164 that nobody has to take apart: that costs most of a row."""

    __slots__ = ()

    @property
    def as_e164(self) -> str:
        return str(self)


@lru_cache(maxsize=20_000)
def mail_name(given: str, family: str) -> str:
    """Return a name as the first half of an e-mail address: plain small letters."""
    plain = fold(f"{given} {family}").encode("ascii", "ignore").decode()
    return ".".join(plain.split()) or "post"


def person(member: Member, number: int, random: Random) -> Person:
    """Return the unsaved person, `number` making address and telephone their own.

    Mail goes to a domain that cannot exist, telephones are of the old pager range, so
    that no text message ever reaches anybody.
    """
    reach = random.random()
    has_mail = not member.is_child and reach < 0.78
    has_mobile = not member.is_child and (reach > 0.5 or random.random() < 0.7)
    needs_help = member.language not in ("de", "en")
    found = Person(
        given_name=member.given,
        family_name=member.family,
        birth_date=member.birth_date if random.random() > 0.006 else None,
        sex=member.sex,
        street=member.street,
        postal_code=member.postal_code,
        city=member.city,
        language=member.language,
        lives_alone=member.alone,
        no_internet=member.age > 78 and random.random() < 0.6,
        interpreter_needed=needs_help and random.random() < 0.4,
        hard_of_hearing=member.age > 75 and random.random() < 0.15,
        protected=random.random() < 0.0008,
    )
    if found.birth_date is not None:
        found.birth_date_source = Person.BirthDateSource.OFFICIAL
    if has_mail:
        name = mail_name(member.given, member.family)
        found.email = f"{name}.{number}@mail.example"
    if has_mobile:
        found.__dict__["mobile"] = Number(f"+49169{number:08d}")
    elif random.random() < 0.985:
        found.__dict__["phone"] = Number(f"+49168{number:08d}")
    if has_mail and has_mobile:
        found.preferred_channel = random.choices(("", "mail", "sms"), (6, 1, 3))[0]
    return found
