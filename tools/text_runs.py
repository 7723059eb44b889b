"""Make the runs that lesson 13 shows at once: `python -m tools.text_runs [NAME ...]`, for minutes.

All train for the same time, counted in seconds of one CPU core, at the best of three rates, which
short trials find, or at the one given. Samples and held-out losses are outside of that time.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from mygpt_helpers import (
    GPT,
    BPETokenizer,
    CharTokenizer,
    Record,
    bits_per_char,
    count_parameters,
    generate,
    held_out_loss,
    lesson_text,
    read_text,
    split_text,
    start_small,
    train,
    warmup_cosine,
)
from mygpt_helpers.checks import plain_pass
from mygpt_helpers.files import write_whole
from mygpt_helpers.gpt import Block
from mygpt_helpers.text_runs import FOLDER, NAMES, WEIGHTS

SECONDS = 100.0
TRIAL_SECONDS = 20.0
RATES = (2e-3, 4e-3, 8e-3)
FIRST = 20  # steps: the first point of the curves, that a test begins a run again for
SAMPLED = (0, 100, 300, 1000)  # steps, and the last one
BASE = {
    "characters": 901_339,  # of the text learned from, from its start
    "tokenizer": "char",
    "vocab_size": 78,  # the 77 characters, and one for all others
    "embed_dim": 64,
    "num_heads": 4,
    "num_layers": 4,
    "attention": True,
    "seq_len": 64,
    "batch_size": 16,
    "clip": 1.0,
    "seed": 0,
}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "base": ("Base run: characters, all of the text.", {}),
    "overfit": ("Characters, the first 20,000 alone.", {"characters": 20_000}),
    "less_data": ("Characters, a tenth of the text.", {"characters": 90_134}),
    "wider": ("The base run, twice as wide.", {"embed_dim": 2 * BASE["embed_dim"]}),
    "longer": ("The base run, four times the context.", {"seq_len": 256, "batch_size": 4}),
    "bpe": ("Byte pairs, 512 tokens.", {"tokenizer": "bpe", "vocab_size": 512}),
    "no_attention": (
        "The base run without attention.",
        {"attention": False},
    ),
}


class BlindBlock(Block):
    """A block without attention: no position sees another one."""

    def __init__(self, embed_dim: int) -> None:
        super().__init__(embed_dim, num_heads=1)
        del self.attention, self.attention_norm

    def forward(self, x: Tensor) -> Tensor:
        """Return x with the MLP's result added: (B, T, C) -> (B, T, C)."""
        return x + self.mlp(self.mlp_norm(x))


class Texts:
    """The two parts of the lessons' text, as a tokenizer's ids."""

    def __init__(self, settings: dict[str, Any]) -> None:
        """Train the tokenizer on the whole training part; the model may see less of it."""
        training, held_out = split_text(read_text(lesson_text()))
        if settings["tokenizer"] == "bpe":
            self.tokenizer = BPETokenizer.train(training, settings["vocab_size"])
        else:
            self.tokenizer = CharTokenizer.train(training, unknown="<unk>")
        self.characters = {"training": settings["characters"], "held_out": len(held_out)}
        self.training = self._ids(training[: settings["characters"]])
        self.held_out = self._ids(held_out)

    def _ids(self, text: str) -> Tensor:
        return torch.tensor(self.tokenizer.encode(text))

    def bits_per_char(self, model: nn.Module, part: str, seq_len: int) -> float:
        """Return what the whole held-out part takes, or as many pieces of the training part."""
        ids = getattr(self, part)
        pieces = (len(self.held_out) - 2) // seq_len + 1
        with plain_pass():
            loss = held_out_loss(model, ids, seq_len, pieces=pieces)
        return bits_per_char(loss, len(ids), self.characters[part])


def make_model(settings: dict[str, Any]) -> GPT:
    """Return the model that a run begins with, from torch's generator as it is."""
    sizes = ("vocab_size", "embed_dim", "num_heads", "num_layers")
    model = GPT(**{name: settings[name] for name in sizes}, max_seq_len=settings["seq_len"])
    if not settings["attention"]:
        model.blocks = nn.ModuleList(BlindBlock(settings["embed_dim"]) for _ in model.blocks)
    return start_small(model)


def run(
    settings: dict[str, Any],
    data: Tensor,
    seconds: float = float("inf"),
    each: Callable[[int, nn.Module], object] = lambda step, model: None,
    make: Callable[[dict[str, Any]], nn.Module] = make_model,
) -> tuple[nn.Module, Record, float]:
    """Train until the schedule's or the time's end; return model, record and CPU seconds.

    each(step, model) is called after every step, outside of the time.
    """
    torch.manual_seed(settings["seed"])
    model = make(settings)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings["rate"])
    each(0, model)
    start = time.process_time()
    used = 0.0

    def on_step(step: int, _: float) -> None:
        nonlocal start, used
        used = time.process_time() - start
        each(step, model)
        start = time.process_time() - used
        if used >= seconds:
            raise KeyboardInterrupt  # ends a training after a whole step

    with contextlib.redirect_stdout(io.StringIO()):  # that it was stopped is no news here
        record = train(
            model,
            data,
            optimizer,
            batch_size=settings["batch_size"],
            seq_len=settings["seq_len"],
            steps=settings["steps"],
            clip=settings["clip"],
            schedule=warmup_cosine(settings["steps"], settings["steps"] // 20),
            on_step=on_step,
        )
    return model, record, used


def with_steps(settings: dict[str, Any], speed: float, seconds: float) -> dict[str, Any]:
    """Return the settings with as many steps as the time has room for, and some to spare."""
    return settings | {"steps": max(FIRST, int(0.95 * speed * seconds))}


def best_rate(
    settings: dict[str, Any], texts: Texts, seconds: float, rates: Sequence[float]
) -> tuple[dict[str, Any], float]:
    """Return the settings with the best of the rates, and steps a second, from short trials."""
    probe = settings | {"rate": rates[0], "steps": 10_000}
    _, record, used = run(probe, texts.training, seconds / 4)
    trials, steps, times = {}, len(record.losses), used
    for rate in rates:
        trial = with_steps(settings | {"rate": rate}, steps / times, seconds)
        model, record, used = run(trial, texts.training, 1.2 * seconds)
        steps, times = steps + len(record.losses), times + used
        with plain_pass():
            trials[rate] = held_out_loss(model, texts.held_out, settings["seq_len"])
        print(f"  rate {rate}: {trials[rate]:.4f} after {len(record.losses)} steps", flush=True)
    return settings | {"rate": min(trials, key=trials.get)}, steps / times


def sample(model: nn.Module, texts: Texts) -> str:
    """Return a text that the model writes after an end of a line."""
    prompt = torch.tensor([texts.tokenizer.encode("\n")])
    length = 300 * len(texts.held_out) // texts.characters["held_out"]
    ids = generate(model, prompt, length, temperature=0.8, generator=random.Random(0))
    return texts.tokenizer.decode(ids[0, 1:])


def make(
    name: str, seconds: float, trial_seconds: float, rates: Sequence[float] = RATES
) -> dict[str, Any]:
    """Train a run, and return what text_run tells of it; keep the weights of "base"."""
    about, changes = RUNS[name]
    texts = Texts(settings := BASE | changes)
    settings, speed = best_rate(settings, texts, trial_seconds, rates)
    settings = with_steps(settings, speed, seconds)
    every = 100 if settings["steps"] > 2000 else 50
    held_out, samples = {}, {}

    def each(step: int, model: nn.Module, *, last: bool = False) -> None:
        if step and (step == FIRST or step % every == 0 or last):
            with plain_pass():
                held_out[step] = held_out_loss(model, texts.held_out, settings["seq_len"])
        if step in SAMPLED or last:
            samples[str(step)] = sample(model, texts)

    model, record, used = run(settings, texts.training, seconds, each)
    each(len(record.losses), model, last=True)
    steps = [*held_out]
    spans = [record.losses[a:b] for a, b in zip([0, *steps], steps, strict=False)]
    if name == "base":
        about_it = {"config": json.dumps(model.config), "tokenizer": texts.tokenizer.to_json()}
        write_whole(WEIGHTS, save(model.state_dict(), metadata=about_it))
    bits = {p: texts.bits_per_char(model, p, settings["seq_len"]) for p in texts.characters}
    return {
        "about": about,
        "settings": settings,
        "parameters": count_parameters(model),
        "seconds": round(used, 1),
        "steps": steps,
        "losses": [round(sum(span) / len(span), 4) for span in spans],
        "held_out": [round(loss, 4) for loss in held_out.values()],
        "bits_per_char": round(bits["held_out"], 4),
        "training_bits_per_char": round(bits["training"], 4),
        "tokens_per_char": round(len(texts.held_out) / texts.characters["held_out"], 4),
        "samples": samples,
    }


def main(arguments: list[str] | None = None) -> int:
    """Make the runs that are named, or all, and store them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of CPU, for each")
    parser.add_argument("--trial-seconds", type=float, default=TRIAL_SECONDS, help="of each rate")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="to be tried")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for name in given.names or NAMES:
        print(f"{name}: {RUNS[name][0]}", flush=True)
        kept = make(name, given.seconds, given.trial_seconds, given.rates)
        write_whole(FOLDER / f"{name}.json", (json.dumps(kept, indent=1) + "\n").encode())
        print(
            f"  {kept['steps'][-1]} steps, {kept['seconds']} s, bits per character "
            f"{kept['training_bits_per_char']} and held-out {kept['bits_per_char']}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
