"""Programs that download something, and how far they are. Used by `model` and `prepare`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ..console import child_environment, say


def run_watched(
    command: list[str], folder: Path, total: int, label: str, variables: dict[str, str]
) -> tuple[int, str]:
    """Run a command that downloads into folder; print progress by watching the folder's size grow.

    total: bytes expected. variables: added to the environment. On a terminal one line is rewritten,
    elsewhere there is a line for every 10% and every 15 s. Ends the command when interrupted.
    Returns its exit code and its output.
    """
    shown, said_at = 0, time.monotonic()
    with tempfile.TemporaryFile() as log:
        environment = child_environment(**variables)
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            while (code := _wait(process, 0.2)) is None:
                size = sum(_size(path) for path in folder.rglob("*"))
                percent = min(100 * size // max(total, 1), 100)
                line = f"{label}: {percent}% of {total / 1e6:,.0f} MB"
                if sys.stdout.isatty():
                    print(f"\r{line:60}\r", end="", flush=True)
                elif percent >= shown + 10 or time.monotonic() > said_at + 15:
                    say(line)
                    shown, said_at = percent, time.monotonic()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        log.seek(0)
        return code, log.read().decode("utf-8", "replace")


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() and not path.is_symlink() else 0
    except OSError:  # files come and go while we count
        return 0
