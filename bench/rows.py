"""One line of the table, and small things that measurements share."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Row:
    """One measured figure. ours, peer and ratio are ready to print; ok is None without a target."""

    name: str
    ours: str
    peer: str = ""
    ratio: str = ""
    target: str = ""
    ok: bool | None = None


def ratio(ours: float, peer: float) -> str:
    """Return ours over peer, to print."""
    return f"{ours / peer:.2f}" if peer else ""


def in_fresh_python(code: str, **environment: str) -> list[float]:
    """Run code in a new process of this Python; return the numbers it prints."""
    env = os.environ | {"PYTHONPATH": str(REPOSITORY), "HF_HUB_OFFLINE": "1"} | environment
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=REPOSITORY)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return [float(word) for word in done.stdout.split()]


# The most that the process ever held in memory, in bytes. On Linux from /proc, since getrusage
# there also counts the process that started this one.
PEAK_BYTES = """
def peak_bytes():
    import re, sys
    try:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
    except OSError:
        pass
    try:
        import resource
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    except ImportError:
        import psutil
        return psutil.Process().memory_info().peak_wset
print(peak_bytes())
"""
