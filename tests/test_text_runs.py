"""The stored runs on real text: training gives them again, and they say what they should."""

from __future__ import annotations

import json

import pytest
import torch

from mygpt_helpers import (
    bits_per_char,
    count_parameters,
    generate,
    loss_by_position,
    text_gpt,
    text_run,
)
from mygpt_helpers.text_runs import FOLDER, NAMES, WEIGHTS
from tools import long_text, text_runs
from tools.text_runs import BASE, FIRST, RUNS, Texts, make_model

pytestmark = pytest.mark.usefixtures("one_thread")
KEYS = {"about", "settings", "parameters", "seconds", "steps", "losses", "held_out"}
KEYS |= {"bits_per_char", "training_bits_per_char", "tokens_per_char", "samples"}


@pytest.fixture(scope="module")
def texts():
    return Texts(BASE)


def test_base_begun_again_gives_the_stored_losses(texts):
    stored = text_run("base")
    assert stored["steps"][0] == FIRST
    held_out = {}

    def each(step, model):
        if step == FIRST:
            held_out[step] = text_runs.held_out_loss(model, texts.held_out, BASE["seq_len"])
            raise KeyboardInterrupt  # the schedule is that of the whole run

    _, record, _ = text_runs.run(stored["settings"], texts.training, each=each)
    # Elsewhere the sums are rounded in another order.
    assert sum(record.losses) / FIRST == pytest.approx(stored["losses"][0], abs=2e-4)
    assert len(record.losses) == FIRST
    assert held_out[FIRST] == pytest.approx(stored["held_out"][0], abs=2e-4)


def test_the_weights_give_the_stored_bits_per_character(texts):
    model, tokenizer = text_gpt()
    assert tokenizer.to_json() == texts.tokenizer.to_json()
    run = text_run("base")
    for part, stored in [("held_out", "bits_per_char"), ("training", "training_bits_per_char")]:
        assert texts.bits_per_char(model, part, BASE["seq_len"]) == pytest.approx(
            run[stored], abs=0.01
        )
    # They are also those of the last point, which reads fewer pieces.
    last = bits_per_char(run["held_out"][-1], 1, 1)
    assert last == pytest.approx(run["bits_per_char"], abs=0.1)


def test_the_weights_write_the_stored_text(texts):
    model, tokenizer = text_gpt()
    before = torch.get_rng_state()
    text = text_runs.sample(model, texts)
    assert torch.equal(before, torch.get_rng_state())
    run = text_run("base")
    # A rounding difference may decide a draw, but hardly one of the first.
    assert text[:50] == run["samples"][str(run["steps"][-1])][:50]
    ids = torch.tensor([tokenizer.encode("ROMEO")])
    assert tokenizer.decode(generate(model, ids, 5, top_k=1)[0]).startswith("ROMEO")


@pytest.mark.parametrize("name", NAMES)
def test_a_run_is_whole(name):
    run = text_run(name)
    assert run.keys() == KEYS
    about, changes = RUNS[name]
    own = {"rate": run["settings"]["rate"], "steps": run["settings"]["steps"]}
    assert run["about"] == about and run["settings"] == BASE | changes | own
    assert own["rate"] in text_runs.RATES
    with torch.device("meta"):
        assert run["parameters"] == count_parameters(make_model(run["settings"]))
    steps = run["steps"]
    assert steps == sorted(set(steps)) and FIRST in steps and steps[-1] <= own["steps"]
    assert len(run["losses"]) == len(run["held_out"]) == len(steps) >= 6
    assert all(0 < loss < 10 for loss in run["losses"] + run["held_out"])
    times = [text_run(other)["seconds"] for other in NAMES]
    assert max(times) < 1.2 * min(times)
    shown = {"0", *(str(s) for s in text_runs.SAMPLED if 0 < s <= steps[-1]), str(steps[-1])}
    assert run["samples"].keys() == shown
    assert all(200 < len(text) < 2000 for text in run["samples"].values())


def test_the_runs_say_what_the_lesson_says():
    runs = {name: text_run(name) for name in NAMES}
    bits = {name: run["bits_per_char"] for name, run in runs.items()}
    apart = {name: bits[name] - run["training_bits_per_char"] for name, run in runs.items()}
    for name in ("overfit", "less_data", "wider", "longer", "no_attention"):
        assert bits["base"] < bits[name] - 0.1
    assert bits["base"] < bits["no_attention"] - 0.5
    # The two curves of a model that learns a short text by heart part, and one of them turns.
    assert apart["overfit"] > apart["less_data"] + 1 > apart["base"] + 2
    for name in ("overfit", "less_data"):
        assert runs[name]["held_out"][-1] > min(runs[name]["held_out"]) + 0.2
    assert runs["base"]["held_out"][-1] == min(runs["base"]["held_out"])


def test_the_folder_holds_the_runs_and_one_file_of_weights():
    names = {f"{name}.json" for name in NAMES} | {WEIGHTS.name, "long_text.json", "__init__.py"}
    files = [path for path in FOLDER.iterdir() if path.name != "__pycache__"]
    assert {path.name for path in files} == names and RUNS.keys() == set(NAMES)
    assert sum(path.stat().st_size for path in files) < 4_000_000
    for path in FOLDER.glob("*.json"):
        text = path.read_text("utf-8")
        assert text == json.dumps(json.loads(text), indent=1) + "\n"  # as the tool writes it


def test_each_call_gives_a_model_of_its_own():
    state = torch.get_rng_state()
    first, _ = text_gpt()
    with torch.no_grad():
        first.final_norm.weight.zero_()
    second, _ = text_gpt(device="cpu")
    assert not torch.equal(first.final_norm.weight, second.final_norm.weight)
    assert torch.equal(state, torch.get_rng_state())
    assert all(t.dtype == torch.float32 and t.isfinite().all() for t in second.parameters())
    with pytest.raises(ValueError, match="no such device here: device='nowhere'"):
        text_gpt(device="nowhere")


@pytest.mark.parametrize("name", ["", "Base", "../base", None, 3, ["base"]])
def test_a_run_that_is_not_there(name):
    with pytest.raises(ValueError, match="name must be one of base, overfit, .*, got") as raised:
        text_run(name)
    assert "\n" not in str(raised.value)


def test_a_run_is_made_in_seconds_too(monkeypatch, tmp_path):
    monkeypatch.setattr(text_runs, "WEIGHTS", tmp_path / "base.safetensors")
    kept = text_runs.make("base", 0.6, 0.1)
    assert kept.keys() == KEYS and kept["steps"][-1] >= FIRST
    assert (tmp_path / "base.safetensors").is_file()


def test_a_blind_model_sees_the_current_token_alone():
    torch.manual_seed(0)
    model = make_model(BASE | {"attention": False})
    ids = torch.tensor([[1, 2, 3], [4, 5, 3]])
    logits, _ = model(ids)
    assert torch.equal(logits[0, 2], logits[1, 2]) and not torch.equal(logits[0, 1], logits[1, 1])
    logits, _ = make_model(BASE)(ids)
    assert not torch.allclose(logits[0, 2], logits[1, 2])


@pytest.mark.slow
def test_the_stored_losses_past_the_context_begin_as_the_model_gives_them():
    stored = loss_by_position()
    assert stored["positions"] == [*range(512, 14_336 + 1, 512)]
    assert len(stored["losses"]) == len(stored["positions"])
    model, pieces = long_text.model_and_pieces()
    first = [long_text.losses(model, ids[: 512 + 1]).mean() for ids in pieces]
    assert torch.stack(first).mean().item() == pytest.approx(stored["losses"][0], abs=1e-3)
    # What lesson 12 says of them: no worse to 10,000, far worse from 13,000.
    by_position = dict(zip(stored["positions"], stored["losses"], strict=True))
    before = [loss for position, loss in by_position.items() if position <= stored["context"]]
    assert all(loss <= max(before) for position, loss in by_position.items() if position <= 10_240)
    assert all(loss > max(before) + 0.5 for at, loss in by_position.items() if at > 13_000)
