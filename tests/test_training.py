"""training.py: stopped anywhere and gone on with, it gives the bits of a run never stopped."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import io
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from mygpt_helpers import (
    GPT,
    Record,
    TrainingError,
    corpus,
    cycle_corpus,
    generate,
    gpt,
    meter,
    training,
    undo,
    watch,
)
from mygpt_helpers.checks import INTEGERS
from mygpt_helpers.training import train

REPOSITORY = Path(__file__).parents[1]
OPTIMIZER = sys.modules["torch.optim.optimizer"]
SIZES = {"batch_size": 4, "seq_len": 8}
STEPS = 6
OPTIMIZERS = {
    "AdamW": lambda groups: torch.optim.AdamW(groups, lr=1e-2),
    "Adam, amsgrad": lambda groups: torch.optim.Adam(groups, lr=1e-2, amsgrad=True),
    "SGD": lambda groups: torch.optim.SGD(groups, lr=0.1),
    "SGD, momentum": lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9),
    "RMSprop": lambda groups: torch.optim.RMSprop(groups, lr=1e-3, centered=True),
}


pytestmark = pytest.mark.usefixtures("one_thread")


class Run:
    """A model, its optimizer and torch's generator, at the start of a run."""

    def __init__(self, optimizer="AdamW", dropout=0.0, seed=0):
        torch.manual_seed(seed)
        self.model = GPT(4, 8, 2, 2, dropout=dropout)
        parameters = list(self.model.parameters())
        half = len(parameters) // 2
        groups = [{"params": parameters[:half]}, {"params": parameters[half:]}]
        self.optimizer = OPTIMIZERS[optimizer](groups)
        self.record = Record()
        torch.manual_seed(42)

    def train(self, steps, **more):
        return train(
            self.model,
            cycle_corpus(),
            self.optimizer,
            **SIZES,
            steps=steps,
            record=self.record,
            **more,
        )

    def state(self):
        """Everything that a step changes, to compare bit by bit."""
        tensors = [*self.model.parameters(), torch.get_rng_state()]
        for p in self.model.parameters():
            entry = self.optimizer.state.get(p, {})
            tensors += [t for _, t in sorted(entry.items()) if torch.is_tensor(t)]
        return list(self.record.losses), [t.detach().clone() for t in tensors]


def assert_same(run, expected):
    losses, tensors = run.state()
    assert losses == expected[0]
    assert len(tensors) == len(expected[1])
    assert all(torch.equal(a, b) for a, b in zip(tensors, expected[1], strict=True))


def whole(optimizer="AdamW", dropout=0.0, steps=STEPS):
    """The state after a run that nothing stopped; torch's generator is left as it is."""
    with torch.random.fork_rng(devices=[]):
        run = Run(optimizer, dropout)
        run.train(steps)
        return run.state()


def at_call(number, function, before=True, error=KeyboardInterrupt):
    """Let a function raise at its call of this number (from 1), before or after its work."""
    calls = [0]

    def wrapped(*args, **kwargs):
        calls[0] += 1
        if calls[0] == number and before:
            raise error
        result = function(*args, **kwargs)
        if calls[0] == number:
            raise error
        return result

    return wrapped


# ---- the loop itself ---------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_run_is_the_plain_loop(optimizer):
    run = Run(optimizer)
    record = run.train(20)
    assert record is run.record and all(isinstance(loss, float) for loss in record.losses)
    ours = run.state()
    plain = Run(optimizer)
    for _ in range(20):
        starts = torch.randint(0, 256 - 8 - 1, (4,)).tolist()
        inputs = torch.stack([torch.arange(s, s + 8) % 4 for s in starts])
        _, loss = plain.model(inputs, (inputs + 1) % 4)
        plain.optimizer.zero_grad()
        loss.backward()
        plain.optimizer.step()
        plain.record.losses.append(loss.item())
    assert_same(plain, ours)


def test_the_numbers_of_lesson_11():
    torch.manual_seed(0)
    model = GPT(4, 8, 2, 2)
    torch.manual_seed(42)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = train(model, cycle_corpus(), optimizer, **SIZES, steps=200).losses
    assert len(losses) == 200
    expected = {1: 5.2739, 10: 1.6107, 50: 0.3453, 100: 0.0162, 200: 0.0035}
    assert {s: losses[s - 1] for s in expected} == pytest.approx(expected, abs=1e-4)


def test_steps_are_those_of_the_whole_record():
    expected = whole(steps=12)
    run = Run()
    for steps in (1, 5, 5, 3, 12, 12):
        before = len(run.record.losses)
        run.train(steps)
        assert len(run.record.losses) == max(before, steps)
    assert_same(run, expected)
    assert repr(Record()) == "Record: no step yet"
    assert re.fullmatch(r"Record: 12 steps, loss \d\.\d{4} to \d\.\d{4}", repr(run.record))


def test_a_finished_record_is_returned_as_it_is():
    run = Run()
    run.train(3)
    expected = run.state()
    assert run.train(3) is run.record and run.train(1) is run.record
    assert_same(run, expected)


@pytest.mark.parametrize("training_", [True, False])
def test_the_mode_is_put_back(training_, monkeypatch):
    run = Run(dropout=0.3)
    run.model.train(training_)
    modes = []
    run.model.register_forward_hook(lambda model, *_: modes.append(model.training))
    run.train(2)
    assert modes == [True, True] and run.model.training is training_
    with pytest.raises(ValueError):
        train(run.model, torch.arange(3), run.optimizer, **SIZES, steps=2)
    assert run.model.training is training_
    monkeypatch.setattr(training, "get_batch", at_call(1, corpus.get_batch))
    run.train(4)
    assert run.model.training is training_


def test_a_learners_own_model_and_data():
    class Bigram(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(5, 5)
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, ids, targets=None):
            self.seen += 1
            logits = self.table(ids)
            return logits, nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    model = Bigram()
    optimizer = torch.optim.SGD(model.parameters(), lr=5.0)
    record = train(model, torch.arange(5).repeat(30), optimizer, **SIZES, steps=60)
    assert record.losses[-1] < record.losses[0] / 2 and int(model.seen) == 60


# ---- callbacks ---------------------------------------------------------------------------------


def test_callbacks():
    run, steps, samples, prompts = Run(dropout=0.2), [], [], torch.tensor([[2, 3]])
    run.train(
        10,
        on_step=lambda step, loss: steps.append((step, loss)),
        on_sample=lambda step, ids: samples.append((step, ids, run.model.training)),
        sample_every=4,
        prompt_ids=prompts,
        sample_tokens=3,
    )
    assert steps == list(enumerate(run.record.losses, start=1))
    assert [step for step, _, _ in samples] == [4, 8]
    for _, ids, mode in samples:
        assert ids.shape == (5,) and ids[:2].tolist() == [2, 3] and mode
    # They draw nothing and change nothing.
    assert_same(run, whole(dropout=0.2, steps=10))
    # Gone on with, the steps are counted from the first.
    run.train(13, on_step=lambda step, _: steps.append(step))
    assert steps[-3:] == [11, 12, 13]


def test_a_sample_is_the_greedy_text_of_that_moment():
    run, texts = Run(), []

    def on_sample(step, ids):
        assert torch.equal(ids, generate(run.model, cycle_corpus()[None, :1], 8, top_k=1)[0])
        texts.append(ids)

    run.train(60, on_sample=on_sample, sample_every=20)
    assert [len(ids) for ids in texts] == [9, 9, 9]


def test_a_callbacks_error_is_its_own_and_the_run_can_go_on():
    run = Run()
    with pytest.raises(ZeroDivisionError):
        run.train(STEPS, on_step=lambda step, _: 1 // (step - 3))
    assert len(run.record.losses) == 3
    run.train(STEPS)
    assert_same(run, whole())


# ---- stopped, and gone on with -----------------------------------------------------------------


def stop_in(place, run, monkeypatch, error=KeyboardInterrupt):
    """Arrange for one error; return what train is called with, and the step it is to reach."""
    raising = functools.partial(at_call, error=error)
    if place == "get_batch, before its draw":
        monkeypatch.setattr(training, "get_batch", raising(3, corpus.get_batch))
    elif place == "get_batch, after its draw":
        monkeypatch.setattr(training, "get_batch", raising(3, corpus.get_batch, before=False))
    elif place == "forward":
        part = run.model.blocks[1].mlp
        part.forward = raising(3, part.forward)
    elif place == "forward, after it":
        run.model.forward = raising(3, run.model.forward, before=False)
    elif place == "backward":
        calls = []

        def hook(gradient):
            calls.append(gradient)
            if len(calls) == 3:
                raise error

        run.model.blocks[0].mlp.widen.weight.register_hook(hook)
    elif place == "zero_grad":
        run.optimizer.zero_grad = raising(3, run.optimizer.zero_grad, before=False)
    elif place == "optimizer.step, half of the weights changed":
        # torch's optimizers call this once for each of the two groups.
        name = type(run.optimizer).__name__.lower().replace("adamw", "adam")
        module = sys.modules[f"torch.optim.{name}"]
        monkeypatch.setattr(module, name, raising(6, getattr(module, name)))
    elif place == "optimizer.step, after it":
        run.optimizer.step = raising(3, run.optimizer.step, before=False)
    elif place == "on_step":
        return {"on_step": raising(3, lambda *_: None)}, 3
    elif place == "on_sample":
        return {"on_sample": raising(1, lambda *_: None), "sample_every": 3}, 3
    elif place == "the sample's text":
        run.model.attention_weights = None  # not used; generate runs the model a fourth time
        run.model.forward = raising(4, run.model.forward)
        return {"on_sample": lambda *_: None, "sample_every": 3}, 3
    return {}, 2


PLACES = [
    "get_batch, before its draw",
    "get_batch, after its draw",
    "forward",
    "forward, after it",
    "backward",
    "zero_grad",
    "optimizer.step, half of the weights changed",
    "optimizer.step, after it",
    "on_step",
    "on_sample",
    "the sample's text",
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("place", PLACES)
def test_stopped_anywhere_a_run_goes_on_bit_by_bit(place, optimizer, monkeypatch, capsys):
    run = Run(optimizer, dropout=0.1)
    arguments, reached = stop_in(place, run, monkeypatch)
    assert run.train(STEPS, **arguments) is run.record
    said = capsys.readouterr()
    before = "stopped after 0 of 8 tokens.\n" if place == "the sample's text" else ""
    assert said.err == "" and said.out == before + (
        f"stopped at step {reached} of {STEPS}; model, optimizer and record are those of this "
        "step. To go on, train again with the same model and optimizer, and "
        "record=<this record>.\n"
    )
    assert_same(run, whole(optimizer, 0.1, steps=reached))
    run.train(STEPS)
    assert_same(run, whole(optimizer, 0.1))
    assert capsys.readouterr() == ("", "")


def test_the_half_done_step_is_half_done(monkeypatch, capsys):
    # What the test above means by "half": the first group is changed, the second is not.
    run = Run()
    stop_in("optimizer.step, half of the weights changed", run, monkeypatch)
    monkeypatch.setattr(undo.State, "restore", lambda *_: None)
    run.train(STEPS)
    weights = list(run.model.parameters())
    expected = whole(steps=2)[1]
    same = [torch.equal(a, b) for a, b in zip(weights, expected, strict=False)]
    half = len(weights) // 2
    assert not any(same[:half]) and all(same[half:])


def lines_of(*modules):
    return {os.path.realpath(inspect.getsourcefile(module)) for module in modules}


def interrupted_at(run, line, files, steps=4):
    """Train; raise KeyboardInterrupt at the given line (counted) of the third step.

    Returns the lines, in the order they were run.
    """
    seen = []
    in_files: dict[object, bool] = {}

    def local(frame, event, _):
        if event == "line" and len(run.record.losses) == 2:
            seen.append((frame.f_code.co_filename, frame.f_lineno))
            if len(seen) == line:
                sys.settrace(None)
                raise KeyboardInterrupt
        return local

    def trace(frame, event, _):
        code = frame.f_code
        if code not in in_files:
            in_files[code] = os.path.realpath(code.co_filename) in files
        return local if in_files[code] else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run.train(steps)
    finally:
        sys.settrace(before)
        # Where torch's own switch for gradients was just off, an interrupt can leave it off.
        torch.set_grad_enabled(True)
    return seen


@pytest.mark.parametrize(
    ("modules", "stride"),
    [
        ((training, undo, watch), 1),
        ((corpus, gpt), 4),
        ((OPTIMIZER, sys.modules["torch.optim.adam"]), 12),
    ],
    ids=["training", "the model", "the optimizer"],
)
def test_stopped_at_each_line_of_a_step(modules, stride, capsys):
    # KeyboardInterrupt comes between any two lines: here before each of the third step's, in turn,
    # the first and the last time that it is run.
    files, run = lines_of(*modules), Run()
    two, three = whole(steps=2), whole(steps=3)
    expected = whole(steps=4)
    seen = interrupted_at(run, -1, files)
    assert_same(run, expected)
    first = {line: i for i, line in reversed([*enumerate(seen, start=1)])}
    last = {line: i for i, line in enumerate(seen, start=1)}
    assert len(first) > 20, "the trace saw the step"
    stopped = {2: 0, 3: 0}
    for i in sorted({*first.values(), *last.values()})[::stride]:
        run = Run()
        interrupted_at(run, i, files)
        said = capsys.readouterr().out
        step = len(run.record.losses)
        assert said.startswith(f"stopped at step {step} of 4"), seen[i - 1]
        assert_same(run, {2: two, 3: three}[step])
        stopped[step] += 1
        run.train(4)
        assert_same(run, expected)
    assert stopped[2] > 5


@pytest.mark.parametrize(
    ("place", "reached"),
    [("forward", 2), ("optimizer.step, half of the weights changed", 2), ("on_step", 3)],
)
def test_an_error_of_another_kind_leaves_a_run_to_go_on_with(place, reached, monkeypatch):
    # "Whatever stops the loop, they fit together afterwards."
    run = Run()
    arguments, _ = stop_in(place, run, monkeypatch, OSError)
    with pytest.raises(OSError):
        run.train(STEPS, **arguments)
    assert run.model.training
    assert_same(run, whole(steps=reached))
    run.train(STEPS)
    assert_same(run, whole())


class Odd(nn.Module):
    """Numbers of several kinds, some of which do not lie in a row; it counts what it is shown."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(3, 4).t())
        self.scale = nn.Parameter(torch.ones(()))
        self.register_buffer("seen", torch.full((4,), 2**60 + 1))

    def forward(self, ids, targets):
        self.seen += ids.flatten().bincount(minlength=4)
        logits = self.scale * (self.table @ self.table.T)[ids]
        return logits, nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


class Counting(torch.optim.Optimizer):
    """An optimizer whose state is a number of Python's, and a tensor made anew at each step."""

    @torch.no_grad()
    def step(self):
        for p in self.param_groups[0]["params"]:
            state = self.state.setdefault(p, {"step": 1000, "mean": torch.zeros_like(p)})
            state["step"] += 1
            state["mean"] = state["mean"].lerp(p.grad, 0.5)
            p -= state["mean"] * 100 / state["step"]


def test_a_step_is_undone_whatever_kind_of_numbers_it_changes(monkeypatch, capsys):
    def start():
        run = Run()
        run.model = Odd()
        run.optimizer = Counting(run.model.parameters(), {})
        torch.manual_seed(42)
        return run

    def numbers(run):
        state = run.optimizer.state[run.model.table]
        return [*run.model.state_dict().values(), state["mean"], torch.tensor(state["step"])]

    three, whole = start(), start()
    three.train(3)
    state = torch.get_rng_state()
    torch.manual_seed(42)
    whole.train(STEPS)
    run = start()
    monkeypatch.setattr(run.optimizer, "step", at_call(4, run.optimizer.step, before=False))
    run.train(STEPS)
    assert torch.equal(state, torch.get_rng_state())
    assert all(map(torch.equal, numbers(run), numbers(three)))
    run.train(STEPS)
    assert run.record.losses == whole.record.losses
    assert all(map(torch.equal, numbers(run), numbers(whole)))


CTRL_C = """
import signal
import torch
from mygpt_helpers import GPT, cycle_corpus, train

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" switches it off
torch.set_num_threads(1)

def start():
    torch.manual_seed(0)
    model = GPT(4, 8, 2, 2)
    torch.manual_seed(42)
    return model, torch.optim.AdamW(model.parameters(), lr=1e-2)

sizes = {"batch_size": 4, "seq_len": 8}
model, optimizer = start()
say = lambda step, loss: print("started", flush=True) if step == 20 else None
record = train(model, cycle_corpus(), optimizer, **sizes, steps=10**6, on_step=say)
stopped = len(record.losses)
record = train(model, cycle_corpus(), optimizer, **sizes, steps=stopped + 30, record=record)
other, optimizer = start()
whole = train(other, cycle_corpus(), optimizer, **sizes, steps=stopped + 30)
same = all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))
print(stopped, len(record.losses), same, record.losses == whole.losses)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to one child alone")
@pytest.mark.slow
def test_a_real_ctrl_c():
    process = subprocess.Popen(
        [sys.executable, "-c", CTRL_C],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0 and err == ""
    message, figures = out.splitlines()
    stopped, whole_, *same = figures.split()
    assert message.startswith(f"stopped at step {stopped} of 1000000; ")
    assert int(stopped) >= 20 and int(whole_) == int(stopped) + 30
    assert same == ["True", "True"]


# ---- a loss that is no number ------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_loss_that_is_no_number_leads_back_to_the_last_good_state(optimizer):
    run = Run(optimizer, dropout=0.1)
    rates = [group["lr"] for group in run.optimizer.param_groups]

    def set_rates(factor):
        for group, rate in zip(run.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor

    def too_large(step, _):
        if step == 4:  # the fifth step blows the weights up, and the sixth loss shows it
            set_rates(1e37)

    with pytest.raises(TrainingError) as raised:
        run.train(20, on_step=too_large)
    message = str(raised.value)
    found = re.fullmatch(
        r"the loss of step (\d) is (nan|inf)\. Model, optimizer and record are back after step 4, "
        r"the last state whose loss was a number\. A smaller learning rate is the first thing to "
        r"try\.",
        message,
    )
    assert found and found[1] == "6"
    assert raised.value.record is run.record and len(run.record.losses) == 4
    assert_same(run, whole(optimizer, 0.1, steps=4))
    assert isinstance(raised.value, RuntimeError)
    shown = " ".join(line.strip() for line in raised.value._render_traceback_())
    assert shown.startswith(f"TrainingError: {message}")
    set_rates(1)
    run.train(STEPS)
    assert_same(run, whole(optimizer, 0.1))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("at", [1, 2, 5])
def test_where_a_loss_that_is_no_number_leads_back_to(at, bad):
    run = Run()
    state_at = {}
    forward, calls = run.model.forward, [0]

    def forward_(ids, targets=None):
        calls[0] += 1
        logits, loss = forward(ids, targets)
        return logits, loss * bad if calls[0] == at else loss

    run.model.forward = forward_
    state_at[0] = run.state()

    def on_step(step, _):
        state_at[step] = run.state()

    with pytest.raises(TrainingError, match=f"the loss of step {at} is {bad}") as raised:
        run.train(STEPS, on_step=on_step)
    back = max(at - 2, 0)
    where = "where they began" if back == 0 else f"back after step {back}"
    assert (where if at > 1 else "before anything was changed") in str(raised.value)
    assert_same(run, state_at[back])
    run.train(STEPS)  # the loss was bad once only
    assert_same(run, whole())


def test_weights_that_hold_no_number_from_the_start():
    run = Run()
    with torch.no_grad():
        run.model.final_norm.weight[0] = math.nan
    state = torch.get_rng_state()
    with pytest.raises(TrainingError, match="loss of step 1 is nan, before anything was changed"):
        run.train(3)
    assert run.record.losses == [] and torch.equal(state, torch.get_rng_state())
    assert not run.optimizer.state


# ---- progress ----------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Let a tenth of a second pass at each look at the clock."""
    now = [0.0]

    def monotonic():
        now[0] += 0.1
        return now[0]

    monkeypatch.setattr(meter.time, "monotonic", monotonic)


def test_progress_on_a_terminal_and_nowhere_else(clock, monkeypatch, capsys):
    Run().train(40)
    assert capsys.readouterr() == ("", "")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run = Run()
    run.train(40)
    line, *more = terminal.getvalue().split("\n")
    assert more == [""] and line.startswith("\r")
    shown = re.findall(
        r"\rstep (\d+) of 40, loss (\d+\.\d{4}), [\d,]+ tokens/s, 0:00:0\d left ", line
    )
    assert 2 < len(shown) < 40 and shown[-1][0] == "40"
    assert all(loss == f"{run.record.losses[int(step) - 1]:.4f}" for step, loss in shown)


def test_a_short_run_shows_no_progress_and_a_stopped_one_ends_its_line(clock, monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    Run().train(3)
    assert terminal.getvalue() == ""
    run = Run()
    run.train(40, on_step=at_call(20, lambda *_: None))
    assert re.search(r" left +\n$", terminal.getvalue()) and terminal.getvalue().count("\n") == 1
    assert "stopped at step 20 of 40" in capsys.readouterr().out


def test_without_a_standard_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert len(Run().train(3).losses) == 3


# ---- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, -1, 2.0, None, True, "3"], ids=repr)
@pytest.mark.parametrize("name", ["steps", "batch_size", "seq_len", "sample_every"])
def test_a_size_that_is_none(name, value):
    run = Run()
    before = run.state()
    arguments = {**SIZES, "steps": 3, name: value}
    with pytest.raises(ValueError, match=f"{name} must be a whole number from 1, got") as raised:
        train(run.model, cycle_corpus(), run.optimizer, record=run.record, **arguments)
    assert repr(value) in str(raised.value)
    assert_same(run, before)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (torch.arange(9) % 4, "data holds 9 tokens, and seq_len=8 needs at least 10"),
        (torch.arange(40) % 5, "data's ids must be from 0 to 3.*got ids from 0 to 4"),
        (torch.tensor([0] * 10**4 + [4]), "data's ids must be.*from 0 to 4"),  # seldom drawn
        (-torch.arange(40), "must be from 0 to 3"),
        (torch.zeros(40), "data must be whole numbers.*got torch.float32"),
        (torch.zeros(4, 10).long(), r"shape \(N,\), got shape \(4, 10\)"),
        ([0, 1, 2, 3] * 9, r"data must be a tensor of ids, shape \(N,\), got list"),
        (None, "got NoneType"),
    ],
    ids=range(8),
)
def test_data_that_no_model_learns_from(data, said):
    for callbacks in ({}, {"on_sample": print}):
        run = Run()
        before = copy.deepcopy(list(run.model.parameters()))
        with pytest.raises(ValueError, match=said) as raised:
            train(run.model, data, run.optimizer, **SIZES, steps=3, **callbacks)
        assert "\n" not in str(raised.value)
        after = run.model.parameters()
        assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_length_beyond_the_models_context():
    run = Run()
    with pytest.raises(ValueError, match="seq_len=65 .*length T=65 exceeds max_seq_len=64"):
        train(run.model, cycle_corpus(), run.optimizer, batch_size=1, seq_len=65, steps=1)


def test_an_optimizer_of_another_model():
    run, other = Run(), Run()
    with pytest.raises(ValueError, match="holds none of this model's parameters") as raised:
        train(run.model, cycle_corpus(), other.optimizer, **SIZES, steps=3)
    assert "torch.optim.AdamW(model.parameters()" in str(raised.value)
    assert "\n" not in str(raised.value)
    # One for a part of the model trains that part.
    part = torch.optim.SGD(run.model.blocks[0].parameters(), lr=0.1)
    kept = run.model.token_embedding.weight.clone()
    assert len(train(run.model, cycle_corpus(), part, **SIZES, steps=3).losses) == 3
    assert torch.equal(run.model.token_embedding.weight, kept)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("model", None, "torch.nn.Module.*got NoneType"),
        ("model", GPT, "torch.nn.Module.*got the class GPT"),
        ("optimizer", None, "torch.optim.*got NoneType"),
        ("optimizer", torch.optim.AdamW, "torch.optim.*got the class AdamW"),
        ("optimizer", torch.optim.LBFGS, "LBFGS cannot train this model"),
        ("optimizer", torch.optim.SparseAdam, "SparseAdam cannot train this model"),
        ("record", [1.0], "must be a Record.*got list"),
        ("record", {}, "must be a Record.*got dict"),
        ("record", 5, "must be a Record.*got int"),
        ("record", Record(torch.ones(2)), "with a list of losses; got Record"),
        ("record", Record([1.0, "2"]), r"record.losses\[1\] must be a number, got '2'"),
        ("on_step", 3, r"called as on_step\(step, loss\), got 3"),
        ("on_step", lambda: None, r"called as on_step\(step, loss\)"),
        ("on_step", [].append, r"called as on_step\(step, loss\)"),
        ("on_sample", "x", r"called as on_sample\(step, ids\), got 'x'"),
        ("prompt_ids", [[1]], r"shape \(B, T\).*got list"),
        ("prompt_ids", torch.tensor([1]), r"shape \(B, T\).*got shape \(1,\)"),
        ("prompt_ids", torch.zeros(2, 3).long(), r"shape \(1, T\), got shape \(2, 3\)"),
        ("prompt_ids", torch.zeros(1, 0).long(), "prompt is empty"),
        ("prompt_ids", torch.tensor([[4]]), "prompt_ids must be from 0 to 3"),
        ("prompt_ids", torch.tensor([[1.0]]), "prompt_ids must be whole numbers"),
        ("prompt_ids", torch.zeros(1, 1, device="meta").long(), "prompt_ids is on the device meta"),
    ],
    ids=range(22),
)
def test_whatever_else_is_wrong_is_told_by_name_before_the_first_step(name, value, said):
    run = Run()
    if value in (torch.optim.LBFGS, torch.optim.SparseAdam):
        value = value([*run.model.parameters()])
    before = run.state()
    arguments = {"model": run.model, "optimizer": run.optimizer, "record": run.record, name: value}
    with pytest.raises(ValueError, match=said) as raised:
        train(data=cycle_corpus(), **SIZES, steps=3, **arguments)
    assert name in str(raised.value) or "cannot train" in said or "prompt" in said
    assert "\n" not in str(raised.value)
    assert_same(run, before)


def test_what_takes_the_arguments_is_a_callback_and_a_scheduler_hinders_nothing():
    run, seen = Run(), []

    @functools.wraps(seen.append)  # which takes one argument
    def noted(step, loss):
        seen.append(step)

    torch.optim.lr_scheduler.StepLR(run.optimizer, 1)
    run.train(2, on_step=noted)
    run.train(3, on_step=lambda *given: seen.append(given[0]), on_sample=max)
    assert seen == [1, 2, 3]


def test_sparse_gradients_have_their_optimizer():
    class Table(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(4, 4, sparse=True)

        def forward(self, ids, targets):
            logits = self.table(ids)
            return logits, nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    model = Table()
    optimizer = torch.optim.SparseAdam(model.parameters())
    assert len(train(model, cycle_corpus(), optimizer, **SIZES, steps=2).losses) == 2


@pytest.mark.parametrize(
    "losses",
    [
        [1.0, 2.0],
        torch.tensor([1.0, 2.0]),
        [torch.tensor(1.0, requires_grad=True), torch.tensor([2.0])],
        (1, 2),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("error")
def test_a_record_of_any_numbers_has_a_text(losses):
    assert repr(Record(losses)) == "Record: 2 steps, loss 1.0000 to 2.0000"


class NoLoss(nn.Module):
    """A learner's model whose forward does not yet end in `return logits, loss`."""

    def __init__(self, result):
        super().__init__()
        self.table = nn.Embedding(4, 4)
        self.result = result

    def forward(self, ids, targets=None):
        return self.result(self.table(ids))


@pytest.mark.parametrize("batch_size", [2, 4])
@pytest.mark.parametrize(
    "result",
    [
        lambda logits: logits,
        lambda logits: (logits, None),
        lambda logits: (logits, logits.sum(-1)),
        lambda logits: (logits, 1.5),
        lambda logits: None,
    ],
    ids=["logits", "None", "a loss for each token", "a float", "nothing"],
)
def test_a_model_that_gives_no_loss(result, batch_size):
    model = NoLoss(result)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="loss") as raised:
        train(model, cycle_corpus(), optimizer, batch_size=batch_size, seq_len=8, steps=2)
    assert "\n" not in str(raised.value) and "logits" in str(raised.value)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_data_of_any_whole_type(dtype):
    expected, run = Run(), Run()
    expected.train(3)
    torch.manual_seed(42)
    data = cycle_corpus().to(dtype)
    assert train(run.model, data, run.optimizer, **SIZES, steps=3) == expected.record
    inputs, targets = corpus.get_batch(data, 2, 3)
    assert inputs.dtype == targets.dtype == torch.int64


def frozen():
    run = Run()
    run.model.requires_grad_(False)
    return run


def made_under_inference_mode():
    with torch.inference_mode():
        return Run()


def loaded_under_inference_mode():
    run = Run()
    with torch.inference_mode():
        run.model.register_buffer("mean", torch.zeros(1))
    return run


@pytest.mark.parametrize(
    ("make", "mode", "said"),
    [
        (frozen, contextlib.nullcontext, "requires_grad=False"),
        (made_under_inference_mode, contextlib.nullcontext, r"torch.inference_mode\(\)"),
        (loaded_under_inference_mode, contextlib.nullcontext, r"torch.inference_mode\(\)"),
        (Run, torch.inference_mode, r"torch.inference_mode\(\)"),
    ],
)
def test_a_model_that_cannot_be_trained_is_told_so_before_the_first_step(make, mode, said):
    run = make()
    run.model.forward = None
    with mode(), pytest.raises(ValueError, match=said):
        run.train(3)
    assert run.record.losses == []


def test_training_inside_no_grad_and_after_generating_is_training():
    run = Run()
    with torch.no_grad():
        run.train(2)
    assert len(run.record.losses) == 2
