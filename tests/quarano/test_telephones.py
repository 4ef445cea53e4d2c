import pytest
from phonenumber_field.phonenumber import PhoneNumber

from quarano.telephones import dialled

HERE = "0171 3920008".replace(" ", "\N{NO-BREAK SPACE}")
ABROAD = "+41 44 668 18 00".replace(" ", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+491713920008", HERE),
        (PhoneNumber.from_string("+491713920008"), HERE),
        ("+41446681800", ABROAD),
        ("", ""),
        (None, ""),
        ("ask the neighbour", "ask the neighbour"),
    ],
)
def test_a_number_has_one_shape_however_it_is_kept(number, shown):
    assert dialled(number) == shown
