"""The exercises of lesson 11: a batch, cross entropy, and one step of training."""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

import torch
import torch.nn.functional as F
from torch.optim import SGD, AdamW

from ..corpus import get_batch
from ..gpt import GPT
from .cases import float32, normal
from .engine import Exercise


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


def _rows(data: torch.Tensor, starts: torch.Tensor, count: int) -> torch.Tensor:
    return torch.stack([data[start : start + count] for start in starts])  # (B, count)


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


def _models_and_batches() -> Iterator[tuple]:
    """Yield three batches for each model, so that what a step leaves behind meets the next one."""
    random = Random(0)
    for size, embed_dim, make_optimizer in (
        (2, 2, partial(SGD, lr=0.5)),
        (4, 8, partial(AdamW, lr=1e-2)),
    ):
        torch.default_generator.manual_seed(0)
        model = GPT(size, embed_dim, num_heads=2, num_layers=1, max_seq_len=8)
        model.double()  # where rounding cannot turn into a step of AdamW's
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, 0.25)  # left from before
        optimizer = make_optimizer(model.parameters())
        for rows, length in ((1, 2), (2, 3), (4, 8)):
            starts = torch.tensor(random.choices(range(size), k=rows))
            texts = (starts[:, None] + torch.arange(length + 1)) % size  # (B, T + 1)
            yield model, optimizer, texts[:, :-1], texts[:, 1:]


def _loss_and_parameters(function: Callable, model: torch.nn.Module, *args: object) -> dict:
    """Observe the loss that is returned, the model's mode, and every parameter after the step."""
    seen: dict[str, object] = {"the loss": function(model, *args)}
    seen["the model's mode"] = "training" if model.training else "as after model.eval()"
    now = model.state_dict()
    after = {f"{name} after the step": values.clone() for name, values in now.items()}
    return seen | after


def _step(
    order: str = "zero backward step",
    loss_of: Callable = lambda model, *batch: model(*batch)[1],
    result: Callable = lambda loss, *_: loss.item(),
) -> Callable:
    """Make a train_step that does these things in turn, with this loss, and returns this."""

    def train_step(model: torch.nn.Module, optimizer: SGD, *batch: object) -> object:
        loss = loss_of(model, *batch)
        does = {"zero": optimizer.zero_grad, "step": optimizer.step, "eval": model.eval}
        for name in order.split():
            does.get(name, lambda: loss.backward(retain_graph=True))()
        return result(loss, model, *batch)

    return train_step


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
            "The targets are the inputs again: shift them by one.": (
                lambda data, at, n: (_rows(data, at, n), _rows(data, at, n))
            ),
            "Shifted the wrong way: a target is the id after its input.": (
                lambda data, at, n: (_rows(data, at, n), _rows(data, at - 1, n))
            ),
            "A roll wraps round: the last target is the next id of data, not the row's first.": (
                lambda data, at, n: (_rows(data, at, n), _rows(data, at, n).roll(-1, 1))
            ),
            "Take the next id from the data, not by counting.": (
                lambda data, at, n: (_rows(data, at, n), _rows(data, at, n) + 1),
                lambda data, at, n: (_rows(data, at, n), (_rows(data, at, n) + 1) % 4),
            ),
            "Take the starts you are given: get_batch and randint draw starts of their own.": (
                lambda data, at, n: get_batch(data, len(at), n),
            ),
            "A row for each start: only the first start is used.": (
                lambda data, at, n: batch_at(data, at[:1], n)
            ),
            "torch.stack(rows) makes one tensor (B, T) of B rows (T,).": (
                lambda data, at, n: tuple(list(part) for part in batch_at(data, at, n)),
                lambda data, at, n: (torch.tensor([data[i : i + n] for i in at]),) * 2,
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
            "That is the sum: take the mean over all B x T places.": (
                lambda z, ids: cross_entropy(z, ids) * ids.numel(),
                lambda z, ids: cross_entropy(z, ids) * ids.shape[1],
            ),
            "The sign is turned round: a loss is never below 0.": (
                lambda z, ids: -cross_entropy(z, ids)
            ),
            "softmax goes over the last dimension, the vocabulary: dim=-1.": (
                lambda z, ids: -_of_targets(z.log_softmax(1), ids).mean(),
                lambda z, ids: -_of_targets(z.log_softmax(0), ids).mean(),
            ),
            "A probability can round to 0, and exp(1000) is infinite: torch.log_softmax does both "
            "steps in one.": (
                lambda z, ids: -_of_targets(z.softmax(-1), ids).log().mean(),
                lambda z, ids: -_of_targets(normal(z.exp()), ids).log().mean(),
                lambda z, ids: -(_of_targets(z.softmax(-1), ids) + 1e-9).log().mean(),
                lambda z, ids: -_of_targets(z.softmax(-1), ids).clamp(min=1e-12).log().mean(),
            ),
            "Those are probabilities: the loss is minus the logarithm of each, then the mean.": (
                lambda z, ids: _of_targets(z.softmax(-1), ids).mean(),
                lambda z, ids: -_of_targets(z.softmax(-1), ids).mean().log(),
            ),
            "Softmax twice: F.cross_entropy and log_softmax take logits, and do it themselves.": (
                lambda z, ids: cross_entropy(z.softmax(-1), ids)
            ),
            "That is a mean over all V entries: pick the target's, and divide by B x T.": (
                lambda z, ids: -z.log_softmax(-1).mean(),
                lambda z, ids: cross_entropy(z, ids) / z.shape[-1],
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
        cases=_models_and_batches,
        observe=_loss_and_parameters,
        near=1e-7,
        mistakes={
            "backward adds to what stands in .grad: optimizer.zero_grad() comes before it.": (
                _step("backward step"),
                _step("backward step zero"),
            ),
            "Nothing moves: loss.backward() fills .grad, optimizer.step() after it moves by what "
            "stands there, and no zero_grad comes between them.": (_step("zero step")),
            "One step on this batch, each call once: no loop.": (
                _step("zero backward step step"),
                _step("zero backward backward step"),
                *(_again(times, pick) for times in (2, 3, 5) for pick in (0, -1)),
            ),
            "loss.item() is the number alone: the loss itself keeps its whole graph in memory.": (
                _step(result=lambda loss, *_: loss)
            ),
            "That is the loss after the step; the one before it is asked for.": (
                _step(result=lambda loss, model, *batch: model(*batch)[1].item())
            ),
            "That is rounded: return the number as it is.": tuple(
                _step(result=lambda loss, *_, digits=digits: round(loss.item(), digits))
                for digits in range(6)
            ),
            "model.eval() is for using a model, not for training it: leave it out.": (
                _step("eval zero backward step")
            ),
            "The model takes the whole batch at once, (B, T): model(inputs, targets), no loop.": (
                _step(loss_of=lambda model, x, y: model(x[:1], y[:1])[1])
            ),
            "The loss is the mean over all B x T places, not their sum.": (
                _step(loss_of=lambda model, x, y: model(x, y)[1] * y.numel()),
                _step(result=lambda loss, model, x, y: loss.item() * y.numel()),
            ),
            "The model returns two things, and no loss without targets: "
            "logits, loss = model(inputs, targets).": (
                _step(loss_of=lambda model, x, y: model(x)[1]),
                _step(loss_of=lambda model, x, y: model(x, y)),
            ),
            "The way back to the parameters is cut: no torch.no_grad(), detach or .item() before "
            "loss.backward().": (
                _step(loss_of=lambda model, x, y: model(x, y)[1].detach()),
                _step(loss_of=lambda model, x, y: model(x, y)[1].item()),
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
