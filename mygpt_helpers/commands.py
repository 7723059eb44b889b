"""`mygpt train` and `mygpt generate`: learn from a file of your own, and write on. From lesson 13.

And `mygpt class`, for a teacher.

Here are their options, and what --help says. What they do stands in learn and write, which are
imported when they are asked for, so that --help answers at once.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

# An option of train: its default, and what is said of it. The default's type is the option's.
SETTINGS: dict[str, tuple[Any, str]] = {
    "tokenizer": ("char", "a token: a character (char) or a piece of a word (bpe) (lesson 13)"),
    "vocab_size": (1024, "tokens of bpe; char has one for each character of the text (13)"),
    "seq_len": (64, "tokens that the model reads at once: its context (12)"),
    "embed_dim": (128, "numbers that stand for a token (10)"),
    "num_layers": (4, "layers, one after the other (10)"),
    "num_heads": (4, "attention heads in each layer; they share embed-dim (10)"),
    "dropout": (0.0, "share of numbers left out by chance, against learning by heart (13)"),
    "steps": (2000, "batches to learn from (11)"),
    "batch_size": (32, "pieces of text in a batch, of all processes together (11)"),
    "lr": (3e-3, "learning rate: how far a step goes (11)"),
    "schedule": ("constant", "the rate: as it is, or cosine, which warms up and then falls (13)"),
    "clip": (1.0, "the largest norm of the gradients; larger ones are scaled down (13)"),
    "held_out": (0.1, "share of the file, at its end, that it is only examined on; 0: none (13)"),
    "evaluate_every": (100, "steps from one held-out loss to the next (13)"),
    "save_every": (250, "steps from one checkpoint to the next (11)"),
    "dtype": ("float32", "bfloat16 computes coarser, and faster on many GPUs (13)"),
    "compile": (False, "translate the model by torch.compile first (13)"),
    "seed": (0, "the run's chance: the same seed, the same run (03)"),
}
CHOICES = {
    "tokenizer": ("char", "bpe"),
    "schedule": ("constant", "cosine"),
    "dtype": ("float32", "bfloat16"),
}
FREE = ("save_every", "compile")  # what a run may go on with otherwise
# An option of generate: its type, its default, and what is said of it.
KNOBS: dict[str, tuple[type, Any, str]] = {
    "max_new_tokens": (int, 200, "tokens to write (default: 200) (02)"),
    "temperature": (float, 1.0, "below 1 careful, above 1 bold (default: 1.0) (04)"),
    "top_k": (int, None, "choose from the k likeliest; 1 is greedy: always the top one (05)"),
    "top_p": (float, None, "choose from the likeliest that make up p together (06)"),
    "min_p": (float, None, "choose from those with at least p of the top one's probability (06)"),
    "repetition_penalty": (float, None, "above 1: what was there becomes less likely (06)"),
    "no_repeat_ngram_size": (int, None, "no n tokens in a row come twice (06)"),
    "eos_token_id": (int, None, "end after the token with this id (02)"),
}
TRAIN = """\
Learn to write like a text file. Of its characters or byte pairs a GPT of lesson 10 is made, and
trained as in lessons 11 and 13. The run folder then holds all that `generate` needs.

  {program} train my.txt --steps 500 --out run      a first try
  {program} train --resume run                      go on with what was stopped
  {program} train --resume run --steps 2000         go on for longer
  torchrun --nproc-per-node 2 -m mygpt_helpers train my.txt      by two processes

Ctrl-C stops it and saves. A run that goes on is, to the bit, one that was never stopped."""
GENERATE = """\
Go on with a prompt, by a model that `train` made: the next token, in a for-loop (lesson 02).

  {program} generate --checkpoint run --prompt "Once" --temperature 0.8
  {program} generate --checkpoint run --prompt "Once" --top-k 1      greedy
  {program} generate --checkpoint run --prompt "Once" --seed 7       the same text each time"""
CLASS = """\
Show which exercises and questions were hard for a class, from its learners' progress files.

  {program} class collected/                        all .json files in a folder
  {program} class */progress.json --out tries.png   and a picture of it

Tries are counted only where learners agreed: by keep_tries() in a notebook, or for a whole class
by the environment variable MYGPT_TRIES=on, against which keep_tries(False) stands. A file holds
counts and first choices: no names, no code, no times. A row of fewer than three learners has no
numbers, since it may tell who it was. A file that cannot be used is named and left out."""
DEVICE = "cpu, cuda, mps (default: cuda where there is one, else cpu)"


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three commands to those of the command line."""
    plain = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    about = TRAIN.format(program=short_name())
    parser = commands.add_parser(
        "train", help="train a model on a text file of yours", description=about, **plain
    )
    parser.add_argument("file", nargs="?", help="a text in UTF-8, at most 100 MB")
    parser.add_argument("--resume", metavar="RUN", help="the folder of the run to go on with")
    parser.add_argument("--out", metavar="RUN", help="the run's folder (default: run)")
    parser.add_argument("--device", help=DEVICE)
    for name, (default, what) in SETTINGS.items():
        # One that was not given is left out: a run that goes on has its own.
        about = {"default": argparse.SUPPRESS, "help": f"{what} (default: {default})"}
        if isinstance(default, bool):
            about |= {"action": "store_true", "help": what}
        else:
            about |= {"type": type(default), "choices": CHOICES.get(name)}
            about |= {} if name in CHOICES else {"metavar": type(default).__name__.upper()}
        parser.add_argument(_flag(name), **about)
    about = GENERATE.format(program=short_name())
    parser = commands.add_parser(
        "generate", help="write a text with a model that you trained", description=about, **plain
    )
    parser.add_argument("--checkpoint", metavar="RUN", required=True, help="the run's folder")
    parser.add_argument("--prompt", required=True, help="the text to go on with (01)")
    for name, (kind, default, what) in KNOBS.items():
        about = {"type": kind, "metavar": kind.__name__.upper(), "default": default, "help": what}
        parser.add_argument(_flag(name), **about)
    parser.add_argument("--seed", type=int, metavar="INT", help="the same seed, the same text (03)")
    parser.add_argument("--device", help=DEVICE)
    about = CLASS.format(program=short_name())
    parser = commands.add_parser(
        "class", help="show what was hard for a class, for a teacher", description=about, **plain
    )
    parser.add_argument("files", nargs="+", help="progress files, or folders that hold them")
    parser.add_argument("--out", metavar="PNG", help="a picture to make of it, such as tries.png")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def short_name() -> str:
    """Return how this program is called in the README: mygpt, or python -m mygpt_helpers."""
    return "mygpt" if Path(sys.argv[0]).stem == "mygpt" else "python -m mygpt_helpers"


def program(*arguments: str) -> str:
    """Return a command of this program that can be given again as it stands."""
    python = "python" if shutil.which("python") == sys.executable else sys.executable
    called = [python, "-m", "mygpt_helpers"]
    if Path(sys.argv[0]).stem == "mygpt":
        called = ["mygpt" if shutil.which("mygpt") == sys.argv[0] else sys.argv[0]]
    return shlex.join([*called, *arguments])
