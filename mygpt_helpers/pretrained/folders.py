"""A folder with a model of the learner's own: what keeps `from_pretrained` from reading it.

Used by `model`. Files are often not what their names say: Git LFS leaves a pointer, a proxy leaves
a web page, and a download that broke off leaves a part.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

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
        names = {path.name for path in folder.iterdir() if path.is_file() and path.stat().st_size}
        if not names:
            return "it is empty"
        if "config.json" not in names:
            return "it has no config.json"
        weights = next((name for name in WEIGHTS if name in names), None)
        if weights is None:
            return "it has no weights (model.safetensors)"
        settings = {path.name for pattern in SETTINGS for path in folder.glob(pattern)}
        for name in (*sorted(settings & names), weights):
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


def _file_flaw(path: Path) -> str | None:
    """Say why a file is not what its name says, or return None."""
    with open(path, "rb") as file:
        head = file.read(200).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the file itself. Run git lfs pull where it came from"
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        return f"is a web page, not the file itself. {AGAIN}"
    whole = {".json": _is_json, ".safetensors": _is_safetensors, ".bin": _is_pickle}
    if not whole.get(path.suffix, lambda _: True)(path):
        return f"is damaged or cut short ({path.stat().st_size:,} bytes). {AGAIN}"
    return None


def _is_json(path: Path) -> bool:
    try:
        content = json.loads(path.read_bytes())
        return isinstance(content, dict) and (path.name != "tokenizer.json" or "model" in content)
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
