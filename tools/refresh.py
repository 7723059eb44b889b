"""Run lessons from the top and store what they show: `python -m tools.refresh notebooks/*.ipynb`.

A fresh kernel runs every cell; then the notebook is stored without anything that changes from one
run or one machine to the next: no widgets, times, paths or versions. What is stored is what
`pytest --nbval` compares. A lesson in which a cell fails is left as it was.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

from .kernels import file_transport

ROOT = Path(__file__).resolve().parent.parent
# A learner's own version, kept by `reset` as NAME.mine.ipynb, is none of the course's lessons.
LESSONS = sorted(p for p in ROOT.glob("notebooks/[0-9]*.ipynb") if "." not in p.stem)
TIMEOUT = 600  # seconds for one cell
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KEPT_METADATA = {"tags"}  # of a cell; the rest is what editors leave behind
METADATA = {  # the same on every Python
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
# Settings of the shell that would change what a lesson shows.
UNWANTED = {"MYGPT_CHECKPOINT", "JUPYTER_COLUMNS", "JUPYTER_LINES", "PYTHONWARNINGS"}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class RefreshError(Exception):
    """A notebook cannot be stored; the message names it, the cell and the error."""


@contextlib.contextmanager
def kernel_environment(**changes: str) -> Iterator[dict[str, str]]:
    """Give the environment that a lesson's kernel is started in: the same for everybody.

    changes: further variables to set. Neither the learner's progress nor IPython's start-up files
    are read; the package is found even where it is not installed.
    """
    env = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [env.get("PYTHONPATH")])])
    env["MYGPT_PROGRESS"] = "off"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as ipython:
        yield {**env, "IPYTHONDIR": ipython, **changes}


def refresh(path: Path) -> None:
    """Format, run and store one notebook, or raise RefreshError and leave it as it was."""
    notebook = read(path)
    with kernel_environment() as env:
        execute(notebook, path, env)
    expect_errors(notebook, path)
    clean(notebook)
    store(notebook, path)


def read(path: Path) -> NotebookNode:
    """Return a notebook, its code formatted by ruff, every cell with an id of its own."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        give_ids(raw, path)
        nbformat.validate(raw)
    except (OSError, LookupError, TypeError, ValueError, nbformat.ValidationError) as error:
        raise RefreshError(f"{path}: not a readable notebook: {first_line(error)}") from None
    ruff = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--quiet", "--stdin-filename", str(path), "-"],
        input=json.dumps(raw, ensure_ascii=False),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if ruff.returncode:
        raise RefreshError(f"{path}: its code cannot be formatted: {ruff.stderr.strip()}")
    return nbformat.reads(ruff.stdout, as_version=4)


def give_ids(raw: dict[str, Any], path: Path) -> None:
    """Number the cells that have no id, or one that another cell has, and keep all other ids."""
    if raw["nbformat"] != 4:
        raise ValueError(f"its format is {raw['nbformat']}, and 4 is expected")
    raw["nbformat_minor"] = 5  # the first with ids
    seen: set[str] = set()
    for number, cell in enumerate(raw["cells"], start=1):
        if cell.get("id") is None or cell["id"] in seen:
            taken = seen | {other.get("id", "") for other in raw["cells"]}
            wanted = re.sub(r"[^A-Za-z0-9_-]", "-", f"{path.stem[:32]}-{number:03}")
            while wanted in taken:
                wanted += "-b"
            cell["id"] = wanted
        seen.add(cell["id"])


def execute(
    notebook: NotebookNode, path: Path, env: dict[str, str], *, on_page: bool = False
) -> None:
    """Run all cells in a fresh kernel of this Python, in the notebook's folder.

    Fills in the outputs. on_page: with the cells' names, as JupyterLab sends them, so that stills
    have a dark form. Raises RefreshError where a cell fails that is not tagged `raises-exception`,
    and where one takes longer than TIMEOUT.
    """
    # The kernel that nbval starts, whatever kernels the user has installed under a like name.
    manager = AsyncKernelManager(
        kernel_name=CURRENT_ENV_KERNEL_NAME,
        kernel_spec_manager=NbvalKernelspecManager(),
        **file_transport(),
    )
    at: list[int] = [0]

    def begin(cell: NotebookNode, cell_index: int) -> None:
        at[0] = cell_index
        if on_page:
            client.kc.session.metadata["cellId"] = cell.id

    client = NotebookClient(
        notebook,
        km=manager,
        timeout=TIMEOUT,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        on_cell_execute=begin,
    )
    try:
        client.execute(
            env=env, cwd=str(path.resolve().parent), stderr=subprocess.DEVNULL, cleanup_kc=True
        )
    except CellExecutionError as error:
        what = f"{error.ename}: {first_line(ANSI.sub('', error.evalue))}"
        raise RefreshError(f"{where(notebook, path, at[0])}: {what}") from None
    except CellTimeoutError:
        what = f"took more than {TIMEOUT} s"
        raise RefreshError(f"{where(notebook, path, at[0])}: {what}") from None
    except DeadKernelError:
        what = "the kernel died (out of memory?)"
        raise RefreshError(f"{where(notebook, path, at[0])}: {what}") from None


def expect_errors(notebook: NotebookNode, path: Path) -> None:
    """Raise RefreshError where a cell is tagged `raises-exception` and has not failed."""
    for index, cell in enumerate(notebook.cells):
        failed = any(output.output_type == "error" for output in cell.get("outputs", []))
        if "raises-exception" in cell.metadata.get("tags", []) and not failed:
            what = "is tagged raises-exception, and raised nothing"
            raise RefreshError(f"{where(notebook, path, index)}: {what}")


def where(notebook: NotebookNode, path: Path, index: int) -> str:
    """Say which cell it is: the notebook, the number beside it, and how it begins."""
    code = [c for c in notebook.cells[: index + 1] if c.cell_type == "code" and c.source.strip()]
    return f"{path}, cell [{len(code)}] ({first_line(notebook.cells[index].source)!r})"


def first_line(text: object) -> str:
    """Return the first line that says something, not too long."""
    lines = [line for line in str(text).splitlines() if line.strip()] or [""]
    return lines[0] if len(lines[0]) <= 200 else lines[0][:199] + "…"


def clean(notebook: NotebookNode) -> None:
    """Take out of a notebook that has run all that differs from run to run or between machines."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict(
            {key: value for key, value in cell.metadata.items() if key in KEPT_METADATA and value}
        )
        if cell.cell_type != "code":
            continue
        if not cell.source.strip():
            cell.execution_count, cell.outputs = None, []
        # Times and versions are another for every reader. A text sampled at a high temperature is
        # almost always the same, and worth reading: tagged "sampled", it is stored all the same.
        if "nbval-ignore-output" in tags and "sampled" not in tags:
            cell.outputs = []
        for output in cell.outputs:
            output.get("data", {}).pop(WIDGET_VIEW, None)
            if output.output_type == "error":
                output.traceback = short_traceback(output.traceback)
        cell.outputs = [output for output in cell.outputs if output.get("data") != {}]


def short_traceback(traceback: list[str]) -> list[str]:
    """Return a traceback without the frames inside libraries, which name folders and versions."""
    ends = {0, 1, len(traceback) - 1}
    kept = [
        part if i in ends or ANSI.sub("", part).startswith("Cell In[") else None
        for i, part in enumerate(traceback)
    ]
    # Where frames were left out, one line says so.
    return [
        part or "    … inside the libraries …"
        for i, part in enumerate(kept)
        if part is not None or kept[i - 1] is not None
    ]


def store(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook in one step: whatever breaks off, no half-written file is left."""
    nbformat.validate(notebook)
    text = nbformat.writes(notebook, indent=1, ensure_ascii=False).rstrip("\n") + "\n"
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".new")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).chmod(path.stat().st_mode if path.exists() else 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def main(arguments: list[str] | None = None) -> int:
    """Refresh the notebooks named on the command line; return 1 where one could not be stored."""
    parser = argparse.ArgumentParser(prog="python -m tools.refresh", description=__doc__)
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    failures = 0
    for path in parser.parse_args(arguments).notebooks:
        start = time.perf_counter()
        try:
            refresh(path)
        except RefreshError as error:
            failures += 1
            print(f"FAILED, left as it was: {error}", file=sys.stderr, flush=True)
        else:
            took, size = time.perf_counter() - start, path.stat().st_size / 1000
            print(f"{path}: {took:.1f} s, {size:.0f} kB", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
