"""The exercises of lesson 11: a batch, cross entropy, and one step of training."""

import math
from collections.abc import Callable, Iterator
from random import Random

import torch
import torch.nn.functional as F

from ..corpus import get_batch
from .cases import float32, normal
from .engine import Exercise
from .step_11 import loss_and_parameters, models_and_batches, step


def batch_at(
    data: torch.Tensor, starts: torch.Tensor, seq_len: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs and targets, (B, T) each, of T = seq_len ids of data (N,).

    A row of inputs begins at one of starts (B,); its targets, one place further on.
    """
    places = starts[:, None] + torch.arange(seq_len)  # (B, 1) + (T,) -> (B, T)
    return data[places], data[places + 1]


def _data_and_starts() -> Iterator[tuple[torch.Tensor, torch.Tensor, int]]:
    yield torch.tensor([7, 2, 9, 4, 6, 1, 8, 3]), torch.tensor([2, 1]), 3
    yield torch.tensor([7, 2, 9, 4]), torch.tensor([2, 0]), 1
    random = Random(0)
    for count, rows, length in ((3, 1, 2), (9, 4, 3), (20, 1, 19), (40, 5, 8), (300, 16, 32)):
        data = random.choices(range(50), k=count)
        starts = [random.randrange(count - length) for _ in range(rows)]
        yield torch.tensor(data), torch.tensor(starts), length


def _inputs_and_targets(function: Callable, *args: object) -> object:
    """Observe the two results under their names."""
    got = function(*args)
    is_pair = isinstance(got, tuple) and len(got) == 2
    return dict(zip(("inputs", "targets"), got, strict=True)) if is_pair else got


def _cut(begin: tuple[int, int] = (0, 1), longer: tuple[int, int] = (0, 0)) -> Callable:
    """Make a batch whose inputs and targets begin elsewhere, or are longer, than is right."""

    def cut(data: torch.Tensor, starts: torch.Tensor, seq_len: int) -> tuple:
        ends = [(at, at + seq_len + more) for at, more in zip(begin, longer, strict=True)]
        return tuple(torch.stack([data[i + a : i + b] for i in starts]) for a, b in ends)

    return cut


def _then(change: Callable, which: tuple[int, ...] = (0, 1)) -> Callable:
    """Make a batch that is right but for a change of the inputs (0), the targets (1), or both."""
    return lambda *args: tuple(
        change(part) if i in which else part for i, part in enumerate(batch_at(*args))
    )


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean of -log(probability of the target) over all places, one number.

    logits: (B, T, V), before softmax. targets: (B, T), ids.
    """
    log_probs = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    of_targets = log_probs.gather(-1, targets[..., None])  # (B, T, 1)
    return -of_targets.mean()


def _logits_and_targets() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    yield float32([[[1.0, 2.0]]]), torch.tensor([[1]])
    yield float32([[[1.0, 2.0], [0.5, 0.0]]]), torch.tensor([[1, 1]])
    random = Random(0)
    for B, T, V in ((2, 1, 3), (1, 2, 4), (2, 3, 3), (4, 8, 4), (3, 5, 50)):
        for scale in (1, 3, 1000):
            values = [round(random.gauss(0, scale), 1) for _ in range(B * T * V)]
            ids = random.choices(range(V), k=B * T)
            yield float32(values).reshape(B, T, V), torch.tensor(ids).reshape(B, T)


def _of_targets(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return scores.gather(-1, targets[..., None])[..., 0]  # (B, T)


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


def _again(times: int, pick: int) -> Callable:
    """Make a train_step that takes several steps on its batch and returns the loss of one."""
    return lambda *args: [train_step(*args) for _ in range(times)][pick]


EXERCISES = (
    Exercise(
        name="11.batch",
        title="A batch",
        difficulty=1,
        minutes=5,
        solution=batch_at,
        cases=_data_and_starts,
        observe=_inputs_and_targets,
        mistakes={
            "The inputs begin at starts; the targets, one place further on.": tuple(
                _cut(begin) for begin in ((0, 0), (0, -1), (1, 1), (0, 2), (1, 2), (1, 0))
            ),
            "A row for each start, seq_len ids in each, of inputs and targets alike: (B, T).": (
                *(_cut(longer=ends) for ends in ((1, 1), (0, 1), (-1, -1), (0, -1), (1, 0))),
                *(_then(lambda part: part[:1], which) for which in ((0, 1), (1,))),
                *(_then(lambda part: part[:, -1], which) for which in ((0, 1), (1,))),
                *(_then(lambda part: part[:, :1], which) for which in ((0, 1), (1,))),
                _then(lambda part: part.T),
                _then(torch.flatten),
            ),
            "A roll wraps round: the last target is the next id of data, not the row's first.": (
                lambda *args: (batch_at(*args)[0], batch_at(*args)[0].roll(-1, 1))
            ),
            "Take the next id from the data, not by counting.": (
                lambda *args: (batch_at(*args)[0], batch_at(*args)[0] + 1),
                lambda *args: (batch_at(*args)[0], (batch_at(*args)[0] + 1) % 4),
            ),
            "Take the starts you are given: get_batch draws starts of its own.": (
                lambda data, starts, seq_len: get_batch(data, len(starts), seq_len)
            ),
            "torch.stack(rows) makes one tensor (B, T) of B rows (T,).": (
                *(_then(list, which) for which in ((0, 1), (1,))),
                *(_then(torch.Tensor.tolist, which) for which in ((0, 1), (1,))),
                lambda data, starts, n: (torch.tensor([data[i : i + n] for i in starts]),) * 2,
            ),
        },
        keep="Other batches are cut from the same data: make new tensors.",
        hints=(
            "One text's inputs are data[start : start + seq_len]; its targets are the same slice, "
            "one place further on.",
            "Cut a slice for each start, and make one tensor of them: torch.stack(rows).",
            "Or index data once: places = starts[:, None] + torch.arange(seq_len) has shape "
            "(B, T), and so has data[places]. The targets stand at places + 1.",
        ),
        why="A column (B, 1) plus a row (T,) gives every place, (B, T), at once; the target of a "
        "place is the id at the next one, so one set of places serves both.",
        tried="one text and many, short and long, up to the last id",
    ),
    Exercise(
        name="11.cross_entropy",
        title="Cross entropy by hand",
        difficulty=2,
        minutes=6,
        solution=cross_entropy,
        cases=_logits_and_targets,
        mistakes={
            "Take the mean over all B x T places, of one number each: one number in the end.": (
                lambda z, ids: cross_entropy(z, ids) * ids.numel(),
                lambda z, ids: cross_entropy(z, ids) * ids.shape[1],
                lambda z, ids: cross_entropy(z, ids) / z.shape[-1],
                lambda z, ids: cross_entropy(z[:, -1:], ids[:, -1:]),
                lambda z, ids: -_of_targets(z.log_softmax(-1), ids),
            ),
            "The sign is turned round: a loss is never below 0.": lambda z, ids: (
                -cross_entropy(z, ids)
            ),
            "softmax goes over the last dimension, the vocabulary: dim=-1.": (
                lambda z, ids: -_of_targets(z.log_softmax(1), ids).mean(),
                lambda z, ids: -_of_targets(z.log_softmax(0), ids).mean(),
            ),
            "A probability can round to 0, and exp(1000) is infinite: torch.log_softmax does both "
            "steps in one, and needs no clamp.": (
                lambda z, ids: -_of_targets(z.softmax(-1), ids).log().mean(),
                lambda z, ids: -_of_targets(normal(z.exp()), ids).log().mean(),
                lambda z, ids: -(_of_targets(z.softmax(-1), ids) + 1e-9).log().mean(),
                lambda z, ids: -_of_targets(z.softmax(-1), ids).clamp(min=1e-12).log().mean(),
                lambda z, ids: torch.nan_to_num(-_of_targets(z.softmax(-1), ids).log()).mean(),
                *(lambda z, ids, c=c: cross_entropy(z.clamp(-c, c), ids) for c in (50, 80, 100)),
            ),
            "Softmax makes probabilities, log their logarithms; the loss is the mean of minus the "
            "target's: each step once, in this order.": (
                lambda z, ids: _of_targets(z.softmax(-1), ids).mean(),
                lambda z, ids: -_of_targets(z.softmax(-1), ids).mean(),
                lambda z, ids: -_of_targets(z.softmax(-1), ids).mean().log(),
                lambda z, ids: (1 - _of_targets(z.softmax(-1), ids)).mean(),
                lambda z, ids: -_of_targets(z, ids).mean(),
                lambda z, ids: cross_entropy(z, ids).exp(),
                lambda z, ids: cross_entropy(z.softmax(-1), ids),
            ),
            "The target's entry counts, of V: gather(-1, targets[..., None]) picks it.": (
                lambda z, ids: -z.log_softmax(-1).mean(),
                lambda z, ids: -z.log_softmax(-1).amax(-1).mean(),
                lambda z, ids: -z.log_softmax(-1).gather(-1, ids).mean(),
                lambda z, ids: -z.log_softmax(-1).gather(-1, ids[:, None]).mean(),
                lambda z, ids: -z.log_softmax(-1).gather(1, ids[..., None]).mean(),
                lambda z, ids: -z.log_softmax(-1)[ids].mean(),
            ),
            "Use the natural logarithm, torch.log, as log_softmax does.": (
                lambda z, ids: cross_entropy(z, ids) / math.log(2),
                lambda z, ids: cross_entropy(z, ids) / math.log(10),
            ),
            "F.cross_entropy wants a row a place: logits.flatten(0, 1), targets.flatten().": (
                lambda z, ids: F.cross_entropy(z, ids)
            ),
        },
        hints=(
            "softmax over the last dimension gives V probabilities at each place. Only the "
            "target's counts.",
            "log_probs.gather(-1, targets[..., None]) picks the target's entry at each place: "
            "(B, T, V) -> (B, T, 1). Then take the mean, and mind the minus sign.",
            "A probability can round to 0, and its logarithm is -inf: "
            "torch.log_softmax(logits, dim=-1) takes both steps in one, and stays finite.",
        ),
        why="log_softmax works with the logarithms all along, so no probability rounds to 0; "
        "gather picks one entry at each place, and the mean makes batches of any size comparable.",
        tried="one place and many, flat and peaked logits, logits of 1000",
    ),
    Exercise(
        name="11.step",
        title="One step of training",
        difficulty=2,
        minutes=8,
        solution=train_step,
        cases=models_and_batches,
        observe=loss_and_parameters,
        near=1e-7,
        mistakes={
            "backward adds to what stands in .grad: optimizer.zero_grad() comes before it.": (
                step("backward step"),
                step("backward step zero"),
            ),
            "Nothing moves: loss.backward() fills .grad, optimizer.step() after it moves by what "
            "stands there, and no zero_grad comes between them.": step("zero step"),
            "One step on this batch, each call once: no loop.": (
                step("zero backward step step"),
                step("zero backward backward step"),
                *(_again(times, pick) for times in (2, 3, 5) for pick in (0, -1)),
            ),
            "Return the loss alone, as loss.item(): the loss itself keeps its whole graph.": (
                step(result=lambda loss, *_: loss),
                step(result=lambda loss, *_: loss.detach()),
                step(result=lambda loss, model, *batch: model(*batch)[0]),
                step(result=lambda loss, model, *batch: (model(*batch)[0], loss)),
            ),
            "That is the loss after the step; the one before it is asked for.": (
                step(result=lambda loss, model, *batch: model(*batch)[1].item())
            ),
            "That is rounded: return the number as it is.": tuple(
                step(result=lambda loss, *_, digits=digits: round(loss.item(), digits))
                for digits in range(6)
            ),
            "model.eval() is for using a model, not for training it: leave it out.": (
                step("eval zero backward step")
            ),
            "The model takes the whole batch at once: model(inputs, targets), no loop.": (
                step(loss_of=lambda model, x, y: model(x[:1], y[:1])[1]),
                step(loss_of=lambda model, x, y: model(x[0], y[0])[1]),
            ),
            "It is the mean loss that is returned, and that has to fall: no sum, no minus.": (
                step(loss_of=lambda model, x, y: model(x, y)[1] * y.numel()),
                step(result=lambda loss, model, x, y: loss.item() * y.numel()),
                step(loss_of=lambda model, x, y: -model(x, y)[1], result=lambda z, *_: -z.item()),
                step(result=lambda loss, *_: -loss.item()),
            ),
            "The model returns two things, and no loss without targets: "
            "logits, loss = model(inputs, targets).": (
                step(loss_of=lambda model, x, y: model(x)[1]),
                step(loss_of=lambda model, x, y: model(x, y)),
                step(loss_of=lambda model, x, y: model(x, y)[0]),
            ),
            "The way back to the parameters is cut: no torch.no_grad(), detach or .item() before "
            "loss.backward().": (
                step(loss_of=lambda model, x, y: model(x, y)[1].detach()),
                step(loss_of=lambda model, x, y: model(x, y)[1].item()),
            ),
            "backward belongs to the loss; zero_grad and step, to the optimizer.": (
                lambda model, optimizer, *batch: optimizer.backward(),
                lambda model, optimizer, *batch: model.backward(),
                lambda model, optimizer, *batch: model(*batch)[1].zero_grad(),
                lambda model, optimizer, *batch: model(*batch)[1].step(),
            ),
        },
        hints=(
            "logits, loss = model(inputs, targets) is the way forward: the loss is one number.",
            "loss.backward() adds each parameter's gradient to its .grad, and optimizer.step() "
            "moves the parameters by what stands there.",
            "What is left in .grad from before has to go first: optimizer.zero_grad(), then "
            "loss.backward(), then optimizer.step(). loss.item() is the float.",
        ),
        why="backward adds to .grad and the step reads it, so the gradients are set to zero before "
        "the one and used by the other; .item() keeps the number and lets the graph go.",
        tried="SGD and AdamW, GPTs of two sizes, gradients left from before, several batches each",
    ),
)
