"""The lessons' code runs on other models: tiny random GPT-2 and Qwen3 checkpoints."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.tiny import ARCHITECTURES, UNUSED_ROWS, make_checkpoint
from tools import edges
from tools.refresh import LESSONS, RefreshError, execute, kernel_environment


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """A folder with each architecture's checkpoint."""
    folder = tmp_path_factory.mktemp("checkpoints")
    return {name: make_checkpoint(name, folder / name) for name in ARCHITECTURES}


def uses_a_model(lesson: Path) -> bool:
    return "lesson_checkpoint" in lesson.read_text(encoding="utf-8")


# Lessons that build their own model show the same on any checkpoint.
RUNS = [
    (lesson, architecture)
    for lesson in filter(uses_a_model, LESSONS)
    for architecture in ARCHITECTURES
]


def run(path: Path, checkpoint: Path) -> None:
    """Run a notebook on a checkpoint, on one thread; a cell that fails untagged raises."""
    notebook = nbformat.read(path, as_version=4)
    changes = {
        "MYGPT_CHECKPOINT": str(checkpoint),
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
    }
    with kernel_environment(**changes) as env:
        execute(notebook, path, env)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lesson", "architecture"), RUNS, ids=[f"{p.stem[:2]}-{name}" for p, name in RUNS]
)
def test_a_lesson_runs(lesson, architecture, checkpoints):
    run(lesson, checkpoints[architecture])


def test_there_are_lessons():
    assert RUNS


# ---- the checkpoints are what they claim to be -------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_tiny_checkpoint_loads_and_writes(architecture, checkpoints):
    tokenizer = AutoTokenizer.from_pretrained(checkpoints[architecture])
    model = AutoModelForCausalLM.from_pretrained(checkpoints[architecture], dtype=torch.float32)
    assert model.config.model_type == architecture
    text = "Hi, how are you doing today?\nI had some beer from the pub 🍺"
    ids = tokenizer(text, return_tensors="pt").input_ids
    assert tokenizer.decode(ids[0]) == text
    longer = model.generate(ids, max_new_tokens=4, min_new_tokens=4, do_sample=False)
    assert longer.shape == (1, ids.shape[1] + 4)
    assert len(tokenizer) > 500, "the lessons look at more than a few hundred tokens"
    for word in (" pub", " shirt", " dog", " Paris"):
        assert len(tokenizer(word).input_ids) == 1
    with torch.inference_mode():
        top = model(ids).logits[0, -1].softmax(-1).max()
    assert 0.02 < top < 0.98, "neither flat nor certain"


def test_what_bites_in_each(checkpoints):
    gpt2, qwen3 = (AutoTokenizer.from_pretrained(checkpoints[name]) for name in ARCHITECTURES)
    assert gpt2.pad_token is None and qwen3.pad_token is not None
    model = AutoModelForCausalLM.from_pretrained(checkpoints["qwen3"])
    assert model.config.vocab_size == len(qwen3) + UNUSED_ROWS
    assert model.lm_head.weight is model.model.embed_tokens.weight
    chat = [{"role": "user", "content": "Hi dog"}]
    for tokenizer in (gpt2, qwen3):
        text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        assert text == "<|im_start|>user\nHi dog<|im_end|>\n<|im_start|>assistant\n"
    options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
    assert qwen3.apply_chat_template(chat, **options).endswith("<think>\n\n</think>\n\n")
    assert gpt2.apply_chat_template(chat, **options).endswith("assistant\n")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_noise_on_the_weights_moves_probabilities_a_little(architecture, checkpoints, tmp_path):
    # What `python -m tools.edges` runs the lessons on.
    target = tmp_path / "noisy"
    moved = edges.make_noisy_copy(checkpoints[architecture], target, seed=1)
    assert edges.MOVE / 2 < moved < edges.MOVE * 2
    tokenizer = AutoTokenizer.from_pretrained(target)
    ids = [tokenizer(prompt, return_tensors="pt").input_ids for prompt in edges.PROMPTS]
    before, after = (
        edges.distributions(AutoModelForCausalLM.from_pretrained(f, dtype=torch.float32), ids)
        for f in (checkpoints[architecture], target)
    )
    assert float((after - before).abs().max()) == pytest.approx(moved, rel=0.3)


def test_a_lesson_that_fails_is_noticed(tmp_path, checkpoints):
    path = tmp_path / "broken.ipynb"
    cells = [
        nbformat.v4.new_code_cell("import os; print(os.environ['MYGPT_CHECKPOINT'])"),
        nbformat.v4.new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}),
        nbformat.v4.new_code_cell("[1][49_152]"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    with pytest.raises(RefreshError, match=r"cell \[3\].*IndexError"):
        run(path, checkpoints["gpt2"])
