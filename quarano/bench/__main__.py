"""`make bench`: what officials and citizens wait for, a yardstick beside each figure.

Starts PostgreSQL, Redis and gunicorn with production settings of its own.
"""

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import sys
from pathlib import Path

from quarano.bench import house

EVERY = "1,2,3,4,5,6,7,8,12,14,15,16,17,19"
NEEDS_LATER = {
    9: "no bulk action yet",
    10: "no import yet",
    11: "no export yet",
    13: "no figures yet",
    18: "needs a cluster",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m quarano.bench")
    parser.add_argument("--rows", default=os.environ.get("ROWS") or EVERY)
    parser.add_argument("--scale", default=os.environ.get("SCALE") or "large")
    parser.add_argument("--json", default=os.environ.get("JSON") or "")
    parser.add_argument("--workers", type=int, default=house.WORKERS)
    parser.add_argument("--threads", type=int, default=house.THREADS)
    options = parser.parse_args()
    rows = {int(row) for row in options.rows.split(",") if row}
    with contextlib.ExitStack() as stack:
        house.enter(options.scale, stack)
        import django

        django.setup()
        from django.core.management import call_command

        from quarano.bench import (
            desk_rows,
            diary_rows,
            graph_rows,
            guest_rows,
            job_rows,
            scene,
            schema_rows,
        )
        from quarano.bench.results import Result, table

        measure = {
            1: desk_rows.officials, 2: desk_rows.worklist, 3: desk_rows.search,
            4: desk_rows.file, 5: desk_rows.changes, 6: diary_rows.submissions,
            7: job_rows.plan_reminders, 8: job_rows.hand_over,
            12: guest_rows.guest_list, 14: graph_rows.graph, 19: diary_rows.weight,
        }  # fmt: skip
        results: list[Result] = []
        if 17 in rows:
            _say(17)
            results += diary_rows.demo()
        if rows & set(measure):
            call_command("collectstatic", interactive=False, verbosity=0)
            scene.prepare(options.scale)
            web = stack.enter_context(house.Web(options.workers, options.threads))
            there = scene.enter(options.scale, web)
            # Row 6 writes what is owed to the end, so it comes last.
            for row in sorted(rows, key=lambda row: (row == 6, row)):
                if row in measure:
                    _say(row)
                    try:
                        results += measure[row](there)
                    except (RuntimeError, OSError) as error:
                        why = f"broke off: {error}"
                        results.append(
                            Result(row, "not measured", None, "", "-", why=why)
                        )
            memory = web.memory()
            results.append(
                Result(17, "a web process, resident", memory, "MB", there.dataset,
                       target=300, met=memory <= 300)
            )  # fmt: skip
        if {15, 16} & rows:
            _say(15)
            found = schema_rows.measured(options.scale)
            results += [one for one in found if one.row in rows]
        for row in sorted(rows):
            if row in NEEDS_LATER:
                why = NEEDS_LATER[row]
                results.append(Result(row, "not measured", None, "", "-", why=why))
    results.sort(key=lambda one: one.row)
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, load "
          f"{os.getloadavg()[0]:.1f}, {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC, "
          f"gunicorn {options.workers} × {options.threads}")  # fmt: skip
    print(table(results))
    if options.json:
        shown = json.dumps([one.as_json() for one in results], indent=1)
        Path(options.json).write_text(shown + "\n")
    return 1 if any(one.met is False for one in results) else 0


def _say(row: int) -> None:
    print(f"row {row} …", flush=True)


if __name__ == "__main__":
    sys.exit(main())
