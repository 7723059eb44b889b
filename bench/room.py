"""A class on one machine: what ten kernels with the real model hold in memory together."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from .lessons import GIGABYTE
from .rows import REPOSITORY, Row, ratio
from .start import LOAD, checkpoint, plain_memory

KERNELS = 10


def room() -> list[Row]:
    """Load and run the model in ten processes, and add up their proportional set sizes."""
    name = f"memory of {KERNELS} kernels at once (peer: {KERNELS} times one alone)"
    if not Path("/proc/self/smaps_rollup").exists():
        return [Row(name, "not measured: Linux alone tells", target="<= 4 GB")]
    code = LOAD.format(checkpoint=f"checkpoint = {checkpoint()!r}") + "\ninput()"
    env = os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with ExitStack() as stack:
        kernels = []
        for _ in range(KERNELS):
            kernel = subprocess.Popen([sys.executable, "-c", code], env=env, **pipes)
            stack.callback(kernel.wait)
            stack.callback(kernel.kill)
            if not kernel.stdout.readline():  # its seconds: it has loaded and run
                raise RuntimeError("a kernel ended before it had loaded the model")
            kernels.append(kernel)
        together = sum(map(_shared_bytes, kernels))
    alone = KERNELS * plain_memory()
    return [
        Row(
            name,
            f"{together / GIGABYTE:.2f} GB",
            f"{alone / GIGABYTE:.2f} GB",
            ratio(together, alone),
            "<= 4 GB",
            together <= 4 * GIGABYTE,
        )
    ]


def _shared_bytes(process: subprocess.Popen[bytes]) -> int:
    """Return a process's memory, in which a page that n processes share counts as 1/n of one."""
    text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024
