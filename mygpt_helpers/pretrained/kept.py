"""What is fetched once and kept in the cache: made by one process at a time, never half made.

Used by `prepare` (the model) and `text` (the real text). Whatever fails is one CheckpointError.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..console import plain_lines, say
from ..errors import CheckpointError
from .cache import (
    is_offline,
    locked,
    remove_leftovers,
    remove_leftovers_if_idle,
    staging_folder,
)
from .children import set_up_in_child

DISK_FULL = (28, 122, 112)  # ENOSPC, EDQUOT, and Windows' ERROR_DISK_FULL


@dataclass(frozen=True)
class Kept:
    """A folder of the cache, and how it is made.

    noun: "model", as messages name it, and the command that makes it. flaw: says what is wrong with
    the folder, or None; thoroughly if it is told so. make: builds it in an empty folder and puts it
    in place. disk_bytes: the most that lies on the disk at once meanwhile.
    """

    noun: str
    folder: Path
    flaw: Callable[[bool], str | None]
    make: Callable[[Path], None]
    disk_bytes: int

    @property
    def command(self) -> str:
        """What a person gives in a terminal to have it made."""
        return f"python -m mygpt_helpers {self.noun}"

    def ready(self) -> Path:
        """Return the folder; where it is not whole, another process makes it and says its lines."""
        if self.flaw(False) is None:
            return self.folder
        if is_offline():
            return self.made()  # which says what is wrong and what mends it
        try:
            set_up_in_child(self.noun, self.command)
        except BaseException:
            remove_leftovers_if_idle(self.folder)
            raise
        if wrong := self.flaw(False):
            raise CheckpointError(
                f"The set-up left no usable {self.noun}: {wrong}. Run: {self.command}"
            )
        return self.folder

    def made(self, force: bool = False) -> Path:
        """Return the folder, checked thoroughly; make it where it is not whole, or if forced."""
        wrong = self.flaw(True)
        if wrong is None and not force:
            return self.folder
        if wrong and self.folder.is_dir():
            say(f"The {self.noun} in {self.folder} is damaged: {wrong}. It is prepared again.")
        if is_offline():
            raise CheckpointError(
                f"There is no usable {self.noun} in {self.folder} "
                f"({wrong or 'you asked for a new one'}), and MYGPT_OFFLINE forbids downloads. "
                f"Unset MYGPT_OFFLINE and run: {self.command}"
            )
        try:
            with locked(self.folder) as waited:
                if (waited or not force) and self.flaw(True) is None:
                    return self.folder  # another process has made it meanwhile
                remove_leftovers(self.folder)
                self._check_space()
                staging = staging_folder(self.folder)
                try:
                    staging.mkdir()
                    self.make(staging)
                finally:
                    shutil.rmtree(staging, ignore_errors=True)
        except (BrokenPipeError, CheckpointError):
            raise
        except Exception as error:
            raise CheckpointError(self._explain(error)) from error
        return self.folder

    def put_in_place(self, built: Path) -> None:
        """Move what was built in the staging folder to where it is kept."""
        if self.folder.exists():
            os.replace(self.folder, built.with_name("replaced"))
        os.replace(built, self.folder)

    def no_space(self, what: str) -> str:
        """Say that the disk is full, and what to do."""
        return (
            f"The disk of {self.folder.parent} is full: {what}, and preparing the {self.noun} "
            f"takes {self.disk_bytes / 1e6:,.0f} MB for a moment. Make room, or set MYGPT_CACHE to "
            f"a folder on another disk; then run: {self.command}"
        )

    def pip_trouble(self, output: str) -> str | None:
        """Say what is the matter where pip could not even begin, or return None."""
        lines = plain_lines(output)
        if any("No module named pip" in line for line in lines):
            return (
                f"This Python ({sys.executable}) has no pip, which is needed to download the "
                f"{self.noun}. Install it (python -m ensurepip, or conda install pip, or uv pip "
                f"install pip), then run: {self.command}"
            )
        if re.search("Configuration file|during configuration", output):
            said = " ".join(lines)
            return f"pip cannot read its settings ({said:.300}). Mend them; then: {self.command}"
        return None

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.folder.parent).free
        if free < self.disk_bytes:
            raise CheckpointError(self.no_space(f"{free / 1e9:.2f} GB are free"))

    def _explain(self, error: Exception) -> str:
        """Turn an unexpected failure into one message with its remedy."""
        first = (str(error).strip() or "no details").splitlines()[0]
        # The libraries that write files wrap the system's error and leave its number in brackets.
        wrapped = any(f"os error {code})" in first for code in DISK_FULL)
        if wrapped or (isinstance(error, OSError) and error.errno in DISK_FULL):
            return self.no_space("writing failed")
        if isinstance(error, OSError):
            return (
                f"The {self.noun} cannot be prepared in {self.folder.parent} "
                f"({error.strerror or first}). Set MYGPT_CACHE to a folder that you can write to, "
                f"or to a complete cache that you can read; then run: {self.command}"
            )
        return (
            f"The {self.noun} could not be prepared ({type(error).__name__}: {first}). That needs "
            "the versions in requirements.txt: run pip install -r requirements.txt, then "
            f"{self.command}"
        )
