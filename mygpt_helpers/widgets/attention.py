"""Which positions each position looks at, for any prompt, layer and head. First used in lesson 10.

The kernel computes once for each prompt and sends all layers and heads; the sliders between them
answer in the browser.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from torch import Tensor

from ..pictures.base import bundle, visible_title
from ..pictures.grids import Grid, grid_figure, grid_text, make_grid
from .grids import shown_labels
from .inputs import browser_code, checked_place
from .own_rule import one_line

MAX_TOKENS = 64  # cells smaller than that could not be seen
SCALE = (0.0, 1.0)


class AttentionWidget(anywidget.AnyWidget):
    """A text box for the prompt and sliders for layer and head, over a heat map of the weights.

    attention_of: called as attention_of(prompt), returns (tokens, weights): T strings, and a tensor
    (num_layers, num_heads, T, T) whose entry [l, h, i, j] is how much position i looks at position
    j. A weight of exactly 0 above the diagonal is shown as masked. What attention_of raises is said
    in the widget, and the last good picture stays. `prompt`, `layer` and `head` are attributes too.
    Raises ValueError for a layer or head that is not there. Used from lesson 10 on.
    """

    _esm = browser_code("knobs", "heat", "attention")
    _css = Path(__file__).parent / "live.css"

    prompt = traitlets.Unicode().tag(sync=True)
    layer = traitlets.Int().tag(sync=True)
    head = traitlets.Int().tag(sync=True)
    _counts = traitlets.Dict().tag(sync=True)  # knob -> how many places it has
    _scale = traitlets.List(list(SCALE)).tag(sync=True)
    # The last good prompt's weights and labels, and what is wrong with the prompt (or "").
    _answer = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        attention_of: Callable[[str], tuple[Sequence[str], Tensor]],
        *,
        prompt: str,
        num_layers: int,
        num_heads: int,
        layer: int = 0,
        head: int = 0,
        max_chars: int = 200,
    ) -> None:
        """Compute the first prompt's weights."""
        counts = {"layer": num_layers, "head": num_heads}
        for knob, count in counts.items():
            if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
                raise ValueError(f"num_{knob}s must be a whole number from 1, got {count!r}.")
        self._attention_of, self._max_chars = attention_of, max_chars
        self._lock, self._asked, self._answered = threading.RLock(), 0, 0
        self._good: tuple[Sequence[str], Tensor] | None = None
        self._sizes = counts
        super().__init__(prompt=prompt, layer=layer, head=head, _counts=counts)
        self._answer_browser()
        self.observe(lambda change: self._answer_browser(), names="prompt")

    @traitlets.validate("layer", "head")
    def _validate_place(self, proposal: traitlets.Bunch) -> int:
        knob = proposal.trait.name
        return checked_place(knob, proposal.value, self._sizes[knob])

    def _answer_browser(self) -> None:
        """Send the weights for the prompt as it is now, or the one line that says what is wrong.

        As in DistributionWidget: JupyterLab calls this on a thread of its own, so no lock is held
        while the learner's function runs, and an answer that was overtaken is dropped.
        """
        with self._lock:
            self._asked += 1
            question, prompt = self._asked, self.prompt
        good, answer = None, {"error": "Interrupted before your function returned."}
        try:
            good = self._weights_of(prompt)
            answer = {
                "error": "",
                "labels": shown_labels(good[0]),
                "weights": good[1].numpy().astype("<f4").tobytes(),  # (L, H, T, T)
            }
        except Exception as error:
            answer = {"error": _said(error)}
        finally:  # an interrupt is told, too, and goes on to whom it is meant for
            with self._lock:
                if question > self._answered:
                    self._answered = question
                    self._good = good or self._good
                    self._answer = {**self._answer, **answer, "prompt": prompt}

    def _weights_of(self, prompt: str) -> tuple[list[str], Tensor]:
        """Return the T tokens and the weights (L, H, T, T) on the CPU, or raise ValueError."""
        if len(prompt) > self._max_chars:
            raise ValueError(
                f"the prompt has {len(prompt):,} characters; at most {self._max_chars:,} fit here."
            )
        returned = self._attention_of(prompt)
        if not isinstance(returned, tuple | list) or len(returned) != 2:
            raise ValueError(f"expected (tokens, weights), got {type(returned).__name__}.")
        tokens, weights = returned
        if isinstance(tokens, str) or not all(isinstance(token, str) for token in tokens):
            raise ValueError("tokens must be a list of strings.")
        if not tokens:
            raise ValueError("the prompt has no tokens; at least one is needed.")
        if len(tokens) > MAX_TOKENS:
            raise ValueError(f"the prompt has {len(tokens)} tokens; at most {MAX_TOKENS} fit here.")
        expected = (*self._sizes.values(), len(tokens), len(tokens))
        if not isinstance(weights, Tensor) or tuple(weights.shape) != expected:
            given = tuple(weights.shape) if isinstance(weights, Tensor) else type(weights).__name__
            raise ValueError(f"weights must be a tensor of shape {expected}, got {given}.")
        weights = weights.detach().cpu().float()
        if not bool(((weights >= 0) & (weights <= 1 + 1e-3)).all()):
            raise ValueError("weights must be from 0 to 1; softmax makes such numbers.")
        later = weights.new_ones(weights.shape[-2:]).triu(diagonal=1).bool()  # (T, T)
        return list(tokens), weights.masked_fill(later & (weights == 0), math.nan)

    @property
    def grid(self) -> Grid | None:
        """The grid now shown; None before the first good prompt."""
        if self._good is None:
            return None
        tokens, weights = self._good
        return make_grid(
            weights[self.layer, self.head],
            tokens,
            tokens,
            title=f"layer {self.layer}, head {self.head}",
            row_label="from",
            column_label="looks at",
        )

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return one bundle: the live view, and for where it cannot run, a PNG and the text."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        if self._answer["error"]:
            return data | {"text/plain": self._answer["error"]}, metadata
        still, about = bundle(grid_figure(self.grid, scale=SCALE), grid_text(self.grid))
        return data | still, metadata | about


def _said(error: Exception) -> str:
    """Return what an exception says, on one line; its kind too where that is part of the news."""
    text = str(error)
    if not isinstance(error, ValueError) or not text:
        text = f"{type(error).__name__}: {error}" if text else type(error).__name__
    return visible_title(one_line(text), 400)
