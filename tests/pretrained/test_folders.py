"""A folder of the learner's own: files that are not what their names say, each told in a clause."""

import json
import shutil
from pathlib import Path

import pytest

from mygpt_helpers import CheckpointError, lesson_checkpoint
from mygpt_helpers.pretrained.folders import folder_flaw
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


def test_an_error_message_in_place_of_the_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"error": "Repository not found"}')
    assert str(folder_flaw(folder)).startswith("tokenizer.json is damaged")


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
    if KINDS[config] is None:
        assert lesson_checkpoint() == str(folder)
    else:
        with pytest.raises(CheckpointError, match=f"no causal language model: .*{KINDS[config]}"):
            lesson_checkpoint()
    assert capfd.readouterr() == ("", "")
