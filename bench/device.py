"""A step of `train` on an accelerator: `python -m bench.device`, for whoever has one.

6 layers, 6 heads, width 384, dropout 0.2, context 256, batch 64, vocabulary 65, with the batches on
the device. It prints the card, and the time of a step by bfloat16, compiled, and by neither.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import torch

from mygpt_helpers import GPT, Record, train

SIZES = {"embed_dim": 384, "num_heads": 6, "num_layers": 6, "max_seq_len": 256, "dropout": 0.2}


def step_ms(device: str, steps: int, batch_size: int, **how: object) -> float:
    """Return the milliseconds of a step: the median of five runs, after one that warms up."""
    torch.manual_seed(0)
    model = GPT(65, **SIZES).to(device)
    data = torch.randint(65, (1_000_000,), device=device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    record, times = Record(), []
    sizes = {"batch_size": batch_size, "seq_len": 256}
    for _ in range(6):
        start = time.perf_counter()  # train has read its last loss when it returns
        goal = len(record.losses) + steps
        train(model, data, optimizer, **sizes, steps=goal, record=record, **how)
        times.append((time.perf_counter() - start) / steps * 1e3)
    return median(times[1:])


def main() -> None:
    """Print a line for each way to compute."""
    parser = argparse.ArgumentParser(prog="python -m bench.device", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=64)
    given = parser.parse_args()
    name = torch.cuda.get_device_name() if given.device.startswith("cuda") else given.device
    for how in ({"dtype": "bfloat16", "compile": True}, {"dtype": "bfloat16"}, {}):
        said = ", ".join(f"{key}={value}" for key, value in how.items()) or "float32, not compiled"
        ms = step_ms(given.device, given.steps, given.batch_size, **how)
        print(f"{name}: {ms:.1f} ms a step ({said})", flush=True)


if __name__ == "__main__":
    main()
