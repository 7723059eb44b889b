"""What train has for a real text: held-out loss, clipping, a schedule, bfloat16, compile."""

from __future__ import annotations

import math

import pytest
import torch
import torch._inductor.exc
from torch.utils._python_dispatch import TorchDispatchMode

from mygpt_helpers import (
    GPT,
    Record,
    TrainingError,
    bits_per_char,
    held_out_loss,
    load_checkpoint,
    save_checkpoint,
    train,
    warmup_cosine,
)

pytestmark = pytest.mark.usefixtures("one_thread")

TEXT = torch.randint(7, (600,), generator=torch.Generator().manual_seed(5))
DATA, HELD_OUT = TEXT[:400], TEXT[400:]
SCHEDULE = warmup_cosine(20, 4, 0.1)
SIZES = {"batch_size": 4, "seq_len": 8}
ALL = {"held_out": HELD_OUT, "evaluate_every": 5, "clip": 0.5, "schedule": SCHEDULE}


def start(dropout=0.1, seed=0, rate=1e-2):
    torch.manual_seed(seed)
    model = GPT(7, 8, 2, 2, dropout=dropout)
    torch.manual_seed(42)
    return model, torch.optim.AdamW(model.parameters(), lr=rate)


def run(model, optimizer, steps=20, record=None, **more):
    return train(model, DATA, optimizer, **SIZES, steps=steps, record=record, **more)


def same_weights(a, b):
    return all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_a_run_that_was_killed_goes_on_to_the_bit(dtype, tmp_path):
    model, optimizer = start()
    whole = run(model, optimizer, **ALL, dtype=dtype)
    half, half_optimizer = start()
    record, saved = Record(), []

    def on_save(record):
        saved.append(len(record.losses))
        save_checkpoint(tmp_path, half, half_optimizer, record)
        raise MemoryError("killed")

    with pytest.raises(MemoryError):
        run(half, half_optimizer, 20, record, **ALL, dtype=dtype, on_save=on_save, save_every=10)
    other, other_optimizer = start(seed=7)
    _, record = load_checkpoint(tmp_path, other, other_optimizer)
    assert saved == [10] and len(record.losses) == 10 and [*record.held_out] == [5, 10]
    run(other, other_optimizer, 20, record, **ALL, dtype=dtype)
    assert record == whole and same_weights(model, other)
    assert [*record.held_out] == [5, 10, 15, 20]
    assert other_optimizer.param_groups[0]["lr"] == 1e-2, "the schedule leaves the rate alone"


def test_evaluating_changes_nothing():
    (model, optimizer), (other, other_optimizer) = start(), start()
    told = []
    a = run(
        model, optimizer, held_out=HELD_OUT, evaluate_every=3, on_held_out=lambda *t: told.append(t)
    )
    state = torch.get_rng_state()
    torch.manual_seed(42)
    b = run(other, other_optimizer)
    assert a.losses == b.losses and same_weights(model, other) and b.held_out == {}
    assert torch.equal(state, torch.get_rng_state())
    assert told == [*a.held_out.items()] and [*a.held_out] == [3, 6, 9, 12, 15, 18]
    assert a.held_out[18] != a.held_out[15]
    assert repr(a).endswith(f", held-out {a.held_out[18]:.4f}")


@pytest.mark.parametrize("pieces", [1, 3, 128, None])
def test_the_held_out_loss_is_that_of_its_pieces(pieces):
    model, _ = start(dropout=0.5)
    model.train()
    seen = []
    model.register_forward_hook(lambda module, args, _: seen.append((args[0], module.training)))
    loss = held_out_loss(model, HELD_OUT, 8, pieces=pieces, batch_size=4)
    assert model.training and not any(training for _, training in seen)
    rows = torch.cat([ids for ids, _ in seen])
    assert len(rows) == {1: 1, 3: 3, 128: 24, None: 24}[pieces]
    model.eval()
    losses = []
    for row in rows:
        at = next(i for i in range(192) if torch.equal(HELD_OUT[i : i + 8], row))
        losses.append(model(row[None], HELD_OUT[None, at + 1 : at + 9])[1].item())
    assert loss == pytest.approx(sum(losses) / len(losses), abs=1e-5)
    assert torch.equal(rows[0], HELD_OUT[:8])


def test_gradients_are_clipped_and_the_rate_follows_the_schedule():
    model, optimizer = start(dropout=0.0)
    norms, rates = [], []
    step = optimizer.step

    def noted():
        norms.append(math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters())))
        rates.append(optimizer.param_groups[0]["lr"])
        step()

    optimizer.step = noted
    run(model, optimizer, clip=0.25, schedule=SCHEDULE)
    assert all(norm <= 0.2501 for norm in norms) and max(norms) > 0.24
    assert rates == pytest.approx([1e-2 * SCHEDULE(i) for i in range(1, 21)])
    assert optimizer.param_groups[0]["lr"] == 1e-2


def test_a_step_that_is_undone_leaves_the_rate_as_it_was(capsys):
    model, optimizer = start()

    def stopped():
        raise KeyboardInterrupt

    optimizer.step = stopped
    assert run(model, optimizer, **ALL).losses == []
    assert optimizer.param_groups[0]["lr"] == 1e-2


def test_warmup_and_decay():
    factors = [warmup_cosine(10, 4, 0.2)(step) for step in range(1, 13)]
    assert factors[:4] == [0.25, 0.5, 0.75, 1.0]
    assert factors[6] == pytest.approx(0.6) and factors[9:] == pytest.approx([0.2] * 3)
    assert factors[3:10] == sorted(factors[3:10], reverse=True)
    assert warmup_cosine(10, 0)(1) > warmup_cosine(10, 0)(10) == pytest.approx(0.1)
    assert warmup_cosine(3, 3)(3) == 1.0
    for bad in ((0, 0, 0.1), (5, 6, 0.1), (5, 1, 1.5), (5, 1, math.nan)):
        with pytest.raises(ValueError, match="must be"):
            warmup_cosine(*bad)


def test_bits_per_character():
    assert bits_per_char(math.log(4), tokens=100, characters=100) == pytest.approx(2)
    assert bits_per_char(math.log(4), tokens=50, characters=100) == pytest.approx(1)


def test_bfloat16_is_coarser_and_leaves_the_weights_as_they_are():
    (model, optimizer), (other, other_optimizer) = start(0.0), start(0.0)
    coarse = run(model, optimizer, dtype="bfloat16")
    torch.manual_seed(42)
    fine = run(other, other_optimizer, dtype=torch.float32)
    assert coarse.losses != fine.losses
    assert coarse.losses == pytest.approx(fine.losses, abs=0.1)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_a_loss_that_is_no_number_under_bfloat16():
    model, optimizer = start(rate=1e38)
    weights = [p.clone() for p in model.parameters()]
    with pytest.raises(TrainingError, match="back where they began"):
        run(model, optimizer, dtype="bfloat16", **ALL)
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))


def test_a_held_out_loss_is_forgotten_with_its_step(monkeypatch):
    model, optimizer = start()
    record = Record()
    with pytest.raises(ZeroDivisionError):
        run(model, optimizer, 20, record, **ALL, on_step=lambda step, _: 1 // (step - 7))
    assert len(record.losses) == 7 and [*record.held_out] == [5]
    record.cut(4)
    assert len(record.losses) == 4 and not record.held_out


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"batch_size": 3}, r"batch_size=4 \(now batch_size=3\)"),
        ({"seq_len": 9, "clip": None}, r"seq_len=8 \(now seq_len=9\), clip=0.5 \(now clip=None\)"),
        ({"dtype": "bfloat16"}, r"dtype=float32 \(now dtype=bfloat16\)"),
        ({"schedule": warmup_cosine(30, 4)}, r"warmup_cosine\(20, 4, 0.1\) \(now schedule=warm"),
        ({"held_out": None}, r"evaluate_every=5 \(now evaluate_every=None\)"),
    ],
)
@pytest.mark.parametrize("saved", [False, True])
def test_other_settings_are_told_by_name(changed, said, saved, tmp_path):
    model, optimizer = start()
    record = run(model, optimizer, 5, **ALL)
    if saved:
        save_checkpoint(tmp_path, model, optimizer, record)
        _, record = load_checkpoint(tmp_path, model, optimizer)
    weights = [p.clone() for p in model.parameters()]
    with pytest.raises(ValueError, match=said) as raised:
        train(model, DATA, optimizer, steps=9, record=record, **{**SIZES, **ALL, **changed})
    assert "\n" not in str(raised.value) and "record.settings = {}" in str(raised.value)
    assert len(record.losses) == 5
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
    record.settings = {}
    train(model, DATA, optimizer, steps=9, record=record, **{**SIZES, **ALL, **changed})
    assert len(record.losses) == 9


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("clip", 0, "clip must be a number above 0"),
        ("clip", "1", "clip must be a number above 0"),
        ("clip", math.nan, "clip must be a number above 0"),
        ("dtype", torch.float16, "dtype must be torch.bfloat16"),
        ("dtype", "bf17", "dtype must be torch.bfloat16.*'bf17'"),
        ("dtype", "nn", "dtype must be torch.bfloat16.*'nn'"),
        ("schedule", 0.1, r"schedule must be a function .*schedule\(step\)"),
        ("schedule", lambda step: -1, r"schedule\(1\) must be a number from 0, got -1"),
        ("schedule", lambda step: None, r"schedule\(1\) must be a number from 0, got None"),
        ("held_out", TEXT[:9], "held_out holds 9 tokens, and seq_len=8 needs at least 10"),
        ("held_out", TEXT + 1, "held_out's ids must be from 0 to 6"),
        ("held_out", [1, 2], "held_out must be a tensor of ids.*got list"),
        ("evaluate_every", 0, "evaluate_every must be a whole number from 1"),
        ("save_every", None, "save_every must be a whole number from 1"),
        ("on_save", 3, r"on_save\(record\)"),
        ("on_held_out", 3, r"on_held_out\(step, loss\)"),
    ],
)
def test_what_cannot_be_used_is_told_by_name(name, value, said):
    model, optimizer = start()
    weights = [p.clone() for p in model.parameters()]
    with pytest.raises(ValueError, match=said) as raised:
        run(model, optimizer, 3, **{name: value})
    assert "\n" not in str(raised.value)
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))


class Waits(TorchDispatchMode):
    """Counts how often the CPU asks for a number of a tensor; a device would be waited for."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_a_step_asks_for_its_loss_alone():
    # torch's SGD asks for none itself; AdamW counts its steps on the CPU.
    model, _ = start()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    counts = []
    for steps in (1, 5):
        with Waits() as waits:
            run(model, optimizer, steps, clip=1.0, held_out=HELD_OUT)
        counts.append(waits.count)
    assert counts[1] - counts[0] == 4, "one a step, to read its loss"


@pytest.mark.slow
def test_a_compiled_model_is_one_graph_and_learns_the_same():
    (model, optimizer), (other, other_optimizer) = start(0.0), start(0.0)
    explained = torch._dynamo.explain(model)(DATA[:8][None], DATA[1:9][None])
    assert explained.graph_break_count == 0 and explained.graph_count == 1
    whole = run(other, other_optimizer, 10, clip=1.0)
    torch.manual_seed(42)
    with torch.device("meta"):  # a default of the caller's changes nothing
        record = run(model, optimizer, 10, compile=True, clip=1.0)
    assert record.losses == pytest.approx(whole.losses, abs=1e-4)
    assert record.losses[-1] < record.losses[0]


def test_a_model_that_cannot_be_compiled(monkeypatch):
    def raising(*_):
        raise torch._inductor.exc.InvalidCxxCompiler

    model, optimizer = start()
    monkeypatch.setattr(torch, "compile", lambda model: raising)
    with pytest.raises(ValueError, match="needs a C\\+\\+ compiler. Leave compile out") as raised:
        run(model, optimizer, compile=True)
    assert "\n" not in str(raised.value)
