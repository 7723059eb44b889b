"""The exercises of lesson 11: a batch, cross entropy, and one step of training."""

import math
from random import Random

import torch

from ..corpus import get_batch
from .answer import Answer, Wrong, clip, kind, show
from .core import Exercise
from .mistakes_11 import (
    batch_errors,
    batch_mistakes,
    entropy_errors,
    entropy_mistakes,
    equal,
    is_torchs_own,
)
from .step_11 import check_train_step, in_order
from .tensors import explained, judge_number, judge_part, logits


def batch_at(
    data: torch.Tensor, starts: torch.Tensor, seq_len: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs and targets, (B, T) each, of T = seq_len ids of data (N,).

    A row of inputs begins at one of starts (B,); its targets, one place further on.
    """
    places = starts[:, None] + torch.arange(seq_len)  # (B, 1) + (T,) -> (B, T)
    return data[places], data[places + 1]


def _check_batch_at(answer: Answer) -> str:
    cases = [([7, 2, 9, 4, 6, 1, 8, 3], [2, 1], 3), ([7, 2, 9, 4], [2, 0], 1), ([5, 8, 3], [0], 2)]
    cases += [([0, 1, 2, 3] * 3, [0, 3, 7], 4)]
    random = Random(0)
    for count, rows, length in ((9, 4, 3), (20, 1, 19), (40, 5, 8), (300, 16, 32)):
        data = random.choices(range(50), k=count)
        cases.append((data, [random.randrange(count - length) for _ in range(rows)], length))
    for data, starts, length in cases:
        data, starts = (torch.tensor(ids, device="cpu") for ids in (data, starts))
        places = starts[:, None] + torch.arange(length, device="cpu")
        want = data[places], data[places + 1]
        got = explained(answer, batch_errors(answer), data, starts, length)
        _judge_pair(got, want)
        for name, part, right in zip(("inputs", "targets"), got, want, strict=True):
            judge_part(name, part, right, batch_mistakes, answer, name, data, starts, places)
        answer.must_not_change("Other batches are cut from the same data: make new tensors.")
    return "one text and many, short and long, up to the last id"


def _judge_pair(got: object, want: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Raise Wrong unless got is a tuple of two tensors that do not stand the wrong way round."""
    pair = "a tuple: (inputs, targets)"
    if not isinstance(got, tuple) or len(got) != 2:
        came = f"{clip(show(got), 64)} ({kind(got)})"
        raise Wrong("the result is not a pair", pair, came, "End with `return inputs, targets`.")
    for name, part in zip(("inputs", "targets"), got, strict=True):
        if isinstance(part, list | tuple):
            joins = "stack" if all(isinstance(row, torch.Tensor) for row in part) else "tensor"
            advice = f"torch.{joins}(rows) makes one tensor (B, T) of B rows (T,)."
            raise Wrong(f"{name}: a {kind(part)}, not a tensor", "a tensor", show(part), advice)
    if all(isinstance(part, torch.Tensor) for part in got) and all(map(equal, got, want[::-1])):
        raise Wrong("inputs and targets are swapped", pair, "(targets, inputs)")


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean of -log(probability of the target) over all places, one number.

    logits: (B, T, V), before softmax. targets: (B, T), ids.
    """
    log_probs = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    of_targets = log_probs.gather(-1, targets[..., None])  # (B, T, 1)
    return -of_targets.mean()


def _check_cross_entropy(answer: Answer) -> str:
    cases = [([1.0, 2.0], (1, 1, 2), [1]), ([1.0, 2.0, 0.5, 0.0], (1, 2, 2), [1, 1])]
    cases += [([2.0, 1.0, 0.0, 3.0, 1.0, 1.0], (2, 1, 3), [1, 0]), ([0.0] * 8, (1, 2, 4), [0, 3])]
    random = Random(0)
    for shape in ((2, 3, 3), (2, 2, 5), (4, 8, 4), (3, 5, 50)):
        for scale in (1, 3):
            values = [round(random.gauss(0, scale), 1) for _ in range(math.prod(shape))]
            cases.append((values, shape, random.choices(range(shape[-1]), k=shape[0] * shape[1])))
    cases += [([0.0, 1000.0], (1, 1, 2), [1]), ([1000.0, -1000.0], (1, 1, 2), [1])]
    cases += [([-1000.0, 999.0, 0.0, 1000.0, 1001.0, 0.0], (1, 2, 3), [1, 2])]
    for values, shape, ids in cases:
        case = logits(values).reshape(shape)
        targets = torch.tensor(ids, device="cpu").reshape(shape[:2])
        got = explained(answer, entropy_errors(answer), case, targets)
        if isinstance(got, torch.Tensor) and got.dim() > 0:
            advice = "One number for the whole batch: the mean over all B x T places, .mean()."
            raise Wrong("the result is not one number", "one number", show(got), advice)
        picked = torch.log_softmax(case.double(), -1).gather(-1, targets[..., None])
        judge_number(got, -float(picked.mean()), entropy_mistakes, answer, case, targets)
    tried = "one place and many, flat and peaked logits, logits of 1000"
    by_hand = ". That is torch's own; by hand: log_softmax, gather, the mean, and a minus sign"
    return tried + by_hand if is_torchs_own(answer) else tried


def train_step(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    inputs: torch.Tensor,
    targets: torch.Tensor,
) -> float:
    """Take one step of training on inputs and targets, (B, T) each; return the loss before it."""
    _, loss = model(inputs, targets)  # logits (B, T, V) and one number
    optimizer.zero_grad()  # backward adds to what is there
    loss.backward()  # fills each parameter's .grad
    optimizer.step()  # moves each parameter by its .grad
    return loss.item()


def _rows(data: torch.Tensor, starts: torch.Tensor, count: int) -> torch.Tensor:
    return torch.stack([data[start : start + count] for start in starts])  # (B, count)


def _two_lists(data: torch.Tensor, starts: torch.Tensor, seq_len: int) -> tuple:
    return [data[s : s + seq_len] for s in starts], [data[s + 1 : s + 1 + seq_len] for s in starts]


def _picked(log_probs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return log_probs.gather(-1, targets[..., None])[..., 0]  # (B, T)


_RIGHT = "zero backward step"

EXERCISES = (
    Exercise(
        name="11.batch",
        title="A batch",
        difficulty=1,
        minutes=5,
        task="From data (N,), return (inputs, targets), (B, T) each: the T = seq_len ids from "
        "each of starts (B,), and the ids one place further on.",
        check=_check_batch_at,
        hints=(
            "One text's inputs are data[start : start + seq_len]; its targets are the same slice, "
            "one place further on.",
            "Cut a slice for each start, and make one tensor of them: torch.stack(rows).",
            "Or index data once: places = starts[:, None] + torch.arange(seq_len) has shape "
            "(B, T), and so has data[places]. The targets stand at places + 1.",
        ),
        solution=batch_at,
        why="A column (B, 1) plus a row (T,) gives every place, (B, T), at once; the target of a "
        "place is the id at the next one, so one set of places serves both.",
        wrong=(
            (lambda data, at, n: (_rows(data, at, n), _rows(data, at, n)), "shift them by one"),
            (lambda data, at, n: (_rows(data, at, n), _rows(data, at - 1, n)), "the wrong way"),
            (lambda data, at, n: (_rows(data, at, n), _rows(data, at, n).roll(-1, 1)), "wraps"),
            (lambda data, at, n: batch_at(data, at[:1], n), "only the first start"),
            (lambda data, at, n: (_rows(data, at, n), data[at + n]), "the last alone"),
            (_two_lists, "torch.stack"),
            (lambda data, at, n: get_batch(data, len(at), n), "use the starts you are given"),
            (lambda data, at, n: (_rows(data, at, n), (_rows(data, at, n) + 1) % 4), "counting"),
            (lambda data, at, n: batch_at(data, at, n)[::-1], "swapped"),
            (lambda data, at, n: torch.stack(batch_at(data, at, n)), "not a pair"),
            (lambda data, at, n: list(batch_at(data, at, n)), "not a pair"),
        ),
        imports="import torch",
    ),
    Exercise(
        name="11.cross_entropy",
        title="Cross entropy by hand",
        difficulty=2,
        minutes=6,
        task="Return the mean, over all B x T places, of -log of the probability that softmax "
        "gives the target; logits (B, T, V), targets (B, T). Logits of 1000 too.",
        check=_check_cross_entropy,
        hints=(
            "softmax over the last dimension gives V probabilities at each place. Only the "
            "target's counts.",
            "log_probs.gather(-1, targets[..., None]) picks the target's entry at each place: "
            "(B, T, V) -> (B, T, 1). Then take the mean, and mind the minus sign.",
            "A probability can round to 0, and its logarithm is -inf: "
            "torch.log_softmax(logits, dim=-1) takes both steps in one, and stays finite.",
        ),
        solution=cross_entropy,
        why="log_softmax works with the logarithms all along, so no probability rounds to 0; "
        "gather picks one entry at each place, and the mean makes batches of any size comparable.",
        wrong=(
            (lambda z, ids: -_picked(z.log_softmax(-1), ids).sum(), "That is the sum"),
            (lambda z, ids: _picked(z.log_softmax(-1), ids).mean(), "sign is turned round"),
            (lambda z, ids: -_picked(z.log_softmax(1), ids).mean(), "last dimension"),
            (lambda z, ids: -_picked(z.softmax(-1), ids).log().mean(), "does both"),
            (lambda z, ids: _picked(z.softmax(-1), ids).mean(), "probabilities"),
            (lambda z, ids: -_picked(z.log_softmax(-1), ids).mean() / math.log(2), "in bits"),
            (lambda z, ids: -_picked(z.log_softmax(-1), ids)[:, -1].mean(), "last position"),
            (lambda z, ids: -z.log_softmax(-1).mean(), "all V entries"),
            (lambda z, ids: (z.argmax(-1) == ids).float().mean(), "top token is right"),
        ),
        imports="import torch",
    ),
    Exercise(
        name="11.step",
        title="One step of training",
        difficulty=2,
        minutes=8,
        task="Take one step of training on one batch: gradients from zero, backward, optimizer "
        "step. Return the loss before the step, as a float; the model stays in training mode.",
        check=check_train_step,
        hints=(
            "logits, loss = model(inputs, targets) is the way forward: the loss is one number.",
            "loss.backward() adds each parameter's gradient to its .grad, and optimizer.step() "
            "moves the parameters by what stands there.",
            "What is left in .grad from before has to go first: optimizer.zero_grad(), then "
            "loss.backward(), then optimizer.step(). loss.item() is the float.",
        ),
        solution=train_step,
        why="backward adds to .grad and the step reads it, so the gradients are set to zero before "
        "the one and used by the other; .item() keeps the number and lets the graph go.",
        wrong=(
            (in_order("backward step"), "backward adds to what"),
            (in_order("backward step zero"), "backward adds to what"),
            (in_order("zero step"), "loss.backward() is missing"),
            (in_order("zero backward"), "without optimizer.step()"),
            (in_order("backward zero step"), "throws the new gradients away"),
            (in_order("zero step backward"), "comes before it"),
            (in_order("zero backward step step"), "2 steps"),
            (in_order(_RIGHT, lambda model, loss, *batch: loss), "loss.item()"),
            (in_order(_RIGHT, lambda model, _, *batch: model(*batch)[1].item()), "after the step"),
            (in_order(_RIGHT, lambda model, loss, *batch: model(*batch)[0]), "logits"),
            (in_order("eval zero backward step"), "model.eval()"),
        ),
        imports="import torch",
    ),
)
