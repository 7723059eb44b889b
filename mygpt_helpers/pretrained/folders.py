"""A folder with a model of the learner's own: what keeps `from_pretrained` from reading it.

Used by `model`. Files are often not what their names say: Git LFS leaves a pointer, a proxy leaves
a web page, and a download that broke off leaves a part.
"""

from __future__ import annotations

import json
import re
import zipfile
from functools import partial
from pathlib import Path
from textwrap import shorten

# In the order in which from_pretrained looks for them.
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
# What else it reads, where it is there.
SETTINGS = (
    *("config.json", "generation_config.json", "chat_template.jinja", "chat_template.json"),
    *("tokenizer*.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.*", "merges.txt", "*.model"),
)
AGAIN = "Copy or download it again"


def folder_flaw(folder: Path) -> str | None:
    """Say in a clause what is the matter with a folder, or return None.

    Reads the settings and the heads of the weights: milliseconds, however large the model is.
    """
    try:
        sizes = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
        names = {name for name, size in sizes.items() if size}
        if not names:
            return "it is empty"
        if "config.json" not in names:
            return "it has no config.json"
        weights = next((name for name in WEIGHTS if name in names), None)
        if weights is None:
            return "it has no weights (model.safetensors)"
        settings = {path.name for pattern in SETTINGS for path in folder.glob(pattern)}
        for name in (*sorted(settings & sizes.keys()), weights):
            if wrong := _file_flaw(folder / name):
                return f"{name} {wrong}"
        return _shard_flaw(folder, weights, names) if weights.endswith(".json") else None
    except OSError as error:
        return f"it cannot be read ({type(error).__name__}: {error})"


def kind_flaw(folder: Path) -> str | None:
    """Say in a clause why a folder's config.json is no causal language model's, or return None."""
    from transformers import AutoConfig, __version__
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL

    from ..models import not_causal

    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # whatever the library makes of what stands there
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        return f"transformers {__version__} makes nothing of its config.json ({first:.160})"
    if why := not_causal(config):
        return why
    writes = ("ForCausalLM", "ForConditionalGeneration", *CAUSAL.values())
    named = config.architectures or []
    heads = [named] if isinstance(named, str) else [str(head) for head in named if head]
    if not heads or any(head.endswith(writes) for head in heads):
        return None
    # A base model's head is there only where it is tied to the embedding; a classifier's is lost.
    if any(head.endswith("Model") and "For" not in head for head in heads):
        if getattr(config.get_text_config(decoder=True), "tie_word_embeddings", False):
            return None
        return f"it is a base model, without a head that scores the next token ({heads[0]})"
    return f"its head is another's ({', '.join(heads)})"


def loading_flaw(folder: Path) -> str | None:
    """Say in a clause why transformers makes no model or tokenizer of a folder, or return None.

    Loads the tokenizer, and the model without its numbers: 0.4 s for the course's own.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer, __version__
    from transformers.utils import logging

    verbosity, made = logging.get_verbosity(), "tokenizer"
    logging.set_verbosity(logging.CRITICAL)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        if set(tokenizer.get_vocab().values()) <= set(tokenizer.all_special_ids):
            return "it has no tokenizer (tokenizer.json)"
        made = "model"
        model, report = AutoModelForCausalLM.from_pretrained(
            folder,
            device_map="meta",
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            trust_remote_code=False,
        )
    except Exception as error:  # whatever the library makes of what stands there
        said = shorten(f"{type(error).__name__}: {error}", 160, placeholder=" …")
        return f"transformers {__version__} makes no {made} of it ({said})"
    finally:
        logging.set_verbosity(verbosity)
    # Left-over weights are usual, such as another head's; a layer more is a part of this model.
    kind = partial(re.sub, r"\d+", "")
    kinds = {kind(name) for name in model.state_dict()}
    kinds |= {name.removeprefix(f"{model.base_model_prefix}.") for name in kinds}
    others = {name for name in report["unexpected_keys"] if kind(name) in kinds}
    others |= {*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])}
    if others:
        why = f"{min(others)} is missing, of another shape, or too much"
        return f"its weights are not those of its config.json ({why})"
    return None


def _shard_flaw(folder: Path, index: str, names: set[str]) -> str | None:
    """Say what is the matter with the files that an index lists, or return None."""
    try:
        shards = sorted(set(json.loads((folder / index).read_bytes())["weight_map"].values()))
    except (KeyError, TypeError, AttributeError):
        return f"{index} lists no files. {AGAIN}"
    for shard in shards:
        if shard not in names:
            return f"it lacks {shard}, which {index} lists"
        if wrong := _file_flaw(folder / shard):
            return f"{shard} {wrong}"
    return None


def head_flaw(path: Path) -> str | None:
    """Say why a file's beginning (which takes 0.5 ms) is not what its name says, or return None."""
    with open(path, "rb") as file:
        head = file.read(200).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the file itself. Run git lfs pull where it came from"
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        return f"is a web page, not the file itself. {AGAIN}"
    zeros = head and not head.strip(b"\0")  # what a power failure leaves of a new file
    if zeros or (path.suffix == ".safetensors" and not _is_safetensors(path)):
        return _damaged(path)
    return None


def _file_flaw(path: Path) -> str | None:
    """Say why a file is not what its name says, or return None."""
    if wrong := head_flaw(path):
        return wrong
    is_whole = {".json": _is_json, ".bin": _is_pickle}.get(path.suffix)
    return _damaged(path) if is_whole and not is_whole(path) else None


def _damaged(path: Path) -> str:
    return f"is damaged or cut short ({path.stat().st_size:,} bytes). {AGAIN}"


def _is_json(path: Path) -> bool:
    try:
        # As transformers reads it: other encodings, and a mark of the encoding, are refused.
        return isinstance(json.loads(path.read_text("utf-8")), dict)
    except (ValueError, RecursionError):
        return False


def _is_safetensors(path: Path) -> bool:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy"):  # reads the head, which tells how long the file must be
            return True
    except SafetensorError:
        return False


def _is_pickle(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(2) != b"PK" or zipfile.is_zipfile(path)  # the old format is no archive
