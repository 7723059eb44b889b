"""A folder of the learner's own: files that are not what their names say, each told in a clause."""

import json
import shutil
from pathlib import Path

import numpy
import pytest
from safetensors.numpy import load_file, save_file

from mygpt_helpers import CheckpointError, lesson_checkpoint
from mygpt_helpers.pretrained.folders import folder_flaw, loading_flaw
from tests.tiny import make_checkpoint

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html>\n<html><body>Log in</body></html>"
READ = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint("gpt2", tmp_path_factory.mktemp("folders") / "whole")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "mine")


def split_weights(folder: Path, suffix: str) -> str:
    """Have the weights in two files with an index, as large models do; return the second's name."""
    stem = "model" if suffix == "safetensors" else "pytorch_model"
    first, second = (f"{stem}-0000{i}-of-00002.{suffix}" for i in (1, 2))
    weights = folder / "model.safetensors"
    if suffix == "bin":
        import torch

        torch.save({"a": torch.zeros(500)}, weights)
    shutil.copy(weights, folder / second)
    weights.rename(folder / first)
    index = {"weight_map": {"a": first, "b": second}}
    (folder / f"{stem}.{suffix}.index.json").write_text(json.dumps(index))
    return second


def test_whole_folders(folder: Path) -> None:
    (folder / "trainer_state.json").write_text("{")  # which nobody reads
    assert folder_flaw(folder) is None
    split_weights(folder, "safetensors")
    assert folder_flaw(folder) is None


@pytest.mark.parametrize("content", [POINTER, PAGE, None], ids=["pointer", "page", "cut"])
@pytest.mark.parametrize("name", [*READ, "model.safetensors", "safetensors", "bin"])
def test_a_file_that_is_something_else(name: str, content: bytes | None, folder: Path) -> None:
    name = name if "." in name else split_weights(folder, name)
    assert folder_flaw(folder) is None
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2] if content is None else content)
    said = {POINTER: "Git LFS pointer", PAGE: "web page", None: "damaged or cut short"}[content]
    wrong = folder_flaw(folder)
    assert wrong and wrong.startswith(f"{name} is ") and said in wrong and "\n" not in wrong


@pytest.mark.parametrize("name", ["vocab.json", "vocab.txt", "merges.txt", "tokenizer.model"])
def test_a_pointer_in_place_of_an_older_tokenizers_file(name: str, folder: Path) -> None:
    (folder / name).write_bytes(POINTER)
    assert str(folder_flaw(folder)).startswith(f"{name} is a Git LFS pointer")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", READ)
def test_json_that_the_library_cannot_read(name: str, encoding: str, folder: Path) -> None:
    (folder / name).write_text((folder / name).read_text("utf-8"), encoding)
    assert str(folder_flaw(folder)).startswith(f"{name} is damaged")


@pytest.mark.parametrize("name", READ)
def test_an_empty_file_is_damaged_or_missing(name: str, folder: Path) -> None:
    (folder / name).write_bytes(b"")
    assert name in str(folder_flaw(folder))


@pytest.mark.parametrize("index", ["[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": []}}'])
def test_an_index_that_lists_nothing(index: str, folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "other")
    (folder / "model.safetensors.index.json").write_text(index)
    assert str(folder_flaw(folder)).startswith("model.safetensors.index.json ")


def test_a_folder_in_place_of_a_file_is_not_the_file(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    assert folder_flaw(folder) == "it has no weights (model.safetensors)"


# ---- the kind of model ---------------------------------------------------------------------------

KINDS = {
    '{"model_type": "bert"}': "both sides of a position",
    '{"model_type": "roberta", "architectures": ["RobertaForCausalLM"]}': "both sides",
    '{"model_type": "bart"}': "bart reads a prompt with an encoder",
    '{"model_type": "t5", "is_encoder_decoder": true}': "t5 reads a prompt with an encoder",
    '{"model_type": "vit"}': "no causal language model of the kind vit",
    '{"model_type": "gpt2", "architectures": ["GPT2ForSequenceClassification"]}': "is another's",
    '{"model_type": "gpt2", "architectures": "GPT2ForTokenClassification"}': "GPT2ForTokenClass",
    '{"model_type": "llama", "architectures": ["LlamaModel"]}': "a base model, without a head",
    '{"model_type": "gpt_neox", "architectures": ["GPTNeoXModel"]}': "a base model",
    '{"model_type": "llama", "architectures": ["LlamaForRewardModel"]}': "is another's",
    '{"model_type": "llama", "is_causal": false}': "both sides",
    '{"model_type": "gemma3_text", "use_bidirectional_attention": true}': "both sides",
    '{"model_type": "of-tomorrow"}': "transformers .* makes nothing of its config.json",
    '{"model_type": "of-tomorrow", "auto_map": {"AutoConfig": "code.Config"}}': "makes nothing",
    '{"hello": 1}': "makes nothing of its config.json",
    '{"model_type": "bert", "is_decoder": true}': None,
    '{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}': None,
    '{"model_type": "gpt2", "architectures": ["GPT2Model"]}': None,
    '{"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"]}': None,
    '{"model_type": "llama", "architectures": null}': None,
    '{"model_type": "llama", "architectures": [null]}': None,
    '{"model_type": "llama", "architectures": ["LlamaModel"], "tie_word_embeddings": true}': None,
    '{"model_type": "llama", "architectures": "LlamaForCausalLM"}': None,
}


@pytest.mark.parametrize("config", KINDS)
def test_a_model_of_another_kind_is_told_from_its_config(config, folder, monkeypatch, capfd):
    (folder / "config.json").write_text(config)
    monkeypatch.setenv("MYGPT_CHECKPOINT", str(folder))
    monkeypatch.setattr("mygpt_helpers.pretrained.model.loading_flaw", lambda folder: None)
    if KINDS[config] is None:
        assert lesson_checkpoint() == str(folder)
    else:
        with pytest.raises(CheckpointError, match=f"no causal language model: .*{KINDS[config]}"):
            lesson_checkpoint()
    assert capfd.readouterr() == ("", "")


# ---- what transformers makes of it ---------------------------------------------------------------


def change_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def rename_weights(folder: Path, old: str, new: str) -> None:
    path = folder / "model.safetensors"
    weights = {name.replace(old, new): array for name, array in load_file(path).items()}
    save_file(weights, path, {"format": "pt"})


def replace_weights(folder: Path, name: str, content: bytes) -> None:
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(content)


def spoil_tokenizer(folder: Path, *, link: bool = False, content: str | None = None) -> None:
    path = folder / "tokenizer.json"
    path.unlink()
    if link:
        path.symlink_to("nothing")
    if content:
        path.write_text(content)


def remove_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


FLAWS = {
    "no tokenizer.json": (spoil_tokenizer, "makes no tokenizer of it"),
    "a dangling link": (lambda f: spoil_tokenizer(f, link=True), "makes no tokenizer of it"),
    "no tokenizer": (remove_tokenizer, "it has no tokenizer"),
    "null": (lambda f: spoil_tokenizer(f, content='{"model": null}'), "makes no tokenizer of it"),
    "no words": (
        lambda f: spoil_tokenizer(f, content='{"model": {"type": "BPE"}}'),
        "makes no tokenizer of it",
    ),
    "an error": (lambda f: spoil_tokenizer(f, content='{"error": "?"}'), "makes no tokenizer"),
    "a layer too many": (lambda f: change_config(f, n_layer=3), "transformer.h.2.attn"),
    "a layer too few": (lambda f: change_config(f, n_layer=1), "transformer.h.1.attn"),
    "another width": (lambda f: change_config(f, n_embd=64), "not those of its config.json"),
    "another vocabulary": (lambda f: change_config(f, vocab_size=900), "transformer.wte.weight"),
    "widths that do not go": (lambda f: change_config(f, n_head=5), "makes no model of it"),
    "other names": (lambda f: rename_weights(f, "", "x"), "not those of its config.json"),
    "no pickle": (lambda f: replace_weights(f, "pytorch_model.bin", b"hello world"), "no model"),
    "no shards": (
        lambda f: replace_weights(f, "model.safetensors.index.json", b'{"weight_map": {}}'),
        "makes no model of it",
    ),
}


@pytest.mark.parametrize("name", FLAWS)
def test_what_cannot_be_loaded_is_one_line(name, folder, monkeypatch, capfd):
    spoil, said = FLAWS[name]
    spoil(folder)
    monkeypatch.setenv("MYGPT_CHECKPOINT", str(folder))
    with pytest.raises(CheckpointError, match=f"cannot be used: .*{said}"):
        lesson_checkpoint()
    assert capfd.readouterr() == ("", "")


def test_what_can_be_loaded(folder, tmp_path):
    assert loading_flaw(make_checkpoint("qwen3", tmp_path / "tied")) is None
    rename_weights(folder, "transformer.", "")  # as a base model is saved
    path = folder / "model.safetensors"
    another_head = {"v_head.summary.weight": numpy.zeros((1, 32), numpy.float32)}
    save_file(load_file(path) | another_head, path, {"format": "pt"})
    assert loading_flaw(folder) is None
