"""What train does between its steps: who is told what, and how often. Used by training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from .checks import checked_count
from .generation import generate
from .record import Record
from .run_checks import check_callback


@dataclass
class Watch:
    """Callbacks, and every how many steps each is called; None for what is not wanted."""

    on_step: Callable[[int, float], object] | None
    on_sample: Callable[[int, Tensor], object] | None
    sample_every: int
    prompt_ids: Tensor  # (1, T)
    sample_tokens: int
    held_out: Tensor | None  # (N,)
    evaluate_every: int
    on_held_out: Callable[[int, float], object] | None
    on_save: Callable[[Record], object] | None
    save_every: int

    def __post_init__(self) -> None:
        """Raise InputError for a count below 1, and for what cannot be called."""
        checked_count("sample_tokens", self.sample_tokens)
        check_callback("on_step", self.on_step, "step, loss")
        check_callback("on_sample", self.on_sample, "step, ids")
        check_callback("on_held_out", self.on_held_out, "step, loss")
        check_callback("on_save", self.on_save, "record")
        wanted = {"evaluate": self.held_out, "sample": self.on_sample, "save": self.on_save}
        counts = {
            kind: checked_count(f"{kind}_every", getattr(self, f"{kind}_every")) for kind in wanted
        }
        self.counts = {kind: counts[kind] for kind in wanted if wanted[kind] is not None}

    def due(self, step: int) -> set[str]:
        """Return what comes after this step: "evaluate", "sample", "save", or none of them."""
        return {kind for kind, every in self.counts.items() if step % every == 0}

    def tell(self, due: set[str], losses: list[float], model: nn.Module, record: Record) -> None:
        """Call the callbacks: on_step for each of the losses read now, the others where due."""
        step = len(record.losses)
        if self.on_step is not None:
            for i, loss in enumerate(losses, start=step - len(losses) + 1):
                self.on_step(i, loss)
        if "evaluate" in due and self.on_held_out is not None:
            self.on_held_out(step, record.held_out[step])
        if "sample" in due:
            ids = generate(model, self.prompt_ids, self.sample_tokens, top_k=1)[0]
            if len(ids) < self.prompt_ids.shape[1] + self.sample_tokens:
                raise KeyboardInterrupt  # generate kept it to itself
            self.on_sample(step, ids)
        if "save" in due:
            self.on_save(record)
