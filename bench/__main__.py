"""Measure everything and print one table: `python -m bench [--setup] [--only slider,import]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .classroom import classroom
from .generation import generation
from .gpt import gpt
from .lessons import memory, sizes
from .pages import pages
from .room import room
from .rows import Row
from .slider import slider
from .start import import_time, set_up_time, warm_start
from .streaming import streaming
from .text import text
from .tree import tree

# A measurement is a function without arguments that returns rows; add yours here.
MEASUREMENTS: dict[str, Callable[[], list[Row]]] = {
    "slider": slider,
    "pages": pages,
    "tree": tree,
    "gpt": gpt,
    "generation": generation,
    "streaming": streaming,
    "import": import_time,
    "start": warm_start,
    "memory": memory,
    "room": room,
    "classroom": classroom,
    "size": sizes,
    "text": text,
    "setup": set_up_time,
}
ON_DEMAND = {"setup", "text", "pages"}  # a download; ten minutes; after `make site`


def main() -> int:
    """Run the chosen measurements; the exit code is 1 where a target is missed or a run failed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--setup", action="store_true", help="also time the model's first set-up")
    parser.add_argument("--only", help=f"some of {', '.join(MEASUREMENTS)}, with commas between")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else [*MEASUREMENTS]
    if unknown := set(names) - set(MEASUREMENTS):
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    for name in names:
        if name in ON_DEMAND and not options.only and not (options.setup and name == "setup"):
            continue
        print(f"measuring: {name} ...", file=sys.stderr, flush=True)
        try:
            rows += MEASUREMENTS[name]()
        except Exception as error:  # one that fails must not hide the others
            rows.append(
                Row(f"{name}: {type(error).__name__}: {str(error)[:200]}", "failed", ok=False)
            )
    table = Table()
    for heading in ("measured", "ours", "peer", "ours / peer", "target", "reached"):
        right = heading in ("ours", "peer", "ours / peer")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for row in rows:
        reached = {True: "yes", False: "NO", None: ""}[row.ok]
        cells = (row.name, row.ours, row.peer, row.ratio, row.target, reached)
        table.add_row(*map(Text, cells))
    Console(width=None if sys.stdout.isatty() else 130).print(table)
    return int(any(row.ok is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
