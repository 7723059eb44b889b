"""Make the trained models that lesson 12 shows at once: `python -m tools.cycle_runs` (seconds)."""

from __future__ import annotations

import sys

import torch
from safetensors.torch import save

from mygpt_helpers.checkpoints import write_whole
from mygpt_helpers.cycle_runs import LENGTHS, path_of, train_cycle


def main() -> int:
    """Train at every length, and store the numbers."""
    torch.set_num_threads(1)
    for seq_len in LENGTHS:
        model, record = train_cycle(seq_len)
        write_whole(path_of(seq_len), save(model.state_dict()))
        print(f"length {seq_len}: {record}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
