"""`mygpt train`: from a text file to a run folder. Used in lesson 13."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from .checkpoints import load_checkpoint
from .checks import checked_device
from .commands import FREE, SETTINGS, program
from .console import say
from .corpus import check_data
from .errors import CheckpointError, InputError
from .gpt import GPT, count_parameters, start_small
from .held_out import held_out_loss
from .meter import Progress
from .record import Record, TrainingError, bits_per_char, differences, warmup_cosine
from .runs import Run, load_run, only_here, save_run
from .texts import read_text, split_text
from .tokenizing import BPETokenizer, CharTokenizer
from .training import train

if TYPE_CHECKING:
    from accelerate import Accelerator

Say = Callable[[str], object]


def learn(options: argparse.Namespace) -> int:
    """Train a new run, or go on with one; return 0, or 130 where it was stopped and saved."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended from outside: save, too
    if options.resume is None and options.file is None:
        raise InputError(f"give a text file: {program('train', 'FILE')}; --help says more.")
    if options.resume is not None and options.out is not None:
        raise InputError("--resume goes on in the run's own folder: leave --out out.")
    is_new = options.resume is None
    folder = Path((options.out or "run") if is_new else options.resume).expanduser()
    given = {name: value for name, value in vars(options).items() if name in SETTINGS}
    device, accelerator = place(options.device, int(os.environ.get("WORLD_SIZE", 1)))
    is_main = accelerator is None or accelerator.is_main_process  # which speaks and saves
    tell: Say = say if is_main else lambda line: None
    with contextlib.ExitStack() as stack:
        if is_main and not is_new:
            stack.enter_context(only_here(folder, new=False))
        if is_new:
            run, text = _new_run(options.file, given, device, tell)
        else:
            run, text = _former_run(folder, options.file, given, device)
        if is_main and is_new:
            stack.enter_context(only_here(folder, new=True))
        job = Job(folder, run, text, device, tell)
        if accelerator is not None:
            tell(f"{accelerator.num_processes} processes share each batch.")
        if not is_new:
            load_checkpoint(folder, run.model, job.optimizer)
        return job.train(accelerator, is_main)


def place(name: str | None, processes: int) -> tuple[torch.device, Accelerator | None]:
    """Return this process's device, and what knows the others where there are several."""
    device = checked_device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    if processes == 1:
        return device, None
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=device.type == "cpu")
    return accelerator.device, accelerator


def _new_run(file: str, given: dict[str, Any], device: torch.device, tell: Say) -> tuple[Run, str]:
    """Return a run that has not begun, and the file's text."""
    text = read_text(file)
    settings = {name: default for name, (default, _) in SETTINGS.items()} | given
    settings |= {"file": str(Path(file).expanduser().absolute()), "sha256": _digest(text)}
    learned, held_out = _parts(text, settings)
    tokenizer = _tokenizer(learned, settings)
    tokens, least = len(tokenizer.encode(_known(held_out, tokenizer))), settings["seq_len"] + 2
    is_short = settings["held_out"] and tokens < least
    if is_short:
        settings["held_out"], learned = 0.0, text
        tokenizer = _tokenizer(text, settings)
    ids = torch.tensor(tokenizer.encode(learned), device="cpu")
    check_data(ids, settings["batch_size"], settings["seq_len"])
    if is_short:
        tell(
            f"Nothing is held out: the file's end is too short for --seq-len {least - 2}, which "
            f"needs {least} tokens. The model learns from all of it."
        )
    torch.manual_seed(settings["seed"])
    sizes = {name: settings[name] for name in ("embed_dim", "num_heads", "num_layers", "dropout")}
    model = start_small(GPT(tokenizer.vocab_size, **sizes, max_seq_len=settings["seq_len"]))
    return Run(model.to(device), tokenizer, settings, Record()), text


def _former_run(
    folder: Path, file: str | None, given: dict[str, Any], device: torch.device
) -> tuple[Run, str]:
    """Return a run to go on with, and its text; raise where either is another than it was."""
    run = load_run(folder, device=device)
    settings, steps = run.settings, len(run.record.losses)
    lacks = {*SETTINGS, "file", "sha256"} - {*settings}
    if lacks:
        raise CheckpointError(
            f"the run {folder} says nothing of {min(lacks)}: another version of the course, or "
            "other code, made it. Go on with it there."
        )
    free = FREE if settings["schedule"] == "cosine" else (*FREE, "steps")
    fixed = {name: value for name, value in given.items() if name not in free}
    if others := differences(settings, fixed):
        raise InputError(
            f"the run's {steps} steps were made with {others}. Give the same to go on as if never "
            "stopped, or leave them out: the run knows them."
        )
    settings |= given
    path = Path(file or settings["file"]).expanduser().absolute()
    text = read_text(path) if path.exists() else ""
    if _digest(text) != settings["sha256"]:
        raise InputError(
            f"{path} is not there, or not the text that the run {folder} began with. Give the file "
            f"that has it: {program('train', 'FILE', '--resume', str(folder))}."
        )
    settings["file"] = str(path)
    return run, text


class Job:
    """A run, its text as ids, and its optimizer: what is trained, and saved into the folder."""

    def __init__(self, folder: Path, run: Run, text: str, device: torch.device, tell: Say) -> None:
        """Say what will be learned from what."""
        self.folder, self.run, self.tell = folder, run, tell
        self.optimizer = torch.optim.AdamW(run.model.parameters(), lr=run.settings["lr"])
        self.saved: int | None = len(run.record.losses) or None  # the step of the checkpoint
        learned, given = _parts(text, run.settings)
        held_out = _known(given, run.tokenizer)
        self.characters = len(held_out)
        self.data, self.held_out = (
            torch.tensor(run.tokenizer.encode(part), dtype=torch.long, device=device)
            for part in (learned, held_out)
        )
        part = f", the last {len(given):,} of them held out" if given else ""
        tell(
            f"{len(text):,} characters{part}; "
            f"{run.tokenizer.vocab_size:,} tokens; a model of {count_parameters(run.model):,} "
            f"parameters on {device}; the run is in {folder}."
        )
        if len(held_out) < len(given):
            new = sorted({*given} - {*held_out})
            tell(
                "The held-out part has characters that the rest does not have "
                f"({repr(new)[1:-1]:.80}): they are left out of it."
            )

    def save(self, _: object = None) -> None:
        """Write the run as it is after the last step."""
        save_run(self.folder, self.run, self.optimizer)
        self.saved = len(self.run.record.losses)

    def train(self, accelerator: Accelerator | None, is_main: bool) -> int:
        """Train, save, and say how it went; return 0, or 130 where it was stopped."""
        settings, record = self.run.settings, self.run.record
        steps = settings["steps"]
        if record.losses and len(record.losses) >= steps:
            self.tell(f"It has {len(record.losses)} steps already; --steps gives it more.")
            return 0
        tokens = settings["batch_size"] * settings["seq_len"]
        show = Progress(record, steps, tokens, wanted=is_main, log=True)
        names = ("batch_size", "seq_len", "steps", "clip", "dtype", "compile")
        try:
            # What train says of Ctrl-C is for Python; what to give here is said below.
            with contextlib.redirect_stdout(io.StringIO()):
                train(
                    self.run.model,
                    self.data,
                    self.optimizer,
                    record=record,
                    on_step=None if show.is_terminal else show,  # there train shows it
                    held_out=self.held_out if settings["held_out"] else None,
                    evaluate_every=settings["evaluate_every"],
                    on_save=self.save,
                    save_every=settings["save_every"],
                    schedule=_schedule(settings),
                    accelerator=accelerator,
                    **{name: settings[name] for name in names},
                )
            if is_main:
                self._end()
        except RuntimeError as error:
            if not is_main:
                raise
            raise CheckpointError(f"{error} {self._left(error)}") from None
        return 130 if len(record.losses) < steps else 0

    def _end(self) -> None:
        """Save, and say how it went and what comes next."""
        settings, record = self.run.settings, self.run.record
        done, steps = len(record.losses), settings["steps"]
        if done == steps and settings["held_out"] and done not in record.held_out:
            loss = held_out_loss(self.run.model, self.held_out, settings["seq_len"])
            record.held_out[done] = loss
        self.save()
        if done < steps:
            again = program("train", "--resume", str(self.folder))
            self.tell(f"stopped at step {done} of {steps}, and saved. Go on with: {again}")
            return
        said = f"{done} steps, loss {record.losses[-1]:.4f}"
        if done in record.held_out:
            loss = record.held_out[done]
            bits = bits_per_char(loss, len(self.held_out), self.characters)
            said += f", held-out loss {loss:.4f}, {bits:.2f} bits per character"
        self.tell(f"{said}; saved in {self.folder}. Write with it:")
        self.tell(program("generate", "--checkpoint", str(self.folder)) + ' --prompt "..."')

    def _left(self, error: RuntimeError) -> str:
        """Say what the folder holds after an error."""
        if self.saved is None:
            return "Nothing was saved yet."
        left = f"{self.folder} holds the run as of step {self.saved}, whole"
        if isinstance(error, TrainingError):  # the same would come again
            return f"{left}."
        return f"{left}; go on with: {program('train', '--resume', str(self.folder))}"


def _parts(text: str, settings: dict[str, Any]) -> tuple[str, str]:
    """Return what is learned from, and what is held out."""
    share = settings["held_out"]
    is_none = share == 0 or 0 < share * len(text) < 1
    return (text, "") if is_none else split_text(text, share)


def _tokenizer(text: str, settings: dict[str, Any]) -> CharTokenizer | BPETokenizer:
    if settings["tokenizer"] == "char":
        return CharTokenizer.train(text)
    return BPETokenizer.train(text, settings["vocab_size"])


def _known(text: str, tokenizer: CharTokenizer | BPETokenizer) -> str:
    """Return a text without the characters that have no token."""
    if isinstance(tokenizer, BPETokenizer):
        return text
    known = {*tokenizer.vocab}
    return text if known >= {*text} else "".join(c for c in text if c in known)


def _schedule(settings: dict[str, Any]) -> Callable[[int], float] | None:
    steps = settings["steps"]
    is_cosine = settings["schedule"] == "cosine"
    return warmup_cosine(steps, min(100, steps // 10)) if is_cosine else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
