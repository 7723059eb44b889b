"""Small models, watched while the learner's function takes a step of training with them.

Hooks on the model, one parameter and the optimizer keep what was called, and in which order; a twin
of the model and the optimizer takes the right step beside them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..gpt import GPT

NEW_BATCH = "Take the inputs and targets you are given, not a new batch."
_ROWS = "The model takes the whole batch at once, (B, T): model(inputs, targets), no loop."


class Table(nn.Module):
    """The smallest language model: a table, one row of logits for each token."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocab_size, vocab_size)

    def forward(self, ids: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Return logits (B, T, V), and the mean cross entropy to targets (B, T), None without."""
        logits = self.table(ids)  # (B, T, V)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class SGD(torch.optim.SGD):
    """torch's SGD, shown on one short line."""

    def __repr__(self) -> str:
        return _line(self, "lr", "momentum")


class AdamW(torch.optim.AdamW):
    """torch's AdamW, shown on one short line."""

    def __repr__(self) -> str:
        return _line(self, "lr")


def small_gpt() -> nn.Module:
    """Make a GPT of lesson 10 for the four tokens of the cycle, with a single layer."""
    return GPT(vocab_size=4, embed_dim=8, num_heads=2, num_layers=1, max_seq_len=8)


class Watched:
    """A model and its optimizer for the learner's step, and a twin of both for the right one."""

    def __init__(
        self,
        make_model: Callable[[], nn.Module],
        make_optimizer: Callable[..., torch.optim.Optimizer],
        stale: bool = False,
        training: bool = True,
    ) -> None:
        """Make both; stale: with gradients left in .grad, which a step has to clear first."""
        self.model, self.twin = (_seeded(make_model).train(training) for _ in range(2))
        for parameter in (*self.model.parameters(), *self.twin.parameters()):
            parameter.grad = torch.full_like(parameter, 0.25) if stale else None
        self.optimizer = make_optimizer(self.model.parameters())
        self.right = make_optimizer(self.twin.parameters())
        self.first = next(self.model.parameters())
        self.model.register_forward_pre_hook(self._forward, with_kwargs=True)
        for owner in (self.model, self.optimizer):
            owner.zero_grad = self._zero(owner.zero_grad)  # type: ignore[method-assign]
        self.first.register_hook(self._backward)
        self.optimizer.register_step_pre_hook(self._step)

    def expect(
        self, inputs: Tensor, targets: Tensor, uses: Callable[[str], bool]
    ) -> tuple[float, float]:
        """Take the right step with the twin; return the loss before it and after it.

        uses: says whether the learner's function holds a name.
        """
        self.inputs, self.targets, self.uses = inputs, targets, uses
        self.before = [p.detach().clone() for p in self.model.parameters()]
        self.left = None if self.first.grad is None else self.first.grad.clone()
        self.given: list[str] = []  # what the model was called with: "right", "row", ...
        self.did: list[str] = []  # "zero", "backward", "step", "empty step", ...
        self.fresh = torch.zeros(())
        parameters = list(self.twin.parameters())
        loss = self.twin(inputs, targets)[1]
        self.grads = torch.autograd.grad(loss, parameters)
        for parameter, grad in zip(parameters, self.grads, strict=True):
            parameter.grad = grad.clone()
        self.right.step()
        with torch.no_grad():
            return float(loss), float(self.twin(inputs, targets)[1])

    def moved(self) -> bool:
        """Say whether any parameter has moved."""
        now = self.model.parameters()
        return not all(map(torch.equal, now, self.before))

    def advice_on_the_call(self) -> str:
        """Say what is wrong about the call of the model; "" where nothing is known to be."""
        if "right" in self.given:
            return ""
        if "backward" in self.did and set(self.given) <= {"no targets"}:
            return ""  # a loss of the learner's own, or model.forward
        other = "The model was given something else: it wants model(inputs, targets)."
        return {
            "nothing": "The model you are given is never called: model(inputs, targets).",
            "no targets": "Without targets there is no loss: model(inputs, targets).",
            "row": _ROWS,
            "swapped": "The inputs come first: model(inputs, targets).",
            "other": NEW_BATCH if self.uses("get_batch") else other,
        }[self.given[0] if self.given else "nothing"]

    def looped(self) -> str:
        """Say that one step is asked for, where there were several whole ones; "" else."""
        steps = [event for event in self.did if event.endswith("step")]
        if len(steps) < 2 or self.did.count("backward") < 2:
            return ""
        return _ROWS if "row" in self.given else "One step on this batch: no loop."

    def advice(self) -> str:
        """Say what is wrong about the order of the calls; "" where the calls say nothing."""
        steps = [event for event in self.did if event.endswith("step")]
        backwards = self.did.count("backward")
        if called := self.looped() or self.advice_on_the_call():
            return called
        if not self.moved():
            for name, count in (("loss.backward", backwards), ("optimizer.step", len(steps))):
                if not count and self.uses(name.partition(".")[2]):
                    return f"Is {name} called, with brackets ()?"
        if not steps:
            if self.moved():
                return "Let the optimizer that is passed in move the parameters: optimizer.step()."
            return "Nothing moves without optimizer.step(): it comes after loss.backward()."
        if not backwards:
            return "loss.backward() is missing: it is what fills .grad, by which the step moves."
        if self.did.index("backward") > self.did.index(steps[0]):
            return "The step moves by the gradients, so loss.backward() comes before it."
        if len(steps) > 1:
            return f"The optimizer took {len(steps)} steps on this batch: one is asked for."
        if backwards > 1:
            return f"loss.backward() ran {backwards} times, and the gradients add up: once."
        if advice := self._on_the_gradients(steps[0]):
            return advice
        if steps[0] == "heaped step" and self.uses("zero_grad") and "zero" not in self.did:
            return "Is zero_grad called, with brackets ()?"
        return {
            "empty step": "zero_grad between backward and step throws the new gradients away: "
            "call it before loss.backward().",
            "heaped step": "backward adds to what stands in .grad, from before the call too: "
            "optimizer.zero_grad() comes before it.",
        }.get(steps[0], "Once each, in this order: the loss, zero_grad, backward, step.")

    def _on_the_gradients(self, step: str) -> str:
        """Say how what backward gave differs from the right gradients; "" where it is unknown."""
        places = self.targets.numel()
        if _near(self.fresh, -self.grads[0]):
            return "Minus the loss goes up the hill: backward starts from the loss itself."
        if places > 1 and _near(self.fresh, places * self.grads[0]):
            return "backward started from the sum over all B x T places: it starts from the mean."
        if step == "changed step":
            return "The gradients were changed between backward and step: leave clipping out."
        return ""

    def mistakes(self) -> list[tuple[object, str]]:
        """Give the advice as `judge` wants it: for any wrong values."""
        return [(lambda got: True, self.advice())]

    def _forward(self, _: object, args: tuple, named: dict) -> None:
        got = [*args, *(named[name] for name in ("ids", "targets") if name in named)]
        pairs = {"right": (self.inputs, self.targets), "swapped": (self.targets, self.inputs)}
        rows = enumerate(zip(self.inputs, self.targets, strict=True))
        pairs |= {f"row {i}": (row[0][None], row[1][None]) for i, row in rows}
        known = (n for n, pair in pairs.items() if len(got) == 2 and all(map(_same, got, pair)))
        alone = len(got) == 1 or got[1:] == [None]
        self.given.append("no targets" if alone else next(known, "other").partition(" ")[0])

    def _zero(self, zero_grad: Callable[..., None]) -> Callable[..., None]:
        def noted(*args: object, **named: object) -> None:
            self.did.append("zero")
            zero_grad(*args, **named)

        return noted

    def _backward(self, grad: Tensor) -> None:
        self.did.append("backward")
        self.fresh = grad.detach().clone()

    def _step(self, *_: object) -> None:
        grad = self.first.grad
        heaped = self.left is not None and self.left.any()
        if grad is None or not grad.any():
            self.did.append("empty step")
        elif heaped and torch.allclose(grad, self.left + self.fresh):
            self.did.append("heaped step")
        elif _near(self.fresh, self.grads[0]) and self._changed():
            self.did.append("changed step")
        else:
            self.did.append("step")

    def _changed(self) -> bool:
        """Say whether the gradients that the step moves by are other than the right ones."""
        now = [p.grad for p in self.model.parameters()]
        return not any(g is None for g in now) and not all(map(_near, now, self.grads))


def _seeded(make: Callable[[], nn.Module]) -> nn.Module:
    """Make a model of seed 0; in float64, where rounding cannot turn into a step of AdamW's."""
    torch.default_generator.manual_seed(0)  # torch.manual_seed would seed an accelerator too
    with torch.device("cpu"):
        return make().double()


def _same(got: object, want: Tensor) -> bool:
    return isinstance(got, Tensor) and got.shape == want.shape and bool((got == want).all())


def _near(got: Tensor, want: Tensor) -> bool:
    return got.shape == want.shape and torch.allclose(got, want)


def _line(optimizer: torch.optim.Optimizer, *names: str) -> str:
    group = optimizer.param_groups[0]
    settings = ", ".join(f"{name}={group[name]}" for name in names if group[name])
    return f"{type(optimizer).__name__}({settings})"
