"""A class on one machine: ten learners at once run a lesson under JupyterHub, and what it takes."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil

from .lessons import GIGABYTE
from .rows import REPOSITORY, Row

if TYPE_CHECKING:
    from tests.classroom.hub import Class

LEARNERS, CORES = 10, 2
LESSON = "04_temperature.ipynb"
MOST = 6.8 * GIGABYTE  # of a machine with 8 GB


def classroom() -> list[Row]:
    """Have ten learners run a lesson at once on two cores; add up what all processes hold."""
    sys.path.insert(0, str(REPOSITORY / "tests" / "classroom"))
    from hub import missing, running_class
    from learner import Learner

    name = f"{LEARNERS} learners at once run lesson {LESSON[:2]} under a hub, on {CORES} cores"
    if reason := missing():
        return [Row(name, f"not measured: {reason}")]
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:CORES])  # what is started from here on has these
    try:
        with running_class(LEARNERS) as made, ThreadPoolExecutor(LEARNERS) as pool:
            with _watched(made) as held:
                learners = list(pool.map(lambda name: Learner(made, name), made.names))
                list(pool.map(Learner.start_server, learners))
                start = time.monotonic()
                kernels = list(pool.map(lambda learner: learner.run_lesson(LESSON), learners))
                seconds = time.monotonic() - start
            code = "import os; print(os.getuid())"
            users = {one.run(k, code) for one, k in zip(learners, kernels, strict=True)}
    finally:
        os.sched_setaffinity(0, allowed)
    peak = {kind: bytes_ / GIGABYTE for kind, bytes_ in held.items()}
    parts = f"kernels {peak['kernels']:.2f}, servers {peak['servers']:.2f}, hub {peak['hub']:.2f}"
    return [
        Row(f"{name}: all finish", f"{seconds:.0f} s", target="all", ok=True),
        Row(
            "users of the machine that their kernels ran as",
            str(len(users)),
            target=str(LEARNERS),
            ok=len(users) == LEARNERS,
        ),
        Row(
            f"their memory together at its peak, in GB ({parts})",
            f"{sum(peak.values()):.2f} GB",
            target=f"<= {MOST / GIGABYTE:.1f} GB",
            ok=sum(peak.values()) <= MOST / GIGABYTE,
        ),
    ]


@contextmanager
def _watched(made: Class) -> Iterator[dict[str, float]]:
    """Yield what the class holds at its peak, in bytes, once this ends."""
    peak = dict.fromkeys(("kernels", "servers", "hub"), 0.0)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(1):
            now = _held(made)
            if sum(now.values()) > sum(peak.values()):
                peak.update(now)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def _held(made: Class) -> dict[str, float]:
    """Return the proportional set sizes: a page that n processes share counts as 1/n of one."""
    now = dict.fromkeys(("kernels", "servers", "hub"), 0.0)
    for process in made.processes():
        with suppress(psutil.Error):  # it has ended meanwhile
            kind = "kernels" if "ipykernel_launcher" in process.cmdline() else "servers"
            kind = kind if process.username() in made.names else "hub"
            now[kind] += process.memory_full_info().pss
    return now
