"""A run as a folder: a checkpoint, its tokenizer, and the settings it was made with.

checkpoint.json and its numbers are those of save_checkpoint. Beside them stand tokenizer.json and
run.json. Each is written in one step, and nothing in them is run. Used in lessons 13 and 14.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from .checkpoints import INDEX, load_checkpoint, save_checkpoint
from .errors import CheckpointError, InputError
from .files import refuse_special, write_whole
from .gpt import GPT
from .record import Record
from .tokenizing import BPETokenizer, CharTokenizer, tokenizer_from_json

FORMAT = 1
TOKENIZER, SETTINGS, LOCK = "tokenizer.json", "run.json", ".lock"


@dataclass
class Run:
    """A model with its tokenizer, the settings it was made with, and the record of its losses.

    settings: a dict that JSON can hold, of whoever trains: of `mygpt train`, its options. Used in
    lessons 13 and 14.
    """

    model: GPT
    tokenizer: CharTokenizer | BPETokenizer
    settings: dict[str, Any]
    record: Record


def save_run(
    folder: str | os.PathLike[str], run: Run, optimizer: torch.optim.Optimizer | None = None
) -> None:
    """Write a run into a folder; a former one goes.

    With an optimizer the run can be gone on with, as save_checkpoint says. While it goes on, only
    the checkpoint changes: save_checkpoint(folder, model, optimizer, record) is then enough. Raises
    ValueError for a run that fits no folder, CheckpointError where nothing can be written. Used in
    lesson 13.
    """
    folder = Path(folder)
    content = {"format": FORMAT, "settings": run.settings}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / SETTINGS, (json.dumps(content, indent=1) + "\n").encode())
        write_whole(folder / TOKENIZER, run.tokenizer.to_json().encode())
    except OSError as error:
        raise CheckpointError(f"cannot write the run {folder}: {error.strerror}.") from None
    save_checkpoint(folder, run.model, optimizer, run.record)


def load_run(folder: str | os.PathLike[str], *, device: torch.device | str | None = None) -> Run:
    """Read what save_run, or `mygpt train`, wrote; the model is on `device`.

    To go on with it, make an optimizer of its model, and load_checkpoint(folder, model, optimizer)
    fills it. Raises CheckpointError for a folder without a run, a damaged one, and one of another
    version. Used in lessons 13 and 14.
    """
    folder = Path(folder)
    model, record = load_checkpoint(folder, device=device)
    tokenizer = tokenizer_from_json(_read(folder, TOKENIZER))
    try:
        content = json.loads(_read(folder, SETTINGS))
        found, settings = content["format"], dict(content["settings"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise CheckpointError(f"{folder / SETTINGS} is damaged. Take another copy.") from None
    if found != FORMAT:
        raise CheckpointError(
            f"the run {folder} has format {found!r}; this is {FORMAT}. Use the version of the "
            "course that made it, or train anew."
        )
    rows = model.config["vocab_size"]
    if tokenizer.vocab_size != rows:
        raise CheckpointError(
            f"{folder / TOKENIZER} is not this run's: it has {tokenizer.vocab_size:,} tokens, and "
            f"the model {rows:,}. Take another copy of the folder."
        )
    return Run(model, tokenizer, settings, record)


@contextlib.contextmanager
def only_here(folder: Path, *, new: bool) -> Iterator[None]:
    """Keep a run's folder for this process; another one is refused until it ends.

    new: make the folder; where nothing was saved, it goes again. Raises InputError for a new run in
    a folder that holds something, CheckpointError where another process is at work in it, where
    there is none, and where nothing can be written.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        if new:
            folder.mkdir(parents=True, exist_ok=True)
            _check_own(folder)
        elif not folder.is_dir():
            raise CheckpointError(f"there is no run in {folder}: no such folder.")
        lock.acquire()
    except Timeout:
        raise CheckpointError(
            f"another process is training in {folder}. Wait for it, or give another folder."
        ) from None
    except OSError as error:
        raise CheckpointError(f"cannot write into {folder}: {error.strerror}.") from None
    try:
        if new and (folder / INDEX).exists():
            raise InputError(
                f"{folder} holds a run already. Go on with it by --resume, or give another folder "
                "by --out."
            )
        for half in folder.glob(".*-*.new"):  # of a process that was killed while it wrote
            half.unlink()
        yield
    finally:
        if {path.name for path in folder.iterdir()} == {LOCK}:
            shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def _check_own(folder: Path) -> None:
    """Raise InputError for a folder that holds something else than a run."""
    there = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    if there and SETTINGS not in there:
        raise InputError(
            f"{folder} holds other files ({min(there)}). Give an empty folder for the run, or a "
            "name that is not there yet."
        )


def _read(folder: Path, name: str) -> str:
    """Return the text of one of a run's files, or raise CheckpointError."""
    try:
        refuse_special(folder / name)
        return (folder / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CheckpointError(
            f"{folder} holds a checkpoint and no run: it has no {name}. `mygpt train` and save_run "
            "write one."
        ) from None
    except (OSError, ValueError) as error:
        said = f"{folder / name} cannot be read ({type(error).__name__})"
        raise CheckpointError(f"{said}. Take another copy of the folder.") from None
