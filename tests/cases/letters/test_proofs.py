"""The code on a letter answers whether it is genuine and holds, and nothing else."""

import pytest

from cases import containment
from cases.letters import proofs, writing
from cases.models import Proof
from tests.cases.letters.conftest import order_of
from tests.factories import DAY, NOW, TODAY


@pytest.fixture
def proof(ida, anna):
    writing.write_order(order_of(ida), by=anna, now=NOW)
    return Proof.objects.get()


def answer(proof, on=TODAY):
    found = proofs.look_up(proof.token, on=on)
    return found and found.state


def test_an_order_holds_to_its_last_day_and_is_over_after(proof):
    assert answer(proof, proof.until) == "valid"
    assert answer(proof, proof.until + DAY) == "over"


def test_an_order_that_was_replaced_says_so(proof, ida, anna):
    containment.extend(
        ida.monitorings.get(), until=TODAY + 12 * DAY, reasons="x", by=anna, now=NOW
    )
    assert answer(proof) == "replaced"


def test_a_certificate_holds_until_something_is_ordered_anew(ida, anna):
    monitoring = ida.monitorings.get()
    containment.lift(monitoring, reasons="well", by=anna, now=NOW)
    writing.write_release(monitoring, by=anna, now=NOW)
    proof = Proof.objects.get()
    assert answer(proof, TODAY + 300 * DAY) == "valid"
    containment.extend(
        monitoring, until=TODAY + 5 * DAY, reasons="ill again", by=anna, now=NOW
    )
    assert answer(proof) == "replaced"


def test_it_outlives_the_rows_of_the_person(proof, ida):
    ida.monitorings.all().delete()
    assert answer(proof) == "valid"


def test_a_code_of_nobody_is_no_letter(proof):
    assert proofs.look_up("x" * 43, on=TODAY) is None
    assert proofs.look_up(proof.token_hash, on=TODAY) is None


def test_the_page_says_initials_and_days_only(proof, ida, client):
    response = client.get(
        f"/proof/{proof.token}/", headers={"host": "neckartal.localhost"}
    )
    page = response.content.decode()
    assert "I. S." in page
    for secret in ("Ida", "Sommer", "olation", "COVID", str(ida.pk)):
        assert secret not in page, secret


def test_the_page_of_an_unknown_code_is_a_404(authority, client):
    response = client.get("/proof/abc/", headers={"host": "neckartal.localhost"})
    assert response.status_code == 404
    assert "We do not know this letter" in response.content.decode()
