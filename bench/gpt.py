"""Our GPT, trained and written with, against transformers' GPT-2 of the same size."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from .rows import Row, in_fresh_python, ratio

if TYPE_CHECKING:
    from torch import nn

RUNS = 7
STEPS = 200
WIDE = 128  # a width at which the numbers cost more than the calls
SHORT, LONG = 60, 200  # new tokens; the context is 64, so the long text has to be cropped
PEER = "(peer: transformers' GPT-2)"
# One process with one thread, in which the sides take turns.
RUN = "from bench.gpt import {function}; {function}()"


def our_model(width: int = 8) -> nn.Module:
    """Return lesson 10's GPT, or one with vectors of another width."""
    from mygpt_helpers import GPT

    return GPT(vocab_size=4, embed_dim=width, num_heads=2, num_layers=2, max_seq_len=64)


def peer_model(width: int = 8) -> nn.Module:
    """Return transformers' GPT-2 of the same size, without dropout."""
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"vocab_size": 4, "n_embd": width, "n_head": 2, "n_layer": 2, "n_positions": 64}
    off = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    ends = {"bos_token_id": None, "eos_token_id": None}
    return GPT2LMHeadModel(GPT2Config(**sizes, **off, **ends))


def _real_sizes(peer: bool) -> nn.Module:
    """Return a model of the size that a real text wants, ours or the peer's."""
    from transformers import GPT2Config, GPT2LMHeadModel

    from mygpt_helpers import GPT

    if not peer:
        return GPT(vocab_size=65, embed_dim=128, num_heads=4, num_layers=4, max_seq_len=64)
    sizes = {"vocab_size": 65, "n_embd": 128, "n_head": 4, "n_layer": 4, "n_positions": 64}
    off = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    return GPT2LMHeadModel(GPT2Config(**sizes, **off, bos_token_id=None, eos_token_id=None))


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def _train_with_ours() -> float:
    import torch

    from mygpt_helpers import cycle_corpus, train

    torch.manual_seed(0)
    model, data = our_model(), cycle_corpus()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    return _seconds(lambda: train(model, data, optimizer, batch_size=4, seq_len=8, steps=STEPS))


def _train_plainly(peer: bool, width: int = 8) -> float:
    import torch
    import torch.nn.functional as F

    from mygpt_helpers import cycle_corpus, get_batch

    torch.manual_seed(0)
    model, data = (peer_model if peer else our_model)(width), cycle_corpus()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model.train()

    def loop() -> None:
        for _ in range(STEPS):
            inputs, targets = get_batch(data, 4, 8)  # (B, T) each
            if peer:
                logits = model(inputs).logits  # (B, T, V)
                loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
            else:
                _, loss = model(inputs, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()  # every loop keeps its losses

    return _seconds(loop)


def time_training() -> None:
    """Print, run by run, the seconds of `train`, of the plain loop and of the peer's."""
    for i in range(RUNS + 1):
        figures = _train_with_ours(), _train_plainly(peer=False), _train_plainly(peer=True)
        if i:  # the first warms up
            print(*figures)


def time_wide_training() -> None:
    """Print the seconds of the plain loop and of the peer's, with wide vectors."""
    for i in range(RUNS + 1):
        figures = _train_plainly(peer=False, width=WIDE), _train_plainly(peer=True, width=WIDE)
        if i:
            print(*figures)


def time_real_training() -> None:
    """Print, turn by turn, the seconds of 10 steps by `train` and of the peer's plain loop."""
    import torch
    import torch.nn.functional as F

    from mygpt_helpers import Record, get_batch, train

    data = torch.randint(65, (100_000,))
    ours, peer = _real_sizes(peer=False), _real_sizes(peer=True).train()
    optimizer, peer_optimizer = (
        torch.optim.AdamW(model.parameters(), lr=1e-3) for model in (ours, peer)
    )
    record = Record()

    def by_train() -> None:
        steps = len(record.losses) + 10
        train(ours, data, optimizer, batch_size=12, seq_len=64, steps=steps, record=record)

    def by_peer() -> None:
        for _ in range(10):
            inputs, targets = get_batch(data, 12, 64)  # (B, T) each
            logits = peer(inputs).logits  # (B, T, V)
            loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
            peer_optimizer.zero_grad()
            loss.backward()
            peer_optimizer.step()
            loss.item()

    for i in range(2 * RUNS + 1):
        figures = _seconds(by_train), _seconds(by_peer)
        if i:
            print(*figures)


def time_writing() -> None:
    """Print, run by run, the seconds of 60 greedy tokens, of 200, and of the peer's 60."""
    import torch
    from transformers.utils import logging

    from mygpt_helpers import generate

    logging.set_verbosity_error()
    model, peer = our_model().eval(), peer_model().eval()
    prompt_ids = torch.tensor([[0]])
    mask = torch.ones_like(prompt_ids)

    def theirs() -> torch.Tensor:
        options = {"max_new_tokens": SHORT, "do_sample": False, "pad_token_id": 0}
        return peer.generate(prompt_ids, attention_mask=mask, **options)

    if theirs().shape != generate(model, prompt_ids, SHORT, top_k=1).shape:
        raise RuntimeError("the two sides do not write as many tokens")
    generate(model, prompt_ids, LONG, top_k=1)
    for _ in range(RUNS):
        print(
            _seconds(lambda: generate(model, prompt_ids, SHORT, top_k=1)),
            _seconds(lambda: generate(model, prompt_ids, LONG, top_k=1)),
            _seconds(theirs),
        )


def _medians(function: str, columns: int, threads: int = 1) -> list[float]:
    numbers = in_fresh_python(RUN.format(function=function), OMP_NUM_THREADS=str(threads))
    return [median(numbers[column::columns]) for column in range(columns)]


def gpt() -> list[Row]:
    """Measure training and writing; median of 7 interleaved runs a side, one thread."""
    by_train, plain, peer_steps = _medians("time_training", 3)
    wide, peer_wide = _medians("time_wide_training", 2)
    short, long, peer_short = _medians("time_writing", 3)
    rows = [
        Row(
            f"{STEPS} steps of {name} {PEER}",
            f"{ours * 1e3:.0f} ms",
            f"{peers * 1e3:.0f} ms",
            ratio(ours, peers),
            f"ratio <= {limit}",
            ours <= limit * peers,
        )
        for name, ours, peers, limit in (
            # A twentieth more than the loop: it keeps a copy of the last good state at every step.
            ("lesson 11 by train", by_train, peer_steps, 0.84),
            ("lesson 11 by a plain loop", plain, peer_steps, 0.8),
            (f"a plain loop at width {WIDE}", wide, peer_wide, 1),
        )
    ]
    for threads in (1, 2):
        ours, peers = _medians("time_real_training", 2, threads)
        name = f"a step of train, 4 layers of width {WIDE}, {threads} threads {PEER}"
        shown = f"{ours * 100:.0f} ms", f"{peers * 100:.0f} ms", ratio(ours, peers)
        rows.append(Row(name, *shown, "ratio <= 0.68", ours <= 0.68 * peers))
    rows.append(
        Row(
            f"{SHORT} greedy tokens of the small GPT {PEER}",
            f"{short * 1e3:.0f} ms",
            f"{peer_short * 1e3:.0f} ms",
            ratio(short, peer_short),
            "1.5 times as fast",
            1.5 * short <= peer_short,
        )
    )
    for name, per_token in (
        (f"(peer: transformers' GPT-2, {SHORT})", peer_short / SHORT),
        (f"(peer: our own {SHORT})", short / SHORT),
    ):
        rows.append(
            Row(
                f"per token of {LONG}, beyond the context of 64 {name}",
                f"{long / LONG * 1e3:.2f} ms",
                f"{per_token * 1e3:.2f} ms",
                ratio(long / LONG, per_token),
                "ratio <= 1.5",
                long / LONG <= 1.5 * per_token,
            )
        )
    return rows
