import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from health_authorities import offices
from health_authorities.models import Office, SearchText

HEAD = '<TransmittingSites xmlns="http://www.rki.de/PlzToolTransmittingSiteSearchText.xsd">'


def site(code: str, name: str, *texts: str) -> str:
    inside = "".join(f'<SearchText Value="{text}"/>' for text in texts)
    return (
        f'<TransmittingSite Name="{name}" Code="{code}" Department="Gesundheitsamt" '
        f'Street="Am Markt 1" Postalcode="69117" Place="Neckartal" Phone="06221 0" '
        f'Email="info@neckartal.example" Covid19Hotline="06221 1" Covid19EMail="">'
        f"{inside}</TransmittingSite>"
    )


def register(*sites: str) -> io.BytesIO:
    return io.BytesIO(f"{HEAD}{''.join(sites)}</TransmittingSites>".encode())


@pytest.fixture
def two_offices(db):
    offices.load(
        register(
            site("1.08.2.21.", "Neckartal", "69117", "69118", "Altstadt OT 0101"),
            site("1.06.4.31.", "Bergstraße", "69118", "64646"),
        )
    )


def codes(text: str) -> list[str]:
    return [office.code for office in offices.responsible_for(text)]


def test_a_code_finds_its_office(two_offices):
    assert codes("69117") == ["1.08.2.21."]
    (office,) = offices.responsible_for(" 69117 ")
    assert (office.city, office.cases_phone) == ("Neckartal", "06221 1")


def test_a_code_of_two_offices_finds_both(two_offices):
    assert codes("69118") == ["1.06.4.31.", "1.08.2.21."]


def test_a_district_finds_its_office(two_offices):
    assert codes("altstadt ot 0101") == ["1.08.2.21."]


def test_an_unknown_code_finds_nobody(two_offices):
    assert codes("10115") == codes("") == []


def test_the_door_opens_from_within_an_authority(two_offices, authority):
    assert codes("69117") == ["1.08.2.21."]
    assert connection.schema_name == authority.schema_name


def test_an_authority_knows_its_own_codes(two_offices, authority):
    authority.rki_code = "1.08.2.21."

    assert offices.is_ours("69117", authority) is True
    assert offices.is_ours("69118", authority) is True
    assert offices.is_ours("64646", authority) is False
    assert offices.is_ours("10115", authority) is None


def test_an_office_listed_twice_is_one(db):
    loaded = offices.load(
        register(
            site("1.08.2.21.", "Neckartal", "69117"),
            site("1.08.2.21.", "Neckartal", "69118", "69117"),
            site("1.06.4.31.", "Bergstraße"),
        )
    )

    assert (loaded.entries, loaded.offices, loaded.texts) == (3, 2, 2)
    assert codes("69118") == ["1.08.2.21."]


def test_loading_again_takes_over_what_changed(two_offices):
    before = Office.objects.get(code="1.08.2.21.").pk

    loaded = offices.load(register(site("1.08.2.21.", "Neckartal-Süd", "69119")))

    assert loaded.removed == 1
    office = Office.objects.get()
    assert (office.pk, office.name) == (before, "Neckartal-Süd")
    assert list(SearchText.objects.values_list("text", flat=True)) == ["69119"]


def test_an_office_of_ours_stays_though_the_register_is_silent(two_offices, authority):
    connection.set_schema_to_public()
    Office.objects.create(code=authority.rki_code, name=authority.name)

    offices.load(register(site("1.08.2.21.", "Neckartal", "69117")))

    assert Office.objects.filter(code=authority.rki_code).exists()
    assert not Office.objects.filter(code="1.06.4.31.").exists()


def test_the_command_tells_what_it_loaded(db, tmp_path):
    file = tmp_path / "register.xml"
    file.write_bytes(register(site("1.08.2.21.", "Neckartal", "69117")).read())
    out = io.StringIO()

    call_command("load_offices", str(file), stdout=out)

    assert "1 entries read: 1 offices with 1 search texts" in out.getvalue()


@pytest.mark.parametrize("content", [b"", b"<html/>", b"no xml"])
def test_another_file_changes_nothing(two_offices, tmp_path, content):
    file = tmp_path / "other.xml"
    file.write_bytes(content)

    with pytest.raises(CommandError, match="not the register"):
        call_command("load_offices", str(file))
    assert Office.objects.count() == 2


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        call_command("load_offices", str(tmp_path / "none.xml"))
