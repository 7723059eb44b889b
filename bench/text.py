"""What our GPT and transformers' GPT-2 learn of a real text in the same time of one CPU core."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Any

from .rows import Row, in_fresh_python, ratio

if TYPE_CHECKING:
    from torch import Tensor, nn

SECONDS = 45.0
PROBE_SECONDS = 4.0
RATES = {"ours": (2e-3, 4e-3, 8e-3), "peer": (8e-3, 1.6e-2, 3.2e-2)}  # the best between others
SEEDS = (0, 1, 2)
RUN = "import torch; torch.set_num_threads(1); from bench.text import compare; compare()"


def peer_run(
    settings: dict[str, Any], data: Tensor, seconds: float
) -> tuple[nn.Module, list[float], float]:
    """Train a GPT-2 of these sizes in a plain loop; return model, losses and CPU seconds."""
    import torch
    import torch.nn.functional as F
    from transformers import GPT2Config, GPT2LMHeadModel

    from mygpt_helpers import get_batch, warmup_cosine

    class Peer(GPT2LMHeadModel):
        """A GPT-2 that is called as our GPT is."""

        def forward(self, ids: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
            """Return logits and loss."""
            logits = super().forward(ids).logits  # (B, T, V)
            return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    torch.manual_seed(settings["seed"])
    sizes = {"vocab_size": settings["vocab_size"], "n_embd": settings["embed_dim"]}
    sizes |= {"n_head": settings["num_heads"], "n_layer": settings["num_layers"]}
    off = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "use_cache": False}
    ends = {"bos_token_id": None, "eos_token_id": None}
    model = Peer(GPT2Config(**sizes, n_positions=settings["seq_len"], **off, **ends)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings["rate"])
    factor = warmup_cosine(settings["steps"], settings["steps"] // 20)
    start, used, losses = time.process_time(), 0.0, []
    while used < seconds and len(losses) < settings["steps"]:
        _, loss = model(*get_batch(data, settings["batch_size"], settings["seq_len"]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clip"])
        for group in optimizer.param_groups:
            group["lr"] = settings["rate"] * factor(len(losses) + 1)
        optimizer.step()
        losses.append(loss.item())
        used = time.process_time() - start
    return model, losses, used


def compare() -> None:
    """Print the bits per character of every seed, of ours and then of the peer's."""
    from tools.text_runs import BASE, Texts, run, with_steps

    texts = Texts(BASE)

    def our_run(settings: dict[str, Any], data: Tensor, seconds: float) -> tuple[Any, ...]:
        model, record, used = run(settings, data, seconds)
        return model, record.losses, used

    sides = {"ours": our_run, "peer": peer_run}
    found: dict[tuple[str, float, int], float] = {}

    def measure(side: str, rate: float, seed: int) -> float:
        train: Callable[..., tuple[Any, ...]] = sides[side]
        settings = BASE | {"rate": rate, "seed": seed, "steps": 10_000}
        _, losses, used = train(settings, texts.training, PROBE_SECONDS)
        settings = with_steps(settings, len(losses) / used, SECONDS)
        model, losses, used = train(settings, texts.training, SECONDS)
        bits = texts.bits_per_char(model, "held_out", BASE["seq_len"])
        said = f"{side}, rate {rate}, seed {seed}: {len(losses)} steps, {used:.1f} s, {bits:.4f}"
        print(said, file=sys.stderr, flush=True)
        return bits

    for rates in zip(*RATES.values(), strict=True):  # the sides take turns
        for side, rate in zip(RATES, rates, strict=True):
            found[side, rate, SEEDS[0]] = measure(side, rate, SEEDS[0])
    best = {side: min(RATES[side], key=lambda rate: found[side, rate, SEEDS[0]]) for side in RATES}
    for seed in SEEDS[1:]:
        for side in sides:
            found[side, best[side], seed] = measure(side, best[side], seed)
    for side in sides:
        print(*(found[side, best[side], seed] for seed in SEEDS))


def text() -> list[Row]:
    """Return bits per held-out character: the median of three seeds, at the best of three rates."""
    figures = in_fresh_python(RUN)
    ours, peer = median(figures[: len(SEEDS)]), median(figures[len(SEEDS) :])
    name = f"real text: bits per held-out character after {SECONDS:.0f} s (peer: GPT-2)"
    return [Row(name, f"{ours:.3f}", f"{peer:.3f}", ratio(ours, peer), "below 1", ok=ours < peer)]
