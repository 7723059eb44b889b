"""Which positions each position looks at, for any prompt, layer and head. First used in lesson 10.

The kernel computes once for each prompt and sends all layers and heads; the sliders between them
answer in the browser.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import traitlets
from torch import Tensor

from ..checks import checked_count, checked_texts, shape_of
from ..errors import InputError
from ..pictures.grids import Grid, make_grid
from .base import LivePicture, Place, Shown, Slider, browser_code, shown_labels
from .grids import shown_grid

MAX_TOKENS = 64  # cells smaller than that could not be seen
SCALE = (0.0, 1.0)


class AttentionWidget(LivePicture):
    """A text box for the prompt and sliders for layer and head, over a heat map of the weights.

    attention_of: called as attention_of(prompt), returns (tokens, weights): T strings, and a tensor
    (num_layers, num_heads, T, T) whose entry [l, h, i, j] is how much position i looks at position
    j. A weight of exactly 0 above the diagonal is shown as masked. What attention_of raises is said
    in the widget, and the last good picture stays. `prompt`, `layer` and `head` are attributes too.
    Raises ValueError for a layer or head that is not there. Used from lesson 10 on.
    """

    _esm = browser_code("scroller", "heat", "attention")
    question = ("prompt",)

    prompt = traitlets.Unicode().tag(sync=True)
    layer = Place().tag(sync=True)
    head = Place().tag(sync=True)

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
        self._attention_of = attention_of
        self._max_chars = checked_count("max_chars", max_chars)
        given = {"layer": num_layers, "head": num_heads}
        counts = {knob: checked_count(f"num_{knob}s", count) for knob, count in given.items()}
        self._sizes = [*counts.values()]
        super().__init__(
            label="attention",
            data={"num_heads": self._sizes[1], "scale": SCALE},
            sliders=[Slider(k, k, [*map(str, range(count))]) for k, count in counts.items()],
            prompt=prompt,
            layer=layer,
            head=head,
        )

    def answer(self, prompt: str) -> tuple[tuple[list[str], Tensor], dict[str, Any]]:
        """Return the tokens and weights (L, H, T, T) of a prompt; see LivePicture."""
        if len(prompt) > self._max_chars:
            raise InputError(
                f"the prompt has {len(prompt):,} characters; at most {self._max_chars:,} fit here."
            )
        returned = self._attention_of(prompt)
        if not isinstance(returned, tuple | list) or len(returned) != 2:
            raise InputError(f"expected (tokens, weights), got {type(returned).__name__}.")
        tokens, weights = checked_texts("tokens", returned[0]), returned[1]
        if not tokens:
            raise InputError("the prompt has no tokens; at least one is needed.")
        if len(tokens) > MAX_TOKENS:
            raise InputError(f"the prompt has {len(tokens)} tokens; at most {MAX_TOKENS} fit here.")
        expected = (*self._sizes, len(tokens), len(tokens))
        if not isinstance(weights, Tensor) or tuple(weights.shape) != expected:
            given = shape_of(weights).removeprefix("shape ")
            raise InputError(f"weights must be a tensor of shape {expected}, got {given}.")
        weights = weights.detach().cpu().float()
        if not bool(((weights >= 0) & (weights <= 1 + 1e-3)).all()):
            raise InputError("weights must be from 0 to 1; softmax makes such numbers.")
        later = weights.new_ones(weights.shape[-2:]).triu(diagonal=1).bool()  # (T, T)
        weights = weights.masked_fill(later & (weights == 0), math.nan)
        sent = weights.numpy().astype("<f4").tobytes()
        return (list(tokens), weights), {"labels": shown_labels(tokens), "weights": sent}

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

    def shown(self) -> Shown:
        """Return what is shown of the last good prompt, if there was one."""
        return shown_grid(self.grid, SCALE) if self._good else Shown("", None, {})
