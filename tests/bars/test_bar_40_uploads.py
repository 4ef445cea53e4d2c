"""Bar 40: what is uploaded as a table and is none."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from quarano.sheets import SheetRefused, read
from quarano.sheets.cells import fault, tidy
from tests.sheets.files import HOSTILE_CELLS, hostile

FILES = list(hostile())
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.bar(40)
def test_bar_40_there_are_fifty_hostile_files():
    assert len(FILES) >= 50
    assert len({raw for _what, _name, raw in FILES}) >= 45


@pytest.mark.bar(40)
@pytest.mark.parametrize(
    ("name", "raw"),
    [one[1:] for one in FILES],
    ids=[one[0].replace(" ", "-") for one in FILES],
)
def test_bar_40_a_hostile_file_is_refused_with_a_sentence(name, raw):
    with pytest.raises(SheetRefused) as refused:
        read(raw, name)
    assert str(refused.value).endswith((".", ")"))


@pytest.mark.bar(40)
@pytest.mark.parametrize(
    ("text", "code"), HOSTILE_CELLS, ids=[str(n) for n in range(len(HOSTILE_CELLS))]
)
def test_bar_40_a_hostile_cell_is_named(text, code):
    assert fault(tidy(text)) == code


@pytest.mark.bar(40)
@pytest.mark.parametrize(
    "text",
    ["+49 621 1234567", "(0621) 123-45", "Anna-Maria", "O’Neill", "a@b.example", "-",
     "محمد", "Łukasz", "5 < 6 Gäste", "Weg 1/2", "A&B"],
)  # fmt: skip
def test_bar_40_what_people_write_is_taken(text):
    assert fault(tidy(text)) == ""


@pytest.mark.bar(40)
def test_bar_40_all_of_them_together_take_less_than_256_mb():
    code = textwrap.dedent("""
        import django
        django.setup()
        from quarano.sheets import SheetRefused, read
        from tests.sheets.files import hostile, workbook
        files = list(hostile())
        for _what, name, raw in files:
            try:
                read(raw, name)
            except SheetRefused:
                continue
            raise SystemExit(f"{_what} was taken")
        rows = [["Anna", "Meier", "06211234567"] for _ in range(10_000)]
        assert len(read(workbook(rows), "a.xlsx").rows) == 10_000
        # Not of getrusage: that begins with what the process had that started this one.
        for line in open("/proc/self/status"):
            if line.startswith("VmHWM"):
                print(int(line.split()[1]) // 1024)
    """)
    surroundings = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "quarano.settings",
        "DEBUG": "true",
        "DATABASE_URL": "postgresql://nobody@localhost/none",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=surroundings,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-600:]
    assert int(done.stdout.split()[-1]) < 256
