"""The cache: where what was fetched lies, whether the model is whole, who may write.

Used by all lessons through `model` and `text`. A complete cache is only ever read, so that a class
may share one.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..console import say
from ..files import path_in, refuse_special
from .folders import head_flaw

if TYPE_CHECKING:
    from filelock import BaseFileLock

MODEL = "SmolLM2-135M-Instruct"
CONVERSION = 2  # raise it when the conversion changes: caches made by another one are left alone
COMMAND = "python -m mygpt_helpers model"


def is_offline() -> bool:
    """Tell whether MYGPT_OFFLINE forbids every download."""
    return os.environ.get("MYGPT_OFFLINE", "").strip() not in ("", "0")


def cache_folder(name: str) -> Path:
    """Return the absolute path of a subfolder of MYGPT_CACHE, or of this user's cache folder.

    It need not be there. Where it is a link, it is what the link points to.
    """
    import platformdirs

    root = path_in("MYGPT_CACHE") or platformdirs.user_cache_path("mygpt", False)
    return Path(os.path.realpath(root / name))


def model_folder() -> Path:
    """Return where the converted model lies, or would lie."""
    return cache_folder(f"{MODEL}-v{CONVERSION}")


def flaw(folder: Path, thorough: bool = False) -> str | None:
    """Say what is wrong with a converted model, or return None if nothing is.

    Compares the files' sizes with the manifest, and looks at their beginnings (1 ms); thorough:
    their sha256 too (about 0.3 s).
    """
    try:
        if not folder.is_dir():
            return "it is not there"
        manifest = folder / "manifest.json"
        if not manifest.is_file():
            return "manifest.json is missing"
        files = json.loads(manifest.read_text("utf-8"))["files"]
        for name, entry in files.items():
            path = folder / name
            if not path.is_file():
                return f"{name} is missing"
            size = path.stat().st_size
            if size != entry["bytes"]:
                return f"{name} has {size:,} bytes and should have {entry['bytes']:,}"
            if not os.access(path, os.R_OK):
                return f"{name} is not yours to read"
            if head_flaw(path):
                return f"{name} is damaged"
            if thorough and sha256(path) != entry["sha256"]:
                return f"{name} was changed (its sha256 differs)"
        return None if "config.json" in files else "manifest.json lists no config.json"
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        return f"it cannot be read ({type(error).__name__})"


def write_manifest(folder: Path, source_sha256: str) -> None:
    """Write manifest.json, which makes the folder complete: the size and sha256 of every file.

    Whoever may read config.json may then read them all: safetensors makes its files private, and a
    class may share this folder.
    """
    mode = (folder / "config.json").stat().st_mode
    files = {}
    for path in sorted(folder.iterdir()):
        path.chmod(mode)
        files[path.name] = {"bytes": path.stat().st_size, "sha256": sha256(path)}
    manifest = {"model": MODEL, "conversion": CONVERSION, "source_sha256": source_sha256}
    text = json.dumps({**manifest, "files": files}, indent=2) + "\n"
    (folder / "manifest.json").write_text(text, "utf-8")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Keep other processes from writing the cache; yields True if one of them held it first.

    Creates the folder around it. Raises OSError where nothing can be written.
    """
    import filelock

    lock, waited = _lock(folder), False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder.parent):
        pass  # a folder that cannot be written is an OSError here, not a lock waited for in vain
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        waited = True
        say("Another program is preparing the same folder; waiting for it ...")
        lock.acquire(poll_interval=0.2)
    try:
        yield waited
    finally:
        lock.release()


def staging_folder(folder: Path) -> Path:
    """Return where this process builds a folder before it is put in place (same disk)."""
    return folder.with_name(f"{folder.name}.part-{os.getpid()}")


def remove_leftovers(folder: Path) -> None:
    """Remove what killed set-ups left behind. Hold the lock."""
    for path in folder.parent.glob(f"{folder.name}.part-*"):
        shutil.rmtree(path, ignore_errors=True)


def remove_leftovers_if_idle(folder: Path) -> None:
    """Remove what a killed set-up left behind, unless another process is at work there."""
    import filelock

    with (
        contextlib.suppress(OSError, filelock.Timeout),
        _lock(folder).acquire(timeout=0),
    ):
        remove_leftovers(folder)


def sha256(path: Path) -> str:
    """Return a file's sha256 as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _lock(folder: Path) -> BaseFileLock:
    import filelock

    if os.path.lexists(folder) and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{folder.name} is not a folder", str(folder))
    path = folder.with_name(f"{folder.name}.lock")
    refuse_special(path)
    return filelock.FileLock(path)
