"""Distributions that both the notebook's kernel and the test build, from the same seeds."""

from __future__ import annotations

import random

import torch

# Threads that wait for one another make small tensors slow where other tests run beside these.
torch.set_num_threads(1)

ALL_KNOBS = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")


def _random(vocab_size: int, scale: float, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(vocab_size, generator=generator)


def _language_like() -> torch.Tensor:
    logits = _random(49_152, 2.0, 1)
    logits[[1400, 2500, 88, 9, 345, 40_000]] += torch.tensor([13.0, 12.0, 11.8, 11.0, 9.0, 8.5])
    return logits


def _with_minus_infinity() -> torch.Tensor:
    logits = _random(40, 2.0, 2)
    logits[::2] = -torch.inf
    return logits


LOGITS = {
    "like a model's": _language_like(),
    "wide and flat": _random(49_152, 1.5, 3),
    "peaked": _random(5_000, 8.0, 4),
    "tied": _random(300, 1.5, 5).round(),
    "all the same": torch.zeros(10),
    "minus infinity": _with_minus_infinity(),
    "float16": _random(1_000, 3.0, 6).half(),
    "three": torch.tensor([1.0, 3.0, 2.0]),
    "one": torch.tensor([-4.0]),
}
HOSTILE = [
    "$x^2$ and $$\\sum$$",
    "<b>bold</b><script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 1">',
    "[red]rich[/red] {{handlebars}} ${template}",
    "two\nlines\r\n\tand a tab",
    "nul \x00 bell \x07 escape \x1b[31m",
    "\u202eright to left override\u2066",
    "שלום עולם",
    "😀👩‍👩‍👧‍👦🇫🇷",
    "a" * 10_000,
    "",
    " ",
    "e\u0301 \u0301 \ud800 \ufffd",
]


def previous_ids(name: str) -> torch.Tensor:
    """Return the ids so far: the top tokens, one of them twice, and a few others."""
    order = LOGITS[name].float().argsort(descending=True, stable=True)
    return torch.cat([order[:2], order[:1], order[5:40:7]])


def settings(name: str, number: int) -> list[dict[str, float]]:
    """Return random knobs, all five at once, from the values that the sliders stop at."""
    from mygpt_helpers.widgets.inputs import slider_stops

    random_ = random.Random(name)
    logits = LOGITS[name].float()
    made = []
    for _ in range(number):
        knobs = {}
        for knob in ALL_KNOBS:
            stops = slider_stops(knob, logits)
            neutral = {"temperature": 1, "top_k": len(logits), "top_p": 1, "min_p": 0}.get(knob, 1)
            knobs[knob] = random_.choice(stops) if random_.random() < 0.6 else neutral
        made.append(knobs)
    return made
