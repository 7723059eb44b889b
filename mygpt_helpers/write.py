"""`mygpt generate`: a text, as it is written. Used in lesson 13."""

from __future__ import annotations

import argparse
import random
import re
import sys

import torch

from .checks import checked_device
from .commands import KNOBS
from .errors import PromptError
from .generation import Step, generate
from .runs import load_run
from .tokenizing import BPETokenizer

# What moves a terminal's cursor or colours it; a model may write anything.
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def write(options: argparse.Namespace) -> int:
    """Print the prompt and what the model writes after it, token by token; return 0."""
    device = checked_device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    run = load_run(options.checkpoint, device=device)
    tokenizer, prompt = run.tokenizer, options.prompt
    if not isinstance(tokenizer, BPETokenizer):
        new = [c for c in dict.fromkeys(prompt) if c not in tokenizer.vocab]
        if new:
            raise PromptError(
                f"the model has no token for {', '.join(map(repr, new)):.80}: the text that it "
                "learned from has no such character. Leave it out of the prompt."
            )
    ids = torch.tensor([tokenizer.encode(prompt)], dtype=torch.long, device=device)  # (1, T)
    pending: list[int] = []  # ids whose bytes make no whole character yet
    started = False

    def show(step: Step) -> None:
        nonlocal started
        if not started:
            _print(prompt)
            started = True
        pending.append(step.chosen)
        text = tokenizer.decode(pending)
        if not text.endswith("\ufffd"):
            _print(text)
            pending.clear()

    knobs = {name: getattr(options, name) for name in KNOBS}
    chance = random.Random(options.seed)
    generate(run.model, ids, **knobs, generator=chance, on_step=show)
    _print(tokenizer.decode(pending) + "\n")
    return 0


def _print(text: str) -> None:
    """Print at once; on a terminal, what would move its cursor as an escape."""
    if sys.stdout.isatty():
        text = CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)
    print(text, end="", flush=True)
