"""What a lesson weighs: its kernel's memory, and the stored notebook's size."""

from __future__ import annotations

import subprocess

import nbformat
from nbclient import NotebookClient

from tools.refresh import LESSONS

from .rows import PEAK_BYTES, REPOSITORY, Row, ratio
from .start import plain_memory

GIGABYTE = 1e9


def memory() -> list[Row]:
    """Run every lesson and read the most that its kernel held in memory."""
    peer = plain_memory()
    rows = []
    for path in LESSONS:
        notebook = nbformat.read(path, as_version=4)
        notebook.cells.append(nbformat.v4.new_code_cell(PEAK_BYTES))
        client = NotebookClient(
            notebook, timeout=600, resources={"metadata": {"path": str(REPOSITORY / "notebooks")}}
        )
        client.execute(stderr=subprocess.DEVNULL)  # the kernel's own log
        peak = float(notebook.cells[-1].outputs[0].text)
        limit = 2.0 if path.name.startswith("01") else 1.5
        rows.append(
            Row(
                f"memory of {path.stem} (peer: model loaded and run once)",
                f"{peak / GIGABYTE:.2f} GB",
                f"{peer / GIGABYTE:.2f} GB",
                ratio(peak, peer),
                f"< {limit} GB",
                peak < limit * GIGABYTE,
            )
        )
    return rows


def sizes() -> list[Row]:
    """Read the sizes of the stored notebooks."""
    rows = []
    for path in LESSONS:
        size = path.stat().st_size
        rows.append(
            Row(f"size of {path.name}", f"{size / 1e3:.0f} kB", "", "", "<= 300 kB", size <= 300e3)
        )
    return rows
