"""What a step of training, exercise 11.step, is tried on, and steps that go wrong."""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

import torch
from torch.optim import SGD, AdamW

from ..gpt import GPT


def models_and_batches() -> Iterator[tuple]:
    """Yield three batches for each model, so that what a step leaves behind meets the next one."""
    random = Random(0)
    for size, embed_dim, make_optimizer in (
        (2, 4, partial(SGD, lr=0.5)),
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


def loss_and_parameters(function: Callable, model: torch.nn.Module, *args: object) -> dict:
    """Observe the loss that is returned, the model's mode, and every parameter after the step."""
    seen: dict[str, object] = {"the loss": function(model, *args)}
    seen["the model's mode"] = "training" if model.training else "as after model.eval()"
    now = model.state_dict()
    after = {f"{name} after the step": values.clone() for name, values in now.items()}
    return seen | after


def step(
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
