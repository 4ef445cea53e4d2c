import pytest

from quarano.sheets import SheetRefused, read
from quarano.sheets.cells import letters, tidy
from tests.sheets.files import GUESTS, HEAD, repacked, table, with_relation, workbook

GERMAN = [HEAD, GUESTS[0], GUESTS[1]]


def cells(sheet):
    return [row.cells for row in sheet.rows]


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "cp850", "mac_roman", "utf-16"]
)
def test_a_table_is_read_in_any_usual_encoding_and_separator(encoding, separator):
    raw = table(GERMAN, separator).encode(encoding)
    assert cells(read(raw, "guests.csv")) == [[*HEAD], GUESTS[0], GUESTS[1][:3]]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", "Żaneta Nowak;1\nŁukasz Wiśniewski;2\n"),
        ("iso8859_9", "Ağrı Şahin;1\nİbrahim Çelik;2\n"),
        ("cp1252", "José Núñez;1\nZoë Dupré;2\n"),
    ],
)
def test_names_of_many_origins_come_in_whole(encoding, text):
    assert [row.cells[0] for row in read(text.encode(encoding), "a.csv").rows] == [
        line.split(";")[0] for line in text.split()[:0] or text.splitlines()
    ]


def test_what_excel_writes_on_top_is_no_row():
    sheet = read(b"sep=|\r\nAnna|0621 1234567\r\n", "a.csv")
    assert cells(sheet) == [["Anna", "0621 1234567"]]


def test_a_cell_may_hold_separators_and_line_breaks():
    raw = b'"Meier; Anna";"Weg 1\r\nNeckarfurt"\r\n"Au, Bo";"x"\r\n'
    assert cells(read(raw, "a.csv"))[0] == ["Meier; Anna", "Weg 1 Neckarfurt"]


def test_rows_have_the_numbers_of_the_file_and_blank_ones_are_none():
    sheet = read(b"Name\r\n\r\n;;\r\nAnna\r\n", "a.csv")
    assert [row.number for row in sheet.rows] == [1, 4]


def test_a_workbook_is_read_as_it_is_shown():
    def second_sheet(book):
        book.active.sheet_state = "hidden"
        shown = book.create_sheet("Gäste")
        shown.append(["Anna", 1713920011, 6801.0])

    raw = workbook([["secret"]], change=second_sheet)
    assert cells(read(raw, "a.xlsx")) == [["Anna", "1713920011", "6801"]]


def test_a_workbook_may_hold_links_to_mail_addresses():
    raw = with_relation("hyperlink", "mailto:anna@example.org")
    assert cells(read(raw, "a.xlsx"))[0] == HEAD


def test_what_a_workbook_says_of_its_extent_is_not_believed():
    raw = repacked(
        workbook(),
        replace=[("xl/worksheets/sheet1.xml", b'ref="A1:D4"', b'ref="A1:XFD1048576"')],
    )
    assert len(read(raw, "a.xlsx").rows) == 4


def test_a_formula_in_a_workbook_is_seen_as_one():
    def formula(book):
        book.active["A2"] = "=1+1"

    assert cells(read(workbook(change=formula), "a.xlsx"))[1][0] == "=1+1"


@pytest.mark.parametrize("count", [10_001])
def test_ten_thousand_guests_and_their_headings_are_taken_one_more_is_not(count):
    rows = "Name;Telefon\r\n" + "Anna;0621 1234567\r\n" * 10_000
    assert len(read(rows.encode(), "a.csv").rows) == count
    with pytest.raises(SheetRefused, match=r"10,000"):
        read((rows + "Bo;0621 1\r\n").encode(), "a.csv")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Anna\u00a0 Maria ", "Anna Maria"),
        ("–", ""),
        ("k. A.", ""),
        ("'+49 621 1", "'+49 621 1"),
        ("O'Brien", "O'Brien"),
        ("'=1", "=1"),
        ("A\u0308", "Ä"),
    ],
)
def test_a_cell_is_tidied(typed, kept):
    assert tidy(typed) == kept


def test_columns_are_called_as_in_a_spreadsheet():
    assert [letters(place) for place in (0, 25, 26, 701, 702)] == [
        "A", "Z", "AA", "ZZ", "AAA",
    ]  # fmt: skip
