"""How a telephone number is shown: everywhere in the same shape."""

from phonenumber_field.phonenumber import PhoneNumber, to_python

HERE = 49  # the country whose numbers are shown without it


def dialled(number: PhoneNumber | str | None) -> str:
    """Return a number, E.164 if it is text, as one dials it from here; "" for none.

    Its groups are kept together, and in order in scripts of either direction. Text that
    is no number stays as it is.
    """
    read = to_python(number)
    if not isinstance(read, PhoneNumber):
        return ""
    if isinstance(number, str) and not read.is_valid():
        return number
    is_here = read.country_code == HERE
    shown = str(read.as_national if is_here else read.as_international)
    return shown.replace(" ", "\N{NO-BREAK SPACE}")
