"""The stored runs of the cycle: they are what training gives, and nothing is unpickled for them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mygpt_helpers import cycle_gpt, cycle_run, generate, to_ids, to_tokens, train_cycle
from mygpt_helpers.cycle_runs import FOLDER, LENGTHS, path_of

CYCLE = ["I", "love", "AI", "!"]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("seq_len", [8, 32])
def test_a_length_trained_again_gives_the_stored_numbers(seq_len):
    model, record = train_cycle(seq_len)
    stored = load_file(path_of(seq_len))
    ours = model.state_dict()
    assert stored.keys() == ours.keys() and len(record.losses) == 200
    # The same bits on the machine that made them; elsewhere the sums are rounded in another order.
    worst = max(float((ours[name] - t).abs().max()) for name, t in stored.items())
    assert worst < 1e-4  # measured: 2e-6, with ATEN_CPU_CAPABILITY=default
    ids = to_ids(CYCLE * 5)[None]
    logits = [m.eval()(ids)[0] for m in (model, cycle_run(seq_len))]
    assert torch.allclose(*logits, atol=1e-3)


def test_the_run_of_length_8_is_lesson_11s():
    steps = []
    _, record = train_cycle(8, on_step=lambda step, loss: steps.append((step, loss)))
    assert steps == list(enumerate(record.losses, start=1))
    expected = {1: 5.2739, 10: 1.6107, 50: 0.3453, 100: 0.0162, 200: 0.0035}
    assert {s: record.losses[s - 1] for s in expected} == pytest.approx(expected, abs=1e-4)
    ids = generate(cycle_run(8), to_ids("I")[None], 7, top_k=1)
    assert to_tokens(ids[0]) == CYCLE * 2


def test_the_lengths_and_the_files_agree():
    names = {path_of(seq_len).name for seq_len in LENGTHS}
    assert names == {path.name for path in FOLDER.glob("*.safetensors")}
    assert list(LENGTHS) == sorted(set(LENGTHS)) and 8 in LENGTHS and max(LENGTHS) == 64
    others = {p.name for p in FOLDER.iterdir()} - names - {"__init__.py", "__pycache__"}
    assert not others


@pytest.mark.parametrize("seq_len", LENGTHS)
def test_each_stored_model_goes_round_within_its_length(seq_len):
    state = torch.get_rng_state()
    model = cycle_run(seq_len)
    assert torch.equal(state, torch.get_rng_state())
    assert model.config == cycle_gpt().config
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == torch.float32 and tensor.isfinite().all() and not tensor.is_meta
        assert tensor.shape == cycle_gpt().state_dict()[name].shape
    for start, token in enumerate(CYCLE):
        ids = generate(model, to_ids([token])[None], seq_len - 1, top_k=1)[0]
        assert to_tokens(ids) == (CYCLE * 18)[start : start + seq_len]
    # Each call gives a model of its own.
    with torch.no_grad():
        model.final_norm.weight.zero_()
    assert not torch.equal(model.final_norm.weight, cycle_run(seq_len).final_norm.weight)


def test_a_run_leaves_torchs_generator_where_it_was():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, _ = train_cycle(4, steps=3)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(6)
    second, _ = train_cycle(4, steps=3)
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("seed", [0, 3])
def test_the_seed_is_that_of_the_weights(seed):
    torch.manual_seed(seed)
    begun = cycle_gpt()
    trained, _ = train_cycle(4, steps=1, seed=seed)
    pairs = zip(begun.parameters(), trained.parameters(), strict=True)
    assert all((a - b).abs().max() < 0.011 for a, b in pairs)  # a step moves by the rate, 0.01
    for wrong in (-1, 0.5, "0"):
        with pytest.raises(ValueError, match="seed must be a whole number from 0, got"):
            train_cycle(4, steps=1, seed=wrong)


@pytest.mark.parametrize("seq_len", [0, 4, 7, 65, -8, "8", None, 8.5, True])
def test_a_length_that_no_run_was_made_at(seq_len):
    with pytest.raises(ValueError, match=r"seq_len must be one of 8, 16, .*64, got") as raised:
        cycle_run(seq_len)
    assert repr(seq_len) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(("name", "value"), [("seq_len", 0), ("steps", 0), ("seq_len", 2.5)])
def test_a_run_of_no_length(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a whole number from 1, got {value}"):
        train_cycle(**{name: value})
    with pytest.raises(ValueError, match="exceeds max_seq_len=64"):
        train_cycle(65)


@pytest.mark.parametrize("device", ["cuda:99", "nowhere"])
@pytest.mark.parametrize("make", [cycle_run, train_cycle], ids=["cycle_run", "train_cycle"])
def test_a_device_that_is_not_there(make, device):
    with pytest.raises(ValueError, match=f"no such device here: device='{device}'"):
        make(8, device=device)


def test_the_files_are_read_by_safetensors_alone(monkeypatch):
    def never(*_, **__):
        raise AssertionError("a file was unpickled")

    monkeypatch.setattr(torch, "load", never)
    monkeypatch.setattr("pickle.load", never)
    cycle_run(8)
    source = Path(FOLDER / "__init__.py").read_text(encoding="utf-8")
    imported = {
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert "load_file" in imported and "pickle" not in imported
    assert "torch.load" not in source
