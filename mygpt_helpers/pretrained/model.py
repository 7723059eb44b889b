"""Where the real model comes from: one call gives what `from_pretrained` takes.

Used by all lessons. Looks at MYGPT_CHECKPOINT (a folder, or a model's name on the hub), then at the
converted cache, and then prepares that cache, saying so. Built on `cache` and `prepare`.
"""

import json
import os
import re
import sys
import warnings
from pathlib import Path

from ..console import plain_lines, say
from ..errors import CheckpointError
from ..files import TOP, path_in
from .cache import is_offline
from .children import run_watched
from .folders import folder_flaw, kind_flaw, loading_flaw
from .prepare import kept_model, refuse_optimized

HUB_TIMEOUT = 10  # seconds for the hub's first answer; one try
# What from_pretrained reads. Never pickles (.bin, .pt): loading one can run code.
HUB_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "model*.safetensors")
HUB_SUBFOLDERS = ("*/*",)
HUB_DOWNLOAD = (
    "import json, sys; from huggingface_hub import snapshot_download; "
    "snapshot_download(sys.argv[1], **json.loads(sys.argv[2]))"
)

_before: bool | None = None  # huggingface_hub's own setting, while ours replaces it


def lesson_checkpoint() -> str:
    """Return the model the lessons use: a folder, or a name on the hub, for `from_pretrained`.

    MYGPT_CHECKPOINT is used if set. Else it is the course's own model, in MYGPT_CACHE or the user's
    cache folder; where it is missing or damaged it is downloaded and converted (93 MB, about 30 s),
    unless MYGPT_OFFLINE=1. Calling this is asking for the download: size and source are printed
    first. Turns the libraries' loading bars off, and for a folder keeps the libraries off the
    network (unless you set HF_HUB_OFFLINE yourself). Raises CheckpointError, saying what to do.
    First used in lesson 00.
    """
    refuse_optimized()
    _turn_bars_off()
    folder = path_in("MYGPT_CHECKPOINT")
    if folder is None:
        _keep_offline(True)
        return str(kept_model().ready())
    given = os.environ["MYGPT_CHECKPOINT"].strip()
    if os.path.isdir(folder):
        if wrong := folder_flaw(folder):
            raise CheckpointError(
                f"MYGPT_CHECKPOINT={given!r} is a folder, but {wrong}. Expected a folder that "
                "save_pretrained wrote (config.json, *.safetensors, a tokenizer), or a hub name "
                "such as gpt2. Unset MYGPT_CHECKPOINT to use the course's own model."
            )
        _keep_offline(True)
        _refuse_unfit(given, folder)
        return str(folder)
    if os.path.exists(folder):
        raise CheckpointError(
            f"MYGPT_CHECKPOINT={given!r} is a file. Expected the folder that holds the model's "
            "files, or a model's name on the hub such as gpt2."
        )
    if not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", given, re.ASCII):
        raise CheckpointError(
            f"MYGPT_CHECKPOINT={given!r} names nothing: there is no folder {folder}, "
            "and a hub name looks like gpt2 or Qwen/Qwen3-0.6B."
        )
    _keep_offline(is_offline())
    _refuse_unfit(given, _fetch_from_hub(given))
    return given


def _refuse_unfit(given: str, folder: Path) -> None:
    """Raise CheckpointError where a folder's model continues no text, or cannot be loaded."""
    if why := kind_flaw(folder):
        raise CheckpointError(
            f"MYGPT_CHECKPOINT={given!r} names no causal language model: {why}. Choose one that "
            "continues a text, such as gpt2, or unset MYGPT_CHECKPOINT."
        )
    if why := loading_flaw(folder):
        raise CheckpointError(
            f"MYGPT_CHECKPOINT={given!r} cannot be used: {why}. Copy or download it again, choose "
            "another model, or unset MYGPT_CHECKPOINT to use the course's own."
        )


def _fetch_from_hub(name: str) -> Path:
    """Have a hub model in the hub's own cache, where `from_pretrained(name)` looks for it."""
    import huggingface_hub as hub

    patterns = {"allow_patterns": [*HUB_FILES], "ignore_patterns": [*HUB_SUBFOLDERS]}
    wrong = _hub_flaw(name, patterns)
    if wrong is None:
        return _snapshot(name, patterns)
    if is_offline():
        raise CheckpointError(
            f"MYGPT_CHECKPOINT={name!r} is no folder in {TOP}, the hub's cache cannot serve it "
            f"({wrong}), and MYGPT_OFFLINE forbids downloads. Unset one of the two."
        )
    try:
        # One try with a short timeout, before anything that retries.
        info = hub.HfApi().model_info(name, timeout=HUB_TIMEOUT, files_metadata=True)
    except Exception as error:
        raise CheckpointError(_explain_hub(name, error)) from error
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    wanted = [*hub.utils.filter_repo_objects(sizes, **patterns)]
    if not any(path.endswith(".safetensors") for path in wanted):
        raise CheckpointError(
            f"MYGPT_CHECKPOINT={name!r} has no model*.safetensors on the hub, and the course loads "
            "no pickled weights. Choose another model."
        )
    total = sum(sizes[path] for path in wanted)
    cache = Path(hub.constants.HF_HUB_CACHE)
    say(f"Downloading {name}, {total / 1e6:,.0f} MB, from {hub.constants.ENDPOINT} to {cache}")
    # In a process of its own: the hub's threads would let an interrupt wait for a whole file.
    command = [sys.executable, "-c", HUB_DOWNLOAD, name, json.dumps(patterns)]
    folder = cache / f"models--{name.replace('/', '--')}"
    code, said = run_watched(command, folder, total, name, {"HF_HUB_DISABLE_PROGRESS_BARS": "1"})
    if code:
        last_words = plain_lines(said)[-1:] or [f"exit code {code}"]
        raise CheckpointError(_explain_hub(name, RuntimeError(last_words[0])))
    if wrong := _hub_flaw(name, patterns):
        raise CheckpointError(
            f"MYGPT_CHECKPOINT={name!r} was downloaded, but {wrong}. Delete the folder {folder} "
            "and try again, or choose another model."
        )
    return _snapshot(name, patterns)


def _snapshot(name: str, patterns: dict[str, list[str]]) -> Path:
    """Return the folder of a model in the hub's cache; OSError or ValueError if there is none."""
    import huggingface_hub as hub

    return Path(hub.snapshot_download(name, local_files_only=True, **patterns))


def _hub_flaw(name: str, patterns: dict[str, list[str]]) -> str | None:
    """Say what is the matter with a model in the hub's cache, or return None."""
    try:
        return folder_flaw(_snapshot(name, patterns))
    except (OSError, ValueError):  # not in the cache, or not all of it
        return "it is not there, or not all of it"


def _explain_hub(name: str, error: Exception) -> str:
    from huggingface_hub import constants, errors

    given = f"MYGPT_CHECKPOINT={name!r}"
    first = (str(error).strip() or "no details").splitlines()[0]
    if isinstance(error, errors.GatedRepoError):
        return (
            f"{given} is for those who accepted its licence: do so on the hub, then hf auth login."
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"{given} is neither a folder in {TOP} nor a public model on {constants.ENDPOINT}."
    if isinstance(error, errors.OfflineModeIsEnabled):
        return f"{given} is not in the hub cache, and HF_HUB_OFFLINE is set. Unset one of the two."
    return (
        f"{given} could not be downloaded from {constants.ENDPOINT} ({first}). Try again with a "
        "network, or unset MYGPT_CHECKPOINT to use the course's own model."
    )


def _turn_bars_off() -> None:
    """Turn the libraries' loading bars off: a notebook would store them."""
    from transformers.utils import logging

    with warnings.catch_warnings():  # HF_HUB_DISABLE_PROGRESS_BARS=0 is the learner's to set
        warnings.simplefilter("ignore")
        logging.disable_progress_bar()


def _keep_offline(offline: bool) -> None:
    """Keep the libraries off the network, or undo that; a learner's own HF_HUB_OFFLINE stays.

    An unreachable hub costs 45 s of silent retries. The environment is for child processes, the
    constant for the library, which has read the environment already.
    """
    global _before
    from huggingface_hub import constants

    if offline and "HF_HUB_OFFLINE" not in os.environ:
        _before = constants.HF_HUB_OFFLINE
        os.environ["HF_HUB_OFFLINE"] = "1"
        constants.HF_HUB_OFFLINE = True
    elif not offline and _before is not None:
        os.environ.pop("HF_HUB_OFFLINE", None)
        constants.HF_HUB_OFFLINE, _before = _before, None
