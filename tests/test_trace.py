"""trace: every step of a run, which is generate's run; and generate with numbers of Python's."""

from __future__ import annotations

import random
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jupyter_client.manager import start_new_kernel
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoModelForCausalLM

from mygpt_helpers import GPT, Step, draw, generate, generation, next_token_probs, trace
from tests.tiny import ARCHITECTURES, make_checkpoint

CASES = settings(max_examples=25, deadline=None, derandomize=True, database=None)
V = 6


class Table(nn.Module):
    """A model whose logits hang on the last id alone; at its stop-th call something happens."""

    def __init__(self, stop=99, error=KeyboardInterrupt, rows=None):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.rows = torch.randn(V, V, generator=generator) if rows is None else rows
        self.calls, self.stop, self.error = 0, stop, error

    def forward(self, ids):
        self.calls += 1
        if self.calls == self.stop:
            raise self.error
        return self.rows[ids], None


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    torch.manual_seed(0)
    found = {"ours": GPT(800, 8, 2, 1, 16), "table": Table()}
    for name in ARCHITECTURES:
        folder = make_checkpoint(name, tmp_path_factory.mktemp(name) / "model")
        found[name] = AutoModelForCausalLM.from_pretrained(folder).eval()
    return found


@st.composite
def runs(draw_):
    name = draw_(st.sampled_from([*ARCHITECTURES, "ours", "table"]))
    last = V if name == "table" else 100
    ids = draw_(st.lists(st.integers(0, last - 1), min_size=1, max_size=5))
    knobs = {
        "temperature": draw_(st.sampled_from([0.5, 1.0, 2])),
        "top_k": draw_(st.sampled_from([None, 1, 3])),
        "top_p": draw_(st.sampled_from([None, 0.8])),
        "min_p": draw_(st.sampled_from([None, 0.1])),
        "repetition_penalty": draw_(st.sampled_from([None, 1.3])),
    }
    ends = draw_(st.sampled_from([None, [*range(last // 3)]]))
    kind = draw_(st.sampled_from(["torch", "random", "none"]))
    return name, torch.tensor([ids]), draw_(st.integers(1, 6)), knobs, ends, kind


@CASES
@given(run=runs(), seed=st.integers(0, 1000))
def test_a_trace_is_the_run_of_generate_step_by_step(models, run, seed):
    name, prompt_ids, n, knobs, ends, kind = run

    def again():
        torch.manual_seed(seed)
        make = {"torch": torch.Generator().manual_seed, "random": random.Random}.get(kind)
        return {"generator": make(seed)} if make else {}

    ids = generate(models[name], prompt_ids, n, **knobs, eos_token_id=ends, **again())
    steps = trace(models[name], prompt_ids, n, **knobs, eos_token_id=ends, **again())
    written = [step.chosen for step in steps]
    assert ids[0].tolist() == prompt_ids[0].tolist() + written
    numbers = random.Random(seed)
    for place, step in enumerate(steps):
        assert step.ids.tolist() == prompt_ids[0].tolist() + written[:place]
        after = {**knobs, "top_k": None} if knobs["top_k"] == 1 else knobs
        probs = next_token_probs(step.logits, **after, previous_ids=step.ids)
        if knobs["top_k"] == 1:
            assert step.u is None and step.kept.nonzero().tolist() == [[step.chosen]]
            assert step.probs[step.chosen] == 1 and step.probs.sum() == 1
            back = {"repetition_penalty": knobs["repetition_penalty"]}
            rule = next_token_probs(step.logits, **back, previous_ids=step.ids)
            assert rule[step.chosen] == rule.max()
            continue
        assert torch.allclose(step.probs, probs, atol=1e-7)
        assert torch.equal(step.kept, step.probs > 0)
        if kind == "random":
            assert step.u == numbers.random()
            assert step.chosen == int(draw(step.probs, step.u))
        else:
            assert step.u is None


def test_a_step_is_told_in_a_line():
    (step,) = trace(Table(), torch.tensor([[2]]), 1, generator=random.Random(0))
    assert isinstance(step, Step) and step.u == random.Random(0).random()
    assert repr(step) == f"Step(1 ids, chosen {step.chosen} of probability " + (
        f"{step.probs[step.chosen]:.3f}, u 0.844)"
    )
    (greedy,) = trace(Table(), torch.tensor([[2]]), 1, top_k=1)
    assert repr(greedy) == f"Step(1 ids, chosen {greedy.chosen} of probability 1.000)"


def test_on_a_tie_greedy_keeps_the_token_that_it_takes():
    (step,) = trace(Table(rows=torch.zeros(V, V)), torch.tensor([[0]]), 1, 0.1, top_k=1)
    assert step.chosen == 0 and step.kept.tolist() == [True] + [False] * (V - 1)


def test_what_is_kept_may_have_a_probability_of_0():
    rows = torch.tensor([0.0, -200.0, -300]).expand(3, 3)
    (step,) = trace(Table(rows=rows), torch.tensor([[0]]), 1, top_k=2, generator=random.Random(0))
    assert step.kept.tolist() == [True, True, False] and step.probs.tolist() == [1, 0, 0]


def test_a_step_holds_one_positions_logits():
    (step,) = trace(Table(), torch.tensor([[0] * 50]), 1, top_k=1)
    assert step.logits.untyped_storage().nbytes() == V * 4


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_logits_are_at_least_float32(dtype):
    (step,) = trace(Table(rows=torch.eye(V, dtype=dtype)), torch.tensor([[0]]), 1)
    expected = torch.float64 if dtype == torch.float64 else torch.float32
    assert step.logits.dtype == step.probs.dtype == expected


def test_each_running_row_takes_one_number_in_row_order():
    rows = torch.zeros(V, V)
    rows[0, 5], rows[1, 2] = 99, 99  # a row that has 0 writes 5, which ends it
    ids = generate(
        Table(rows=rows),
        torch.tensor([[1], [0], [2]]),
        3,
        eos_token_id=5,
        pad_token_id=4,
        generator=random.Random(3),
    )
    numbers, texts, running = random.Random(3), [[1], [0], [2]], [True] * 3
    for _ in range(3):
        for row, text in enumerate(texts):
            if running[row]:
                text.append(int(draw(rows[text[-1]].softmax(-1), numbers.random())))
                running[row] = text[-1] != 5
            else:
                text.append(4)
    assert ids.tolist() == texts and not running[1]


@pytest.mark.parametrize("stop", [1, 2, 4])
@pytest.mark.parametrize("top_k", [1, None])
def test_an_interrupted_run_keeps_what_it_has(stop, top_k, capsys):
    prompt_ids, written = torch.tensor([[3, 0]]), stop - 1
    whole = generate(Table(), prompt_ids, 6, top_k=top_k, generator=random.Random(0))
    line = f"stopped after {written} of 6 tokens.\n"
    ids = generate(Table(stop), prompt_ids, 6, top_k=top_k, generator=random.Random(0))
    assert torch.equal(ids, whole[:, : 2 + written]) and capsys.readouterr().out == line
    steps = trace(Table(stop), prompt_ids, 6, top_k=top_k, generator=random.Random(0))
    assert [s.chosen for s in steps] == whole[0, 2 : 2 + written].tolist()
    assert capsys.readouterr().out == line


def test_an_interrupt_ends_a_loop_around_it_too(monkeypatch):
    cell = ["a", "1"]
    monkeypatch.setattr(generation, "running_cell", lambda: tuple(cell))
    written = []
    with pytest.raises(KeyboardInterrupt):
        for _ in range(5):
            written.append(generate(Table(3), torch.tensor([[0]]), 4).shape)
    assert written == [(1, 3)]
    cell[1] = "2"  # the same cell, run again
    assert len(trace(Table(), torch.tensor([[0]]), 4)) == 4


IN_A_KERNEL = """
import time, torch
from mygpt_helpers import generate
class Slow(torch.nn.Module):
    def forward(self, ids):
        time.sleep(0.05)
        return torch.zeros(*ids.shape, 4), None
kept = []
for _ in range(100):
    print("begin", flush=True)
    kept.append(generate(Slow(), torch.tensor([[0]]), 1000, top_k=1))
"""


@pytest.mark.slow
def test_in_a_notebook_the_stop_button_keeps_the_tokens_and_ends_the_cell():
    kernel, client = start_new_kernel()
    try:
        said, stopped = [], False
        message = client.session.msg("execute_request", {"code": IN_A_KERNEL, "silent": False})
        message["metadata"]["cellId"] = "a cell"  # as JupyterLab sends it
        client.shell_channel.send(message)
        while True:
            got = client.get_iopub_msg(timeout=60)
            said.append(got["content"].get("text", got["content"].get("ename", "")))
            assert "".join(said).count("begin") <= 2, "the loop goes on"
            if "begin" in said[-1] and not stopped:
                time.sleep(0.5)
                kernel.interrupt_kernel()
                stopped = True
            if got["content"].get("execution_state") == "idle" and stopped:
                break
        text = "".join(said)
        assert "of 1000 tokens." in text and "KeyboardInterrupt" in text
        shown = client.execute_interactive(
            "print('kept', len(kept), kept[0].shape[1] > 2)",
            output_hook=lambda got: said.append(got["content"].get("text", "")),
            timeout=60,
        )
        assert shown["content"]["status"] == "ok" and "kept 1 True" in "".join(said)
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


def test_an_interrupt_leaves_the_models_mode_as_it_was():
    model = Table(2).train()
    trace(model, torch.tensor([[0]]), 5)
    assert model.training


def test_an_error_of_the_model_is_no_interrupt():
    with pytest.raises(RuntimeError, match="broken"):
        trace(Table(2, RuntimeError("broken")), torch.tensor([[0]]), 5)


def refused(**given_):
    call = {"model": Table(), "prompt_ids": torch.tensor([[0]]), "max_new_tokens": 3} | given_
    for function in (trace, generate):
        if function is generate and "on_step" not in given_ and len(call["prompt_ids"]) != 1:
            continue
        with pytest.raises(ValueError) as raised:
            function(**call)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 300
    return str(raised.value)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"prompt_ids": torch.zeros(2, 1).long()}, "one prompt, shape (1, T); got 2"),
        ({"prompt_ids": torch.zeros(1, 0).long()}, "the prompt is empty"),
        ({"prompt_ids": torch.zeros(1, 2)}, "whole numbers"),
        ({"model": GPT(4, 8, 2, 1, 16), "prompt_ids": torch.tensor([[4]])}, "from 0 to 3"),
        ({"prompt_ids": torch.tensor([0])}, "shape (B, T)"),
        ({"max_new_tokens": 0}, "max_new_tokens must be a whole number from 1, got 0"),
        ({"max_new_tokens": 2.5}, "got 2.5"),
        ({"generator": 0}, "a torch.Generator or a random.Random, got int"),
        ({"generator": random.Random}, "got the class Random"),
        ({"generator": random}, "got module"),
        ({"temperature": 0}, "temperature must be above 0"),
        ({"temperature": 1e-40}, "temperature=1e-40 is too small"),
        ({"repetition_penalty": 1e300}, "repetition_penalty=1e+300 is too far from 1"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1"),
        ({"model": Table(rows=torch.full((V, V), torch.nan))}, "logits hold NaN"),
        ({"model": Table(rows=torch.full((V, V), torch.inf))}, "logits hold plus infinity"),
        ({"model": Table(rows=torch.full((V, V), -torch.inf))}, "no token is left to choose"),
        ({"model": Table(rows=torch.eye(V) * 1e30), "temperature": 1e-20}, "is too small"),
    ],
    ids=str,
)
def test_bad_input_is_one_line(given_, said):
    assert said in refused(**given_)


def test_an_id_beyond_a_vocabulary_that_shows_with_the_first_logits():
    class Fixed(nn.Module):
        def forward(self, ids):
            return torch.zeros(*ids.shape, V), None

    assert "from 0 to 5" in refused(model=Fixed(), prompt_ids=torch.tensor([[V]]))


def test_greedy_finds_what_no_token_can_be_chosen_from_too():
    for bad in (torch.nan, torch.inf, -torch.inf):
        rows = torch.zeros(V, V)
        rows[3] = bad
        assert "logits" in refused(model=Table(rows=rows), prompt_ids=torch.tensor([[3]]), top_k=1)


def test_who_watches_is_a_function():
    with pytest.raises(ValueError, match="on_step must be a function that takes a Step, got list"):
        generate(Table(), torch.tensor([[0]]), 1, on_step=[])
    with pytest.raises(ValueError, match=r"one prompt, shape \(1, T\); got 2"):
        generate(Table(), torch.tensor([[0], [1]]), 1, on_step=print)


class Looks(TorchDispatchMode):
    """Count how often a number leaves a tensor: each time, an accelerator is waited for."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


EVERY_KNOB = {"temperature": 0.7, "top_k": 4, "top_p": 0.9, "min_p": 0.05}
LOOKING_BACK = {"repetition_penalty": 1.2, "no_repeat_ngram_size": 3}


@pytest.mark.parametrize(
    ("knobs", "least"),
    [
        ({"top_k": 1}, 1),
        ({"top_k": 1, **LOOKING_BACK}, 1),
        # multinomial itself looks, whatever it is given
        ({}, 1),
        ({**EVERY_KNOB, **LOOKING_BACK}, 1),
    ],
    ids=str,
)
def test_each_steps_numbers_are_looked_at_once(knobs, least):
    def looks(n):
        torch.manual_seed(0)
        with Looks() as mode:
            generate(Table(), torch.tensor([[0], [1]]), n, **knobs)
        return mode.count

    with Looks() as mode:
        torch.multinomial(torch.ones(2, V), 1)
    own = 0 if knobs.get("top_k") == 1 else mode.count
    assert (looks(12) - looks(2)) / 10 == least + own
