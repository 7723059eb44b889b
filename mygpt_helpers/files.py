"""Where files lie, and files written in one step. Used by what keeps something on disk."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from .errors import CheckpointError

TOP = Path(__file__).resolve().parents[1]  # the course's top folder


def path_in(variable: str) -> Path | None:
    """Return the absolute path that an environment variable holds, or None where it is not set.

    A relative path starts at the course's top folder, so it means the same in a terminal and in
    every notebook. A leading ~ is the home folder. Raises CheckpointError for ~ and no user's name.
    """
    given = os.environ.get(variable, "").strip()
    try:
        return TOP / Path(given).expanduser() if given else None
    except RuntimeError:
        raise CheckpointError(
            f"{variable}={given!r} names nothing: there is no such user"
        ) from None


def refuse_special(path: Path) -> None:
    """Raise OSError where path is a device, a pipe, a folder: anything but a file or nothing."""
    if os.path.lexists(path) and not path.is_file():
        raise OSError(errno.EINVAL, f"{path.name} is not a regular file", str(path))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one step: whatever breaks off, no half-written file is left.

    A link stays one, and its target is written. Raises OSError for what is not a regular file.
    """
    path = Path(os.path.realpath(path))
    refuse_special(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".new")
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, path.stat().st_mode if path.exists() else 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
