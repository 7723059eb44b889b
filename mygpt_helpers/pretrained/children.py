"""Programs that fetch something, how far they are, what they say. Used by all that is fetched."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ..console import child_environment, plain_lines, say
from ..errors import CheckpointError
from ..files import TOP


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


def set_up_in_child(noun: str, terminal: str) -> None:
    """Run the set-up of "model" or "text" in another process, and show its lines.

    That keeps this one's memory small. Raises CheckpointError with the child's message; terminal:
    the command that it names where there is none.
    """
    command = [sys.executable, "-m", "mygpt_helpers", noun]
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            errors="replace",
            env=child_environment(),
            cwd=TOP,  # as in a terminal, so that a relative path in pip's settings means the same
            start_new_session=True,  # Ctrl-C reaches us alone, and we end the child, once
        ) as child:
            try:
                for line in child.stdout or ():
                    say(line.rstrip("\n"))
                code = child.wait()
            finally:
                _end(child)
        errors.seek(0)
        said = plain_lines(errors.read().decode("utf-8", "replace"))
    if code:
        message = "\n".join(["", *said]).partition("\nerror: ")[2]
        if not message:
            message = (
                f"The set-up of the {noun} ended early (exit code {code}; its last words: "
                f"{said[-1:]}). To see more, run in a terminal: {terminal}"
            )
        raise CheckpointError(message)


def _end(child: subprocess.Popen[str]) -> None:
    """End a child that still runs: it gets 10 s to clear up."""
    if child.poll() is None:
        child.terminate()
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)
        finally:
            child.kill()
            child.wait()


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
