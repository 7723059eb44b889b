"""The cycle's GPT, trained before at several lengths, so that lessons 10 and 12 answer at once.

The files beside this one are what `python -m tools.cycle_runs` makes by train_cycle; a test trains
one again and compares.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file

from ..checks import is_whole, plain
from ..corpus import VOCAB, cycle_corpus
from ..errors import InputError
from ..gpt import GPT
from ..training import Record, train

LENGTHS = (4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64)
FOLDER = Path(__file__).parent


def cycle_gpt() -> GPT:
    """Return lesson 10's GPT of 2,240 parameters, with numbers drawn by torch's generator."""
    return GPT(vocab_size=len(VOCAB), embed_dim=8, num_heads=2, num_layers=2, max_seq_len=64)


def train_cycle(
    seq_len: int = 8,
    steps: int = 200,
    on_step: Callable[[int, float], object] | None = None,
) -> tuple[GPT, Record]:
    """Train the cycle's GPT as lesson 11 does, but for the length; return it and its record.

    Seed 0 for the weights, 42 for the batches; torch's own generator is left where it was. Raises
    ValueError for a length or a number of steps below 1. Built in lesson 11, used in lesson 12.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = cycle_gpt()
        torch.manual_seed(42)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        record = train(
            model,
            cycle_corpus(),
            optimizer,
            batch_size=4,
            seq_len=seq_len,
            steps=steps,
            on_step=on_step,
        )
    return model, record


def path_of(seq_len: int) -> Path:
    """Return where the numbers of the model trained at this length lie."""
    return FOLDER / f"length-{seq_len:02}.safetensors"


def cycle_run(seq_len: int) -> GPT:
    """Return the model that train_cycle(seq_len) gave, without training it again.

    Raises ValueError for a length that no run was made at. Used in lessons 10 and 12.
    """
    seq_len = plain(seq_len)
    if not is_whole(seq_len) or seq_len not in LENGTHS:
        lengths = ", ".join(map(str, LENGTHS))
        raise InputError(f"seq_len must be one of {lengths}, got {seq_len!r}.")
    with torch.device("meta"):
        model = cycle_gpt()
    model.load_state_dict(load_file(path_of(seq_len)), assign=True)
    return model
