"""Writing with the real model: our generate, the loop of the lessons, and transformers' own."""

from __future__ import annotations

from statistics import median

from .rows import Row, in_fresh_python, ratio

TOKENS = 64
PAIRS = 7
# One process, in which the two take turns; neither has an end to stop at.
CODE = f"""
from time import perf_counter as now
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from mygpt_helpers import generate, lesson_checkpoint
checkpoint = lesson_checkpoint()
tokenizer = AutoTokenizer.from_pretrained(checkpoint)
model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
model.generation_config = GenerationConfig(pad_token_id=0)
inputs = tokenizer("Once upon a time there was", return_tensors="pt")

def ours(n):
    start = now()
    ids = generate(model, inputs.input_ids, n, top_k=1)
    return now() - start, ids

def peer(n):
    start = now()
    ids = model.generate(**inputs, max_new_tokens=n, do_sample=False)
    return now() - start, ids

ours(8), peer(8)
for _ in range({PAIRS}):
    (a, ids), (b, same) = ours({TOKENS}), peer({TOKENS})
    assert torch.equal(ids, same) and ids.shape[1] == inputs.input_ids.shape[1] + {TOKENS}
    print(a, b)
"""


def generation() -> list[Row]:
    """Measure 64 greedy tokens of the real model; median of 7 interleaved pairs."""
    numbers = in_fresh_python(CODE)
    ours, peer = (TOKENS / median(numbers[side::2]) for side in (0, 1))
    return [
        Row(
            f"{TOKENS} greedy tokens of the real model (peer: transformers' generate)",
            f"{ours:.1f} /s",
            f"{peer:.1f} /s",
            ratio(ours, peer),
            "ratio >= 0.95",
            ours >= 0.95 * peer,
        )
    ]
