"""Devices: every function works where its arguments lie, whatever the caller's default device is.

No accelerator is needed. Under torch.device("meta") everything that is made without a device is
noticed. And Accelerator stands in for a device: its tensors refuse to meet the CPU's, and float64.
"""

from __future__ import annotations

import copy
import inspect
import random
import re
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

import mygpt_helpers as course
from tests.widgets.runs import Words

pytestmark = pytest.mark.usefixtures("one_thread")

V = 6


class NothingOnMeta(TorchDispatchMode):
    """Raises where a tensor is made on the device "meta", which stands for a caller's default."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for tensor in tree_flatten(made)[0]:
            if isinstance(tensor, Tensor):
                assert tensor.device.type != "meta", f"{func} made a tensor on the default device"
        return made


class OnAccelerator(Tensor):
    """A tensor of the accelerator; its numbers are in `held`."""

    @staticmethod
    def __new__(cls, held):
        made = Tensor._make_wrapper_subclass(cls, held.shape, dtype=held.dtype, device=DEVICE)
        made.held = held
        return made

    def __init__(self, held):
        pass

    def tolist(self):
        return self.held.tolist()

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        with Accelerator():
            return func(*args, **(kwargs or {}))


class Accelerator(TorchDispatchMode):
    """While it is entered, there is an accelerator, with a generator of its own.

    torch needs a name that it can guard, and of those only "meta" needs no hardware.
    """

    random = torch.Generator().manual_seed(0).get_state()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = [t for t in tree_flatten((args, kwargs))[0] if isinstance(t, Tensor)]
        ours = [t for t in given if isinstance(t, OnAccelerator)]
        if func.overloadpacket not in MOVES and ours:
            strays = [t for t in given if not isinstance(t, OnAccelerator) and t.dim()]
            assert not strays, f"{func}: on the accelerator and on the CPU at once"
        asked = kwargs.get("device")
        here = bool(ours) if asked is None else torch.device(asked).type == DEVICE.type
        if here and asked is not None:
            kwargs = kwargs | {"device": "cpu"}
        bare = tree_map(lambda t: t.held if isinstance(t, OnAccelerator) else t, (args, kwargs))
        if not here:
            return func(*bare[0], **bare[1])
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(Accelerator.random)
            made = func(*bare[0], **bare[1])
            Accelerator.random = torch.get_rng_state()
        if func._schema.name.endswith("_") and ours:
            return None if made is None else given[0]
        for t in tree_flatten(made)[0]:
            assert not isinstance(t, Tensor) or t.dtype != torch.float64, f"{func} made a float64"
        return tree_map(lambda t: OnAccelerator(t) if type(t) is Tensor else t, made)

    # What torch.get_device_module(DEVICE) has.
    @classmethod
    def get_rng_state(cls, device):
        return cls.random.clone()

    @classmethod
    def set_rng_state(cls, state, device):
        cls.random = state.clone()

    @classmethod
    def manual_seed(cls, seed):
        cls.random = torch.Generator().manual_seed(seed).get_state()


DEVICE = torch.device("meta", 0)
MOVES = (torch.ops.aten._to_copy, torch.ops.aten.copy_)


@pytest.fixture
def accelerator(monkeypatch):
    """Enter it for one test."""
    monkeypatch.setattr(torch, "get_device_module", lambda device: Accelerator)
    Accelerator.manual_seed(0)
    with Accelerator():
        yield lambda tensor: OnAccelerator(tensor)


def test_the_accelerator_notices(accelerator):
    """What the tests below rely on."""
    x = accelerator(torch.randn(2, 3))
    assert (x + x).device == DEVICE and x.cpu().device.type == "cpu"
    with pytest.raises(AssertionError, match="at once"):
        x + torch.ones(3)
    with pytest.raises(AssertionError, match="float64"):
        x.double()
    before, cpu = Accelerator.random, torch.get_rng_state()
    torch.randint(9, (2,), device=DEVICE)
    assert not torch.equal(before, Accelerator.random) and torch.equal(cpu, torch.get_rng_state())


class Table(nn.Module):
    """A model of two tokens' logits and dropout, on the accelerator."""

    def __init__(self, numbers):
        super().__init__()
        self.config = {"vocab_size": V}
        self.table = nn.Parameter(numbers)

    def forward(self, ids, targets=None):
        logits = torch.dropout(self.table[ids], 0.5, self.training)
        if targets is None:
            return logits, None
        return logits, nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


@pytest.fixture
def started(accelerator):
    """Make a model, its optimizer and its data, the same each time."""

    def start():
        model = Table(accelerator(torch.eye(V)))
        data = accelerator(torch.arange(40) % V)
        return model, torch.optim.AdamW(model.parameters(), lr=0.1), data

    return start


def go_on(model, optimizer, data, steps, record=None, **more):
    return course.train(
        model, data, optimizer, batch_size=2, seq_len=4, steps=steps, record=record, **more
    )


@pytest.mark.filterwarnings("ignore:.*which is a no-op")  # to torch the accelerator is "meta"
def test_a_run_on_the_accelerator_goes_on_as_if_never_stopped(started, tmp_path):
    Accelerator.manual_seed(3)
    whole = go_on(*started(), steps=8)
    Accelerator.manual_seed(3)
    model, optimizer, data = started()
    course.save_checkpoint(tmp_path, model, optimizer, go_on(model, optimizer, data, steps=5))
    Accelerator.manual_seed(77)
    model, optimizer, data = started()
    _, record = course.load_checkpoint(tmp_path, model, optimizer)
    assert go_on(model, optimizer, data, 8, record).losses == whole.losses


def test_a_step_that_is_undone_on_the_accelerator_is_done_again_alike(started, monkeypatch, capsys):
    Accelerator.manual_seed(3)
    whole = go_on(*started(), steps=24)
    Accelerator.manual_seed(3)
    model, optimizer, data = started()
    step, count = optimizer.step, iter(range(99))

    def stopped():
        step()
        if next(count) == 14:
            raise KeyboardInterrupt

    monkeypatch.setattr(optimizer, "step", stopped)
    record = go_on(model, optimizer, data, 24)
    # Its losses are read every 10 steps, and a stop leads back to the last reading.
    assert len(record.losses) == 10 and "stopped at step 10" in capsys.readouterr().out
    assert go_on(model, optimizer, data, 24, record).losses == whole.losses


@pytest.mark.parametrize(("at", "back"), [(14, 10), (20, 10), (9, 0), (10, 0), (24, 20)])
@pytest.mark.filterwarnings("ignore:.*which is a no-op")
def test_a_loss_that_is_no_number_on_the_accelerator(at, back, started):
    # After step `at` the weights are bad: the next loss shows it, when it is read.
    Accelerator.manual_seed(3)
    whole = go_on(*started(), steps=30)
    Accelerator.manual_seed(3)
    model, optimizer, data = started()
    step, count = optimizer.step, iter(range(1, 99))

    def spoilt():
        step()
        if next(count) == at:
            with torch.no_grad():
                model.table.fill_(float("nan"))

    optimizer.step = spoilt
    with pytest.raises(course.TrainingError, match=f"the loss of step {at + 1} is nan") as raised:
        go_on(model, optimizer, data, 30)
    record = raised.value.record
    assert len(record.losses) == back and record.losses == whole.losses[:back]
    assert go_on(model, optimizer, data, 30, record).losses == whole.losses


def test_what_lies_elsewhere_than_the_model_is_refused_by_name(started):
    model, optimizer, data = started()
    for name, call in {
        "data": lambda: go_on(model, optimizer, data.cpu(), 1),
        "prompt_ids": lambda: course.generate(model, data[None, :2].cpu(), 2),
        "attention_mask": lambda: course.generate(
            model, data[None, :2], 2, attention_mask=torch.ones(1, 2)
        ),
        "the generator": lambda: course.generate(
            model, data[None, :2], 2, generator=torch.Generator()
        ),
    }.items():
        with pytest.raises(ValueError, match=rf"^{name} .*(is|draws) on .*cpu.*meta:0"):
            call()


# ---- every public function that takes tensors ----------------------------------------------------

EVERY_KNOB = {"temperature": 0.7, "top_k": 4, "min_p": 0.01, "repetition_penalty": 1.2}


def trained(model, data, folder):
    """Train, save and load, as one function of a model and data."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    record = go_on(model, optimizer, data, 2, on_sample=lambda step, ids: ids + 1, sample_every=1)
    course.save_checkpoint(folder, model, optimizer, record)
    course.load_checkpoint(folder, model, optimizer)


OF_A_STEP = ["DrawWidget", "LikelihoodWidget", "OrderWidget", "SideBySideWidget", "TraceWidget"]


def step(logits, ids):
    """Return a step as a trace on the logits' device would hold it."""
    return course.Step(ids, logits, logits.softmax(-1), logits > -9, 0, None)


def shown_of_step(name, words, logits, ids):
    return getattr(course, name)(step(logits, ids), words).numbers()


def calls(folder):
    """Return {names: (function, arguments)}, with all tensors on the CPU."""
    logits, ids = torch.arange(V, dtype=torch.float32), torch.tensor([[0, 1, 2]])
    probs, u = logits.softmax(-1), torch.tensor(0.3)
    attention = torch.randn(2, 3, 4)
    gpt = course.GPT(V, 8, 2, 2, dropout=0.1)
    quiet = course.GPT(V, 8, 2, 2)
    data, words = torch.arange(40) % V, list("abcdef")
    softmax = course.next_token_probs
    return {
        "next_token_probs": (lambda z, i: softmax(z, **EVERY_KNOB, previous_ids=i), logits, ids[0]),
        "next_token_probs: n-grams": (
            lambda z, i: softmax(z, no_repeat_ngram_size=1, previous_ids=i),
            logits,
            ids[0],
        ),
        "apply_temperature": (lambda z: course.apply_temperature(z, 0.5), logits),
        "keep_top_k": (lambda z: course.keep_top_k(z, 2), logits),
        "keep_top_p": (lambda z: course.keep_top_p(z, 0.9), logits),
        "keep_min_p": (lambda z: course.keep_min_p(z, 0.1), logits),
        "penalize_repetition": (lambda *a: course.penalize_repetition(*a, 1.2), logits, ids[0]),
        "ban_repeated_ngrams": (lambda *a: course.ban_repeated_ngrams(*a, 1), logits, ids[0]),
        "entropy": (course.entropy, probs),
        "draw": (lambda p: course.draw(p, 0.3), probs),
        "draw: u is a tensor": (course.draw, probs, u),
        "attention_weights": (course.attention_weights, attention, attention),
        "count_parameters": (course.count_parameters, gpt),
        "start_small": (
            lambda: course.start_small(copy.deepcopy(quiet)).token_embedding.weight.tolist(),
        ),
        "GPT": (lambda i: gpt(i, i)[1], ids),
        "to_tokens": (lambda i: course.to_tokens(i, words), ids[0]),
        "get_batch": (lambda d: course.get_batch(d, 2, 3)[1], data),
        "held_out_loss": (lambda d: course.held_out_loss(gpt, d, 4), data),
        "generate": (lambda i: course.generate(gpt, i, 3), ids),
        "generate: knobs": (
            lambda i, m: course.generate(gpt, i, 3, **EVERY_KNOB, eos_token_id=5, attention_mask=m),
            ids,
            torch.ones_like(ids),
        ),
        "trace, Step": (lambda i: course.trace(gpt, i[:1], 3, generator=random.Random(0)), ids),
        "beam_search, Found": (lambda i: course.beam_search(gpt, i, 3, 2, eos_token_id=5).ids, ids),
        "strategies, Continuation": (
            lambda i: [x.new_ids.tolist() for x in course.strategies(gpt, i, 2)],
            ids,
        ),
        "train, Record, save_checkpoint, load_checkpoint": (
            lambda d: trained(gpt, d, folder),
            data,
        ),
        "summarize": (lambda z, p: course.summarize(z, p, str), logits, probs),
        "show_distribution": (lambda z, p: course.show_distribution(z, p, str), logits, probs),
        "show_curves": (
            lambda y: course.show_curves(range(V), {"y": y}, x_label="x", y_label="y"),
            logits,
        ),
        "make_grid": (lambda g: course.make_grid(g, ["x", "y"], words[:3]), attention[:, 0, :3]),
        "show_grid": (lambda g: course.show_grid(g, ["x", "y"], words[:3]), attention[:, 0, :3]),
        "show_strip": (lambda t: course.show_strip(words, t), logits > 1),
        "AttentionWidget": (
            lambda w: course.AttentionWidget(
                lambda prompt: ("abc", w), prompt="a", num_layers=2, num_heads=1
            ).numbers(),
            attention[:, None, :, :3].softmax(-1),
        ),
        "HandAttentionWidget": (
            lambda v, q: course.HandAttentionWidget(words[:3], v, values=v, query=q).numbers(),
            attention[0, :, :2],
            probs[:2],
        ),
        "Part, WalkWidget": (
            lambda a: course.WalkWidget(
                [course.Part("a", "b", a, {"weights": a})], words[:3], opened=True
            ).numbers(),
            attention[0, :, :3],
        ),
        "walk": (lambda i: course.walk(gpt, i), ids),
        "logit_lens": (lambda i: course.logit_lens(gpt, i), ids),
        "model_attention": (lambda i: course.model_attention(gpt, i), ids),
        "LensWidget": (
            lambda z, i: course.LensWidget(z, i, words).numbers(),
            logits.expand(3, 2, -1),
            ids[:, :2],
        ),
        "PlaygroundWidget": (
            lambda: course.PlaygroundWidget(gpt, Words(words), prompt="x", max_new_tokens=3).text,
        ),
        "DistributionWidget": (
            lambda z, i: course.DistributionWidget(
                z, words, previous_ids=i, knobs=["top_k", "repetition_penalty"]
            ).numbers(),
            logits,
            ids[0],
        ),
        "RulesWidget": (
            lambda z, i: course.RulesWidget(step(z, i), words, previous_ids=i[:2]).numbers(),
            logits,
            ids[0],
        ),
        **{name: (partial(shown_of_step, name, words), logits, ids[0]) for name in OF_A_STEP},
        "DistributionWidget: own rule": (
            lambda z: course.DistributionWidget(
                z, words, probs_function=lambda z, temperature: (z / temperature).softmax(-1)
            ).numbers(),
            logits,
        ),
    }


@pytest.fixture
def every_call(tmp_path):
    torch.manual_seed(0)
    return calls(tmp_path / "run")


NAMES = sorted(calls("nowhere"))


@pytest.mark.parametrize("name", NAMES)
def test_no_function_makes_a_tensor_on_its_callers_default_device(name, every_call):
    function, *arguments = every_call[name]
    torch.manual_seed(0)
    expected = repr(function(*arguments))
    torch.manual_seed(0)
    with torch.device("meta"), NothingOnMeta():
        came = function(*arguments)
    assert repr(came) == expected


# Not these: their model is on the CPU, they draw, or torch wants a real device for them (top_p).
STAYS = (
    "GPT",
    "beam_search",
    "count_parameters",
    "generate",
    "get_batch",
    "held_out_loss",
    "keep_top_p",
    "logit_lens",
    "model_attention",
    "start_small",
    "strategies",
    "trace",
    "train",
    "walk",
)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(STAYS)])
def test_on_an_accelerator_without_float64_all_is_as_on_the_cpu(name, every_call, accelerator):
    function, *arguments = every_call[name]
    came = function(*map(accelerator, arguments))
    if isinstance(came, Tensor):
        assert came.device == DEVICE, "the result is elsewhere than the arguments"
        came = came.held
    assert repr(came) == repr(function(*arguments))


def takes_tensors(name):
    thing = getattr(course, name)
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return False
    said = [a.annotation for a in inspect.signature(thing).parameters.values()]
    return any(re.search(r"Tensor|nn\.Module|\bStep\b", text) for text in map(str, said))


def test_no_function_that_takes_tensors_is_left_out():
    tried = {one for name in NAMES for one in name.split(":")[0].split(", ")}
    assert {name for name in course.__all__ if takes_tensors(name)} - tried == set()
