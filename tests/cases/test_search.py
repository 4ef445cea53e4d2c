import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import search
from cases.models import Person
from tests import factories


@pytest.fixture
def people(authority):
    """Ida, Jürgen and Łucja, indexed."""
    made = [
        factories.IdaFactory(phone="+4962213456789"),
        factories.PersonFactory(
            given_name="Jürgen", family_name="Weiß-Müller", mobile="+491713920077"
        ),
        factories.PersonFactory(
            given_name="Łucja", family_name="O’Neill", email="lucja.neill@example.org"
        ),
    ]
    for person in made:
        search.index(person)
    return made


def found(query):
    return [person.given_name for person in search.find(query)]


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Jürgen  Weiß", "jurgen weiss"),
        ("Łukasz Đorđe Ærø", "lukasz dorde aero"),
        ("O’Neill", "o neill"),
        ("IŞIK ışık", "isik isik"),
        ("ida@Example.org", "ida@example.org"),
    ],
)
def test_folding_leaves_plain_small_letters(typed, folded):
    assert search.fold(typed) == folded


def test_trigrams_stay_within_words():
    assert search.grams("ida somm") == ["ida", "omm", "som"]
    assert search.grams("ab") == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("sommer", ["Ida"]),
        ("SOMM", ["Ida"]),
        ("omme", ["Ida"]),  # a part of a word
        ("sommer ida", ["Ida"]),
        ("ida sommer", ["Ida"]),
        ("ida winter", []),
        ("jurgen", ["Jürgen"]),
        ("Jürgen", ["Jürgen"]),
        ("juergen", ["Jürgen"]),
        ("weiss", ["Jürgen"]),
        ("mueller weiß", ["Jürgen"]),
        ("lucja", ["Łucja"]),
        ("oneill", []),
        ("o'neill", ["Łucja"]),
        ("id", ["Ida"]),  # two letters must begin a word
        ("da", []),
        ("ida@example.org", ["Ida"]),
        ("neill@example", ["Łucja"]),
        ("0171 3920001", ["Ida"]),
        ("+49 171 3920001", ["Ida"]),
        ("0049 171/3920001", ["Ida"]),
        ("06221-3456", ["Ida"]),
        ("392000", ["Ida"]),
        ("12.04.1990", ["Ida"]),
        ("1990-04-12", ["Ida"]),
        ("sommer 12.04.1990", ["Ida"]),
        ("jürgen 12.04.1990", []),
        ("", []),
        ("   ", []),
        ("%", []),
        ("_da", []),
    ],
)
def test_people_are_found_by_parts_in_any_order(people, query, names):
    assert found(query) == names


def test_a_name_with_two_letters_is_found_by_the_umlaut(authority):
    search.index(factories.PersonFactory(given_name="Mueller", family_name="Groß"))

    assert found("müller") == ["Mueller"]
    assert found("gross") == ["Mueller"]


def test_references_of_a_case_are_found(taken_up):
    taken_up(laboratory_reference="L-2026/0817", register_reference="1.08.2-44")

    assert found("L-2026/0817") == ["Ida"]
    assert found("l20260817") == ["Ida"]
    assert found("0817") == ["Ida"]
    assert found("1.08.2-44") == ["Ida"]


def test_what_was_changed_is_found_no_longer(people):
    ida = people[0]
    ida.family_name = "Winter"
    search.index(ida)

    assert found("sommer") == []
    assert found("winter") == ["Ida"]


def test_a_page_of_people_has_one_order(people):
    assert search.find("example.org").ordered


@given(st.text(max_size=30))
def test_folding_twice_is_folding_once(text):
    assert search.fold(search.fold(text)) == search.fold(text)


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=3, max_size=12))
def test_a_part_of_a_word_has_only_trigrams_of_the_word(text):
    word = search.fold(text).replace(" ", "")

    assert set(search.grams(word[1:-1])) <= set(search.grams(word))


def test_people_are_indexed_when_they_are_made(taken_up):
    taken_up()

    assert Person.objects.get().search_grams == search.grams(
        Person.objects.get().search_text
    )
