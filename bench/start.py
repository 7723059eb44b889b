"""How long it takes until a lesson can begin: the package's import, the model's loading."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from statistics import median

from .rows import PEAK_BYTES, REPOSITORY, Row, in_fresh_python, ratio

IMPORT = """
from time import perf_counter as now
start = now(); import torch; torch_done = now(); import mygpt_helpers; done = now()
print(done - torch_done, torch_done - start)
"""
# All sides have torch and transformers' classes imported; the clock then runs over the same two
# from_pretrained calls and the first run, which reads the weights that are only mapped until then.
LOAD = """
import torch
from time import perf_counter as now
from transformers import AutoModelForCausalLM, AutoTokenizer
start = now()
{checkpoint}
AutoTokenizer.from_pretrained(checkpoint)
model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
model(torch.tensor([[1, 2, 3]]))
print(now() - start)
"""
# The same model as it was kept before: half the disk, and converted at each start.
HALVE = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
AutoTokenizer.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[2])
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16)
model.save_pretrained(sys.argv[2])
"""
OURS = "from mygpt_helpers import lesson_checkpoint\ncheckpoint = lesson_checkpoint()"


def import_time() -> list[Row]:
    """Measure `import mygpt_helpers` after `import torch`; median of 7 fresh processes."""
    runs = [in_fresh_python(IMPORT) for _ in range(7)]
    ours, peer = (median(column) for column in zip(*runs, strict=True))
    return [
        Row(
            "import mygpt_helpers (peer: import torch)",
            f"{ours:.3f} s",
            f"{peer:.2f} s",
            ratio(ours, peer),
            "<= 0.2 s",
            ours <= 0.2,
        )
    ]


def warm_start() -> list[Row]:
    """Measure loading tokenizer and model; median of 5 fresh processes a side, interleaved."""
    folder = checkpoint()
    with tempfile.TemporaryDirectory(prefix="mygpt-bench-") as half:
        command = [sys.executable, "-c", HALVE, folder, half]
        subprocess.run(command, check=True, capture_output=True)
        codes = [
            LOAD.format(checkpoint=line)
            for line in (OURS, f"checkpoint = {folder!r}", f"checkpoint = {half!r}")
        ]
        for code in codes[1:]:
            in_fresh_python(code)  # files into the system's cache
        # One thread: how long threads wait for one another says nothing of loading.
        runs = [[in_fresh_python(code, OMP_NUM_THREADS="1")[0] for code in codes] for _ in range(5)]
    ours, plain, halved = (median(column) for column in zip(*runs, strict=True))
    return [
        Row(name, f"{a:.2f} s", f"{b:.2f} s", ratio(a, b), f"ratio <= {most}", a <= most * b)
        for name, a, b, most in [
            ("warm start of a lesson (peer: plain from_pretrained)", ours, plain, 1.1),
            ("plain from_pretrained (peer: of the model kept as bfloat16)", plain, halved, 1.0),
        ]
    ]


def plain_memory() -> float:
    """Return the peak memory of loading the model and running it once, in bytes."""
    code = LOAD.format(checkpoint=f"checkpoint = {checkpoint()!r}") + PEAK_BYTES
    return in_fresh_python(code)[-1]


def set_up_time() -> list[Row]:
    """Measure `python -m mygpt_helpers model` into an empty cache, less its download."""
    with tempfile.TemporaryDirectory(prefix="mygpt-bench-") as cache:
        env = os.environ | {"MYGPT_CACHE": cache, "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-m", "mygpt_helpers", "model"]
        start = time.perf_counter()
        done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=REPOSITORY)
        whole = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    download = float(re.search(r"download: done in ([\d.]+) s", done.stdout)[1])
    beyond = whole - download
    return [
        Row(
            "set-up of the model beyond its download (peer: the download)",
            f"{beyond:.1f} s",
            f"{download:.1f} s",
            "",
            "<= 45 s",
            beyond <= 45,
        )
    ]


def checkpoint() -> str:
    """Return the folder of the real model."""
    code = "from mygpt_helpers import lesson_checkpoint; print(lesson_checkpoint())"
    env = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, cwd=REPOSITORY
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout.splitlines()[-1]
