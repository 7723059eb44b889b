"""Runs of a toy model of five tokens, for the pictures that read a trace."""

from __future__ import annotations

import random

import torch

from mygpt_helpers import trace

LABELS = ["a", " b", "c\n", "<d>", "e"]


class Toy(torch.nn.Module):
    """A model without a training: the scores after each token stand in a table (V, V)."""

    def __init__(self, scores):
        super().__init__()
        self.scores = scores

    def forward(self, ids):  # (1, T) -> (1, T, V)
        return self.scores[ids], None


class Words:
    """A tokenizer that knows some names, written one after another, and takes any text for two."""

    def __init__(self, names):
        self.names, self.vocab_size = names, len(names)

    def encode(self, text):
        return [0, 1] if text else []

    def decode(self, ids):
        return "".join(self.names[i] for i in ids)


# After token i the probabilities are 0.5, 0.25, 0.125, 0.1, 0.025, for i, i + 1, and so on.
PROBS = torch.tensor([0.5, 0.25, 0.125, 0.1, 0.025])
MODEL = Toy(torch.stack([PROBS.log().roll(i) for i in range(5)]))


def run(n, prompt=(0,), **knobs):
    """Return a trace of n steps."""
    return trace(MODEL, torch.tensor([prompt]), n, generator=random.Random(0), **knobs)


RUN = run(3)
