"""The cycle's GPT, trained before at several lengths, so that lessons 10 and 12 answer at once.

The files beside this one are what `python -m tools.cycle_runs` makes by train_cycle; a test trains
one again and compares.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file

from ..checks import checked_count, checked_device, is_whole, plain
from ..corpus import VOCAB, cycle_corpus
from ..errors import InputError
from ..gpt import GPT
from ..models import random_states, set_random_states
from ..record import Record
from ..training import train

LENGTHS = (8, 16, 32, 56, 64)
FOLDER = Path(__file__).parent


def cycle_gpt(device: torch.device | str | None = None) -> GPT:
    """Return lesson 10's GPT of 2,240 parameters, with numbers drawn by torch's generator.

    device: where to make it, by default torch's default. Raises ValueError for one that is not
    there. Used from lesson 11 on.
    """
    with checked_device(device):
        return GPT(vocab_size=len(VOCAB), embed_dim=8, num_heads=2, num_layers=2, max_seq_len=64)


def train_cycle(
    seq_len: int = 8,
    steps: int = 200,
    on_step: Callable[[int, float], object] | None = None,
    *,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> tuple[GPT, Record]:
    """Train the cycle's GPT as lesson 11 does, but for the length; return it and its record.

    seed: for the weights; the batches have 42. Torch's own generators are left where they were.
    device: where to train, by default torch's default. Raises ValueError for a length or a number
    of steps below 1, a seed below 0, and a device that is not there. Built in lesson 11, used in
    lesson 12.
    """
    seed = checked_count("seed", seed, first=0)
    device = checked_device(device)
    # torch.manual_seed would seed the generators of other devices, too.
    generator = torch.get_device_module(device) if device.type != "cpu" else torch.default_generator
    before = random_states([device])
    try:
        generator.manual_seed(seed)
        model = cycle_gpt(device)
        generator.manual_seed(42)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        record = train(
            model,
            cycle_corpus(device=device),
            optimizer,
            batch_size=4,
            seq_len=seq_len,
            steps=steps,
            on_step=on_step,
        )
    finally:
        set_random_states(before)
    return model, record


def path_of(seq_len: int) -> Path:
    """Return where the numbers of the model trained at this length lie."""
    return FOLDER / f"length-{seq_len:02}.safetensors"


def cycle_run(seq_len: int, *, device: torch.device | str | None = None) -> GPT:
    """Return the model that train_cycle(seq_len) gave, without training it again.

    device: where to put it, by default torch's default. Raises ValueError for a length that no run
    was made at, and for a device that is not there. Used in lessons 10 and 12.
    """
    seq_len = plain(seq_len)
    if not is_whole(seq_len) or seq_len not in LENGTHS:
        lengths = ", ".join(map(str, LENGTHS))
        raise InputError(f"seq_len must be one of {lengths}, got {seq_len!r}.")
    with torch.device("meta"):
        model = cycle_gpt()
    weights = load_file(path_of(seq_len), str(checked_device(device)))
    model.load_state_dict(weights, assign=True)
    return model
