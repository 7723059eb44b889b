"""Judging a step of training, exercise 11.step; watched.py has what it is taken with."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from operator import methodcaller
from random import Random

import torch
from torch import Tensor, nn

from .answer import Answer, Wrong, kind, number, show
from .tensors import explained, judge_part, to_number
from .watched import NEW_BATCH, SGD, AdamW, Table, Watched, small_gpt


def check_train_step(answer: Answer) -> str:
    """Check train_step(model, optimizer, inputs, targets), smallest model first."""
    random = Random(0)
    with torch.enable_grad():  # whatever the notebook has switched off
        for watched in (
            Watched(partial(Table, 2), partial(SGD, lr=0.5)),
            Watched(partial(Table, 2), partial(SGD, lr=0.5), stale=True, training=False),
            Watched(small_gpt, partial(AdamW, lr=1e-2)),
            Watched(small_gpt, partial(SGD, lr=0.1, momentum=0.9), stale=True),
        ):
            size = len(watched.first)
            for step, (rows, length) in enumerate(((1, 2), (2, 3), (4, 8)), start=1):
                starts = torch.tensor(random.choices(range(size), k=rows), device="cpu")
                texts = (starts[:, None] + torch.arange(length + 1, device="cpu")) % size
                _judge_step(answer, watched, step, texts[:, :-1], texts[:, 1:])
    return "SGD and AdamW, a table and a GPT, gradients left from before, several batches each"


def _judge_step(
    answer: Answer, watched: Watched, step: int, inputs: Tensor, targets: Tensor
) -> None:
    training = watched.model.training
    before, after = watched.expect(inputs, targets, answer.uses)
    got = explained(answer, _ERRORS, watched.model, watched.optimizer, inputs, targets)
    if training and not watched.model.training:
        modes = "as after model.train()", "as after model.eval()"
        advice = "model.eval() is for using a model, not for training it: leave it out."
        raise Wrong("the model's mode has changed", *modes, advice)
    _judge_loss(got, before, after, watched)
    if not watched.moved():
        raise Wrong(f"no parameter has moved in step {step}", advice=watched.advice())
    right = watched.twin.state_dict()
    for name, values in watched.model.state_dict().items():
        judge_part(f"{name} after step {step}", values, right[name], watched.mistakes)


_TWO = "The model returns two things: logits, loss = model(inputs, targets)."
_NONE = "Without targets the loss is None: logits, loss = model(inputs, targets)."
_NO_LOSS = "optimizer.step() takes no loss: it moves by what stands in .grad."
_OTHER_IDS = f"That id is not in this model's vocabulary. {NEW_BATCH}"
_ERRORS = {
    "index out of range in self": _OTHER_IDS,
    "is out of bounds": _OTHER_IDS,
    "'NoneType' object has no attribute 'backward'": _NONE,
    "'NoneType' object has no attribute 'item'": f"{_NONE} loss.backward() returns None too.",
    "'tuple' object has no": _TWO,
    "must be Tensor, not tuple": _TWO,
    "only for scalar outputs": "backward starts from one number, the loss; it comes second: "
    "logits, loss = model(inputs, targets).",
    "'float' object has no attribute 'backward'": ".item() leaves a plain number, which knows no "
    "gradients: loss.backward() first.",
    "has no attribute 'backward'": "backward belongs to the loss: loss.backward().",
    "has no attribute 'zero_grad'": "zero_grad belongs to the optimizer: optimizer.zero_grad().",
    "has no attribute 'step'": "step belongs to the optimizer: optimizer.step().",
    "'Tensor' object is not callable": _NO_LOSS,
    "'float' object is not callable": _NO_LOSS,
    "For 1D input": "The model takes the whole batch at once, (B, T): model(inputs, targets).",
    "does not require grad": "The way back to the parameters is cut: no torch.no_grad(), "
    "inference_mode, detach or .item() before loss.backward().",
    "backward through the graph a second time": "loss.backward() once for each loss.",
}


def _judge_loss(got: object, before: float, after: float, watched: Watched) -> None:
    """Raise Wrong unless got is the loss before the step, as a float."""
    if isinstance(got, tuple | list):
        advice = watched.looped() or "Return the loss alone."
        raise Wrong("the result is not one number", "a float", show(got), advice)
    if isinstance(got, Tensor) and got.dim() == 3:
        advice = "Those are the logits: return the loss, as loss.item()."
        raise Wrong("the result is not one number", "a float", show(got), advice)
    if isinstance(got, Tensor) and got.dim() == 0:
        advice = "loss.item() is the number alone."
        if got.requires_grad:
            advice = "It keeps its whole graph in memory: loss.item() is the number alone."
        raise Wrong("the loss is a tensor, not a float", "a float", show(got.detach()), advice)
    if isinstance(got, str) or callable(got):
        advice = "Return the number itself, loss.item(): no str, no f-string."
        if callable(got):
            advice = "Is it called, with brackets ()? The number is loss.item()."
        raise Wrong("the result is not a number", "a float", f"{show(got)} ({kind(got)})", advice)
    value = to_number(got, "a float")
    rounded = value != before and value in _rounded(before)
    if math.isclose(value, before, rel_tol=1e-4, abs_tol=1e-5) and not rounded:
        return
    known = [
        *([(value, "That is rounded: return the number as it is.")] if rounded else []),
        (after, "That is the loss after the step; the one before it is asked for."),
        (math.exp(before), "That is the perplexity: return the loss itself, without exp."),
        (
            before * watched.targets.numel(),
            "That is the sum over all B x T places: return the mean.",
        ),
        (-before, "Minus the loss goes up the hill: it is the loss that has to fall."),
    ]
    near = (text for wrong, text in known if math.isclose(value, wrong, rel_tol=1e-4, abs_tol=1e-5))
    advice = watched.looped() or next(near, "") or watched.advice_on_the_call()
    digits = next((n for n in (4, 8) if number(before, n) != number(value, n)), 16)
    texts = number(before, digits), number(value, digits)
    raise Wrong("that is not the loss before the step", *texts, advice)


def _rounded(value: float) -> set[float]:
    """Give the value rounded, and cut off, after 0 to 12 digits."""
    scales = [10**digits for digits in range(13)]
    cut = (math.floor(value * scale) / scale for scale in scales)
    return {round(value, digits) for digits in range(13)} | set(cut)


def in_order(order: str, returns: Callable | None = None) -> Callable:
    """Make a wrong train_step, which does these things in turn: "backward zero step".

    returns(model, loss, inputs, targets) gives its result, by default loss.item().
    """
    does = {
        "zero": methodcaller("zero_grad"),
        "backward": methodcaller("backward", retain_graph=True),
        "step": methodcaller("step"),
        "eval": methodcaller("eval"),
    }

    def train_step(
        model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, targets: Tensor
    ) -> object:
        _, loss = model(inputs, targets)
        owners = {"backward": loss, "eval": model}
        for name in order.split():
            does[name](owners.get(name, optimizer))
        return returns(model, loss, inputs, targets) if returns else loss.item()

    return train_step
