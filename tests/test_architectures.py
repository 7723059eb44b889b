"""The lessons' code runs on other models: tiny random GPT-2 and Qwen3 checkpoints."""

from __future__ import annotations

import ast
from collections.abc import Iterable
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


def names_in(code: str) -> tuple[set[str], set[str], set[str]]:
    """Return the names that a cell reads, those that it gives a value, and those it imports."""
    read, given, imported = set(), set(), set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else given).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            given.add(node.name)
        elif isinstance(node, ast.alias):
            imported.add(node.asname or node.name.partition(".")[0])
    return read, given, imported


def on_the_checkpoint(codes: list[str]) -> list[int]:
    """Return the places of the cells whose outcome hangs on the checkpoint, and of what they need.

    The others show the same on any checkpoint, and were compared with that.
    """
    names = [names_in(code) for code in codes]
    of_it, kept = {"lesson_checkpoint"}, set()
    for i, (read, given, _) in enumerate(names):
        if read & of_it:
            kept.add(i)
            of_it |= given
    wanted = set()
    for i, (read, given, imported) in reversed([*enumerate(names)]):
        if i in kept or (given | imported) & wanted:
            kept.add(i)
            wanted |= read
    return sorted(kept)


def one_notebook(lessons: Iterable[Path]) -> nbformat.NotebookNode:
    """Return the lessons' cells one after another: one kernel starts, and not one for each."""
    cells = []
    for lesson in lessons:
        codes = [c for c in nbformat.read(lesson, 4).cells if c.cell_type == "code"]
        cells += [codes[i] for i in on_the_checkpoint([cell.source for cell in codes])]
        cells.append(nbformat.v4.new_code_cell(f"%reset -f\n# the end of {lesson.name}"))
    return nbformat.v4.new_notebook(cells=cells)


def run(notebook: nbformat.NotebookNode, path: Path, checkpoint: Path) -> None:
    """Run a notebook on a checkpoint, on one thread; a cell that fails untagged raises."""
    changes = {
        "MYGPT_CHECKPOINT": str(checkpoint),
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
    }
    with kernel_environment(**changes) as env:
        execute(notebook, path, env)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_lessons_run(architecture, checkpoints):
    # They build on a model of any kind; those that make their own show the same on all.
    lessons = [*filter(uses_a_model, LESSONS)]
    assert len(lessons) > 10
    run(one_notebook(lessons), LESSONS[0], checkpoints[architecture])


def test_what_does_not_hang_on_the_checkpoint_is_left_out():
    codes = [
        "from mygpt_helpers import GPT, lesson_checkpoint, load\nsize = 8",
        "import torch\nname = lesson_checkpoint()",
        "ours = GPT(4, size, 2, 2)\ntorch.save(ours)",
        "def load(name):\n    return name",
        "model = load(name)",
        "print(ours)",
        "text = 'Hi'",
        "print(model, text)",
        "kept = model",
        "[print(x) for x in kept]",
    ]
    assert on_the_checkpoint(codes) == [0, 1, 3, 4, 6, 7, 8, 9]


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
        run(nbformat.read(path, 4), path, checkpoints["gpt2"])
