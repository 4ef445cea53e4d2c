import pytest

from quarano.notifications.segments import GSM_7, UCS_2, size


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "segments"),
    [
        ("", GSM_7, 0, 0),
        ("a" * 160, GSM_7, 160, 1),
        ("a" * 161, GSM_7, 161, 2),
        ("a" * 306, GSM_7, 306, 2),
        ("a" * 307, GSM_7, 307, 3),
        ("äöüßÄÖÜ" + "a" * 153, GSM_7, 160, 1),
        ("€" * 80, GSM_7, 160, 1),
        ("€" * 81, GSM_7, 162, 2),
        ("{}[]~|^\\", GSM_7, 16, 1),
        # A letter that counts twice is not parted: 152 + 1 of the second segment.
        ("a" * 152 + "€" + "a" * 152, GSM_7, 306, 3),
        ("a" * 151 + "€" + "a" * 153, GSM_7, 306, 2),
        ("ş" + "a" * 69, UCS_2, 70, 1),
        ("ş" + "a" * 70, UCS_2, 71, 2),
        ("ş" * 134, UCS_2, 134, 2),
        ("ş" * 135, UCS_2, 135, 3),
        ("😀" * 35, UCS_2, 70, 1),
        # 67 units hold 33 whole emoji, so 67 of them need a third segment.
        ("😀" * 66, UCS_2, 132, 2),
        ("😀" * 67, UCS_2, 134, 3),
        ("ç", UCS_2, 1, 1),  # the alphabet has only the capital
        ("Ç", GSM_7, 1, 1),
    ],
)
def test_a_text_takes_so_many_segments(text, alphabet, units, segments):
    found = size(text)
    assert (found.alphabet, found.units, found.segments) == (alphabet, units, segments)
