"""What is said to a person, and what other programs say to us. Used in every lesson."""

from __future__ import annotations

import os
import re
import sys

# Each of them has a program send colours where nobody can show them; a notebook's kernel sets some.
COLOURS = ("FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS", "PYTHON_COLORS", "TTY_COMPATIBLE")
# Colours, cursor moves; titles and links; all other codes.
ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\].*?(\x07|\x1b\\)|[@-Z\\-_])")


def say(line: str) -> None:
    """Print a line at once, so that it is seen while the next step runs.

    What the console's encoding lacks is escaped: a name in another script must stop nobody.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def running_cell() -> tuple[str, str]:
    """Return the name that a page gave to the cell that runs, and this run's; "" without a page."""
    from IPython import get_ipython

    asked = getattr(get_ipython(), "get_parent", dict)()
    return asked.get("metadata", {}).get("cellId", ""), asked.get("header", {}).get("msg_id", "")


def child_environment(**more: str) -> dict[str, str]:
    """Return the environment for a program we start: it ends, and speaks UTF-8 without colours."""
    left_out = {*COLOURS, "PYTHONINSPECT"}  # which has Python wait for a person at the end
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8", **more}


def plain_lines(said: str) -> list[str]:
    """Return what a program said as lines, without escape codes and without empty ones."""
    lines = (line.strip() for line in ESCAPES.sub("", said).splitlines())
    return [line for line in lines if line]
