"""Releases of tomorrow: the migrations of today and one more."""

import importlib
import itertools
import shutil
import sys
from pathlib import Path

import pytest

from health_authorities import schemas
from quarano.cockroach import lagging

ROOT = Path(__file__).resolve().parent.parent
NAME = "9999_tomorrow"
MIGRATION = """
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now
import django.db.models.deletion

{before}

class Migration(migrations.Migration):
    dependencies = [("desk", "{last}"), ("cases", "0001_initial")]
    atomic = {atomic}
    operations = [{steps}]
"""
_numbers = itertools.count()


class Release:
    """Lets the app `desk` have one migration more."""

    def __init__(self, folder: Path, settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.settings = folder, settings
        monkeypatch.syspath_prepend(str(folder))

    def bring(self, *steps: str, before: str = "", atomic: bool = True) -> None:
        package = f"desk_of_tomorrow_{next(_numbers)}"
        place = self.folder / package
        shutil.copytree(ROOT / "quarano" / "desk" / "migrations", place)
        last = max(path.stem for path in place.glob("0*.py"))
        text = MIGRATION.format(
            before=before, last=last, atomic=atomic, steps=", ".join(steps)
        )
        (place / f"{NAME}.py").write_text(text)
        importlib.invalidate_caches()
        self.settings.MIGRATION_MODULES = {"desk": package}
        forget()


def forget() -> None:
    lagging.shipped.cache_clear()
    schemas.forget()


@pytest.fixture
def release(tmp_path, settings, monkeypatch):
    yield Release(tmp_path, settings, monkeypatch)
    for name in [one for one in sys.modules if one.startswith("desk_of_tomorrow")]:
        del sys.modules[name]
    forget()
