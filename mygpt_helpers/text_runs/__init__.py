"""The runs that lesson 13 shows at once: models trained before on the lessons' text.

The files beside this one are what `python -m tools.text_runs` makes: of each run its losses and its
samples, of "base" also the weights. A test begins one again and compares.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from ..checks import checked_device
from ..errors import InputError
from ..gpt import GPT
from ..tokenizing import CharTokenizer, tokenizer_from_json

FOLDER = Path(__file__).parent
WEIGHTS = FOLDER / "base.safetensors"
NAMES = ("base", "overfit", "less_data", "wider", "longer", "bpe", "no_attention")


def text_run(name: str) -> dict[str, Any]:
    """Return what is kept of a run: how it was made, its losses, and texts it wrote on the way.

    name: one of NAMES; all of them trained for the same time. about: what is special, in a
    sentence. settings: all that makes it again. parameters: how many. seconds: of one CPU core, in
    training. steps: where the curves have a point; losses: of the training, in nats per token, the
    mean since the point before; held_out: at that step, in nats per token. bits_per_char and
    training_bits_per_char: at the end, of the whole held-out part, and of as much of the text
    learned from. tokens_per_char: of the held-out part. samples: the text written after so many
    steps, by step. Raises ValueError for another name. Used in lesson 13.
    """
    if name not in NAMES:
        raise InputError(f"name must be one of {', '.join(NAMES)}, got {name!r:.40}.")
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def loss_by_position() -> dict[str, Any]:
    """Return how well the course's model guesses at each position, far past its context.

    positions: 512, 1,024 and so on to 14,336; losses: in nats per token, the mean over the 512
    positions up to there, of several long pieces of the lessons' text. context: the positions that
    the model was trained for. Made by `python -m tools.long_text`. Used in lesson 12.
    """
    return json.loads((FOLDER / "long_text.json").read_text(encoding="utf-8"))


def text_gpt(*, device: torch.device | str | None = None) -> tuple[GPT, CharTokenizer]:
    """Return the model of the run "base", as it was at the end, and its tokenizer.

    device: where to put it, by default torch's default. Raises ValueError for a device that is not
    there. Used in lessons 13 and 14.
    """
    with safe_open(WEIGHTS, "pt", str(checked_device(device))) as file:
        kept, names = file.metadata(), file.keys()
        weights = {name: file.get_tensor(name) for name in names}
    with torch.device("meta"):
        model = GPT(**json.loads(kept["config"]))
    model.load_state_dict(weights, assign=True)
    return model, tokenizer_from_json(kept["tokenizer"])
