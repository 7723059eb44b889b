"""Writing with the real model: our generate, the loop of the lessons, and transformers' own."""

from __future__ import annotations

from statistics import median

from .rows import Row, in_fresh_python, ratio

TOKENS, SAMPLED_TOKENS, ROWS = 64, 16, 32
BEAMS, BEAM_TOKENS = 4, 32
PAIRS = 7
# One process, in which they take turns; nothing ends a text. Each prints the seconds of all four
# kinds: generate and its peer greedy, trace greedy, both sampled for a batch, both with beams.
CODE = f"""
import torch
from time import perf_counter as now
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from mygpt_helpers import beam_search, generate, lesson_checkpoint, trace
checkpoint = lesson_checkpoint()
tokenizer = AutoTokenizer.from_pretrained(checkpoint)
model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
model.generation_config = GenerationConfig(pad_token_id=0)
one = tokenizer("Once upon a time there was", return_tensors="pt").input_ids
many = one.repeat({ROWS}, 1)

def peer(ids, n, **how):
    return model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=n, **how)

def traced(ids, n, **how):
    steps = trace(model, ids, n, **how)
    return torch.cat([steps[-1].ids, torch.tensor([steps[-1].chosen])])[None]

def ours(ids, n, **how):
    return generate(model, ids, n, **how)

def searched(ids, n, num_beams):
    return beam_search(model, ids, n, num_beams).ids

def timed(write, *given, **how):
    torch.manual_seed(0)
    start = now()
    ids = write(*given, **how)
    return now() - start, ids

def turn(greedy, sampled, long):
    a, ids = timed(ours, one, greedy, top_k=1)
    b, same = timed(peer, one, greedy, do_sample=False)
    c, again = timed(traced, one, greedy, top_k=1)
    d, drawn = timed(ours, many, sampled, top_p=0.9)
    e, alike = timed(peer, many, sampled, do_sample=True, top_k=0, top_p=0.9)
    f, best = timed(searched, one, long, {BEAMS})
    g, found = timed(peer, one, long, do_sample=False, num_beams={BEAMS})
    assert torch.equal(ids, same) and torch.equal(ids, again) and torch.equal(drawn, alike)
    assert torch.equal(best, found)
    return a, b, c, d, e, f, g

turn(8, 2, 4)
for _ in range({PAIRS}):
    print(*turn({TOKENS}, {SAMPLED_TOKENS}, {BEAM_TOKENS}))
"""


def generation() -> list[Row]:
    """Measure tokens a second with the real model; median of 7 turns, one after the other."""
    numbers = in_fresh_python(CODE)
    ours, peer, traced, drawn, drawn_peer, beams, beams_peer = (
        median(numbers[place::7]) for place in range(7)
    )
    batch = ROWS * SAMPLED_TOKENS
    drawn_name = f"{batch} tokens drawn with top_p in a batch of {ROWS}"
    rows = [
        (f"{TOKENS} greedy tokens of the real model", TOKENS, ours, peer, 1.0),
        ("the same, as a trace", TOKENS, traced, peer, 0.95),
        (drawn_name, batch, drawn, drawn_peer, 1.0),
        (
            f"{BEAM_TOKENS} tokens of a search with {BEAMS} beams",
            BEAM_TOKENS,
            beams,
            beams_peer,
            0.8,
        ),
    ]
    return [
        Row(
            f"{name} (peer: transformers' generate)",
            f"{count / mine:.1f} /s",
            f"{count / theirs:.1f} /s",
            ratio(theirs, mine),
            f"ratio >= {least}",
            round(theirs / mine, 2) >= least,
        )
        for name, count, mine, theirs, least in rows
    ]
