"""The live picture of a next-token distribution, with sliders. First used in lesson 04."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from ..pictures.distributions import Distribution
from .base import Shown, browser_code
from .knobs import KnobsPicture, Scores
from .steps import sent_distribution, shown_distribution


class DistributionWidget(KnobsPicture):
    """A next-token distribution that follows sliders for the knobs of `next_token_probs`.

    logits: (V,), any float dtype. labels: V strings, or a function from an id to its text, such as
    tokenizer.decode. knobs: which sliders to show. temperature ... repetition_penalty: where each
    knob starts, shown or not; they are attributes too, plain numbers without gradients: reading one
    gives what the slider says, and setting it moves the slider. previous_ids: (T,), for
    repetition_penalty.
    probs_function: used in place of the built-in rule, called as f(logits, **shown_knobs), returns
    probabilities (V,). num_bars: how many tokens to show, those with the largest logits. Raises
    ValueError for logits, labels or knobs out of range. Used from lesson 04 on.
    """

    _esm = browser_code("bars", "rule", "knobs", "distribution")

    def __init__(
        self,
        logits: Tensor,
        labels: Sequence[str] | Callable[[int], str],
        *,
        knobs: Sequence[str] = ("temperature",),
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float | None = None,
        previous_ids: Tensor | None = None,
        probs_function: Callable[..., Tensor] | None = None,
        num_bars: int = 12,
        title: str = "",
    ) -> None:
        """Check everything, and draw the picture for the starting values."""
        part = Scores.of(logits, labels, num_bars, title, previous_ids)
        start = {
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "min_p": min_p,
            "repetition_penalty": repetition_penalty,
        }
        super().__init__(
            [part],
            part.sent(),
            knobs=knobs,
            start=start,
            probs_function=probs_function,
            looks_back=previous_ids is not None,
            label=title or "Next-token distribution",
        )

    def sent(self, now: Sequence[Distribution]) -> dict[str, Any]:
        """Return what the browser draws of an answer."""
        return sent_distribution(now[0])

    def shown(self) -> Shown:
        """Return what is shown where the sliders stand now, or of the last good answer."""
        if now := self.now():
            return shown_distribution(now[0])
        title, rows = self._data["title"], self._parts[0].blank()
        return Shown("", None, {"title": title, "rows": rows})
